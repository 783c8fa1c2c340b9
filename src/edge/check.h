/* Actions in front of a rule's last one: they check who asks, and nothing passes that they did not let pass.
 * check.c runs them and keeps a request whose check has to wait; auth_jwt.c is one kind. */
#pragma once

#include "edge/exchange.h"

enum verdict {
	VERDICT_PASS,
	VERDICT_ANSWERED, /* refused, or sent elsewhere */
	VERDICT_WAIT,     /* check_park was called; check_resume goes on */
};

struct check {
	enum verdict (*run)(struct exchange *x, const struct check *c, const struct bw_http_request *r);
	const char *logged; /* in the access log's list of actions */
	const struct bw_edge_action *action;
	void *compiled; /* of the kind; in the image's arena */
};

/* A request whose check has to wait for the helper: nothing of it lies in shared buffers any more. */
struct parked {
	struct exchange *x;
	struct parked *next, **prev; /* in a list of whoever is waited for */
	struct bw_arena arena;
	struct bw_http_request request;
};

/* NULL: too many wait already, and the request was answered with 503. */
struct parked *check_park(struct exchange *x, const struct bw_http_request *r, struct parked **list);
/* Runs the check again, and what follows. May free x. */
void check_resume(struct exchange *x);
/* Says why in the access log, and answers. */
enum verdict check_refuse(struct exchange *x, int status, const char *reason);

/* Reads the actions in front of the last. False: one cannot be read; then the rule lets nobody pass. */
bool checks_compile(struct edge_config *c, const struct bw_edge_rule *in, struct rule *out);
/* False: the request was answered, or waits. */
bool checks_pass(struct exchange *x, const struct bw_http_request *r);
const char *check_name(const struct check *list, size_t at);
/* Drops what waits. */
void check_forget(struct exchange *x);

/* ---- auth_jwt.c ---- */

/* False: its parameters cannot be read; then nobody passes. */
bool jwt_compile(struct edge_config *c, const struct bw_edge_action *in, struct check *out);

/* ---- auth_oidc.c ---- */

bool oidc_compile(struct edge_config *c, const struct bw_edge_action *in, struct check *out);

/* ---- key_set.c: key sets of identity providers, fetched by the helper and kept while a rule needs them ----
 */

struct key_set;
/* With a reference, which key_set_release gives back. */
struct key_set *key_set_hold(struct edge *e, struct bw_str url);
void key_set_release(struct key_set *s);
/* The keys to verify by, for as long as this turn lasts. NULL: there are none; then the caller waits
 * (key_set_wait), unless *failed says that they could not be had a moment ago. Has them fetched anew in the
 * background when they are old. */
struct bw_jwks *key_set_keys(struct key_set *s, const char **failed);
/* A token names a key that is not there: whether a new look is worth waiting for. It is so rarely: whoever
 * makes up names of keys causes no flood. */
bool key_set_look_again(struct key_set *s);
struct parked **key_set_wait(struct key_set *s);
