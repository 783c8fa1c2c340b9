/* Shamir's secret sharing (Shamir, "How to Share a Secret", CACM 22, 1979), a byte at a time in GF(2^8) with the polynomial of
 * AES (FIPS 197 section 4.2). No table and no branch depends on a secret: multiplication runs eight fixed steps. */
#include "crypto/shamir.h"
#include "base/mem.h"
#include "base/sys.h"

static unsigned char times(unsigned char a, unsigned char b)
{
	unsigned product = 0, x = a;

	for (unsigned i = 0; i < 8; i++) {
		product ^= x & (0u - (b >> i & 1u));
		x = x << 1 ^ (0x11bu & (0u - (x >> 7 & 1u)));
	}
	return (unsigned char)product;
}

/* a^254: the inverse, and 0 for 0. */
static unsigned char inverse(unsigned char a)
{
	unsigned char square = a, product = 1;

	for (unsigned i = 0; i < 7; i++) {
		square = times(square, square);
		product = times(product, square);
	}
	return product;
}

enum bw_err bw_shamir_split(struct bw_str secret, unsigned threshold, unsigned count, unsigned char *shares)
{
	size_t row = secret.n + 1;
	unsigned char terms[BW_SHARES_MAX];

	CHECK(secret.n > 0 && threshold >= 2 && threshold <= count && count <= BW_SHARES_MAX, BW_EINVAL);
	for (unsigned s = 0; s < count; s++)
		shares[s * row] = (unsigned char)(s + 1);
	for (size_t i = 0; i < secret.n; i++) {
		/* A polynomial whose value at 0 is the byte, and whose other terms are random. */
		bw_random(terms, threshold);
		terms[0] = (unsigned char)secret.p[i];
		for (unsigned s = 0; s < count; s++) {
			unsigned char y = 0;

			for (unsigned t = threshold; t-- > 0;)
				y = times(y, (unsigned char)(s + 1)) ^ terms[t];
			shares[s * row + 1 + i] = y;
		}
	}
	bw_wipe(terms, sizeof terms);
	return BW_OK;
}

/* Lagrange's coefficient of share `at` for the value at 0. The numbers of shares are no secret. */
static unsigned char coefficient(const struct bw_str *shares, unsigned count, unsigned at)
{
	unsigned char product = 1, x = (unsigned char)shares[at].p[0];

	for (unsigned s = 0; s < count; s++) {
		unsigned char other = (unsigned char)shares[s].p[0];

		if (s != at)
			product = times(product, times(other, inverse(other ^ x)));
	}
	return product;
}

static bool fit(const struct bw_str *shares, unsigned count, size_t n)
{
	if (count < 2 || count > BW_SHARES_MAX)
		return false;
	for (unsigned s = 0; s < count; s++) {
		if (shares[s].n != n + 1 || shares[s].p[0] == 0)
			return false;
		for (unsigned k = 0; k < s; k++)
			if (shares[k].p[0] == shares[s].p[0])
				return false;
	}
	return true;
}

enum bw_err bw_shamir_join(const struct bw_str *shares, unsigned count, unsigned char *secret, size_t n)
{
	CHECK(fit(shares, count, n), BW_EINVAL);
	memset(secret, 0, n);
	for (unsigned s = 0; s < count; s++) {
		unsigned char c = coefficient(shares, count, s);

		for (size_t i = 0; i < n; i++)
			secret[i] ^= times(c, (unsigned char)shares[s].p[1 + i]);
	}
	return BW_OK;
}
