/* Kinds of seals and the seal file: what opens one, and what does not. */
#include "fixture.h"
#include "keyer/share.h"
#include "keyer/unseal.h"

#define PASSPHRASE BW_STR("correct horse battery")

static struct bw_secret root;

/* The least that Argon2id is run with, as these tests run it often. */
static struct bw_seal_make making(void)
{
	return (struct bw_seal_make){.arena = &arena, .root = &root, .passphrase = PASSPHRASE,
	    .memory_kib = BW_PASSPHRASE_KIB_MIN, .passes = 1, .shares = 5, .threshold = 3};
}

static void begin(void)
{
	keyer_begin();
	bw_secret_free(&root);
	root = root_make();
}

static struct bw_seal_facts facts_made(const char *kind, struct bw_seal_make *m)
{
	struct bw_seal_facts facts = {.kind = bw_str_c(kind)};

	assert_ok(bw_unseal_kind(facts.kind)->make(m, &facts));
	return facts;
}

static enum bw_err opened(const struct bw_seal_facts *facts, const struct bw_str *words, size_t n)
{
	const struct bw_strs all = {n, (struct bw_str *)(uintptr_t)words};
	struct bw_secret found = bw_secret_new(32);
	enum bw_err e = bw_unseal_kind(facts->kind)->open(facts, &all, &found);

	if (e == BW_OK)
		assert_memory_equal(found.p, root.p, 32);
	bw_secret_free(&found);
	return e;
}

static struct bw_str file_made(const struct bw_seal_facts *facts, const struct bw_keyring *ring)
{
	struct bw_buf b;
	struct bw_str bytes;

	bw_buf_init(&b, BW_SEAL_FILE_MAX);
	bw_seal_encode(facts, &root, ring, &b);
	assert_false(b.failed);
	bytes = bw_arena_str(&arena, bw_buf_str(&b));
	bw_buf_free(&b);
	return bytes;
}

/* ---- The file ---- */

TEST(seal_file_opens_with_its_root_key_alone)
{
	struct bw_seal_make m;
	struct bw_seal_facts facts, back;
	struct bw_keyring ring = bw_keyring_new(), found;
	struct bw_str bytes;

	begin();
	m = making();
	facts = facts_made("shamir", &m);
	bytes = file_made(&facts, &ring);
	assert_ok(bw_seal_decode(bytes, &arena, &back));
	assert_str(back.kind, "shamir");
	assert_int_equal(back.threshold, 3);
	assert_int_equal(back.share_digests.n, 5);
	assert_ok(bw_seal_open_file(bytes, &root, &found));
	assert_int_equal(found.newest, 1);
	assert_memory_equal(found.bytes.p, ring.bytes.p, 96);
	bw_keyring_free(&found);
	root.p[31] ^= 1;
	assert_int_equal(bw_seal_open_file(bytes, &root, &found), BW_EPERM);
	assert_null(found.bytes.p);
	bw_keyring_free(&ring);
}

TEST(seal_file_any_bit_that_is_turned_is_noticed)
{
	struct bw_seal_make m;
	struct bw_seal_facts facts;
	struct bw_keyring ring = bw_keyring_new(), found;
	struct bw_str bytes;

	begin();
	m = making();
	facts = facts_made("shamir", &m);
	bytes = file_made(&facts, &ring);
	for (size_t i = 0; i < bytes.n; i++) {
		enum bw_err e = bw_seal_open_file(flipped(bytes, i), &root, &found);

		if (e != BW_EPERM && e != BW_ECORRUPT)
			fail_msg("byte %zu of %zu was changed: %s", i, bytes.n, bw_err_name(e));
	}
	for (size_t n = 0; n < bytes.n; n++)
		assert_int_not_equal(bw_seal_open_file(bw_str_sub(bytes, 0, n), &root, &found), BW_OK);
	assert_int_not_equal(
	    bw_seal_open_file(bw_arena_printf(&arena, "%.*sx", BW_FMT(bytes)), &root, &found), BW_OK);
	bw_keyring_free(&ring);
}

TEST(seal_file_of_a_kind_that_nobody_knows_is_none)
{
	const struct bw_seal_facts facts = {.kind = BW_STR("trust")};
	struct bw_keyring ring = bw_keyring_new();
	struct bw_seal_facts back;

	begin();
	assert_int_equal(bw_seal_decode(file_made(&facts, &ring), &arena, &back), BW_ECORRUPT);
	assert_int_equal(bw_seal_decode(BW_STR(""), &arena, &back), BW_ECORRUPT);
	bw_keyring_free(&ring);
}

TEST(keyring_of_an_older_server_derives_what_its_root_key_did)
{
	static const unsigned char salt[32] = {5};
	unsigned char key[32], want[32];
	struct bw_keyring ring;
	uint32_t generation = 0;

	begin();
	ring = bw_keyring_of_root(&root);
	assert_ok(bw_keyring_store_key(&ring, bw_str_make(salt, 32), &generation, key));
	assert_int_equal(generation, 1);
	bw_hkdf(bw_secret_bytes(&root), bw_str_make(salt, 32), BW_STR("bulwark key-encryption key"), want, 32);
	assert_memory_equal(key, want, 32);
	generation = 2;
	assert_int_equal(bw_keyring_store_key(&ring, bw_str_make(salt, 32), &generation, key), BW_ENOTFOUND);
	bw_keyring_free(&ring);
}

/* ---- A passphrase ---- */

TEST(passphrase_opens_and_others_do_not)
{
	const struct bw_str words[] = {PASSPHRASE, BW_STR("correct horse batterY"), BW_STR(""), BW_STR("correct horse battery ")};
	struct bw_seal_make m;
	struct bw_seal_facts facts;

	begin();
	m = making();
	facts = facts_made("passphrase", &m);
	assert_ok(opened(&facts, &words[0], 1));
	assert_int_equal(opened(&facts, &words[1], 1), BW_EPERM);
	assert_int_equal(opened(&facts, &words[2], 1), BW_EINVAL);
	assert_int_equal(opened(&facts, &words[3], 1), BW_EPERM);
	assert_int_equal(opened(&facts, words, 2), BW_EINVAL);
	facts.wrapped = flipped(facts.wrapped, 20);
	assert_int_equal(opened(&facts, &words[0], 1), BW_EPERM);
}

TEST(passphrase_of_the_same_words_never_wraps_alike)
{
	struct bw_seal_make m;
	struct bw_seal_facts one, two;

	begin();
	m = making();
	one = facts_made("passphrase", &m);
	two = facts_made("passphrase", &m);
	assert_false(bw_str_eq(one.salt, two.salt));
	assert_false(bw_str_eq(one.wrapped, two.wrapped));
}

TEST(passphrase_length_has_limits)
{
	struct bw_seal_facts facts = {0};
	struct bw_seal_make m;
	char text[BW_SEAL_WORD_MAX + 1];

	begin();
	memset(text, 'a', sizeof text);
	m = making();
	m.passphrase = bw_str_make(text, BW_PASSPHRASE_MIN - 1);
	assert_int_equal(bw_unseal_kind(BW_STR("passphrase"))->make(&m, &facts), BW_EINVAL);
	m.passphrase.n = BW_PASSPHRASE_MIN;
	assert_ok(bw_unseal_kind(BW_STR("passphrase"))->make(&m, &facts));
	m.passphrase.n = BW_SEAL_WORD_MAX;
	assert_ok(bw_unseal_kind(BW_STR("passphrase"))->make(&m, &facts));
	m.passphrase.n = BW_SEAL_WORD_MAX + 1;
	assert_int_equal(bw_unseal_kind(BW_STR("passphrase"))->make(&m, &facts), BW_EINVAL);
}

/* A file that was tampered with can neither make it cheap nor have it take all the memory. */
TEST(passphrase_cost_has_limits)
{
	const struct bw_str words[] = {PASSPHRASE};
	struct bw_seal_make m;
	struct bw_seal_facts facts, bad;

	begin();
	m = making();
	facts = facts_made("passphrase", &m);
	bad = facts;
	bad.memory_kib = BW_PASSPHRASE_KIB_MIN - 1;
	assert_int_equal(opened(&bad, words, 1), BW_ECORRUPT);
	bad.memory_kib = BW_PASSPHRASE_KIB_MAX + 1;
	assert_int_equal(opened(&bad, words, 1), BW_ECORRUPT);
	bad.memory_kib = BW_PASSPHRASE_KIB_MIN + 8;
	assert_int_equal(opened(&bad, words, 1), BW_EPERM);
	bad = facts;
	bad.passes = 0;
	assert_int_equal(opened(&bad, words, 1), BW_ECORRUPT);
	bad.passes = 17;
	assert_int_equal(opened(&bad, words, 1), BW_ECORRUPT);
	bad.passes = 2;
	assert_int_equal(opened(&bad, words, 1), BW_EPERM);
	bad = facts;
	bad.salt.n = 15;
	assert_int_equal(opened(&bad, words, 1), BW_ECORRUPT);
}

/* ---- Shares ---- */

TEST(shares_any_three_of_five_open_and_two_do_not)
{
	static const unsigned char picks[][3] = {{0, 1, 2}, {4, 2, 0}, {1, 3, 4}};
	struct bw_seal_make m;
	struct bw_seal_facts facts;

	begin();
	m = making();
	facts = facts_made("shamir", &m);
	assert_int_equal(m.told.n, 5);
	for (size_t i = 0; i < BW_COUNT(picks); i++) {
		struct bw_str words[3];

		for (size_t k = 0; k < 3; k++)
			words[k] = m.told.v[picks[i][k]];
		assert_int_equal(opened(&facts, words, 1), BW_EAGAIN);
		assert_int_equal(opened(&facts, words, 2), BW_EAGAIN);
		assert_ok(opened(&facts, words, 3));
	}
	assert_int_equal(opened(&facts, m.told.v, 4), BW_EINVAL);
}

TEST(shares_twice_wrong_foreign_or_misspelt_are_refused_when_said)
{
	struct bw_seal_make m, other;
	struct bw_seal_facts facts;
	struct bw_share forged;
	struct bw_str words[2];
	struct bw_buf text;

	begin();
	m = making();
	facts = facts_made("shamir", &m);
	words[0] = words[1] = m.told.v[0];
	assert_int_equal(opened(&facts, words, 2), BW_EEXISTS);
	/* Another splitting of the same key has the key's name, and is told by its digest. */
	other = making();
	facts_made("shamir", &other);
	words[1] = other.told.v[1];
	assert_int_equal(opened(&facts, words, 2), BW_EPERM);
	/* A share of another key. */
	root.p[0] ^= 1;
	other = making();
	facts_made("shamir", &other);
	root.p[0] ^= 1;
	words[1] = other.told.v[1];
	assert_int_equal(opened(&facts, words, 2), BW_EPERM);
	words[1] = flipped(m.told.v[1], 40);
	assert_int_equal(opened(&facts, words, 2), BW_EINVAL);
	words[1] = BW_STR("correct horse battery");
	assert_int_equal(opened(&facts, words, 2), BW_EINVAL);
	/* Well spelt, and forged. */
	assert_ok(bw_share_parse(m.told.v[1], &forged));
	forged.bytes[7] ^= 1;
	bw_buf_init(&text, BW_SHARE_TEXT_MAX);
	bw_share_print(&forged, &text);
	words[1] = bw_buf_str(&text);
	assert_int_equal(opened(&facts, words, 2), BW_EPERM);
	bw_buf_free(&text);
}

TEST(shares_and_threshold_have_limits)
{
	static const struct {
		int64_t threshold, shares;
		bool good;
	} rows[] = {{1, 2, false}, {2, 2, true}, {3, 2, false}, {2, 1, false}, {32, 32, true}, {2, 33, false}, {33, 33, false}, {0, 0, false}};
	const struct bw_unseal_kind *kind = bw_unseal_kind(BW_STR("shamir"));

	begin();
	for (size_t i = 0; i < BW_COUNT(rows); i++) {
		struct bw_seal_make m = making();
		struct bw_seal_facts facts = {.kind = BW_STR("shamir")};

		m.threshold = rows[i].threshold;
		m.shares = rows[i].shares;
		assert_int_equal(kind->make(&m, &facts), rows[i].good ? BW_OK : BW_EINVAL);
		if (rows[i].good)
			assert_ok(opened(&facts, m.told.v, (size_t)rows[i].threshold));
	}
}

TEST(shares_facts_that_were_changed_are_refused)
{
	struct bw_seal_make m;
	struct bw_seal_facts facts, bad;

	begin();
	m = making();
	facts = facts_made("shamir", &m);
	bad = facts;
	bad.threshold = 2;
	assert_int_equal(opened(&bad, m.told.v, 2), BW_EPERM);
	bad.threshold = 33;
	assert_int_equal(opened(&bad, m.told.v, 3), BW_ECORRUPT);
	bad = facts;
	bad.share_digests.n = 4;
	assert_int_equal(opened(&bad, m.told.v, 3), BW_ECORRUPT);
	bad = facts;
	bad.key_name = BW_STR("1234567");
	assert_int_equal(opened(&bad, m.told.v, 3), BW_ECORRUPT);
}
