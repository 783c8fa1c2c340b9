/* A key that is read is the one that writing gives. */
#include "codec/ssh_rsa.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_str wire = bw_str_make(data, size), modulus, exponent;
	struct bw_buf again;

	if (bw_ssh_rsa_read(wire, &modulus, &exponent) != BW_OK)
		return 0;
	bw_buf_init(&again, size + 1);
	bw_ssh_rsa_put(modulus, exponent, &again);
	MUST(!again.failed && bw_str_eq(bw_buf_str(&again), wire));
	bw_buf_free(&again);
	return 0;
}
