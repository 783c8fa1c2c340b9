/* Which rule a request meets: rule.c, with match.c's patterns and rule_index.c's short cut. */
#pragma once

#include "base/mem.h"
#include "edge/config.h"
#include "net/http.h"

struct edge;

/* ---- rule.c, match.c ---- */

/* `*` any run, `?` one byte, `\` escapes the next; linear in the product of both lengths. */
bool wildcard_match(struct bw_str pattern, struct bw_str text, bool nocase);
/* NULL when it does not compile. */
struct pcre2_real_code_8 *regex_compile(struct bw_str pattern, bool nocase);
void regex_free(struct pcre2_real_code_8 *code);
/* A match that takes too many steps is none. */
bool regex_match(struct edge *e, const struct pcre2_real_code_8 *code, struct bw_str text);
const struct rule *rule_match(
    struct edge *e, const struct listener *l, const struct bw_http_request *r, const struct bw_address *peer);

/* ---- rule_index.c ---- */

/* In the arena; the rules stay where they are. */
struct rule_index *rule_index_make(struct bw_arena *a, const struct rule *rules, size_t count);
/* The number of the first rule that holds; SIZE_MAX: none. `holds` is asked of those alone that can, in no order. `host`
 * has no port. */
size_t rule_index_first(const struct rule_index *x, struct bw_str host, struct bw_str path,
    bool (*holds)(void *ctx, size_t rule), void *ctx);
