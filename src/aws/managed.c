#include "aws/managed.h"

#include <endian.h>
#include <zstd.h>

/* models/managed-policies.bin; its form is stated in tools/managed_policies_refresh.py. It is ours, so a flaw
 * in it is a broken invariant and not an error. */
extern const unsigned char bw_managed_data[], bw_managed_data_end[];

#define ARN_START "arn:aws:iam::aws:policy"

struct head {
	char magic[8];
	uint32_t policy_count, block_count, string_bytes, policies_per_block;
};

struct block {
	uint32_t offset, packed_bytes, bytes;
};

struct row {
	uint32_t strings, document, document_bytes, create_s, update_s;
	uint16_t version;
	uint8_t name_bytes, path_bytes;
};

enum { ID_BYTES = 21 };

_Static_assert(__BYTE_ORDER == __LITTLE_ENDIAN, "the data is mapped as it is");
_Static_assert(
    sizeof(struct head) == 24 && sizeof(struct block) == 12 && sizeof(struct row) == 24, "the file's form");

static const struct head *data_head(void)
{
	return (const void *)bw_managed_data;
}

static const struct block *data_blocks(void)
{
	return (const void *)(data_head() + 1);
}

static const struct row *data_rows(void)
{
	return (const void *)(data_blocks() + data_head()->block_count);
}

static const char *data_strings(void)
{
	return (const void *)(data_rows() + data_head()->policy_count);
}

size_t bw_managed_count(void)
{
	return data_head()->policy_count;
}

void bw_managed_at(size_t index, struct bw_managed *out)
{
	const struct row *r = data_rows() + index;
	const char *text;

	MUST(index < bw_managed_count());
	text = data_strings() + r->strings;
	*out = (struct bw_managed){
	    .name = bw_str_make(text, r->name_bytes),
	    .path = bw_str_make(text + r->name_bytes, r->path_bytes),
	    .policy_id = bw_str_make(text + r->name_bytes + r->path_bytes, ID_BYTES),
	    .version = r->version,
	    .create_date_ms = (int64_t)r->create_s * 1000,
	    .update_date_ms = (int64_t)r->update_s * 1000,
	    .index = index,
	};
}

static enum bw_err find_name(struct bw_str name, struct bw_managed *out)
{
	size_t low = 0, high = bw_managed_count();

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order;

		bw_managed_at(middle, out);
		order = bw_str_cmp(name, out->name);
		if (order == 0)
			return BW_OK;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return BW_ENOTFOUND;
}

enum bw_err bw_managed_find(struct bw_str arn_or_name, struct bw_managed *out)
{
	struct bw_str path; /* with the name behind it: "/service-role/Name" */
	size_t name_at;

	if (!bw_str_starts(arn_or_name, BW_STR(ARN_START "/")))
		return find_name(arn_or_name, out);
	path = bw_str_sub(arn_or_name, sizeof ARN_START - 1, arn_or_name.n);
	for (name_at = path.n; path.p[name_at - 1] != '/'; name_at--)
		;
	TRY(find_name(bw_str_sub(path, name_at, path.n), out));
	CHECK(bw_str_eq(out->path, bw_str_sub(path, 0, name_at)), BW_ENOTFOUND);
	return BW_OK;
}

struct bw_str bw_managed_arn(const struct bw_managed *p, struct bw_arena *arena)
{
	return bw_arena_printf(arena, ARN_START "%.*s%.*s", BW_FMT(p->path), BW_FMT(p->name));
}

struct bw_str bw_managed_document(const struct bw_managed *p, struct bw_arena *arena)
{
	const struct head *h = data_head();
	const struct row *r = data_rows() + p->index;
	const struct block *b = data_blocks() + p->index / h->policies_per_block;
	const char *packed = data_strings() + h->string_bytes + b->offset;
	char *text = bw_arena_alloc(arena, b->bytes);

	MUST(ZSTD_decompress(text, b->bytes, packed, b->packed_bytes) == b->bytes);
	return bw_str_make(text + r->document, r->document_bytes);
}
