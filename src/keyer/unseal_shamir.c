/* Shares: any `threshold` of them give the root key, fewer say nothing of it. A share is 32 random bytes, so that its digest in
 * the facts says nothing of it either. */
#include "keyer/share.h"
#include "keyer/unseal_internal.h"

enum { DIGEST = 16 };

static void digest_of(const struct bw_share *s, unsigned char out[DIGEST])
{
	bw_hkdf(bw_str_make(s->bytes, BW_SHARE_BYTES), BW_STR(""), BW_STR("bulwark share digest"), out, DIGEST);
}

static void share_tell(struct bw_seal_make *m, struct bw_seal_facts *facts, const struct bw_share *s)
{
	unsigned char digest[DIGEST];
	struct bw_buf text;

	digest_of(s, digest);
	bw_strs_add(&facts->share_digests, m->arena, bw_arena_str(m->arena, bw_str_make(digest, DIGEST)));
	bw_buf_init(&text, BW_SHARE_TEXT_MAX);
	bw_share_print(s, &text);
	bw_strs_add(&m->told, m->arena, bw_arena_str(m->arena, bw_buf_str(&text)));
	bw_buf_free(&text);
}

enum bw_err shamir_make(struct bw_seal_make *m, struct bw_seal_facts *facts)
{
	struct bw_share shares[BW_SHARES_OF_ROOT_MAX];

	TRY(bw_shares_make(m->root, m->threshold, m->shares, shares));
	facts->threshold = m->threshold;
	facts->shares = m->shares;
	facts->key_name = bw_arena_str(m->arena, bw_str_make(shares[0].key, BW_SHARE_KEY));
	for (int64_t i = 0; i < m->shares; i++)
		share_tell(m, facts, &shares[i]);
	bw_wipe(shares, sizeof shares);
	return BW_OK;
}

static enum bw_err facts_check(const struct bw_seal_facts *f)
{
	CHECK(f->threshold >= 2 && f->threshold <= f->shares && f->shares <= BW_SHARES_OF_ROOT_MAX, BW_ECORRUPT);
	return (int64_t)f->share_digests.n == f->shares && f->key_name.n == BW_SHARE_KEY ? BW_OK : BW_ECORRUPT;
}

/* One of those that were made, whatever its number says. */
static enum bw_err share_check(const struct bw_seal_facts *f, const struct bw_share *s)
{
	unsigned char digest[DIGEST];
	bool known = false;

	CHECK(s->threshold == f->threshold && bw_str_eq(bw_str_make(s->key, BW_SHARE_KEY), f->key_name), BW_EPERM);
	digest_of(s, digest);
	for (size_t i = 0; i < f->share_digests.n; i++)
		known |= bw_str_eq_secret(bw_str_make(digest, DIGEST), f->share_digests.v[i]);
	return known ? BW_OK : BW_EPERM;
}

static enum bw_err shares_read(const struct bw_seal_facts *f, const struct bw_strs *words, struct bw_share *shares)
{
	for (size_t i = 0; i < words->n; i++) {
		TRY(bw_share_parse(words->v[i], &shares[i]));
		TRY(share_check(f, &shares[i]));
		for (size_t k = 0; k < i; k++)
			CHECK(shares[k].bytes[0] != shares[i].bytes[0], BW_EEXISTS);
	}
	return BW_OK;
}

enum bw_err shamir_open(const struct bw_seal_facts *facts, const struct bw_strs *words, struct bw_secret *root)
{
	struct bw_share shares[BW_SHARES_OF_ROOT_MAX];
	enum bw_err e;

	TRY(facts_check(facts));
	CHECK(words->n >= 1 && (int64_t)words->n <= facts->threshold, BW_EINVAL);
	e = shares_read(facts, words, shares);
	if (e == BW_OK)
		e = (int64_t)words->n < facts->threshold ? BW_EAGAIN : bw_shares_join(shares, words->n, root);
	bw_wipe(shares, sizeof shares);
	return e;
}
