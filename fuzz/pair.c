/* Certificates, keys and chains as people hand them in: the input is cut in three at zero bytes. */
#include "crypto/pair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bw_str chain = bw_str_make(data, size), certificate = bw_str_cut(&chain, '\0');
	struct bw_str key = bw_str_set(chain) ? bw_str_cut(&chain, '\0') : BW_STR_NONE;
	struct bw_pair_facts facts;

	(void)bw_pair_check(certificate, key, chain, &facts);
	return 0;
}
