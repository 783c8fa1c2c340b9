#include "core/edge_auth.h"

#include "crypto/crypto.h"
#include "crypto/es256.h"

enum { SECRET = 32, ID = 36, LB_DIGITS = 16 };

static int64_t period_of(int64_t now_ms)
{
	return now_ms / BW_EDGE_AUTH_PERIOD_MS;
}

static void secret_derive(
    const struct bw_store *store, struct bw_str load_balancer, int64_t period, unsigned char out[SECRET])
{
	struct bw_buf purpose;

	bw_buf_init(&purpose, 4096);
	bw_buf_printf(&purpose, "edge-auth %.*s %lld", BW_FMT(load_balancer), (long long)period);
	MUST(!purpose.failed);
	bw_store_derive(store, bw_buf_str(&purpose), out);
	bw_buf_free(&purpose);
}

/* A UUID in form: the load balancer, the week, and what tells the key from any made up one. */
static void id_make(
    struct bw_str load_balancer, int64_t period, const struct bw_es256 *key, struct bw_buf *out)
{
	unsigned char point[65], digest[32];

	bw_es256_public_point(key, point);
	bw_sha256(bw_str_make(point, sizeof point), digest);
	for (size_t i = 0; i < LB_DIGITS; i++) {
		if (i && i != 4 && i % 4 == 0)
			bw_buf_put_c(out, '-');
		bw_buf_put(out, bw_str_sub(load_balancer, i, 1));
	}
	bw_buf_printf(out, "-%04x-", (unsigned)(period & 0xffff));
	bw_buf_put_hex(out, digest, 6);
}

static void key_fill(const struct bw_store *store, struct bw_str load_balancer, int64_t period,
    struct bw_arena *arena, struct bw_edge_auth_key *out)
{
	unsigned char *secret = bw_arena_alloc(arena, SECRET);
	struct bw_es256 *key;
	struct bw_buf id;

	secret_derive(store, load_balancer, period, secret);
	key = bw_es256_derive(secret);
	bw_buf_init(&id, 64);
	id_make(load_balancer, period, key, &id);
	*out = (struct bw_edge_auth_key){.id = bw_arena_str(arena, bw_buf_str(&id)),
	    .from_ms = period * BW_EDGE_AUTH_PERIOD_MS,
	    .secret = bw_str_make(secret, SECRET)};
	bw_buf_free(&id);
	bw_es256_free(key);
}

void bw_edge_auth_keys(const struct bw_store *store, struct bw_str load_balancer, int64_t now_ms,
    struct bw_arena *arena, struct bw_edge_load_balancer *out, int64_t *until_ms)
{
	struct bw_edge_auth_key *v = BW_NEW_ARRAY(arena, struct bw_edge_auth_key, 3);
	int64_t period = period_of(now_ms);

	for (int64_t i = 0; i < 3; i++)
		key_fill(store, load_balancer, period - 1 + i, arena, &v[i]);
	out->auth_keys = v;
	out->auth_key_count = 3;
	*until_ms = (period + 1) * BW_EDGE_AUTH_PERIOD_MS;
}

enum bw_err bw_edge_auth_public(
    const struct bw_store *store, struct bw_str id, int64_t now_ms, struct bw_buf *pem)
{
	char load_balancer[LB_DIGITS];
	unsigned char secret[SECRET];
	struct bw_es256 *key;
	struct bw_buf made;
	size_t n = 0;

	CHECK(id.n == ID, BW_ENOTFOUND);
	for (size_t i = 0; n < LB_DIGITS; i++)
		if (id.p[i] != '-')
			load_balancer[n++] = id.p[i];
	for (int64_t period = period_of(now_ms) - 1, last = period + 2; period <= last; period++) {
		bool found;

		secret_derive(store, bw_str_make(load_balancer, n), period, secret);
		key = bw_es256_derive(secret);
		bw_wipe(secret, sizeof secret);
		bw_buf_init(&made, 64);
		id_make(bw_str_make(load_balancer, n), period, key, &made);
		found = bw_str_eq(bw_buf_str(&made), id);
		if (found)
			bw_es256_public_pem(key, pem);
		bw_buf_free(&made);
		bw_es256_free(key);
		if (found)
			return BW_OK;
	}
	return BW_ENOTFOUND;
}
