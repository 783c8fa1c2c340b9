/* application/x-www-form-urlencoded (URL Standard, section 5): the bodies of the query protocols, and query
 * strings. */
#pragma once

#include "base/buf.h"
#include "base/limits.h"

struct bw_form_reader {
	struct bw_str rest;
	struct bw_arena *arena;
	size_t count;
};

/* `text` and `arena` are borrowed for the reader's life. */
void bw_form_init(struct bw_form_reader *f, struct bw_str text, struct bw_arena *arena);
/* The next pair, decoded, in the order sent. A field without '=' has an empty value; empty fields
 * ("a=1&&b=2") are passed over. BW_ENOTFOUND at the end, BW_EINVAL for a bad escape or an empty key,
 * BW_ETOOBIG past BW_FORM_FIELDS_MAX fields. The slices point into the text or the arena; UTF-8 and doubled
 * keys are the consumer's to refuse. */
BW_CHECKED enum bw_err bw_form_next(struct bw_form_reader *f, struct bw_str *key, struct bw_str *value);
