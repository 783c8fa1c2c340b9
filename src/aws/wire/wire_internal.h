/* What the files of the wire codecs share. */
#pragma once

#include "aws/wire.h"

/* Where in an input we are, for messages: 'tags.1.member.key'. Lives on the C stack of the walk. */
struct wire_path {
	const struct wire_path *up;
	struct bw_str name; /* absent: an element of the list above, at `index` */
	size_t index;       /* 1-based */
	bool sensitive;     /* what stands there is said nowhere */
};
/* "tags.1.member.key": member names with their first letter lowered. */
struct bw_str wire_path_text(const struct wire_path *p, struct bw_arena *arena);

/* One input being decoded. */
struct wire_in {
	const struct bw_operation *op;
	struct bw_arena *arena;
	struct bw_faults *faults;
	struct pcre2_real_match_data_8
	    *match; /* of all this input's patterns; made in the arena when first needed */
	struct pcre2_real_match_context_8 *match_limits;
};

/* The bytes are not what the protocol writes. Always BW_EINVAL; the first stated is kept. `why` may be empty.
 */
BW_CHECKED enum bw_err wire_malformed(struct wire_in *w, const char *why, ...) BW_PRINTF(2, 3);
/* A constraint that does not hold. */
void wire_fault(struct wire_in *w, struct bw_str text);

/* Checks a decoded input structure against its shape; failed constraints are gathered in w->faults. */
void wire_check(struct wire_in *w, const struct bw_shape *shape, const void *value);
/* True when the whole of `text` matches. A match that would cost too much is no match. */
bool wire_pattern_matches(struct wire_in *w, const struct bw_pattern *p, struct bw_str text);
/* The same by the engine alone, without the short cut for one set repeated. */
bool wire_pattern_engine_matches(struct wire_in *w, const struct bw_pattern *p, struct bw_str text);

/* ---- Decoders: each fills the zeroed input structure ---- */

BW_CHECKED enum bw_err wire_query_in(struct wire_in *w, const struct bw_form *form, void *in);
BW_CHECKED enum bw_err wire_json_in(
    struct wire_in *w, struct bw_str body, const struct bw_shape *shape, void *in);
BW_CHECKED enum bw_err wire_rest_in(struct wire_in *w, const struct bw_http_request *r, struct bw_str body,
    const struct bw_route *route, void *in);
/* A scalar written as text: a query parameter, a label, a header. `at` is its place in the structure. */
BW_CHECKED enum bw_err wire_scalar_in(struct wire_in *w, const struct bw_shape *shape,
    enum bw_time_format format, struct bw_str text, void *at);
BW_CHECKED enum bw_err wire_string_in(struct wire_in *w, struct bw_str text, struct bw_str *at);
BW_CHECKED enum bw_err wire_time_in(
    struct wire_in *w, enum bw_time_format format, struct bw_str text, struct bw_opt_time *at);
/* A number as JSON writes it, finite. */
bool wire_float_parse(struct bw_str text, double *out);
/* An element more in a growing array of `size`-byte elements: its place, zeroed; NULL past BW_LIST_ITEMS_MAX.
 */
void *wire_grow(struct wire_in *w, struct bw_any_list *list, size_t *room, size_t size);

/* ---- Encoders ---- */

/* The members of a structure in XML, without the element around them. */
void wire_xml_members(
    struct bw_buf *out, const struct bw_service *s, const struct bw_shape *shape, const void *value);
/* A structure as a JSON object; with `shape` of a rest-json output, its body members only. */
void wire_json_structure(struct bw_buf *out, const struct bw_shape *shape, const void *value);
/* The head of an answer: request id and content type. */
void wire_headers_begin(struct bw_buf *headers, struct bw_str request_id, const char *content_type);
/* The outermost element, with the service's namespace when it has one; `s` may be NULL. */
void wire_xml_begin(struct bw_buf *out, const struct bw_service *s, struct bw_str name);
const char *wire_json_type(const struct bw_service *s);
/* A boolean, an integer or a float, which every form writes alike. */
void wire_plain_put(struct bw_buf *out, const struct bw_shape *s, const void *at);
void wire_time_put(struct bw_buf *out, enum bw_time_format format, bool whole_seconds, int64_t ms);
/* True when a member or element of the shape at `at` is there. */
bool wire_is_set(const struct bw_shape *shape, const void *at);

/* How a value of a structure stands: behind a pointer as a member, inline as an element. */
static inline const void *wire_member_at(const struct bw_member *m, const void *structure)
{
	const void *at = (const char *)structure + m->offset;

	return bw_at(m->shape)->kind == BW_SHAPE_STRUCTURE ? *(const void *const *)at : at;
}
