#include "codec/ssh_rsa.h"

/* A length and as many bytes. */
static bool part_cut(struct bw_str *rest, struct bw_str *part)
{
	uint32_t n;

	if (rest->n < sizeof n)
		return false;
	memcpy(&n, rest->p, sizeof n);
	n = __builtin_bswap32(n);
	if (n > rest->n - sizeof n)
		return false;
	*part = bw_str_sub(*rest, sizeof n, n);
	*rest = bw_str_sub(*rest, sizeof n + n, rest->n);
	return true;
}

/* A positive number in its shortest form (RFC 4251, section 5), without the zero in front of a high bit. */
static bool number_cut(struct bw_str *rest, struct bw_str *number)
{
	if (!part_cut(rest, number) || number->n == 0 || (number->p[0] & 0x80))
		return false;
	if (number->p[0] == 0) {
		*number = bw_str_sub(*number, 1, number->n);
		return number->n > 0 && (number->p[0] & 0x80);
	}
	return true;
}

enum bw_err bw_ssh_rsa_read(struct bw_str wire, struct bw_str *modulus, struct bw_str *exponent)
{
	struct bw_str name;

	CHECK(part_cut(&wire, &name) && bw_str_eq(name, BW_STR("ssh-rsa")), BW_EINVAL);
	CHECK(number_cut(&wire, exponent) && number_cut(&wire, modulus) && wire.n == 0, BW_EINVAL);
	return BW_OK;
}

static void part_put(struct bw_buf *out, struct bw_str part, bool number)
{
	bool high = number && (part.p[0] & 0x80);
	uint32_t n = __builtin_bswap32((uint32_t)(part.n + high));

	bw_buf_put(out, bw_str_make(&n, sizeof n));
	if (high)
		bw_buf_put_c(out, 0);
	bw_buf_put(out, part);
}

void bw_ssh_rsa_put(struct bw_str modulus, struct bw_str exponent, struct bw_buf *out)
{
	part_put(out, BW_STR("ssh-rsa"), false);
	part_put(out, exponent, true);
	part_put(out, modulus, true);
}
