#include "codec/json.h"

#include "codec/json_scan.h"
#include "codec/utf8.h"

enum state {
	WANT_VALUE,
	WANT_FIRST_ELEMENT, /* or the end of the array */
	WANT_FIRST_KEY,     /* or the end of the object */
	WANT_KEY,
	WANT_NEXT, /* a comma or the end of what encloses */
	WANT_NOTHING,
	FAILED,
};

void bw_json_init(struct bw_json *j, struct bw_str text, struct bw_arena *arena)
{
	j->text = text;
	j->at = 0;
	j->arena = arena;
	j->depth = 0;
	j->state = WANT_VALUE;
	j->why = NULL;
}

static enum bw_err fail(struct bw_json *j, size_t at, const char *why)
{
	j->at = at;
	j->state = FAILED;
	j->why = why;
	return BW_EINVAL;
}

/* The next byte that is not a space (RFC 8259, section 2), or -1 at the end. */
static int space_skip(struct bw_json *j)
{
	while (j->at < j->text.n) {
		unsigned char c = (unsigned char)j->text.p[j->at];

		if (c > ' ' || (c != ' ' && c != '\n' && c != '\t' && c != '\r'))
			return c;
		j->at++;
	}
	return -1;
}

static void value_done(struct bw_json *j)
{
	j->state = j->depth ? WANT_NEXT : WANT_NOTHING;
}

static enum bw_err punctuation(struct bw_json *j, enum bw_json_kind kind, struct bw_json_token *token)
{
	*token = (struct bw_json_token){.kind = kind, .offset = j->at, .end = j->at + 1};
	j->at++;
	return BW_OK;
}

static enum bw_err container_open(struct bw_json *j, enum bw_json_kind kind, struct bw_json_token *token)
{
	if (j->depth == BW_JSON_DEPTH_MAX)
		return fail(j, j->at, "nested too deep");
	j->stack[j->depth++] = (uint8_t)kind;
	j->state = kind == BW_JSON_OBJECT ? WANT_FIRST_KEY : WANT_FIRST_ELEMENT;
	return punctuation(j, kind, token);
}

static enum bw_err container_close(struct bw_json *j, int c, struct bw_json_token *token)
{
	bool object = j->stack[j->depth - 1] == BW_JSON_OBJECT;

	if (c != (object ? '}' : ']'))
		return fail(j, j->at, object ? "expected ',' or '}'" : "expected ',' or ']'");
	j->depth--;
	value_done(j);
	return punctuation(j, object ? BW_JSON_OBJECT_END : BW_JSON_ARRAY_END, token);
}

/* Four hexadecimal digits at `at`; -1 when they are not. */
static int32_t hex4(struct bw_str text, size_t at)
{
	int32_t value = 0;

	if (text.n - at < 4)
		return -1;
	for (size_t i = at; i < at + 4; i++) {
		char c = text.p[i], low = (char)(c | 0x20);

		if (c >= '0' && c <= '9')
			value = value << 4 | (c - '0');
		else if (low >= 'a' && low <= 'f')
			value = value << 4 | (low - 'a' + 10);
		else
			return -1;
	}
	return value;
}

/* Decodes the escape whose backslash is at `at`: its length in the text, 0 when it is none. */
static size_t escape_decode(struct bw_str text, size_t at, uint32_t *code)
{
	static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
	int32_t high, low;
	const char *hit;

	if (text.n - at < 2)
		return 0;
	if (text.p[at + 1] != 'u') {
		hit = memchr(letters, text.p[at + 1], sizeof letters - 1);
		*code = hit ? (unsigned char)meanings[hit - letters] : 0;
		return hit ? 2 : 0;
	}
	high = hex4(text, at + 2);
	if (high < 0 || (high >= 0xdc00 && high <= 0xdfff))
		return 0;
	*code = (uint32_t)high;
	if (high < 0xd800 || high > 0xdbff)
		return 6;
	if (text.n - at < 12 || text.p[at + 6] != '\\' || text.p[at + 7] != 'u')
		return 0;
	low = hex4(text, at + 8);
	*code = (uint32_t)(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
	return low >= 0xdc00 && low <= 0xdfff ? 12 : 0;
}

/* Finds the closing quote of the string whose contents begin at j->at and leaves j->at there. */
static enum bw_err string_scan(struct bw_json *j, bool *escaped)
{
	const struct bw_str text = j->text;
	size_t at = j->at, n;
	uint32_t code;

	for (;;) {
		at += plain_run(text.p + at, text.n - at);
		if (at == text.n)
			return fail(j, at, "unterminated string");
		if (text.p[at] == '"')
			break;
		if ((unsigned char)text.p[at] < 0x20)
			return fail(j, at, "control character in a string");
		if (text.p[at] == '\\') {
			*escaped = true;
			n = escape_decode(text, at, &code);
			if (n == 0)
				return fail(j, at, "bad escape in a string");
		} else {
			n = bw_utf8_decode(text, at, &code);
			if (n == 0)
				return fail(j, at, "not UTF-8");
		}
		at += n;
	}
	j->at = at;
	return BW_OK;
}

/* `raw` has been scanned, so that every escape is whole. What it becomes is never longer. */
static struct bw_str unescape(struct bw_str raw, struct bw_arena *arena)
{
	char *out = bw_arena_alloc(arena, raw.n + 1);
	size_t at = 0, n = 0;
	uint32_t code;

	while (at < raw.n) {
		size_t run = plain_run(raw.p + at, raw.n - at);

		memcpy(out + n, raw.p + at, run);
		at += run;
		n += run;
		if (at == raw.n)
			break;
		if (raw.p[at] == '\\') {
			at += escape_decode(raw, at, &code);
			n += bw_utf8_encode(code, out + n);
		} else {
			out[n++] = raw.p[at++];
		}
	}
	return bw_str_make(out, n);
}

/* Without an arena (a value being skipped) the text is checked and left as it is. */
static enum bw_err string_read(struct bw_json *j, enum bw_json_kind kind, struct bw_json_token *token)
{
	size_t offset = j->at++;
	bool escaped = false;

	TRY(string_scan(j, &escaped));
	*token = (struct bw_json_token){.kind = kind, .offset = offset, .end = j->at + 1};
	token->text = bw_str_make(j->text.p + offset + 1, j->at - offset - 1);
	if (escaped && j->arena)
		token->text = unescape(token->text, j->arena);
	j->at++;
	return BW_OK;
}

static enum bw_err key_read(struct bw_json *j, int c, struct bw_json_token *token)
{
	if (c != '"')
		return fail(j, j->at, "expected a key");
	TRY(string_read(j, BW_JSON_KEY, token));
	if (space_skip(j) != ':')
		return fail(j, j->at, "expected ':'");
	j->at++;
	j->state = WANT_VALUE;
	return BW_OK;
}

static size_t digits_skip(struct bw_str text, size_t at)
{
	while (at < text.n && text.p[at] >= '0' && text.p[at] <= '9')
		at++;
	return at;
}

static bool byte_is(struct bw_str text, size_t at, char a, char b)
{
	return at < text.n && (text.p[at] == a || text.p[at] == b);
}

/* RFC 8259, section 6. A digit that follows a leading zero is left for the caller to stumble on. */
static enum bw_err number_read(struct bw_json *j, struct bw_json_token *token)
{
	size_t begin = j->at + (j->text.p[j->at] == '-'), at, fraction;

	at = byte_is(j->text, begin, '0', '0') ? begin + 1 : digits_skip(j->text, begin);
	if (at == begin)
		return fail(j, at, "bad number");
	if (byte_is(j->text, at, '.', '.')) {
		fraction = at + 1;
		at = digits_skip(j->text, fraction);
		if (at == fraction)
			return fail(j, at, "bad number");
	}
	if (byte_is(j->text, at, 'e', 'E')) {
		begin = at + 1 + byte_is(j->text, at + 1, '+', '-');
		at = digits_skip(j->text, begin);
		if (at == begin)
			return fail(j, at, "bad number");
	}
	*token = (struct bw_json_token){.kind = BW_JSON_NUMBER, .offset = j->at, .end = at};
	token->text = bw_str_make(j->text.p + j->at, at - j->at);
	j->at = at;
	value_done(j);
	return BW_OK;
}

static enum bw_err word_read(
    struct bw_json *j, struct bw_str word, enum bw_json_kind kind, struct bw_json_token *token)
{
	if (!bw_str_starts(bw_str_sub(j->text, j->at, word.n), word))
		return fail(j, j->at, "expected a value");
	*token = (struct bw_json_token){.kind = kind, .offset = j->at, .end = j->at + word.n};
	j->at += word.n;
	value_done(j);
	return BW_OK;
}

static enum bw_err value_read(struct bw_json *j, int c, struct bw_json_token *token)
{
	switch (c) {
	case '{':
		return container_open(j, BW_JSON_OBJECT, token);
	case '[':
		return container_open(j, BW_JSON_ARRAY, token);
	case '"':
		TRY(string_read(j, BW_JSON_STRING, token));
		value_done(j);
		return BW_OK;
	case 't':
		return word_read(j, BW_STR("true"), BW_JSON_TRUE, token);
	case 'f':
		return word_read(j, BW_STR("false"), BW_JSON_FALSE, token);
	case 'n':
		return word_read(j, BW_STR("null"), BW_JSON_NULL, token);
	default:
		if (c != '-' && (c < '0' || c > '9'))
			return fail(j, j->at, c < 0 ? "the text ends too early" : "expected a value");
		return number_read(j, token);
	}
}

enum bw_err bw_json_next(struct bw_json *j, struct bw_json_token *token)
{
	int c;

	CHECK(j->state != FAILED, BW_EINVAL);
	c = space_skip(j);
	if (j->state == WANT_NEXT) {
		if (c != ',')
			return container_close(j, c, token);
		j->at++;
		j->state = j->stack[j->depth - 1] == BW_JSON_OBJECT ? WANT_KEY : WANT_VALUE;
		c = space_skip(j);
	}
	switch ((enum state)j->state) {
	case WANT_FIRST_KEY:
		return c == '}' ? container_close(j, c, token) : key_read(j, c, token);
	case WANT_KEY:
		return key_read(j, c, token);
	case WANT_FIRST_ELEMENT:
		return c == ']' ? container_close(j, c, token) : value_read(j, c, token);
	case WANT_VALUE:
		return value_read(j, c, token);
	default:
		if (c >= 0)
			return fail(j, j->at, "bytes after the value");
		*token = (struct bw_json_token){.kind = BW_JSON_END, .offset = j->at, .end = j->at};
		return BW_OK;
	}
}

enum bw_err bw_json_skip(struct bw_json *j, const struct bw_json_token *token)
{
	struct bw_arena *arena = j->arena;
	struct bw_json_token inner;
	enum bw_err err = BW_OK;
	uint32_t depth = j->depth;

	if (token->kind != BW_JSON_OBJECT && token->kind != BW_JSON_ARRAY)
		return BW_OK;
	j->arena = NULL;
	while (err == BW_OK && j->depth >= depth)
		err = bw_json_next(j, &inner);
	j->arena = arena;
	return err;
}

void bw_json_place(struct bw_str text, size_t offset, uint32_t *line, uint32_t *column)
{
	size_t begin = 0;

	*line = 1;
	for (size_t i = 0; i < offset && i < text.n; i++)
		if (text.p[i] == '\n') {
			++*line;
			begin = i + 1;
		}
	*column = (uint32_t)(offset - begin) + 1;
}
