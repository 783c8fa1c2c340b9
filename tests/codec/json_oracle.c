/* The reader against jansson: generated texts and mutations of them must be taken or refused by both alike,
 * and what is taken must mean the same. */
#include "test.h"

#include <jansson.h>
#include <stdlib.h>

#include "codec/json.h"

static uint64_t seed;

static unsigned pick(unsigned below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % below;
}

static void string_make(struct bw_buf *b)
{
	static const char *const parts[] = {"a", "bc", "0123456789abcdefghij", "\\n", "\\\"", "\\\\", "\\/",
	    "\\u0041", "\\u00e9", "\\ud83d\\ude00", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", " ",
	    "\x7f", "{", "]", ":"};

	bw_buf_put_c(b, '"');
	for (unsigned n = pick(6); n > 0; n--)
		bw_buf_put(b, bw_str_c(parts[pick(BW_COUNT(parts))]));
	bw_buf_put_c(b, '"');
}

static void value_make(struct bw_buf *b, unsigned depth)
{
	static const char *const scalars[] = {"true", "false", "null", "0", "-0", "1", "-12", "3.25", "1e3",
	    "-2.5E-7", "9223372036854775807", "0.1", "[]", "{}", "\"\""};
	static const char *const spaces[] = {"", "", "", " ", "\n", "\t", "\r\n "};
	unsigned kind = pick(depth ? 5 : 3), n = pick(5);

	bw_buf_put(b, bw_str_c(spaces[pick(BW_COUNT(spaces))]));
	if (kind < 2)
		bw_buf_put(b, bw_str_c(scalars[pick(BW_COUNT(scalars))]));
	else if (kind == 2)
		string_make(b);
	else
		bw_buf_put_c(b, kind == 3 ? '[' : '{');
	for (unsigned i = 0; kind > 2 && i < n; i++) {
		if (i)
			bw_buf_put_c(b, ',');
		if (kind == 4) {
			string_make(b);
			bw_buf_put_c(b, ':');
		}
		value_make(b, depth - 1);
	}
	if (kind > 2)
		bw_buf_put_c(b, kind == 3 ? ']' : '}');
	bw_buf_put(b, bw_str_c(spaces[pick(BW_COUNT(spaces))]));
}

static void mutate(struct bw_buf *b)
{
	static const char bytes[] = "{}[]:,\"\\ \n0123456789-+.eEtfnu/\x00\x01\x1f\x80\xc0\xff\xed";
	size_t at = pick((unsigned)b->n + 1), from = pick((unsigned)b->n + 1), n = pick(9);
	struct bw_buf old = *b;

	bw_buf_init(b, old.max);
	bw_buf_put(b, bw_str_make(old.p, at));
	switch (pick(4)) {
	case 0: /* a byte put in */
		bw_buf_put_c(b, bytes[pick(sizeof bytes)]);
		break;
	case 1: /* a byte changed */
		bw_buf_put_c(b, bytes[pick(sizeof bytes)]);
		at += at < old.n;
		break;
	case 2: /* some left out */
		at += n < old.n - at ? n : old.n - at;
		break;
	default: /* some said again */
		bw_buf_put(b, bw_str_sub(bw_buf_str(&old), from, n));
	}
	bw_buf_put(b, bw_str_sub(bw_buf_str(&old), at, old.n));
	bw_buf_free(&old);
}

static unsigned depth_of(json_t *v)
{
	unsigned most = 0, d;
	const char *key;
	json_t *child;
	size_t i;

	if (json_is_object(v)) {
		json_object_foreach(v, key, child) most = (d = depth_of(child)) > most ? d : most;
	} else if (json_is_array(v)) {
		json_array_foreach(v, i, child) most = (d = depth_of(child)) > most ? d : most;
	} else {
		return 0;
	}
	return most + 1;
}

static bool same(const struct bw_json_value *a, json_t *b)
{
	char number[512];

	switch (a->kind) {
	case BW_JSON_TRUE:
		return json_is_true(b);
	case BW_JSON_FALSE:
		return json_is_false(b);
	case BW_JSON_NULL:
		return json_is_null(b);
	case BW_JSON_STRING:
		return json_is_string(b) &&
		       bw_str_eq(a->text, bw_str_make(json_string_value(b), json_string_length(b)));
	case BW_JSON_NUMBER:
		if (!json_is_number(b) || a->text.n >= sizeof number)
			return false;
		memcpy(number, a->text.p, a->text.n);
		number[a->text.n] = 0;
		if (json_is_integer(b))
			return strtoll(number, NULL, 10) == json_integer_value(b);
		return strtod(number, NULL) == json_real_value(b);
	case BW_JSON_ARRAY:
		if (!json_is_array(b) || a->count != json_array_size(b))
			return false;
		for (size_t i = 0; i < a->count; i++)
			if (!same(&a->values[i], json_array_get(b, i)))
				return false;
		return true;
	default:
		if (a->kind != BW_JSON_OBJECT || !json_is_object(b) || a->count != json_object_size(b))
			return false;
		for (size_t i = 0; i < a->count; i++) {
			json_t *member = json_object_getn(b, a->keys[i].p, a->keys[i].n);

			if (!member || !same(&a->values[i], member))
				return false;
		}
		return true;
	}
}

static void disagree(const char *how, struct bw_str text)
{
	struct bw_buf shown;

	bw_buf_init(&shown, 1 << 20);
	bw_json_put_str(&shown, text);
	fail_msg("%s: %.*s", how, BW_FMT(bw_buf_str(&shown)));
}

/* What the two differ in on purpose: numbers too large for jansson's types, NUL in keys, our depth. And
 * jansson 2.14 reads over a raw NUL behind a number, which no JSON text may hold. */
static void compare(struct bw_str text, unsigned *taken)
{
	json_error_t error;
	json_t *oracle =
	    json_loadb(text.p, text.n, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	struct bw_json_value v;
	struct bw_arena arena;
	enum bw_err err;

	bw_arena_init(&arena, 1 << 24);
	err = bw_json_parse(text, &arena, &v);
	if (bw_str_find(text, 0, 0) >= 0 || (oracle && depth_of(oracle) > BW_JSON_DEPTH_MAX))
		assert_int_equal(err, BW_EINVAL);
	else if (oracle && (err != BW_OK || !same(&v, oracle)))
		disagree("jansson takes, or means something else by", text);
	else if (!oracle && err == BW_OK && json_error_code(&error) != json_error_numeric_overflow &&
	         json_error_code(&error) != json_error_null_byte_in_key)
		disagree(error.text, text);
	*taken += oracle != NULL;
	json_decref(oracle);
	bw_arena_free(&arena);
}

TEST(json_agrees_with_jansson_on_mutations)
{
	unsigned taken = 0, rounds = 0;

	seed = 0x9e3779b97f4a7c15;
	for (int i = 0; i < 8000; i++) {
		struct bw_buf b;

		bw_buf_init(&b, 1 << 20);
		value_make(&b, 5);
		for (int m = 0; m < 6; m++, rounds++) {
			compare(bw_buf_str(&b), &taken);
			mutate(&b);
		}
		bw_buf_free(&b);
	}
	/* Both sides of the line must have been walked, or the property says little. */
	assert_true(taken > rounds / 8 && taken < rounds - rounds / 8);
}
