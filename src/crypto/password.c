/* Passwords: Argon2id (RFC 9106) in the usual "$argon2id$v=19$m=..,t=..,p=..$salt$hash" spelling. */
#include "crypto/crypto.h"
#include "base/sys.h"

#include <argon2.h>

/* OWASP's Password Storage Cheat Sheet, the choice with the most memory: 46 MiB, one pass, one lane. An
 * attacker pays for memory; a person waits some tens of milliseconds. */
enum { MEMORY_KIB = 47104, PASSES = 1, LANES = 1, SALT = 16, HASH = 32 };
/* The longest encoding taken and the dearest parameters paid for: above them a stored hash could be made to
 * hang us. */
enum { ENCODED_MAX = 256, MEMORY_KIB_MAX = 1024 * 1024, PASSES_MAX = 16, PASSWORD_MAX = 4096 };

enum bw_err bw_password_hash(struct bw_str password, struct bw_buf *encoded)
{
	unsigned char salt[SALT];
	char text[ENCODED_MAX];
	int rc;

	CHECK(password.n <= PASSWORD_MAX, BW_ETOOBIG);
	bw_random(salt, sizeof salt);
	rc = argon2id_hash_encoded(PASSES, MEMORY_KIB, LANES, password.n ? password.p : "", password.n, salt,
	    SALT, HASH, text, sizeof text);
	if (rc != ARGON2_OK) {
		bw_log(BW_LOG_ERROR, "password hash: %s", argon2_error_message(rc));
		return BW_EINTERNAL;
	}
	bw_buf_put(encoded, bw_str_c(text));
	return encoded->failed ? BW_ETOOBIG : BW_OK;
}

/* True when "m=" and "t=" stand in the encoding with values we are ready to pay for. */
static bool cost_is_fair(struct bw_str encoded)
{
	struct bw_str cost = bw_str_sub(encoded, sizeof "$argon2id$v=19$" - 1, encoded.n);
	struct bw_str memory, passes;
	int64_t n;

	cost = bw_str_cut(&cost, '$');
	memory = bw_str_cut(&cost, ',');
	passes = bw_str_cut(&cost, ',');
	return bw_str_starts(memory, BW_STR("m=")) && bw_str_starts(passes, BW_STR("t=")) &&
	       bw_str_to_i64(bw_str_sub(memory, 2, memory.n), 8, MEMORY_KIB_MAX, &n) == BW_OK &&
	       bw_str_to_i64(bw_str_sub(passes, 2, passes.n), 1, PASSES_MAX, &n) == BW_OK;
}

bool bw_password_verify(struct bw_str password, struct bw_str encoded)
{
	char text[ENCODED_MAX];

	if (password.n > PASSWORD_MAX || encoded.n >= sizeof text ||
	    memchr(encoded.p ? encoded.p : "", 0, encoded.n))
		return false;
	if (!bw_str_starts(encoded, BW_STR("$argon2id$v=19$")) || !cost_is_fair(encoded))
		return false;
	memcpy(text, encoded.p, encoded.n);
	text[encoded.n] = 0;
	return argon2id_verify(text, password.n ? password.p : "", password.n) == ARGON2_OK;
}

enum bw_err bw_passphrase_key(
    struct bw_str passphrase, struct bw_str salt, int64_t memory_kib, int64_t passes, unsigned char out[32])
{
	int rc;

	CHECK(passphrase.n > 0 && passphrase.n <= PASSWORD_MAX && salt.n >= SALT && salt.n <= 64, BW_EINVAL);
	CHECK(memory_kib >= BW_PASSPHRASE_KIB_MIN && memory_kib <= BW_PASSPHRASE_KIB_MAX, BW_EINVAL);
	CHECK(passes >= 1 && passes <= PASSES_MAX, BW_EINVAL);
	rc = argon2id_hash_raw(
	    (uint32_t)passes, (uint32_t)memory_kib, LANES, passphrase.p, passphrase.n, salt.p, salt.n, out, 32);
	if (rc != ARGON2_OK) {
		bw_log(BW_LOG_ERROR, "passphrase: %s", argon2_error_message(rc));
		return BW_EINTERNAL;
	}
	return BW_OK;
}
