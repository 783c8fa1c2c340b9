/* A line of `bulwark evaluate` while it is read: evaluate_line.c reads it with evaluate_member.c and
 * evaluate_document.c. Whatever is wrong with it is told in `error`, by whoever answers BW_EINVAL. */
#pragma once

#include "bin/evaluate.h"
#include "codec/json.h"

struct line {
	struct evaluator *e;
	struct bw_str text;
	struct bw_json json;
	char error[512];
	const char *member; /* being read */
	struct bw_policy_request request;
	struct bw_policy_layers layers;
	struct bw_str principal, resource_policy; /* as given */
	struct bw_context_key *keys;
	size_t key_count, key_room;
	uint32_t seen; /* a bit a member */
};

/* evaluate_line.c */
BW_CHECKED enum bw_err line_fail(struct line *l, const char *fmt, ...) BW_PRINTF(2, 3);
BW_CHECKED enum bw_err line_not_json(struct line *l);
BW_CHECKED enum bw_err line_token(struct line *l, struct bw_json_token *out);
/* Room for one more in an array that doubles. */
void *line_room(struct line *l, const void *v, size_t n, size_t size);

/* evaluate_member.c: the whole line, an object. */
BW_CHECKED enum bw_err members_read(struct line *l);

/* evaluate_document.c */
void documents_begin(struct evaluator *e);
void documents_end(struct evaluator *e);
/* The text of the object that begins with `t`. */
BW_CHECKED enum bw_err document_text(struct line *l, const struct bw_json_token *t, struct bw_str *out);
/* Compiled once for all lines that have the same text. `index`: its place, for what is wrong with it. */
BW_CHECKED enum bw_err document_compile(
    struct line *l, struct bw_str text, enum bw_policy_kind kind, size_t index, struct bw_policy_ref *out);
/* An array of documents that begins with `t`, or null. */
BW_CHECKED enum bw_err document_list(
    struct line *l, const struct bw_json_token *t, enum bw_policy_kind kind, struct bw_policy_list *out);
/* An array of such arrays, or null. */
BW_CHECKED enum bw_err document_levels(struct line *l, const struct bw_json_token *t,
    enum bw_policy_kind kind, const struct bw_policy_list **out, size_t *count);
