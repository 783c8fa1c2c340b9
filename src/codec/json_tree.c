/* JSON as a tree, and written. */
#include "codec/json.h"
#include "codec/json_scan.h"
#include "codec/sort.h"
#include "codec/utf8.h"

/* One container being filled. Its arrays double, so that reading stays linear whatever the count. */
struct filling {
	struct bw_json_value *value;
	size_t room;
};

static struct bw_json_value *value_add(struct filling *f, struct bw_str key, struct bw_arena *arena)
{
	struct bw_json_value *v = f->value;

	if (v->count == f->room) {
		size_t room = f->room ? 2 * f->room : 8;
		struct bw_json_value *values = BW_NEW_ARRAY(arena, struct bw_json_value, room);
		struct bw_str *keys =
		    v->kind == BW_JSON_OBJECT ? BW_NEW_ARRAY(arena, struct bw_str, room) : NULL;

		if (v->count) {
			memcpy(values, v->values, v->count * sizeof *values);
			if (keys)
				memcpy(keys, v->keys, v->count * sizeof *keys);
		}
		v->values = values;
		v->keys = keys;
		f->room = room;
	}
	if (v->kind == BW_JSON_OBJECT)
		v->keys[v->count] = key;
	return &v->values[v->count++];
}

static int key_order(const void *a, const void *b)
{
	return bw_str_cmp(*(const struct bw_str *)a, *(const struct bw_str *)b);
}

/* Sorted, equal keys are neighbours: no choice of keys makes this slow, as it could a hash. */
static bool keys_differ(const struct bw_json_value *object, struct bw_arena *arena)
{
	size_t n = object->count;
	struct bw_str *keys;

	if (n < 2)
		return true;
	keys = BW_NEW_ARRAY(arena, struct bw_str, n);
	memcpy(keys, object->keys, n * sizeof *keys);
	bw_sort(keys, n, sizeof *keys, key_order);
	for (size_t i = 1; i < n; i++)
		if (bw_str_eq(keys[i - 1], keys[i]))
			return false;
	return true;
}

enum bw_err bw_json_parse(struct bw_str text, struct bw_arena *arena, struct bw_json_value *out)
{
	struct filling stack[BW_JSON_DEPTH_MAX];
	struct bw_str key = BW_STR_NONE;
	struct bw_json_token t;
	size_t depth = 0;
	struct bw_json j;

	*out = (struct bw_json_value){.kind = BW_JSON_NULL};
	bw_json_init(&j, text, arena);
	for (;;) {
		struct bw_json_value *v;

		TRY(bw_json_next(&j, &t));
		CHECK(!arena->over, BW_ETOOBIG);
		if (t.kind == BW_JSON_END)
			return BW_OK;
		if (t.kind == BW_JSON_KEY) {
			key = t.text;
			continue;
		}
		if (t.kind == BW_JSON_OBJECT_END || t.kind == BW_JSON_ARRAY_END) {
			v = stack[--depth].value;
			v->end = t.end;
			CHECK(t.kind == BW_JSON_ARRAY_END || keys_differ(v, arena), BW_EINVAL);
			continue;
		}
		v = depth ? value_add(&stack[depth - 1], key, arena) : out;
		*v = (struct bw_json_value){.kind = t.kind, .text = t.text, .offset = t.offset, .end = t.end};
		if (t.kind == BW_JSON_OBJECT || t.kind == BW_JSON_ARRAY)
			stack[depth++] = (struct filling){.value = v};
	}
}

const struct bw_json_value *bw_json_member(const struct bw_json_value *object, struct bw_str key)
{
	if (object->kind != BW_JSON_OBJECT)
		return NULL;
	for (size_t i = 0; i < object->count; i++)
		if (bw_str_eq(object->keys[i], key))
			return &object->values[i];
	return NULL;
}

/* RFC 8259, section 7: what must be escaped, and only that. */
static void control_put(struct bw_buf *out, unsigned char c)
{
	static const char meanings[] = "\b\f\n\r\t", letters[] = "bfnrt";
	const char *hit = c ? strchr(meanings, c) : NULL;

	if (hit)
		bw_buf_put(out, bw_str_make((char[]){'\\', letters[hit - meanings]}, 2));
	else
		bw_buf_printf(out, "\\u%04x", c);
}

void bw_json_put_str(struct bw_buf *out, struct bw_str s)
{
	size_t begin = 0, n;
	uint32_t code;

	bw_buf_put_c(out, '"');
	for (size_t at = 0; at < s.n; at += n) {
		unsigned char c;

		n = plain_run(s.p + at, s.n - at);
		if (n)
			continue;
		c = (unsigned char)s.p[at];
		n = bw_utf8_decode(s, at, &code);
		if (n > 1 || (n == 1 && c >= 0x20 && c != '"' && c != '\\'))
			continue;
		bw_buf_put(out, bw_str_sub(s, begin, at - begin));
		begin = at + 1;
		if (n == 0)
			bw_buf_put(out, BW_STR("\xef\xbf\xbd"));
		else if (c < 0x20)
			control_put(out, c);
		else
			bw_buf_put(out, bw_str_make((char[]){'\\', (char)c}, 2));
		n = 1;
	}
	bw_buf_put(out, bw_str_sub(s, begin, s.n));
	bw_buf_put_c(out, '"');
}
