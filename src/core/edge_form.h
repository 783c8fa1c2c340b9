/* The form of the edge's image and report as tables: one list of members a struct, in the order of the bytes.
 * The encoder, the decoder and whoever shows or reads an image in another spelling walk these. */
#pragma once

#include "core/edge_image.h"

/* The byte in front: it goes up when a table of members changes. */
enum { BW_EDGE_FORMAT = 5 };

enum bw_edge_kind {
	BW_EDGE_STR,
	BW_EDGE_I64,
	BW_EDGE_BOOL,
	BW_EDGE_STRS,
	BW_EDGE_PAIRS,
	BW_EDGE_LIST, /* a pointer to structs at `offset`, their count at `count_offset` */
};

struct bw_edge_member {
	const char *name; /* as in edge_image.h */
	enum bw_edge_kind kind;
	size_t offset, count_offset;
	const struct bw_edge_form *of; /* of a list's items */
};

struct bw_edge_form {
	size_t size; /* of the struct */
	const struct bw_edge_member *members;
	size_t member_count;
};

extern const struct bw_edge_form bw_edge_image_form, bw_edge_report_form, bw_edge_permit_form;

/* The bytes of a struct of the form, and back: as edge_image.h says of images. */
void bw_form_encode(const struct bw_edge_form *f, const void *from, struct bw_buf *out);
BW_CHECKED enum bw_err bw_form_decode(const struct bw_edge_form *f, struct bw_str bytes, struct bw_arena *arena, void *to);
