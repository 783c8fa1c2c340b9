#include "store/store.h"

void bw_batch_init(struct bw_batch *b, struct bw_arena *arena)
{
	*b = (struct bw_batch){.arena = arena};
	b->last = &b->first;
}

/* Reads are cheap to check, and a call may read much more than it writes. */
enum { READS_MAX = 16 * BW_STORE_BATCH_OPS_MAX };

static bool op_writes(const struct bw_batch_op *op)
{
	return op->kind == BW_BATCH_PUT || op->kind == BW_BATCH_DELETE || op->kind == BW_BATCH_COUNT;
}

static enum bw_err op_check(const struct bw_batch *b, const struct bw_batch_op *op)
{
	CHECK(op->key.n > 0 || op->kind == BW_BATCH_READ_PREFIX, BW_EINVAL);
	CHECK(op->key.n <= BW_STORE_KEY_MAX && op->value.n <= BW_STORE_VALUE_MAX, BW_ETOOBIG);
	if (op_writes(op))
		return b->writes < BW_STORE_BATCH_OPS_MAX ? BW_OK : BW_ETOOBIG;
	return b->count - b->writes < READS_MAX ? BW_OK : BW_ETOOBIG;
}

/* Appends an operation with copies of its key and value; the first refusal is remembered for the commit. */
static void op_add(struct bw_batch *b, struct bw_batch_op op)
{
	struct bw_batch_op *kept;

	if (b->refused == BW_OK)
		b->refused = op_check(b, &op);
	if (b->refused != BW_OK)
		return;
	kept = BW_NEW(b->arena, struct bw_batch_op);
	*kept = op;
	kept->key = bw_arena_str(b->arena, op.key);
	kept->value = bw_arena_str(b->arena, op.value);
	*b->last = kept;
	b->last = &kept->next;
	b->count++;
	b->writes += op_writes(&op);
}

void bw_batch_put(struct bw_batch *b, struct bw_str key, struct bw_str value)
{
	op_add(b, (struct bw_batch_op){.kind = BW_BATCH_PUT, .key = key, .value = value});
}

void bw_batch_delete(struct bw_batch *b, struct bw_str key)
{
	op_add(b, (struct bw_batch_op){.kind = BW_BATCH_DELETE, .key = key});
}

void bw_batch_read(struct bw_batch *b, struct bw_str key, uint64_t version)
{
	MUST(key.n > 0); /* a record that has no name cannot be looked up again: the commit would be lost */
	op_add(b, (struct bw_batch_op){.kind = BW_BATCH_READ, .key = key, .version = version});
}

void bw_batch_read_prefix(struct bw_batch *b, struct bw_str prefix, uint64_t seq, size_t keys)
{
	op_add(b, (struct bw_batch_op){
	              .kind = BW_BATCH_READ_PREFIX, .key = prefix, .version = seq, .prefix_keys = keys});
}

void bw_batch_count(struct bw_batch *b, struct bw_str key, int64_t delta, int64_t max)
{
	op_add(b, (struct bw_batch_op){.kind = BW_BATCH_COUNT, .key = key, .delta = delta, .max = max});
}
