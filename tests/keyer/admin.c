/* The operator's requests to a keyer in this process. */
#include "fixture.h"
#include "base/sys.h"
#include "keyer/admin_internal.h"
#include "proc/proc.h"

#include <sys/socket.h>
#include <unistd.h>

static struct keyer_admin *admin;
static struct bw_board *board;
static _Atomic bool held;
static struct bw_keyer_seal seal;
static struct bw_seal_make made;
static int64_t fake_ms;
static struct bw_arena kept; /* of every test's admin, as a process has one for its life */

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
	else
		bw_arena_init(&kept, 1 << 20);
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
	admin = admin_new(&keyer, &seal, clock_ms, &kept);
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

TEST(the_operator_asks_the_parent_for_an_upgrade_by_no_number_of_a_process)
{
	struct bw_seal_status s;
	struct bw_proc_message m;
	int ends[2];

	begin("passphrase");
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	seal.parent = ends[0];
	assert_ok(say("upgrade", BW_STR_NONE, 0, &s)); /* sealed or not */
	assert_true(s.sealed);
	assert_ok(bw_proc_receive(ends[1], 1u << BW_PROC_UPGRADE, &m));
	assert_int_equal(m.type, BW_PROC_UPGRADE);
	assert_int_equal(m.n, 0);
	close(ends[1]);
	assert_int_equal(say("upgrade", BW_STR_NONE, 0, &s), BW_EIO);
	close(ends[0]);
	seal.parent = -1;
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

/* ---- Another root key, other main keys ---- */

static struct bw_str root_hex(void)
{
	return BW_STR("0707070707070707070707070707070707070707070707070707070707070707");
}

static void unsealed(void)
{
	struct bw_seal_status s;

	begin("passphrase");
	assert_ok(say("unseal", BW_STR("correct horse battery"), 0, &s));
}

/* Asks for a rotation to shares of the root key `fresh`. */
static enum bw_err rotate(struct bw_str word, struct bw_secret *fresh, struct bw_seal_make *shares, struct bw_str *file)
{
	struct bw_seal_facts facts = {.kind = BW_STR("shamir")};
	struct bw_keyring nothing = bw_keyring_new();
	struct bw_admin_request r = {.verb = BW_STR("rotate"), .words = {1, &word}};
	struct bw_admin_answer a;
	struct bw_buf b;

	*shares = (struct bw_seal_make){.arena = &arena, .root = fresh, .shares = 3, .threshold = 2};
	assert_ok(bw_unseal_kind(facts.kind)->make(shares, &facts));
	bw_buf_init(&b, BW_SEAL_FILE_MAX);
	bw_seal_encode(&facts, fresh, &nothing, &b);
	r.file = bw_buf_str(&b);
	r.root = bw_secret_bytes(fresh);
	admin_answer(admin, &r, &arena, &a);
	*file = a.file;
	bw_buf_free(&b);
	bw_keyring_free(&nothing);
	return (enum bw_err)a.result;
}

static enum bw_err rotated(struct bw_str file)
{
	struct bw_admin_request r = {.verb = BW_STR("rotated"), .file = file};
	struct bw_admin_answer a;

	admin_answer(admin, &r, &arena, &a);
	return (enum bw_err)a.result;
}

TEST(another_root_key_wraps_the_same_main_keys)
{
	struct bw_secret fresh = bw_secret_new(32);
	struct bw_keyring ring;
	struct bw_seal_make shares;
	struct bw_seal_status s;
	struct bw_str file;

	bw_random(fresh.p, fresh.n);
	unsealed();
	assert_int_equal(rotated(seal.file), BW_OK); /* nothing changes */
	assert_ok(rotate(root_hex(), &fresh, &shares, &file));
	assert_ok(bw_seal_open_file(file, &fresh, &ring));
	assert_memory_equal(ring.bytes.p, keyer.ring.bytes.p, 96);
	bw_keyring_free(&ring);
	/* Until it stands on the disk, the older one counts. */
	assert_ok(say("status", BW_STR_NONE, 0, &s));
	assert_str(s.kind, "passphrase");
	assert_int_equal(rotated(flipped(file, 30)), BW_ECONFLICT);
	assert_ok(rotated(file));
	assert_ok(say("status", BW_STR_NONE, 0, &s));
	assert_str(s.kind, "shamir");
	assert_int_equal(s.wanted, 2);
	assert_ok(random_asked());
	/* The older root key is none any more. */
	assert_int_equal(rotate(root_hex(), &fresh, &shares, &file), BW_EPERM);
	bw_secret_free(&fresh);
}

TEST(who_does_not_know_the_root_key_gets_no_keyring)
{
	struct bw_secret fresh = bw_secret_new(32);
	struct bw_seal_make shares;
	struct bw_str file;

	unsealed();
	fake_ms = 0;
	assert_int_equal(rotate(BW_STR("0007070707070707070707070707070707070707070707070707070707070707"), &fresh, &shares, &file), BW_EPERM);
	assert_false(bw_str_set(file));
	/* And guesses as slowly as at a passphrase. */
	assert_int_equal(rotate(root_hex(), &fresh, &shares, &file), BW_EQUOTA);
	fake_ms = 1000;
	assert_int_equal(rotate(BW_STR("nonsense"), &fresh, &shares, &file), BW_EINVAL);
	assert_ok(rotate(root_hex(), &fresh, &shares, &file));
	bw_secret_free(&fresh);
	begin("passphrase");
	fresh = bw_secret_new(32);
	assert_int_equal(rotate(root_hex(), &fresh, &shares, &file), BW_ECONFLICT); /* sealed */
	bw_secret_free(&fresh);
}

static enum bw_err rekey_asked(struct bw_str disk, bool end, struct bw_str *file)
{
	const struct bw_keyer_request r = {.op = BW_KEYER_REKEY, .input = disk, .plain = end};
	struct bw_keyer_answer a = ask(&r);

	*file = bw_arena_str(&arena, a.out);
	return a.result;
}

static enum bw_err rekeyed(struct bw_str disk)
{
	const struct bw_keyer_request r = {.op = BW_KEYER_REKEYED, .input = disk};

	return ask(&r).result;
}

TEST(a_newer_main_key_wraps_and_the_older_one_opens_until_it_is_destroyed)
{
	struct bw_keyer_request r;
	struct bw_keyer_material old, fresh;
	struct bw_seal_status s;
	struct bw_str two, one;

	unsealed();
	old = key_make(BW_KEY_SYMMETRIC_DEFAULT, NULL);
	assert_int_equal(bw_keyer_generation(old.wrapped), 1);
	assert_ok(say("rekey", BW_STR_NONE, 0, &s));
	assert_true(s.rekey);
	assert_int_equal(rekey_asked(seal.file, true, &two), BW_EAGAIN); /* there is nothing to end */
	assert_int_equal(rekey_asked(flipped(seal.file, 20), false, &two), BW_EAGAIN);
	assert_ok(rekey_asked(seal.file, false, &two));
	assert_int_equal(bw_keyer_generation(key_make(BW_KEY_SYMMETRIC_DEFAULT, NULL).wrapped), 1);
	assert_ok(rekeyed(two));
	assert_ok(say("status", BW_STR_NONE, 0, &s));
	assert_false(s.rekey);
	assert_int_equal(s.oldest, 1);
	assert_int_equal(s.newest, 2);
	fresh = key_make(BW_KEY_SYMMETRIC_DEFAULT, NULL);
	assert_int_equal(bw_keyer_generation(fresh.wrapped), 2);
	/* The older one opens, and is wrapped anew. */
	r = (struct bw_keyer_request){.op = BW_KEYER_REWRAP, .key = old, .other = old};
	fresh = old;
	fresh.wrapped = ask_ok(&r);
	assert_int_equal(bw_keyer_generation(fresh.wrapped), 2);
	assert_ok(rekey_asked(two, true, &one));
	assert_ok(rekeyed(one));
	assert_ok(say("status", BW_STR_NONE, 0, &s));
	assert_int_equal(s.oldest, 2);
	assert_int_equal(s.newest, 2);
	r = (struct bw_keyer_request){.op = BW_KEYER_ENCRYPT, .key = old, .algorithm = BW_ALG_SYMMETRIC_DEFAULT, .input = BW_STR("x")};
	assert_int_equal(ask(&r).result, BW_ECORRUPT);
	r.key = fresh;
	assert_ok(ask(&r).result);
}

TEST(a_rotation_and_a_rekey_do_not_meet)
{
	struct bw_secret fresh = bw_secret_new(32);
	struct bw_seal_make shares;
	struct bw_seal_status s;
	struct bw_str file, two, one;

	bw_random(fresh.p, fresh.n);
	unsealed();
	/* A rotation that stands on the disk, though nobody said so: it is taken over by who reads the disk. */
	assert_ok(rotate(root_hex(), &fresh, &shares, &file));
	assert_ok(say("rekey", BW_STR_NONE, 0, &s));
	assert_ok(rekey_asked(file, false, &two));
	assert_ok(rekeyed(two));
	assert_int_equal(rotate(root_hex(), &fresh, &shares, &file), BW_ECONFLICT);
	assert_ok(rekey_asked(two, true, &one));
	assert_ok(rekeyed(one));
	assert_ok(say("status", BW_STR_NONE, 0, &s));
	assert_str(s.kind, "shamir");
	bw_secret_free(&fresh);
}
