#include "codec/form.h"

#include "codec/uri.h"

void bw_form_init(struct bw_form_reader *f, struct bw_str text, struct bw_arena *arena)
{
	*f = (struct bw_form_reader){.rest = text, .arena = arena};
}

enum bw_err bw_form_next(struct bw_form_reader *f, struct bw_str *key, struct bw_str *value)
{
	struct bw_str field, name;

	do {
		CHECK(bw_str_set(f->rest), BW_ENOTFOUND);
		field = bw_str_cut(&f->rest, '&');
	} while (field.n == 0);
	CHECK(f->count < BW_FORM_FIELDS_MAX, BW_ETOOBIG);
	f->count++;
	name = bw_str_cut(&field, '=');
	CHECK(name.n > 0, BW_EINVAL);
	TRY(bw_uri_decode(name, true, f->arena, key));
	if (!bw_str_set(field))
		field = BW_STR("");
	return bw_uri_decode(field, true, f->arena, value);
}
