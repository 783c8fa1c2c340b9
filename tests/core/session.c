#include "test.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "core/session.h"
#include "crypto/crypto.h"

struct fixture {
	struct bw_arena arena;
	struct bw_store *store;
	struct bw_sessions *sessions;
};

static void setup(struct fixture *f, const char *name)
{
	struct bw_store_config config = {.ephemeral = true};

	bw_crypto_init();
	bw_arena_init(&f->arena, 1 << 24);
	config.data_dir = bw_arena_printf(&f->arena, "/tmp/bw-session-%s-%d", name, (int)getpid());
	assert_ok(bw_store_open(&config, &f->store));
	f->sessions = bw_sessions_new(f->store);
}

static void teardown(struct fixture *f)
{
	bw_sessions_free(f->sessions);
	bw_store_close(f->store);
	bw_arena_free(&f->arena);
}

static struct bw_session sample(void)
{
	return (struct bw_session){.kind = 2, .account = BW_STR("123456789012"), .name = BW_STR("role"),
	    .entity_id = BW_STR("AROAX"), .session_name = BW_STR("s"), .issued_ms = 1000, .expires_ms = 2000};
}

TEST(session_tokens_open_to_what_was_sealed)
{
	struct fixture f;
	struct bw_session s = sample(), back;
	struct bw_str token;

	setup(&f, "open");
	bw_pairs_set(&s.tags, &f.arena, BW_STR("team"), BW_STR("red"));
	bw_strs_add(&s.transitive, &f.arena, BW_STR("team"));
	assert_ok(bw_session_issue(f.sessions, &s, &f.arena, &token));
	assert_true(bw_str_starts(s.key_id, BW_STR("ASIA")));
	assert_ok(bw_session_open(f.sessions, s.key_id, token, &f.arena, &back));
	assert_true(bw_str_eq(back.secret, s.secret));
	assert_str(back.session_name, "s");
	assert_int_equal(back.expires_ms, 2000);
	assert_str(bw_pairs_find(&back.tags, BW_STR("team"))->value, "red");
	assert_true(bw_strs_has(&back.transitive, BW_STR("team")));
	teardown(&f);
}

TEST(session_tokens_changed_or_borrowed_are_refused)
{
	struct fixture f;
	struct bw_session s = sample(), other = sample(), back;
	struct bw_str token, other_token;

	setup(&f, "refuse");
	assert_ok(bw_session_issue(f.sessions, &s, &f.arena, &token));
	assert_ok(bw_session_issue(f.sessions, &other, &f.arena, &other_token));
	assert_int_equal(bw_session_open(f.sessions, s.key_id, other_token, &f.arena, &back), BW_ECORRUPT);
	assert_int_equal(bw_session_open(f.sessions, s.key_id, BW_STR(""), &f.arena, &back), BW_ECORRUPT);
	assert_int_equal(bw_session_open(f.sessions, s.key_id, bw_str_sub(token, 0, token.n - 4), &f.arena, &back), BW_ECORRUPT);
	for (size_t i = 0; i < token.n; i += 7) {
		char *changed = bw_strdup(token);

		changed[i] = changed[i] == 'A' ? 'B' : 'A';
		assert_int_equal(bw_session_open(f.sessions, s.key_id, bw_str_make(changed, token.n), &f.arena, &back), BW_ECORRUPT);
		bw_free(changed);
	}
	teardown(&f);
}

TEST(session_tokens_have_a_ceiling)
{
	struct fixture f;
	struct bw_session s = sample();
	struct bw_str token;

	setup(&f, "ceiling");
	s.policy = bw_str_make(bw_arena_alloc(&f.arena, BW_SESSION_TOKEN_MAX), BW_SESSION_TOKEN_MAX);
	assert_int_equal(bw_session_issue(f.sessions, &s, &f.arena, &token), BW_ETOOBIG);
	s.policy = bw_str_sub(s.policy, 0, 4095);
	assert_int_equal(bw_session_packed_percent(&s), 100);
	s.policy = bw_str_make(s.policy.p, 4096);
	assert_int_equal(bw_session_packed_percent(&s), 101);
	teardown(&f);
}

TEST(session_messages_open_only_whole)
{
	struct fixture f;
	struct bw_str text, json;

	setup(&f, "message");
	assert_ok(bw_message_seal(f.sessions, BW_STR("123456789012"), BW_STR("{\"allowed\":false}"), &f.arena, &text));
	assert_ok(bw_message_open(f.sessions, BW_STR("123456789012"), text, &f.arena, &json));
	assert_str(json, "{\"allowed\":false}");
	/* What one account was denied is not another's to read. */
	assert_int_equal(
	    bw_message_open(f.sessions, BW_STR("123456789013"), text, &f.arena, &json), BW_ECORRUPT);
	assert_int_equal(bw_message_open(f.sessions, BW_STR("123456789012"), BW_STR("bm90IG91cnM="), &f.arena, &json), BW_ECORRUPT);
	assert_int_equal(bw_message_open(f.sessions, BW_STR("123456789012"), BW_STR("not base64"), &f.arena, &json), BW_ECORRUPT);
	teardown(&f);
}

TEST(session_markers_are_of_one_account_and_list)
{
	static const struct bw_str account = BW_STR("123456789012"), list = BW_STR("iam:ListUsers");
	char mac[BW_MARKER_MAC], other[BW_MARKER_MAC];
	struct fixture f;

	setup(&f, "marker");
	bw_marker_mac(f.sessions, account, list, BW_STR("maya"), &f.arena, mac);
	bw_marker_mac(f.sessions, account, list, BW_STR("maya"), &f.arena, other);
	assert_memory_equal(mac, other, sizeof mac);
	bw_marker_mac(f.sessions, BW_STR("123456789013"), list, BW_STR("maya"), &f.arena, other);
	assert_memory_not_equal(mac, other, sizeof mac);
	bw_marker_mac(f.sessions, account, BW_STR("iam:ListRoles"), BW_STR("maya"), &f.arena, other);
	assert_memory_not_equal(mac, other, sizeof mac);
	bw_marker_mac(f.sessions, account, list, BW_STR("mayb"), &f.arena, other);
	assert_memory_not_equal(mac, other, sizeof mac);
	teardown(&f);
}
