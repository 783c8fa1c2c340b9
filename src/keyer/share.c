#include "keyer/share.h"

#include "base/sys.h"
#include "codec/hex.h"
#include "crypto/crypto.h"
#include "crypto/shamir.h"

enum { CHECK_BYTES = 4, ROOT = 32 };

/* Says nothing of the key. */
static void key_name(const struct bw_secret *root, unsigned char out[BW_SHARE_KEY])
{
	bw_hkdf(bw_secret_bytes(root), BW_STR_NONE, BW_STR("bulwark root key name"), out, BW_SHARE_KEY);
}

static void check_of(struct bw_str text, unsigned char out[CHECK_BYTES])
{
	unsigned char digest[32];

	bw_sha256(text, digest);
	memcpy(out, digest, CHECK_BYTES);
}

enum bw_err bw_shares_make(
    const struct bw_secret *root, int64_t threshold, int64_t count, struct bw_share shares[BW_SHARES_OF_ROOT_MAX])
{
	unsigned char bytes[BW_SHARES_OF_ROOT_MAX * BW_SHARE_BYTES];

	CHECK(threshold >= 2 && threshold <= count && count <= BW_SHARES_OF_ROOT_MAX && root->n == ROOT, BW_EINVAL);
	MUST(bw_shamir_split(bw_secret_bytes(root), (unsigned)threshold, (unsigned)count, bytes) == BW_OK);
	for (int64_t i = 0; i < count; i++) {
		shares[i].threshold = threshold;
		key_name(root, shares[i].key);
		memcpy(shares[i].bytes, bytes + i * BW_SHARE_BYTES, BW_SHARE_BYTES);
	}
	bw_wipe(bytes, sizeof bytes);
	return BW_OK;
}

void bw_share_print(const struct bw_share *s, struct bw_buf *out)
{
	unsigned char check[CHECK_BYTES];
	size_t from = out->n;

	bw_buf_printf(out, "bwshare1-%lld-", (long long)s->threshold);
	bw_buf_put_hex(out, s->key, BW_SHARE_KEY);
	bw_buf_put_c(out, '-');
	bw_buf_put_hex(out, s->bytes, BW_SHARE_BYTES);
	check_of(bw_str_sub(bw_buf_str(out), from, out->n), check);
	bw_buf_put_c(out, '-');
	bw_buf_put_hex(out, check, CHECK_BYTES);
	MUST(!out->failed);
}

enum bw_err bw_share_parse(struct bw_str text, struct bw_share *out)
{
	unsigned char check[CHECK_BYTES], given[CHECK_BYTES];
	size_t checked = text.n > 2 * CHECK_BYTES + 1 ? text.n - 2 * CHECK_BYTES - 1 : 0;
	struct bw_str rest = text;

	CHECK(bw_str_eq(bw_str_cut(&rest, '-'), BW_STR("bwshare1")), BW_EINVAL);
	TRY(bw_str_to_i64(bw_str_cut(&rest, '-'), 2, BW_SHARES_OF_ROOT_MAX, &out->threshold));
	TRY(bw_hex_decode(bw_str_cut(&rest, '-'), out->key, BW_SHARE_KEY));
	TRY(bw_hex_decode(bw_str_cut(&rest, '-'), out->bytes, BW_SHARE_BYTES));
	CHECK(bw_str_set(rest), BW_EINVAL);
	TRY(bw_hex_decode(rest, given, CHECK_BYTES));
	check_of(bw_str_sub(text, 0, checked), check);
	return memcmp(check, given, CHECK_BYTES) == 0 ? BW_OK : BW_EINVAL;
}

enum bw_err bw_shares_join(const struct bw_share *shares, size_t count, struct bw_secret *root)
{
	struct bw_str bytes[BW_SHARES_OF_ROOT_MAX];
	unsigned char key[BW_SHARE_KEY];

	CHECK(count >= 2 && count <= BW_SHARES_OF_ROOT_MAX && (int64_t)count >= shares[0].threshold, BW_EINVAL);
	for (size_t i = 0; i < count; i++) {
		CHECK(shares[i].threshold == shares[0].threshold && memcmp(shares[i].key, shares[0].key, BW_SHARE_KEY) == 0,
		    BW_EINVAL);
		bytes[i] = bw_str_make(shares[i].bytes, BW_SHARE_BYTES);
	}
	TRY(bw_shamir_join(bytes, (unsigned)count, root->p, ROOT));
	key_name(root, key);
	return memcmp(key, shares[0].key, BW_SHARE_KEY) == 0 ? BW_OK : BW_EPERM;
}
