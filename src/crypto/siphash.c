/* SipHash-2-4 with 128 bits of output (Aumasson and Bernstein, "SipHash: a fast short-input PRF", INDOCRYPT
 * 2012, and the authors' reference for the longer output). OpenSSL's own cannot be used without an allocated
 * context a key. */
#include "crypto/crypto.h"

struct sip {
	uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static inline void rounds(struct sip *s, int n)
{
	for (int i = 0; i < n; i++) {
		s->v0 += s->v1;
		s->v1 = rotate(s->v1, 13) ^ s->v0;
		s->v0 = rotate(s->v0, 32);
		s->v2 += s->v3;
		s->v3 = rotate(s->v3, 16) ^ s->v2;
		s->v0 += s->v3;
		s->v3 = rotate(s->v3, 21) ^ s->v0;
		s->v2 += s->v1;
		s->v1 = rotate(s->v1, 17) ^ s->v2;
		s->v2 = rotate(s->v2, 32);
	}
}

/* Up to eight bytes, little-endian. */
static uint64_t word_get(const char *at, size_t n)
{
	uint64_t w = 0;

	if (n == 8 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) {
		memcpy(&w, at, 8);
		return w;
	}
	for (size_t i = 0; i < n; i++)
		w |= (uint64_t)(unsigned char)at[i] << 8 * i;
	return w;
}

static inline void word_mix(struct sip *s, uint64_t w)
{
	s->v3 ^= w;
	rounds(s, 2);
	s->v0 ^= w;
}

void bw_sip_key(struct bw_sip_key *k, const unsigned char key[16])
{
	k->k[0] = word_get((const char *)key, 8);
	k->k[1] = word_get((const char *)key + 8, 8);
}

void bw_sip128(const struct bw_sip_key *k, struct bw_str bytes, uint64_t out[2])
{
	struct sip s = {k->k[0] ^ UINT64_C(0x736f6d6570736575), k->k[1] ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
	    k->k[0] ^ UINT64_C(0x6c7967656e657261), k->k[1] ^ UINT64_C(0x7465646279746573)};
	size_t whole = bytes.n - bytes.n % 8;

	for (size_t i = 0; i < whole; i += 8)
		word_mix(&s, word_get(bytes.p + i, 8));
	word_mix(&s, (uint64_t)bytes.n << 56 | (whole < bytes.n ? word_get(bytes.p + whole, bytes.n - whole) : 0));
	s.v2 ^= 0xee;
	rounds(&s, 4);
	out[0] = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
	s.v1 ^= 0xdd;
	rounds(&s, 4);
	out[1] = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
