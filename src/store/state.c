#include "store/state.h"
#include "base/limits.h"

enum { TAG = 16 };

/* Little-endian on every machine, as the sum's words are. */
static void word_put(unsigned char *at, uint64_t v)
{
	for (size_t i = 0; i < 8; i++)
		at[i] = (unsigned char)(v >> 8 * i);
}

static uint64_t word_get(const char *at)
{
	uint64_t v = 0;

	for (size_t i = 8; i-- > 0;)
		v = v << 8 | (unsigned char)at[i];
	return v;
}

void store_fingerprint_make(struct store_fingerprint *f, const struct bw_seal *seal, bool old)
{
	unsigned char key[32];

	*f = (struct store_fingerprint){.old = old};
	bw_seal_derive(seal, old ? BW_STR("bulwark store state") : BW_STR("bulwark store state 2"), key);
	if (old)
		bw_hmac_key(&f->hmac, bw_str_make(key, sizeof key));
	else
		bw_sip_key(&f->sip, key);
	bw_wipe(key, sizeof key);
}

static void element_old(const struct bw_hmac_key *k, struct bw_str bytes, uint64_t out[4])
{
	unsigned char digest[32];

	bw_hmac(k, bytes, digest);
	for (size_t i = 0; i < 4; i++)
		out[i] = word_get((const char *)digest + 8 * i);
}

/* A keyed hash of what tells one value from every other: its head (kind, data key, version), tag and key. */
static void element(
    const struct store_fingerprint *f, struct bw_str key, struct bw_str sealed, uint64_t out[4])
{
	char bytes[BW_SEAL_HEAD + TAG + BW_STORE_KEY_MAX];
	struct bw_str head = bw_str_sub(sealed, 0, BW_SEAL_HEAD);
	struct bw_str tag = bw_str_sub(sealed, sealed.n > TAG ? sealed.n - TAG : 0, sealed.n);
	struct bw_str parts[] = {head, tag, bw_str_sub(key, 0, BW_STORE_KEY_MAX)};
	size_t n = 0;

	for (size_t i = 0; i < BW_COUNT(parts); i++) {
		if (parts[i].n)
			memcpy(bytes + n, parts[i].p, parts[i].n);
		n += parts[i].n;
	}
	out[2] = out[3] = 0;
	if (f->old)
		element_old(&f->hmac, bw_str_make(bytes, n), out);
	else
		bw_sip128(&f->sip, bw_str_make(bytes, n), out);
}

void store_state_add(
    struct store_state *s, const struct store_fingerprint *f, struct bw_str key, struct bw_str sealed)
{
	uint64_t e[4];
	bool carry = false;

	element(f, key, sealed, e);
	for (size_t i = 0; i < 4; i++) {
		bool first = __builtin_add_overflow(s->sum[i], (uint64_t)carry, &s->sum[i]);
		bool second = __builtin_add_overflow(s->sum[i], e[i], &s->sum[i]);

		carry = first || second;
	}
	s->records++;
}

void store_state_remove(
    struct store_state *s, const struct store_fingerprint *f, struct bw_str key, struct bw_str sealed)
{
	uint64_t e[4];
	bool borrow = false;

	element(f, key, sealed, e);
	for (size_t i = 0; i < 4; i++) {
		bool first = __builtin_sub_overflow(s->sum[i], (uint64_t)borrow, &s->sum[i]);
		bool second = __builtin_sub_overflow(s->sum[i], e[i], &s->sum[i]);

		borrow = first || second;
	}
	s->records--;
}

bool store_state_same(const struct store_state *a, const struct store_state *b)
{
	return a->records == b->records && memcmp(a->sum, b->sum, sizeof a->sum) == 0;
}

void store_state_encode(const struct store_state *s, unsigned char out[STORE_STATE_BYTES])
{
	word_put(out, s->seals);
	word_put(out + 8, s->records);
	for (size_t i = 0; i < 4; i++)
		word_put(out + 16 + 8 * i, s->sum[i]);
}

enum bw_err store_state_decode(struct bw_str plain, struct store_state *s)
{
	CHECK(plain.n == STORE_STATE_BYTES, BW_ECORRUPT);
	s->seals = word_get(plain.p);
	s->records = word_get(plain.p + 8);
	for (size_t i = 0; i < 4; i++)
		s->sum[i] = word_get(plain.p + 16 + 8 * i);
	return BW_OK;
}
