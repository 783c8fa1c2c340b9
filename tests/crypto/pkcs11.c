/* Against SoftHSM2, with a token that its own tool makes in a folder of this test's. */
#include "test.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/pkcs11.h"

#define MODULE BW_STR("/usr/lib/softhsm/libsofthsm2.so")
#define TOKEN  BW_STR("bulwark test")
#define PIN    BW_STR("12345678")
#define ABSENT BW_STR_NONE

extern char **environ;

static void run(char *const argv[])
{
	pid_t child;
	int status;

	assert_int_equal(posix_spawnp(&child, argv[0], NULL, NULL, argv, environ), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void token_make(const char *label)
{
	run((char *[]){"softhsm2-util", "--init-token", "--free", "--label", (char *)label, "--so-pin", "87654321",
	    "--pin", "12345678", NULL});
}

static char folder[] = "/tmp/bulwark-pkcs11-XXXXXX";

static void folder_remove(void)
{
	run((char *[]){"rm", "-r", folder, NULL});
}

/* Once: SoftHSM reads its configuration as it is initialised. */
static void folder_make(void)
{
	char path[64], tokens[64];
	FILE *f;

	if (getenv("SOFTHSM2_CONF"))
		return;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(atexit(folder_remove), 0);
	(void)snprintf(tokens, sizeof tokens, "%s/tokens", folder);
	assert_int_equal(mkdir(tokens, 0700), 0);
	(void)snprintf(path, sizeof path, "%s/conf", folder);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", tokens);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(setenv("SOFTHSM2_CONF", path, 1), 0);
	token_make("bulwark test");
	token_make("twin");
	token_make("twin");
}

static struct bw_pkcs11 *opened(void)
{
	struct bw_pkcs11 *t = NULL;

	folder_make();
	assert_ok(bw_pkcs11_new(MODULE, TOKEN, PIN, &t));
	return t;
}

TEST(a_token_is_refused_for_its_reason)
{
	static char long_pin[256];
	struct bw_pkcs11 *t = NULL;

	folder_make();
	memset(long_pin, '1', sizeof long_pin);
	assert_int_equal(bw_pkcs11_new(BW_STR("/no/such/module.so"), TOKEN, PIN, &t), BW_EINVAL);
	assert_int_equal(bw_pkcs11_new(BW_STR("libsofthsm2.so"), TOKEN, PIN, &t), BW_EINVAL);
	/* A library, but no module. */
	assert_int_equal(bw_pkcs11_new(BW_STR("/lib/x86_64-linux-gnu/libcrypto.so.3"), TOKEN, PIN, &t), BW_EINVAL);
	assert_int_equal(bw_pkcs11_new(MODULE, BW_STR("another"), PIN, &t), BW_ENOTFOUND);
	assert_int_equal(bw_pkcs11_new(MODULE, BW_STR("bulwark tes"), PIN, &t), BW_ENOTFOUND);
	assert_int_equal(bw_pkcs11_new(MODULE, BW_STR("twin"), PIN, &t), BW_EEXISTS);
	assert_int_equal(bw_pkcs11_new(MODULE, TOKEN, BW_STR("12345679"), &t), BW_EPERM);
	assert_int_equal(bw_pkcs11_new(MODULE, TOKEN, BW_STR("1"), &t), BW_EPERM);
	assert_int_equal(bw_pkcs11_new(MODULE, TOKEN, BW_STR(""), &t), BW_EINVAL);
	assert_int_equal(bw_pkcs11_new(MODULE, TOKEN, bw_str_make(long_pin, 255), &t), BW_EPERM);
	assert_int_equal(bw_pkcs11_new(MODULE, TOKEN, bw_str_make(long_pin, 256), &t), BW_EINVAL);
	assert_null(t);
}

/* Logged in is logged in, whatever PIN comes second: so nobody may come second. */
TEST(a_second_opening_is_refused_with_whatever_pin)
{
	struct bw_pkcs11 *t = opened(), *second = NULL;

	assert_int_equal(bw_pkcs11_new(MODULE, TOKEN, BW_STR("wrong pin"), &second), BW_EEXISTS);
	assert_int_equal(bw_pkcs11_new(MODULE, TOKEN, PIN, &second), BW_EEXISTS);
	assert_null(second);
	bw_pkcs11_free(t);
	bw_pkcs11_free(opened());
}

TEST(keys_are_found_by_label_and_id)
{
	struct bw_pkcs11 *t = opened();
	struct bw_pkcs11_key a, b, got;

	assert_int_equal(bw_pkcs11_find(t, BW_STR("found"), ABSENT, &got), BW_ENOTFOUND);
	assert_ok(bw_pkcs11_make(t, BW_STR("found"), BW_STR("\x01"), &a));
	assert_ok(bw_pkcs11_find(t, BW_STR("found"), ABSENT, &got));
	assert_int_equal(got.handle, a.handle);
	assert_ok(bw_pkcs11_make(t, BW_STR("found"), BW_STR("\x02"), &b));
	assert_int_equal(bw_pkcs11_find(t, BW_STR("found"), ABSENT, &got), BW_EEXISTS);
	assert_ok(bw_pkcs11_find(t, BW_STR("found"), BW_STR("\x02"), &got));
	assert_int_equal(got.handle, b.handle);
	assert_ok(bw_pkcs11_find(t, ABSENT, BW_STR("\x01"), &got));
	assert_int_equal(got.handle, a.handle);
	assert_ok(bw_pkcs11_destroy(t, a));
	assert_int_equal(bw_pkcs11_find(t, ABSENT, BW_STR("\x01"), &got), BW_ENOTFOUND);
	assert_ok(bw_pkcs11_destroy(t, b));
	bw_pkcs11_free(t);
}

/* A key outlives whoever opened its token; what it sealed opens, bit for bit, under the same associated data alone. */
TEST(what_was_sealed_opens_and_nothing_else_does)
{
	struct bw_pkcs11 *t = opened();
	struct bw_pkcs11_key key, other;
	struct bw_arena arena;
	struct bw_buf sealed;
	struct bw_str plain;

	bw_arena_init(&arena, 1 << 20);
	bw_buf_init(&sealed, 4096);
	assert_ok(bw_pkcs11_make(t, BW_STR("seals"), BW_STR("\x11"), &key));
	assert_ok(bw_pkcs11_make(t, BW_STR("seals not"), BW_STR("\x12"), &other));
	assert_ok(bw_pkcs11_seal(t, key, BW_STR("context"), BW_STR("a secret"), &sealed));
	assert_int_equal(sealed.n, 8 + BW_PKCS11_OVERHEAD);
	bw_pkcs11_free(t);

	t = opened();
	assert_ok(bw_pkcs11_find(t, BW_STR("seals"), ABSENT, &key));
	assert_ok(bw_pkcs11_find(t, BW_STR("seals not"), ABSENT, &other));
	assert_ok(bw_pkcs11_unseal(t, key, BW_STR("context"), bw_buf_str(&sealed), &arena, &plain));
	assert_str(plain, "a secret");
	assert_int_equal(bw_pkcs11_unseal(t, key, BW_STR("contexT"), bw_buf_str(&sealed), &arena, &plain), BW_ECORRUPT);
	assert_int_equal(bw_pkcs11_unseal(t, other, BW_STR("context"), bw_buf_str(&sealed), &arena, &plain), BW_ECORRUPT);
	for (size_t i = 0; i < sealed.n; i++) {
		sealed.p[i] ^= 1;
		assert_int_equal(bw_pkcs11_unseal(t, key, BW_STR("context"), bw_buf_str(&sealed), &arena, &plain), BW_ECORRUPT);
		assert_false(bw_str_set(plain));
		sealed.p[i] ^= 1;
	}
	for (size_t n = 0; n < sealed.n; n++)
		assert_int_equal(
		    bw_pkcs11_unseal(t, key, BW_STR("context"), bw_str_make(sealed.p, n), &arena, &plain), BW_ECORRUPT);
	/* After so many refusals the session is good still. */
	assert_ok(bw_pkcs11_unseal(t, key, BW_STR("context"), bw_buf_str(&sealed), &arena, &plain));
	bw_buf_free(&sealed);
	bw_arena_free(&arena);
	bw_pkcs11_free(t);
}

TEST(nothing_and_a_full_buffer_are_sealed_as_they_should)
{
	struct bw_pkcs11 *t = opened();
	struct bw_pkcs11_key key;
	struct bw_arena arena;
	struct bw_buf sealed;
	struct bw_str plain;

	bw_arena_init(&arena, 1 << 20);
	bw_buf_init(&sealed, BW_PKCS11_OVERHEAD);
	assert_ok(bw_pkcs11_make(t, BW_STR("small"), BW_STR("\x21"), &key));
	assert_ok(bw_pkcs11_seal(t, key, BW_STR(""), BW_STR(""), &sealed));
	assert_ok(bw_pkcs11_unseal(t, key, BW_STR(""), bw_buf_str(&sealed), &arena, &plain));
	assert_int_equal(plain.n, 0);
	sealed.n = 0;
	assert_int_equal(bw_pkcs11_seal(t, key, BW_STR(""), BW_STR("x"), &sealed), BW_ETOOBIG);
	bw_buf_free(&sealed);
	bw_arena_free(&arena);
	bw_pkcs11_free(t);
}
