/* The kinds' functions, as unseal.h says of each. */
#pragma once

#include "base/sys.h"
#include "crypto/crypto.h"
#include "keyer/unseal.h"

enum { ROOT_BYTES = 32 };

BW_CHECKED enum bw_err passphrase_make(struct bw_seal_make *m, struct bw_seal_facts *facts);
BW_CHECKED enum bw_err passphrase_open(
    const struct bw_seal_facts *facts, const struct bw_strs *words, struct bw_secret *root);
BW_CHECKED enum bw_err pkcs11_make(struct bw_seal_make *m, struct bw_seal_facts *facts);
BW_CHECKED enum bw_err pkcs11_find(const struct bw_seal_facts *facts, struct bw_str root_key_path, struct bw_secret *root);
BW_CHECKED enum bw_err shamir_make(struct bw_seal_make *m, struct bw_seal_facts *facts);
BW_CHECKED enum bw_err shamir_open(const struct bw_seal_facts *facts, const struct bw_strs *words, struct bw_secret *root);
BW_CHECKED enum bw_err tpm2_make(struct bw_seal_make *m, struct bw_seal_facts *facts);
BW_CHECKED enum bw_err tpm2_find(const struct bw_seal_facts *facts, struct bw_str root_key_path, struct bw_secret *root);
