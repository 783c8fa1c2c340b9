/* What the keyer adds to the bare operation: each row once through the process and its channel, once answered in this process
 * without a channel, and beside them what OpenSSL alone takes for the same. */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "keyer/keyer_internal.h"

#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

enum { AT_ONCE = 32, SPAN_US = 400 * 1000, TEXT = 256 };

static struct keyer local;
static struct bw_arena kept, arena;
static struct bw_loop *loop;
static struct bw_keyer_client *client;
static struct bw_keyer_ask asks[AT_ONCE];
static struct bw_arena arenas[AT_ONCE];
static const struct bw_keyer_request *asked;
static unsigned char text[TEXT];
static int64_t end_us;
static uint64_t answers, waiting;

static void sleep_on(void *ctx)
{
	(void)ctx;
	for (;;)
		(void)usleep(1000 * 1000);
}

static void answered(struct bw_keyer_ask *ask)
{
	MUST(ask->answer.result == BW_OK);
	bw_arena_reset(ask->arena);
	answers++;
	if (bw_clock_mono_us() < end_us) {
		ask->request = asked;
		bw_keyer_send(client, ask);
	} else if (--waiting == 0) {
		bw_loop_stop(loop);
	}
}

/* Operations a second with AT_ONCE of them on their way at any time, as a busy loop has. */
static double through(const struct bw_keyer_request *r)
{
	int64_t from = bw_clock_mono_us();

	asked = r;
	answers = 0;
	waiting = AT_ONCE;
	end_us = from + SPAN_US;
	for (size_t i = 0; i < AT_ONCE; i++) {
		asks[i] = (struct bw_keyer_ask){.request = r, .arena = &arenas[i], .done = answered};
		bw_keyer_send(client, &asks[i]);
	}
	bw_loop_run(loop);
	return (double)answers * 1e6 / (double)(bw_clock_mono_us() - from);
}

static double without(const struct bw_keyer_request *r)
{
	int64_t from = bw_clock_mono_us();
	struct bw_keyer_answer a;
	uint64_t n = 0;

	for (; bw_clock_mono_us() < from + SPAN_US; n++) {
		keyer_answer(&local, r, &arena, &a);
		MUST(a.result == BW_OK);
		bw_arena_reset(&arena);
	}
	return (double)n * 1e6 / (double)(bw_clock_mono_us() - from);
}

/* ---- OpenSSL alone ---- */

static EVP_PKEY *pkey;
static struct bw_aead_key *aead;
static struct bw_buf sealed;

static void bare_seal(void)
{
	bw_buf_reset(&sealed);
	bw_aead_seal(aead, BW_STR_NONE, bw_str_make(text, TEXT), &sealed);
}

static void bare_mac(void)
{
	unsigned char out[EVP_MAX_MD_SIZE];
	unsigned n;

	MUST(HMAC(EVP_sha256(), text, 32, text, TEXT, out, &n) != NULL);
}

static void bare_sign(void)
{
	unsigned char out[512];
	size_t n = sizeof out;
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

	MUST(c && EVP_PKEY_sign_init(c) == 1 && EVP_PKEY_sign(c, out, &n, text, 32) == 1);
	EVP_PKEY_CTX_free(c);
}

static double bare(void (*run)(void))
{
	int64_t from = bw_clock_mono_us();
	uint64_t n = 0;

	for (; bw_clock_mono_us() < from + SPAN_US; n++)
		run();
	return (double)n * 1e6 / (double)(bw_clock_mono_us() - from);
}

/* ---- Rows ---- */

static const struct {
	const char *name;
	enum bw_keyer_op op;
	enum bw_key_spec spec;
	enum bw_key_algorithm algorithm;
	enum bw_key_message message;
	void (*bare)(void);
	const char *group; /* of the bare key; NULL with `bits`: RSA */
	unsigned bits;
} rows[] = {
    {"encrypt 256 bytes", BW_KEYER_ENCRYPT, BW_KEY_SYMMETRIC_DEFAULT, BW_ALG_SYMMETRIC_DEFAULT, BW_MESSAGE_RAW, bare_seal},
    {"MAC 256 bytes", BW_KEYER_MAC, BW_KEY_HMAC_256, BW_ALG_HMAC_SHA_256, BW_MESSAGE_RAW, bare_mac},
    {"sign P-256", BW_KEYER_SIGN, BW_KEY_ECC_NIST_P256, BW_ALG_ECDSA_SHA_256, BW_MESSAGE_DIGEST, bare_sign, "P-256"},
    {"sign RSA-2048", BW_KEYER_SIGN, BW_KEY_RSA_2048, BW_ALG_RSASSA_PKCS1_V1_5_SHA_256, BW_MESSAGE_DIGEST, bare_sign, NULL, 2048},
};

static struct bw_keyer_material key_make(enum bw_key_spec spec)
{
	struct bw_keyer_material m = {BW_STR("111122223333"), BW_STR("us-east-1"), BW_STR("1234abcd-12ab-34cd-56ef-1234567890ab"),
	    BW_STR_NONE, 1, spec, BW_STR_NONE};
	const struct bw_keyer_request r = {.op = BW_KEYER_GENERATE, .key = m};
	struct bw_keyer_answer a;

	keyer_answer(&local, &r, &kept, &a);
	MUST(a.result == BW_OK);
	m.wrapped = a.out;
	m.material_id = a.out3;
	return m;
}

static void row_run(size_t i)
{
	struct bw_keyer_request r = {.op = rows[i].op, .key = key_make(rows[i].spec), .algorithm = rows[i].algorithm,
	    .message = rows[i].message};
	double alone, here, there;

	r.input = bw_str_make(text, rows[i].message == BW_MESSAGE_DIGEST ? 32 : TEXT);
	EVP_PKEY_free(pkey);
	pkey = rows[i].group ? EVP_EC_gen(rows[i].group) : rows[i].bits ? EVP_RSA_gen(rows[i].bits) : NULL;
	alone = bare(rows[i].bare);
	here = without(&r);
	there = through(&r);
	printf("%-20s %12.0f %12.0f %12.0f %8.2f %8.2f\n", rows[i].name, alone, here, there, here / alone, there / alone);
}

int main(void)
{
	struct bw_secret root = bw_secret_new(32);
	struct bw_keyring ring;
	int keyer_end, api_end;
	pid_t pid;

	bw_crypto_init();
	MUST(bw_keyer_channel(&keyer_end, &api_end) == BW_OK);
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		_exit(bw_keyer_serve(&root, NULL, &keyer_end, 1, sleep_on, NULL) != BW_OK);
	}
	bw_arena_init(&kept, 1 << 20);
	bw_arena_init(&arena, 1 << 20);
	for (size_t i = 0; i < AT_ONCE; i++)
		bw_arena_init(&arenas[i], 1 << 20);
	bw_buf_init(&sealed, 1 << 16);
	ring = bw_keyring_of_root(&root);
	keyer_init(&local);
	keyer_open(&local, &ring);
	aead = bw_aead_key_new(text);
	MUST(bw_loop_new(&loop) == BW_OK && bw_keyer_client_new(loop, api_end, &client) == BW_OK);
	printf("%-20s %12s %12s %12s %8s %8s\n", "a second", "OpenSSL", "keyer", "through", "keyer", "through");
	for (size_t i = 0; i < BW_COUNT(rows); i++)
		row_run(i);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return 0;
}
