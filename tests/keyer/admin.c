/* The operator's requests to a keyer in this process. */
#include "fixture.h"
#include "keyer/admin_internal.h"

static struct keyer_admin *admin;
static struct bw_board *board;
static _Atomic bool held;
static struct bw_keyer_seal seal;
static struct bw_seal_make made;
static int64_t fake_ms;

static int64_t clock_ms(void)
{
	return fake_ms;
}

static void begin(const char *kind)
{
	struct bw_seal_facts facts = {.kind = bw_str_c(kind)};
	struct bw_secret root = root_make();
	struct bw_keyring ring;
	struct bw_buf file;

	if (admin)
		admin_close(admin);
	keyer_begin();
	keyer_close(&keyer);
	made = (struct bw_seal_make){.arena = &arena, .root = &root, .passphrase = BW_STR("correct horse battery"),
	    .memory_kib = BW_PASSPHRASE_KIB_MIN, .passes = 1, .shares = 3, .threshold = 2};
	assert_ok(bw_unseal_kind(facts.kind)->make(&made, &facts));
	ring = bw_keyring_new();
	bw_buf_init(&file, BW_SEAL_FILE_MAX);
	bw_seal_encode(&facts, &root, &ring, &file);
	bw_board_free(board);
	assert_ok(bw_board_new("seal", BW_SEAL_STATUS_MAX, &board));
	assert_ok(bw_board_write_side(board));
	held = true;
	seal = (struct bw_keyer_seal){
	    .file = bw_arena_str(&arena, bw_buf_str(&file)), .listening = -1, .status = board, .held = &held};
	admin = admin_new(&keyer, &seal, clock_ms, &arena);
	bw_buf_free(&file);
	bw_keyring_free(&ring);
	bw_secret_free(&root);
}

static enum bw_err say(const char *verb, struct bw_str word, int64_t now_ms, struct bw_seal_status *status)
{
	struct bw_admin_request r = {.verb = bw_str_c(verb), .words = {bw_str_set(word), &word}};
	struct bw_admin_answer a;

	fake_ms = now_ms;
	admin_answer(admin, &r, &arena, &a);
	assert_ok(bw_seal_status_decode(a.status, &arena, status));
	return (enum bw_err)a.result;
}

static enum bw_err random_asked(void)
{
	const struct bw_keyer_request r = {.op = BW_KEYER_RANDOM, .length = 8};

	return ask(&r).result;
}

TEST(a_sealed_keyer_answers_nothing_until_the_passphrase_is_said)
{
	struct bw_seal_status s;

	begin("passphrase");
	assert_int_equal(random_asked(), BW_EPERM);
	assert_ok(say("status", BW_STR_NONE, 0, &s));
	assert_true(s.sealed);
	assert_str(s.kind, "passphrase");
	assert_str(s.asks, "passphrase");
	assert_int_equal(s.wanted, 1);
	assert_int_equal(s.newest, 0);
	assert_ok(say("unseal", BW_STR("correct horse battery"), 0, &s));
	assert_false(s.sealed);
	assert_int_equal(s.newest, 1);
	assert_false(held);
	assert_ok(random_asked());
	assert_int_equal(say("unseal", BW_STR("correct horse battery"), 0, &s), BW_ECONFLICT);
	assert_false(admin_ended(admin));
	assert_ok(say("seal", BW_STR_NONE, 0, &s));
	assert_true(s.sealed && held && admin_ended(admin));
	assert_int_equal(random_asked(), BW_EPERM);
	assert_null(keyer.ring.bytes.p);
}

TEST(wrong_passphrases_are_heard_slower_and_slower)
{
	struct bw_seal_status s;

	begin("passphrase");
	assert_int_equal(say("unseal", BW_STR("wrong"), 0, &s), BW_EPERM);
	/* Not even the right one is tried before its time. */
	assert_int_equal(say("unseal", BW_STR("correct horse battery"), 999, &s), BW_EQUOTA);
	assert_true(s.sealed);
	assert_int_equal(say("unseal", BW_STR("wrong"), 1000, &s), BW_EPERM);
	assert_int_equal(say("unseal", BW_STR("wrong"), 2999, &s), BW_EQUOTA);
	assert_int_equal(say("unseal", BW_STR("wrong"), 3000, &s), BW_EPERM);
	assert_int_equal(say("unseal", BW_STR("correct horse battery"), 6999, &s), BW_EQUOTA);
	assert_ok(say("unseal", BW_STR("correct horse battery"), 7000, &s));
	assert_false(s.sealed);
}

TEST(shares_are_gathered_one_at_a_time_and_a_wrong_one_costs_no_right_one)
{
	struct bw_seal_status s;

	begin("shamir");
	assert_int_equal(say("unseal", made.told.v[2], 0, &s), BW_EAGAIN);
	assert_int_equal(s.given, 1);
	assert_int_equal(s.wanted, 2);
	assert_int_equal(s.shares, 3);
	assert_int_equal(say("unseal", made.told.v[2], 0, &s), BW_EEXISTS);
	assert_int_equal(say("unseal", BW_STR("bwshare1-2-nonsense"), 0, &s), BW_EINVAL);
	assert_int_equal(s.given, 1);
	assert_true(s.sealed);
	assert_ok(say("unseal", made.told.v[0], 0, &s));
	assert_false(s.sealed);
	assert_ok(random_asked());
}

TEST(sealing_forgets_what_was_half_said)
{
	struct bw_seal_status s;

	begin("shamir");
	assert_int_equal(say("unseal", made.told.v[0], 0, &s), BW_EAGAIN);
	assert_ok(say("seal", BW_STR_NONE, 0, &s));
	assert_int_equal(s.given, 0);
	/* It was sealed before: its process goes on. */
	assert_false(admin_ended(admin));
	assert_int_equal(say("unseal", made.told.v[1], 0, &s), BW_EAGAIN);
}

TEST(what_is_no_request_is_refused)
{
	struct bw_str many[BW_SEAL_WORDS_MAX + 1], word;
	struct bw_admin_request r = {.verb = BW_STR("unseal"), .words = {BW_SEAL_WORDS_MAX, many}}, back;
	struct bw_seal_status s;
	struct bw_buf b;
	char text[BW_SEAL_WORD_MAX + 1];

	begin("passphrase");
	assert_int_equal(say("open sesame", BW_STR_NONE, 0, &s), BW_EINVAL);
	assert_int_equal(say("unseal", BW_STR_NONE, 0, &s), BW_EINVAL);
	for (size_t i = 0; i < BW_COUNT(many); i++)
		many[i] = BW_STR("a word");
	for (int over = 0; over < 2; over++) {
		r.words.n = BW_SEAL_WORDS_MAX + (size_t)over;
		bw_buf_init(&b, BW_ADMIN_MESSAGE_MAX);
		admin_request_encode(&r, &b);
		assert_int_equal(admin_request_decode(bw_buf_str(&b), &arena, &back), over ? BW_ECORRUPT : BW_OK);
		bw_buf_free(&b);
	}
	memset(text, 'a', sizeof text);
	for (size_t n = BW_SEAL_WORD_MAX; n <= BW_SEAL_WORD_MAX + 1; n++) {
		word = bw_str_make(text, n);
		r.words = (struct bw_strs){1, &word};
		bw_buf_init(&b, BW_ADMIN_MESSAGE_MAX);
		admin_request_encode(&r, &b);
		assert_int_equal(
		    admin_request_decode(bw_buf_str(&b), &arena, &back), n > BW_SEAL_WORD_MAX ? BW_ECORRUPT : BW_OK);
		bw_buf_free(&b);
	}
	assert_int_equal(admin_request_decode(BW_STR("nonsense"), &arena, &back), BW_ECORRUPT);
	assert_int_equal(admin_request_decode(BW_STR(""), &arena, &back), BW_ECORRUPT);
}
