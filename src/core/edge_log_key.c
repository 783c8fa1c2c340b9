#include "core/edge_log.h"
#include "store/store.h"

void bw_edge_log_secret(const struct bw_store *store, unsigned char out[BW_BOX_KEY])
{
	bw_store_derive(store, BW_STR("edge logs"), out);
}

struct bw_str bw_edge_log_public(const struct bw_store *store, struct bw_arena *arena)
{
	unsigned char secret[BW_BOX_KEY], public[BW_BOX_KEY];
	struct bw_buf hex;
	struct bw_str text;

	bw_edge_log_secret(store, secret);
	bw_box_public(secret, public);
	bw_wipe(secret, sizeof secret);
	bw_buf_init(&hex, 2 * BW_BOX_KEY);
	bw_buf_put_hex(&hex, public, sizeof public);
	text = bw_arena_str(arena, bw_buf_str(&hex));
	bw_buf_free(&hex);
	return text;
}
