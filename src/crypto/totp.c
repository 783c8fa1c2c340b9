/* One-time codes: HOTP (RFC 4226) over time steps (RFC 6238), HMAC-SHA-1, six digits. */
#include "crypto/totp.h"

#include "crypto/crypto.h"

uint32_t bw_totp(struct bw_str seed, int64_t step)
{
	unsigned char counter[8], mac[20];
	uint32_t cut;

	for (int i = 0; i < 8; i++)
		counter[i] = (unsigned char)((uint64_t)step >> (56 - 8 * i));
	bw_hmac_sha1(seed, bw_str_make(counter, sizeof counter), mac);
	/* RFC 4226, section 5.3: the last digit says where the four bytes are taken. */
	memcpy(&cut, mac + (mac[19] & 15), sizeof cut);
	return (__builtin_bswap32(cut) & 0x7fffffff) % 1000000;
}

bool bw_totp_find(struct bw_str seed, struct bw_str code, int64_t from, int64_t to, int64_t *step)
{
	bool found = false;
	int64_t given;

	if (code.n != BW_TOTP_DIGITS || bw_str_to_i64(code, 0, 999999, &given) != BW_OK)
		return false;
	/* All are looked at, so that the time tells nothing about which. */
	for (int64_t at = from; at <= to; at++) {
		if (bw_totp(seed, at) != (uint32_t)given || found)
			continue;
		found = true;
		*step = at;
	}
	return found;
}
