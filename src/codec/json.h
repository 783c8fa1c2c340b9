/* JSON (RFC 8259), one spelling: a pull tokenizer and a writer. Refuses invalid UTF-8, lone surrogates,
 * trailing bytes, depth past BW_JSON_DEPTH_MAX. Duplicate keys are the consumer's to refuse: it knows its
 * keys. */
#pragma once

#include "base/buf.h"
#include "base/limits.h"

enum bw_json_kind {
	BW_JSON_END, /* of the text, after one whole value */
	BW_JSON_OBJECT,
	BW_JSON_OBJECT_END,
	BW_JSON_ARRAY,
	BW_JSON_ARRAY_END,
	BW_JSON_KEY,
	BW_JSON_STRING,
	BW_JSON_NUMBER,
	BW_JSON_TRUE,
	BW_JSON_FALSE,
	BW_JSON_NULL,
};

struct bw_json_token {
	enum bw_json_kind kind;
	/* KEY, STRING: unescaped (into the arena only when it had escapes); NUMBER: as written */
	struct bw_str text;
	size_t offset, end; /* bytes of the token in the text */
};

struct bw_json {
	struct bw_str text;
	size_t at;
	struct bw_arena *arena;
	uint32_t depth;
	uint8_t stack[BW_JSON_DEPTH_MAX]; /* what encloses: object or array */
	uint8_t state;
	const char *why; /* after BW_EINVAL: a static phrase */
};

/* `text` and `arena` are borrowed for the reader's life. */
void bw_json_init(struct bw_json *j, struct bw_str text, struct bw_arena *arena);
/* The next token. BW_EINVAL with j->why and j->at at the fault, then and ever after. After the END comes END
 * again. The owner asks arena->over, if its limit can be less than the text's size. */
BW_CHECKED enum bw_err bw_json_next(struct bw_json *j, struct bw_json_token *token);
/* With `token` the first of a value just read: reads to the end of that value, which is checked but not
 * unescaped. A scalar is at its end already. */
BW_CHECKED enum bw_err bw_json_skip(struct bw_json *j, const struct bw_json_token *token);
/* Line and column (1-based, column in bytes) of an offset. */
void bw_json_place(struct bw_str text, size_t offset, uint32_t *line, uint32_t *column);
/* A string literal with its quotes; bytes that are not UTF-8 become U+FFFD. */
void bw_json_put_str(struct bw_buf *out, struct bw_str s);

/* A whole value as a tree, where a tree is simpler than pulling (CLI, tests, audit reading). Duplicate keys
 * refused. */
struct bw_json_value {
	enum bw_json_kind kind; /* OBJECT, ARRAY, STRING, NUMBER, TRUE, FALSE or NULL */
	struct bw_str text;     /* STRING, NUMBER */
	size_t offset, end;     /* bytes of the whole value in the text */
	size_t count;
	struct bw_str *keys;          /* OBJECT */
	struct bw_json_value *values; /* OBJECT, ARRAY */
};
/* BW_EINVAL for a fault in the text, BW_ETOOBIG when the tree would pass the limit of the arena. */
BW_CHECKED enum bw_err bw_json_parse(struct bw_str text, struct bw_arena *arena, struct bw_json_value *out);
/* Member of an object, or NULL. */
const struct bw_json_value *bw_json_member(const struct bw_json_value *object, struct bw_str key);
