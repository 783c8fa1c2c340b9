/* `bulwark simulate`: what is asked (simulate_ask.c), who asks (simulate_who.c), and how the answer is shown
 * (simulate_show.c). */
#pragma once

#include <stdio.h>

#include "base/limits.h"
#include "bin/options.h"
#include "policy/policy.h"

/* A policy document as the command was given it. */
struct document {
	struct bw_str name, text;
};

struct compiled {
	struct bw_policy *policy;
	struct compiled *next;
};

struct simulation {
	const struct parsed *options;
	struct bw_arena arena;
	struct compiled *compiled; /* to release */
	int64_t now_ms;
	struct bw_policy_layers layers;   /* all but the resource policy, whose kind follows the action */
	struct bw_policy_request request; /* all but action, resource and context */
	struct document resource_policy;  /* absent text: none */
	struct bw_context_key *keys;      /* as given, one a name */
	size_t key_count, key_room;
};

/* ---- simulate_ask.c: each says what is wrong on stderr and answers false ---- */

/* The policies of the options, compiled; a fault names file, line and column. */
bool simulation_read(struct simulation *s);
/* The layers as they bear on one action on one resource: a role's trust policy and a key policy must allow by themselves. */
bool simulation_layers(
    struct simulation *s, struct bw_str action, struct bw_str resource, struct bw_policy_layers *out);
void simulation_free(struct simulation *s);

/* ---- simulate_who.c ---- */

/* The principal of its ARN or name into the request. */
bool simulation_principal(struct simulation *s, struct bw_str text);
/* KEY=VALUE; a key given again has several values. */
bool simulation_context(struct simulation *s);
/* The request of one action on one resource, with what follows from it and was not given otherwise. */
void simulation_request(
    struct simulation *s, struct bw_str action, struct bw_str resource, struct bw_policy_request *out);

/* ---- simulate_show.c ---- */

/* Prints one answer for people. `explained`: what bw_policy_explain wrote. */
void simulation_show(FILE *to, struct bw_str explained, struct bw_arena *arena, bool brief, bool colour);
