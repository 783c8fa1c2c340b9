/* Scalars as text and as JSON numbers. */
#include "aws/wire/wire_internal.h"

#include <math.h>
#include <stdlib.h>

#include "codec/base64.h"
#include "codec/time.h"
#include "codec/utf8.h"

/* A NUL would end the text early wherever it meets a C interface, and XML cannot carry it. */
enum bw_err wire_string_in(struct wire_in *w, struct bw_str text, struct bw_str *at)
{
	if (!bw_utf8_valid(text) || bw_str_find(text, '\0', 0) >= 0)
		return wire_malformed(w, "A string holds bytes that are not text in UTF-8");
	*at = text;
	return BW_OK;
}

static size_t digits(struct bw_str s, size_t from)
{
	size_t i = from;

	while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
		i++;
	return i - from;
}

/* RFC 8259, section 6: the grammar is checked here, so that the C library reads decimal numbers only. */
static bool is_json_number(struct bw_str s)
{
	size_t at = s.n && s.p[0] == '-', n = digits(s, at);

	if (n == 0 || (n > 1 && s.p[at] == '0'))
		return false;
	at += n;
	if (at < s.n && s.p[at] == '.') {
		n = digits(s, at + 1);
		if (n == 0)
			return false;
		at += 1 + n;
	}
	if (at < s.n && (s.p[at] | 0x20) == 'e') {
		at++;
		at += at < s.n && (s.p[at] == '+' || s.p[at] == '-');
		n = digits(s, at);
		if (n == 0)
			return false;
		at += n;
	}
	return at == s.n;
}

bool wire_float_parse(struct bw_str text, double *out)
{
	char copy[64];

	if (text.n >= sizeof copy || !is_json_number(text))
		return false;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	*out = strtod(copy, NULL);
	return isfinite(*out);
}

/* A number past its type's end is as wrong as one past the constraint, where there is one; AWS says it so. */
static enum bw_err integer_in(
    struct wire_in *w, const struct bw_shape *shape, struct bw_str text, struct bw_opt_int *at)
{
	int64_t low = shape->is_long ? INT64_MIN : INT32_MIN, high = shape->is_long ? INT64_MAX : INT32_MAX;
	bool minus = text.n && text.p[0] == '-';
	size_t n = digits(text, minus);

	*at = (struct bw_opt_int){.set = true};
	if (bw_str_to_i64(text, low, high, &at->v) == BW_OK)
		return BW_OK;
	if (n == 0 || n + minus != text.n || (n > 1 && text.p[minus] == '0') ||
	    !(minus ? shape->has_min : shape->has_max))
		return wire_malformed(w, "%s", "");
	at->v = minus ? low : high;
	return BW_OK;
}

static enum bw_err boolean_in(struct wire_in *w, struct bw_str text, struct bw_opt_bool *at)
{
	at->set = true;
	at->v = bw_str_eq_nocase(text, BW_STR("true"));
	if (!at->v && !bw_str_eq_nocase(text, BW_STR("false")))
		return wire_malformed(w, "%s", "");
	return BW_OK;
}

enum bw_err wire_time_in(
    struct wire_in *w, enum bw_time_format format, struct bw_str text, struct bw_opt_time *at)
{
	enum bw_err e;

	at->set = true;
	if (format == BW_TIME_UNIX)
		e = bw_time_parse_epoch(text, &at->ms);
	else if (format == BW_TIME_RFC822)
		e = bw_time_parse_http(text, &at->ms);
	else
		e = bw_time_parse_iso8601(text, &at->ms);
	return e == BW_OK ? BW_OK : wire_malformed(w, "%s", "");
}

static enum bw_err blob_in(struct wire_in *w, struct bw_str text, struct bw_str *at)
{
	if (bw_base64_decode(text, w->arena, at) != BW_OK)
		return wire_malformed(w, "%s", "");
	if (!bw_str_set(*at))
		*at = BW_STR("");
	return BW_OK;
}

enum bw_err wire_scalar_in(
    struct wire_in *w, const struct bw_shape *shape, enum bw_time_format format, struct bw_str text, void *at)
{
	struct bw_opt_float *number = at;

	switch ((enum bw_shape_kind)shape->kind) {
	case BW_SHAPE_STRING:
		return wire_string_in(w, text, at);
	case BW_SHAPE_BLOB:
		return blob_in(w, text, at);
	case BW_SHAPE_BOOLEAN:
		return boolean_in(w, text, at);
	case BW_SHAPE_INTEGER:
		return integer_in(w, shape, text, at);
	case BW_SHAPE_FLOAT:
		number->set = true;
		return wire_float_parse(text, &number->v) ? BW_OK : wire_malformed(w, "%s", "");
	case BW_SHAPE_TIMESTAMP:
		return wire_time_in(w, format, text, at);
	default:
		return wire_malformed(w, "%s", "");
	}
}
