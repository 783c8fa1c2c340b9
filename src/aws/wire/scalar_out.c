/* Numbers and times as the protocols write them. */
#include "aws/wire/wire_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/time.h"

/* The shortest of the spellings that read back as the same number. */
static void float_put(struct bw_buf *out, double v)
{
	char text[40];

	MUST(isfinite(v));
	for (int precision = 15; precision <= 17; precision++) {
		snprintf(text, sizeof text, "%.*g", precision, v);
		if (strtod(text, NULL) == v)
			break;
	}
	bw_buf_put(out, bw_str_c(text));
}

void wire_plain_put(struct bw_buf *out, const struct bw_shape *s, const void *at)
{
	if (s->kind == BW_SHAPE_BOOLEAN)
		bw_buf_put(out, ((const struct bw_opt_bool *)at)->v ? BW_STR("true") : BW_STR("false"));
	else if (s->kind == BW_SHAPE_INTEGER)
		bw_buf_put_i64(out, ((const struct bw_opt_int *)at)->v);
	else
		float_put(out, ((const struct bw_opt_float *)at)->v);
}

void wire_time_put(struct bw_buf *out, enum bw_time_format format, bool whole_seconds, int64_t ms)
{
	switch (format) {
	case BW_TIME_UNIX:
		bw_time_put_epoch(ms, out);
		return;
	case BW_TIME_RFC822:
		bw_time_put_http(ms, out);
		return;
	default:
		if (whole_seconds)
			bw_time_put_iso8601(ms, out);
		else
			bw_time_put_iso8601_ms(ms, out);
	}
}
