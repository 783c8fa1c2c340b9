/* What a request pays for: digests of a canonical request and a string to sign, one HMAC with a kept key,
 * sealing. */
#include "base/sys.h"
#include "crypto/crypto.h"

#include <openssl/evp.h>
#include <stdio.h>

enum { TURNS = 500000 };

static unsigned char text[4096], digest[32];
static struct bw_hmac_key hmac_key;
static struct bw_aead_key *aead_key;
static struct bw_buf sealed;
static struct bw_arena arena;
static EVP_MD *fetched;
static EVP_MD_CTX *context;

static void run_sha256(size_t n)
{
	bw_sha256(bw_str_make(text, n), digest);
}

static void run_evp_fetched(size_t n)
{
	MUST(EVP_DigestInit_ex2(context, fetched, NULL) && EVP_DigestUpdate(context, text, n));
	MUST(EVP_DigestFinal_ex(context, digest, NULL));
}

static void run_evp_implicit(size_t n)
{
	MUST(EVP_DigestInit_ex(context, EVP_sha256(), NULL) && EVP_DigestUpdate(context, text, n));
	MUST(EVP_DigestFinal_ex(context, digest, NULL));
}

static void run_hmac(size_t n)
{
	bw_hmac(&hmac_key, bw_str_make(text, n), digest);
}

static void run_hmac_with_key(size_t n)
{
	struct bw_hmac_key k;

	bw_hmac_key(&k, bw_str_make(text, 40));
	bw_hmac(&k, bw_str_make(text, n), digest);
}

static void run_seal(size_t n)
{
	bw_buf_reset(&sealed);
	bw_aead_seal(aead_key, BW_STR("account/-/iam/user/name"), bw_str_make(text, n), &sealed);
}

static void run_seal_open(size_t n)
{
	struct bw_str plain;

	run_seal(n);
	MUST(bw_aead_open(aead_key, BW_STR("account/-/iam/user/name"), bw_buf_str(&sealed), &arena, &plain) ==
	     BW_OK);
	bw_arena_reset(&arena);
}

static const struct {
	const char *name;
	void (*run)(size_t n);
	size_t bytes;
} rows[] = {
    {"sha256", run_sha256, 50},
    {"sha256", run_sha256, 500},
    {"sha256, EVP fetched once", run_evp_fetched, 50},
    {"sha256, EVP implicit fetch", run_evp_implicit, 50},
    {"hmac, kept key", run_hmac, 150},
    {"hmac, new key", run_hmac_with_key, 150},
    {"seal", run_seal, 300},
    {"seal and open", run_seal_open, 300},
};

static double nanoseconds_of(size_t row)
{
	int64_t from = bw_clock_mono_us();

	for (int i = 0; i < TURNS; i++) {
		rows[row].run(rows[row].bytes);
		text[0] ^= digest[0];
	}
	return (double)(bw_clock_mono_us() - from) * 1000 / TURNS;
}

int main(void)
{
	double base = 0;

	bw_crypto_init();
	bw_hmac_key(&hmac_key, BW_STR("a secret"));
	aead_key = bw_aead_key_new(text);
	bw_buf_init(&sealed, 1 << 16);
	bw_arena_init(&arena, 1 << 20);
	fetched = EVP_MD_fetch(NULL, "SHA256", NULL);
	context = EVP_MD_CTX_new();
	printf("%-28s %6s %8s %7s\n", "crypto", "bytes", "ns", "ratio");
	for (size_t i = 0; i < BW_COUNT(rows); i++) {
		double ns = nanoseconds_of(i);

		base = base > 0 ? base : ns;
		printf("%-28s %6zu %8.0f %7.2f\n", rows[i].name, rows[i].bytes, ns, ns / base);
	}
	EVP_MD_CTX_free(context);
	EVP_MD_free(fetched);
	bw_aead_key_free(aead_key);
	bw_buf_free(&sealed);
	bw_arena_free(&arena);
	return 0;
}
