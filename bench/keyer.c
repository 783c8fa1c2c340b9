/* What the keyer adds to the bare operation: what OpenSSL alone takes, what the keyer takes when it answers in this process, and what
 * both processes take together when it is asked over its ring, with many requests on their way. All in CPU time, which other work
 * on the machine hardly touches: a request's share of everything, the system's calls and switches too. Pinned to one core (taskset -c 0)
 * the two processes take turns, which is the dearer case. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/sys.h"
#include "keyer/keyer_internal.h"

#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

enum { AT_ONCE = 32, SPAN_US = 400 * 1000, ROUNDS = 5, TEXT = 256 };

static struct keyer local;
static struct keyer_cache *cache;
static clockid_t own_clock = CLOCK_PROCESS_CPUTIME_ID, keyer_clock;
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

static double cpu_us(clockid_t clock)
{
	struct timespec t;

	MUST(clock_gettime(clock, &t) == 0);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* CPU time of both processes an answer, with AT_ONCE on their way at any time, as a busy loop has. */
static double through(const struct bw_keyer_request *r)
{
	double from = cpu_us(own_clock) + cpu_us(keyer_clock);

	asked = r;
	answers = 0;
	waiting = AT_ONCE;
	end_us = bw_clock_mono_us() + SPAN_US;
	for (size_t i = 0; i < AT_ONCE; i++) {
		asks[i] = (struct bw_keyer_ask){.request = r, .arena = &arenas[i], .done = answered};
		bw_keyer_send(client, &asks[i]);
	}
	bw_loop_run(loop);
	return (cpu_us(own_clock) + cpu_us(keyer_clock) - from) / (double)answers;
}

static double without(const struct bw_keyer_request *r)
{
	double from = cpu_us(own_clock), to;
	struct bw_keyer_answer a;
	uint64_t n = 0;

	do {
		for (int i = 0; i < 8; i++, n++) {
			keyer_answer(&local, cache, r, &arena, &a);
			MUST(a.result == BW_OK);
			bw_arena_free(&arena);
		}
		to = cpu_us(own_clock);
	} while (to < from + SPAN_US / 2);
	return (to - from) / (double)n;
}

/* ---- OpenSSL alone ---- */

static EVP_PKEY *pkey;
static EVP_PKEY_CTX *signing;
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

/* As `openssl speed` does it: the same context again and again. */
static void bare_sign(void)
{
	unsigned char out[512];
	size_t n = sizeof out;

	MUST(EVP_PKEY_sign(signing, out, &n, text, 32) == 1);
}

static double bare(void (*run)(void))
{
	double from = cpu_us(own_clock), to;
	uint64_t n = 0;

	do {
		for (int i = 0; i < 8; i++, n++)
			run();
		to = cpu_us(own_clock);
	} while (to < from + SPAN_US / 2);
	return (to - from) / (double)n;
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
    {"random 32 bytes", BW_KEYER_RANDOM, BW_KEY_HMAC_256, BW_ALG_NONE, BW_MESSAGE_RAW, NULL},
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

	keyer_answer(&local, NULL, &r, &kept, &a);
	MUST(a.result == BW_OK);
	m.wrapped = a.out;
	m.material_id = a.out3;
	return m;
}

static int order(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static double median(double v[ROUNDS])
{
	qsort(v, ROUNDS, sizeof *v, order);
	return v[ROUNDS / 2];
}

static void row_run(size_t i)
{
	struct bw_keyer_request r = {.op = rows[i].op, .key = key_make(rows[i].spec), .algorithm = rows[i].algorithm,
	    .message = rows[i].message};
	double alone[ROUNDS], here[ROUNDS], there[ROUNDS];

	r.input = bw_str_make(text, rows[i].message == BW_MESSAGE_DIGEST ? 32 : TEXT);
	r.length = 32;
	EVP_PKEY_CTX_free(signing);
	EVP_PKEY_free(pkey);
	signing = NULL;
	pkey = rows[i].group ? EVP_EC_gen(rows[i].group) : rows[i].bits ? EVP_RSA_gen(rows[i].bits) : NULL;
	if (pkey) {
		signing = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
		MUST(signing && EVP_PKEY_sign_init(signing) == 1);
	}
	for (int k = 0; k < ROUNDS; k++) {
		alone[k] = rows[i].bare ? bare(rows[i].bare) : 0;
		here[k] = without(&r);
		there[k] = through(&r);
	}
	printf("%-20s %10.2f %10.2f %10.2f %10.2f %8.2f %8.2f\n", rows[i].name, median(alone), median(here), median(there),
	    median(there) - median(here), median(alone) / median(here), median(alone) / median(there));
}

int main(void)
{
	struct bw_secret root = bw_secret_new(32);
	struct bw_keyring ring;
	struct bw_ring *channel;
	pid_t pid;

	bw_crypto_init();
	MUST(bw_keyer_channel(0, &channel) == BW_OK);
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		_exit(bw_keyer_serve(&root, NULL, &channel, 1, sleep_on, NULL) != BW_OK);
	}
	bw_arena_init(&kept, 1 << 20);
	bw_arena_init(&arena, 1 << 20);
	for (size_t i = 0; i < AT_ONCE; i++)
		bw_arena_init(&arenas[i], 1 << 20);
	bw_buf_init(&sealed, 1 << 16);
	ring = bw_keyring_of_root(&root);
	keyer_init(&local);
	keyer_open(&local, &ring);
	cache = keyer_cache_new();
	aead = bw_aead_key_new(text);
	MUST(bw_loop_new(&loop) == BW_OK && bw_keyer_client_new(loop, channel, &client) == BW_OK);
	MUST(clock_getcpuclockid(pid, &keyer_clock) == 0);
	printf("%-20s %10s %10s %10s %10s %8s %8s\n", "us of CPU", "OpenSSL", "keyer", "over ring", "the ring", "ratio", "ratio");
	for (size_t i = 0; i < BW_COUNT(rows); i++)
		row_run(i);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return 0;
}
