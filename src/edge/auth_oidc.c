/* Who has a session passes, and the target is told who it is; who has none is sent to the provider, refused,
 * or let through without a name, as the action says. */
#include "edge/auth_oidc.h"
#include "edge/stats.h"
#include "edge/worker.h"

#include <stdio.h>

enum { TIMEOUT_MAX_S = 604800 };

/* ---- What the access log calls it, and what the client gets (ALB User Guide, "Access logs" and
 * "Troubleshoot") ---- */

static const struct {
	const char *reason;
	int status;
	enum metric metric;
} outcomes[] = {
    {"AuthInvalidCookie", 401, M_AUTH_FAILURE},
    {"AuthInvalidGrantError", 561, M_AUTH_FAILURE},
    {"AuthInvalidIdToken", 401, M_AUTH_FAILURE},
    {"AuthInvalidStateParam", 401, M_AUTH_FAILURE},
    {"AuthInvalidTokenResponse", 401, M_AUTH_FAILURE},
    {"AuthInvalidUserinfoResponse", 401, M_AUTH_FAILURE},
    {"AuthMissingCodeParam", 401, M_AUTH_FAILURE},
    {"AuthMissingHostHeader", 401, M_AUTH_FAILURE},
    {"AuthMissingStateParam", 401, M_AUTH_FAILURE},
    {"AuthMissingAWSALBAuthNonce", 401, M_AUTH_FAILURE},
    {"AuthInvalidAWSALBAuthNonce", 401, M_AUTH_FAILURE},
    {"AuthTokenEpRequestFailed", 561, M_AUTH_ERROR},
    {"AuthTokenEpRequestTimeout", 500, M_AUTH_ERROR},
    {"AuthUserinfoEpRequestFailed", 561, M_AUTH_ERROR},
    {"AuthUserinfoEpRequestTimeout", 500, M_AUTH_ERROR},
    {"AuthUserinfoResponseSizeExceeded", 401, M_AUTH_CLAIMS_EXCEEDED},
    {"AuthUnhandledException", 500, M_AUTH_ERROR},
    /* The provider's own word, for which AWS names no reason. */
    {"AuthAccessDenied", 401, M_AUTH_FAILURE},
    {"AuthIdpError", 561, M_AUTH_FAILURE},
};

enum verdict auth_refuse(struct exchange *x, const char *reason)
{
	size_t i = 0;

	while (i < BW_COUNT(outcomes) && strcmp(outcomes[i].reason, reason) != 0)
		i++;
	MUST(i < BW_COUNT(outcomes));
	x->listener->balancer->stats->values[outcomes[i].metric]++;
	return check_refuse(x, outcomes[i].status, reason);
}

/* ---- Deciding ---- */

static enum verdict without_session(struct exchange *x, const struct oidc *o, const struct bw_http_request *r)
{
	if (o->otherwise == OIDC_ALLOW)
		return VERDICT_PASS;
	return o->otherwise == OIDC_DENY ? check_refuse(x, 401, NULL) : login_begin(x, o, r);
}

static enum verdict with_session(struct exchange *x, const struct oidc *o, const struct session *s)
{
	return identity_put(x, o, s) ? VERDICT_PASS : auth_refuse(x, "AuthUnhandledException");
}

/* The provider has answered. */
static enum verdict after_flow(struct exchange *x, const struct oidc *o, const struct bw_http_request *r)
{
	struct auth_flow *f = x->flow;
	enum verdict v;

	if (!f->refresh) {
		v = login_end(x, o, r);
	} else if (f->failed) {
		v = without_session(x, o, r);
	} else {
		x->listener->balancer->stats->values[M_AUTH_REFRESHED]++;
		session_set(x, o, r, &f->session);
		v = with_session(x, o, &f->session);
	}
	flow_free(x);
	return v;
}

static bool needs_refresh(struct exchange *x, const struct session *s)
{
	return s->access_until_s && s->refresh_token.n && edge_wall_ms(x->edge) / 1000 >= s->access_until_s;
}

static enum verdict oidc_run(struct exchange *x, const struct check *c, const struct bw_http_request *r)
{
	const struct oidc *o = c->compiled;
	struct session s;

	bw_arena_reset(&x->edge->arena);
	if (x->flow)
		return after_flow(x, o, r);
	switch (session_find(x, o, r, &x->edge->arena, &s)) {
	case FOUND_GOOD:
		break;
	case FOUND_BAD:
		session_clear(x, o, r); /* else the browser would come with it again and again */
		return auth_refuse(x, "AuthInvalidCookie");
	case FOUND_NONE:
		return without_session(x, o, r);
	}
	if (needs_refresh(x, &s))
		return flow_refresh(x, o, r, &s) ? VERDICT_WAIT : VERDICT_ANSWERED;
	return with_session(x, o, &s);
}

const struct oidc *oidc_of(const struct check *c)
{
	return c->run == oidc_run ? c->compiled : NULL;
}

/* ---- Compiling ---- */

static void extra_read(struct edge_config *c, const struct bw_pairs *p, struct oidc *o)
{
	struct bw_str prefix = BW_STR("AuthenticationRequestExtraParams.");

	for (size_t i = 0; i < p->n; i++)
		if (bw_str_starts(p->v[i].key, prefix))
			bw_pairs_set(&o->extra, &c->arena, bw_str_sub(p->v[i].key, prefix.n, p->v[i].key.n),
			    p->v[i].value);
}

/* Sessions of one action are no other's: the provider, the client and what was asked for are one. */
static void digest_make(const struct balancer *b, struct oidc *o)
{
	const struct bw_str parts[] = {
	    b->in->arn, o->issuer, o->authorization, o->token, o->userinfo, o->client, o->scope, o->cookie};
	struct bw_sha256_ctx ctx;

	bw_sha256_begin(&ctx);
	for (size_t i = 0; i < BW_COUNT(parts); i++) {
		unsigned char length[4] = {(unsigned char)(parts[i].n >> 24),
		    (unsigned char)(parts[i].n >> 16), (unsigned char)(parts[i].n >> 8),
		    (unsigned char)parts[i].n};

		bw_sha256_add(&ctx, bw_str_make(length, sizeof length));
		bw_sha256_add(&ctx, parts[i]);
	}
	bw_sha256_end(&ctx, o->digest);
}

bool oidc_compile(struct edge_config *c, const struct bw_edge_action *in, struct check *out)
{
	const struct bw_pairs *p = &in->parameters;
	struct oidc *o = BW_NEW(&c->arena, struct oidc);
	struct bw_str otherwise = attribute(p, "OnUnauthenticatedRequest");
	const struct {
		const char *name;
		struct bw_str *to;
	} members[] = {{"Issuer", &o->issuer}, {"AuthorizationEndpoint", &o->authorization},
	    {"TokenEndpoint", &o->token}, {"UserInfoEndpoint", &o->userinfo}, {"ClientId", &o->client},
	    {"Scope", &o->scope}, {"SessionCookieName", &o->cookie}};

	for (size_t i = 0; i < BW_COUNT(members); i++) {
		*members[i].to = attribute(p, members[i].name);
		if (!members[i].to->n || !identity_fits(*members[i].to))
			return false;
	}
	o->balancer = c->compiling;
	o->secret = attribute(p, "ClientSecret"); /* of a public client there is none */
	o->timeout_s = attribute_number(p, "SessionTimeout", TIMEOUT_MAX_S);
	o->otherwise = bw_str_eq(otherwise, BW_STR("allow"))  ? OIDC_ALLOW
	               : bw_str_eq(otherwise, BW_STR("deny")) ? OIDC_DENY
	                                                      : OIDC_AUTHENTICATE;
	extra_read(c, p, o);
	digest_make(c->compiling, o);
	out->run = oidc_run;
	out->compiled = o;
	out->logged = "authenticate";
	/* The cookies are for HTTPS alone. */
	return c->compiling->auth->n > 0 && c->compiling_tls;
}
