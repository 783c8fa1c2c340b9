#include "test.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <link.h>
#include <pcre2.h>
#include <time.h>

#include "aws/wire/wire_internal.h"
#include "base/sys.h"
#include "aws/pack.h"
#include "gen/elbv2.h"
#include "gen/iam.h"
#include "gen/sso-admin.h"
#include "gen/sts.h"

TEST(shape_finds_services_and_operations)
{
	const struct bw_service *iam = bw_service_find(BW_STR("iam"));
	const struct bw_operation *op = bw_operation_find(iam, BW_STR("CreateUser"));

	assert_ptr_equal(iam, &bw_service_iam);
	assert_non_null(bw_service_find(BW_STR("sso-admin")));
	assert_null(bw_service_find(BW_STR("IAM")));
	assert_null(bw_service_find(BW_STR("")));
	assert_string_equal(bw_at(op->action), "iam:CreateUser");
	assert_string_equal(bw_at(op->access), "Write");
	assert_string_equal(bw_at(bw_at(op->resource_types)[0].at), "user");
	assert_null(bw_at(bw_at(op->resource_types)[1].at));
	assert_string_equal(bw_at(op->result_wrapper), "CreateUserResult");
	assert_null(bw_operation_find(iam, BW_STR("createUser")));
	assert_null(bw_operation_find(iam, BW_STR("CreateUse")));
	assert_null(bw_operation_find(iam, BW_STR("CreateUserX")));
	assert_null(bw_operation_find(iam, BW_STR("")));
	assert_null(bw_operation_find(iam, BW_STR("AAA")));
	assert_null(bw_operation_find(iam, BW_STR("zzz")));
}

TEST(shape_finds_errors_by_their_wire_code)
{
	const struct bw_operation *op = bw_operation_find(&bw_service_iam, BW_STR("CreateUser"));
	const struct bw_shape *e = bw_operation_error(op, BW_STR("EntityAlreadyExists"));

	assert_int_equal(e->error_status, 409);
	assert_true(e->error_sender);
	assert_null(bw_operation_error(op, BW_STR("EntityAlreadyExistsException")));
	assert_null(bw_operation_error(op, BW_STR("")));
	assert_int_equal(bw_operation_error(op, BW_STR("ServiceFailure"))->error_status, 500);
}

TEST(shape_structs_and_tables_agree)
{
	const struct bw_shape *s = bw_at(bw_operation_find(&bw_service_iam, BW_STR("CreateUser"))->input);
	const struct bw_member *members = bw_at(s->members);
	IN_iam_CreateUser in = {.UserName = BW_STR("x")};
	OUT_iam_DeleteUser nothing = {0};

	assert_int_equal(s->size, sizeof in);
	assert_int_equal(members[1].offset, offsetof(struct iam_CreateUserRequest, UserName));
	assert_true(members[1].required);
	assert_int_equal(sizeof nothing, sizeof(struct bw_empty));
	assert_int_equal(bw_at(bw_at(members[3].shape)->element)->size, sizeof(struct iam_Tag));
	assert_true(bw_operation_find(&bw_service_sts, BW_STR("AssumeRoleWithWebIdentity"))->unsigned_ok);
	assert_false(bw_operation_find(&bw_service_sts, BW_STR("AssumeRole"))->unsigned_ok);
}

/* What must hold of every table, whatever a refresh brings. */
static void service_check(const struct bw_service *s)
{
	for (uint32_t i = 0; i < s->operation_count; i++) {
		const struct bw_operation *op = &s->operations[i];

		assert_ptr_equal(bw_service_of(op), s);
		assert_ptr_equal(bw_operation_find(s, bw_str_c(bw_at(op->name))), op);
		assert_true(bw_str_starts(bw_str_c(bw_at(op->action)), bw_str_c(s->prefix)));
		assert_non_null(bw_at(op->errors));
		assert_non_null(bw_at(op->resource_types));
		assert_non_null(bw_at(op->condition_keys));
		for (const struct bw_shape_at *e = bw_at(op->errors); e->at.by; e++)
			assert_true(bw_at(e->at)->error_code.by && bw_at(e->at)->error_status >= 400);
	}
}

TEST(shape_every_table_is_whole)
{
	const char *last = "";
	size_t operations = 0;

	for (const struct bw_service *const *s = bw_services; *s; s++) {
		assert_true(strcmp(last, (*s)->name) < 0);
		last = (*s)->name;
		service_check(*s);
		operations += (*s)->operation_count;
		if ((*s)->protocol == BW_PROTOCOL_JSON)
			assert_non_null((*s)->target_prefix);
		else if ((*s)->protocol != BW_PROTOCOL_REST_JSON)
			assert_non_null((*s)->xmlns);
	}
	assert_true(operations > 800);
}

/* ---- Where the tables lie ---- */

struct place {
	uintptr_t at;
	bool found, written;
};

/* The first is the program: whether the place is in what the loader writes into, and then protects. */
static int place_judge(struct dl_phdr_info *program, __attribute__((unused)) size_t n, void *ctx)
{
	struct place *p = ctx;

	for (size_t i = 0; i < program->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &program->dlpi_phdr[i];
		bool within = p->at - (program->dlpi_addr + h->p_vaddr) < h->p_memsz;

		if (within && (h->p_type == PT_GNU_RELRO || (h->p_type == PT_LOAD && h->p_flags & PF_W)))
			p->written = true;
		if (within && h->p_type == PT_LOAD)
			p->found = true;
	}
	return 1;
}

TEST(shape_tables_are_not_written_when_they_are_loaded)
{
	for (const struct bw_service *const *s = bw_services; *s; s++) {
		struct place p = {.at = (uintptr_t)(*s)->operations};

		dl_iterate_phdr(place_judge, &p);
		assert_true(p.found);
		assert_false(p.written);
	}
}

/* ---- Every pattern of every model ---- */

struct seen {
	const struct bw_shape *shapes[8192];
	size_t n;
};

static void each_pattern(const struct bw_shape *s, struct seen *seen, void (*each)(const struct bw_shape *s))
{
	if (!s)
		return;
	for (size_t i = 0; i < seen->n; i++)
		if (seen->shapes[i] == s)
			return;
	assert_true(seen->n < BW_COUNT(seen->shapes));
	seen->shapes[seen->n++] = s;
	if (s->pattern.by)
		each(s);
	each_pattern(bw_at(s->element), seen, each);
	each_pattern(bw_at(s->key), seen, each);
	for (uint32_t i = 0; i < s->member_count; i++)
		each_pattern(bw_at(bw_at(s->members)[i].shape), seen, each);
}

static void all_patterns(void (*each)(const struct bw_shape *s))
{
	static struct seen seen;

	for (const struct bw_service *const *s = bw_services; *s; s++) {
		seen.n = 0;
		for (uint32_t i = 0; i < (*s)->operation_count; i++) {
			each_pattern(bw_at((*s)->operations[i].input), &seen, each);
			each_pattern(bw_at((*s)->operations[i].output), &seen, each);
		}
	}
}

static bool matches_by(bool (*by)(struct wire_in *w, const struct bw_pattern *p, struct bw_str text), const struct bw_pattern *p,
    struct bw_str text)
{
	struct bw_arena arena;
	struct wire_in w = {.arena = &arena};
	bool yes;

	bw_arena_init(&arena, 1 << 26);
	yes = by(&w, p, text);
	bw_arena_free(&arena);
	return yes;
}

static bool matches(const struct bw_pattern *p, struct bw_str text)
{
	return matches_by(wire_pattern_matches, p, text);
}

static size_t patterns;

static void pattern_compiles(const struct bw_shape *s)
{
	patterns++;
	/* Matching compiles; a pattern that does not compile panics. A trailing newline must not slip past an
	 * anchor. */
	matches(bw_at(s->pattern), BW_STR("arn:aws:iam::123456789012:user/x"));
	assert_true(strncmp(bw_at(bw_at(s->pattern)->pcre), "\\A(?", 4) == 0);
}

TEST(shape_every_pattern_compiles)
{
	patterns = 0;
	all_patterns(pattern_compiles);
	assert_true(patterns > 300);
}

/* Texts that make backtracking engines sweat, for each pattern, in bounded time. */
static void pattern_is_bounded(const struct bw_shape *s)
{
	static char text[5][4096];
	static const char *const parts[] = {"a", "a.", "/a", "-a", "a-a."};
	clock_t started = clock(); /* of this process: others may be at work */
	clock_t spent;

	for (size_t i = 0; i < BW_COUNT(parts); i++) {
		for (size_t at = 0; at + strlen(parts[i]) < sizeof text[i]; at += strlen(parts[i]))
			memcpy(text[i] + at, parts[i], strlen(parts[i]));
		text[i][sizeof text[i] - 1] = '\x01';
		matches(bw_at(s->pattern), bw_str_make(text[i], sizeof text[i]));
	}
	/* A sanitizer build is some ten times slower than the program. */
	spent = clock() - started;
	if (spent > CLOCKS_PER_SEC)
		fail_msg("%s took %ld ms", bw_at(bw_at(s->pattern)->text), (long)(spent / (CLOCKS_PER_SEC / 1000)));
}

TEST(shape_every_pattern_is_bounded)
{
	all_patterns(pattern_is_bounded);
}

/* The short cut for one set repeated agrees with the engine, on every ASCII character alone, doubled and next
 * to a good one. */
static void shortcut_agrees(const struct bw_shape *s)
{
	const struct bw_pattern *p = bw_at(s->pattern);
	char text[2];

	if (!p->one_class)
		return;
	for (int i = 0; i < 256; i++) {
		/* Both take the same code path from 128 on; a lone byte there is no text. */
		text[0] = (char)(i & 127);
		text[1] = i < 128 ? text[0] : 'a';
		for (size_t n = 0; n <= 2; n++)
			if (matches(p, bw_str_make(text, n)) !=
			    matches_by(wire_pattern_engine_matches, p, bw_str_make(text, n)))
				fail_msg("%s differs on %d", bw_at(p->text), i);
	}
}

TEST(shape_shortcut_agrees_with_the_engine)
{
	all_patterns(shortcut_agrees);
}

static bool pattern_takes(const char *service, const char *operation, uint32_t member, const char *text)
{
	const struct bw_operation *op =
	    bw_operation_find(bw_service_find(bw_str_c(service)), bw_str_c(operation));

	return matches(bw_at(bw_at(bw_at(bw_at(op->input)->members)[member].shape)->pattern), bw_str_c(text));
}

TEST(shape_patterns_match_the_whole_value)
{
	assert_true(pattern_takes("iam", "CreateUser", 1, "a+=,.@-_b"));
	assert_false(pattern_takes("iam", "CreateUser", 1, "a b"));
	assert_false(pattern_takes("iam", "CreateUser", 1, "ab\n"));
	assert_false(pattern_takes("iam", "CreateUser", 1, "\nab"));
	assert_false(pattern_takes("iam", "CreateUser", 1, ""));
	assert_false(pattern_takes("iam", "CreateUser", 1, "\xc3\xa9")); /* \w is ASCII in Java */
	assert_true(pattern_takes("iam", "CreateUser", 0, "/a/b/"));
	assert_true(pattern_takes("iam", "CreateUser", 0, "/"));
	assert_false(pattern_takes("iam", "CreateUser", 0, "/a"));
	assert_false(pattern_takes("iam", "CreateUser", 0, "a/"));
	/* Ranges of code points: \u0020-\u00FF of a policy document. */
	assert_true(pattern_takes("iam", "CreatePolicy", 2, "{\"a\": \"\xc3\xbf\"}"));
	assert_false(pattern_takes("iam", "CreatePolicy", 2, "\xc4\x80"));
	assert_false(pattern_takes("iam", "CreatePolicy", 2, "\x01"));
	/* Alternatives without brackets around them: each is whole. */
	assert_true(pattern_takes("organizations", "AttachPolicy", 1, "123456789012"));
	assert_false(pattern_takes("organizations", "AttachPolicy", 1, "1234567890123"));
	assert_false(pattern_takes("organizations", "AttachPolicy", 1, "r-abcdxxx!"));
}

TEST(shape_a_secret_of_a_load_balancer_is_kept_but_not_told)
{
	struct elbv2_AuthenticateOidcActionConfig config = {.ClientId = BW_STR("id"), .ClientSecret = BW_STR("hush")}, back;
	struct bw_arena a;
	struct bw_buf told;
	struct bw_str kept;

	bw_arena_init(&a, 1 << 20);
	bw_buf_init(&told, 4096);
	bw_shape_audit(elbv2_AuthenticateOidcActionConfig_shape, &config, &told);
	assert_true(bw_str_has(bw_buf_str(&told), BW_STR("\"id\"")));
	assert_false(bw_str_has(bw_buf_str(&told), BW_STR("hush")));
	kept = bw_shape_pack(elbv2_AuthenticateOidcActionConfig_shape, &config, &a);
	assert_ok(bw_shape_unpack(elbv2_AuthenticateOidcActionConfig_shape, kept, &a, &back));
	assert_str(back.ClientSecret, "hush");
	assert_true(bw_shape_same(elbv2_AuthenticateOidcActionConfig_shape, &config, &back, &a));
	bw_buf_free(&told);
	bw_arena_free(&a);
}

/* What was written by a later model, and what no model ever wrote. */
TEST(shape_packed_text_is_read_strictly)
{
	static const char *const bad[] = {"{", "[]", "{\"Port\":\"x\"}", "{\"Port\":1}}", "null", "{\"Port\":1,\"Port\":2}"};
	struct elbv2_Listener l;
	struct bw_arena a;

	bw_arena_init(&a, 1 << 20);
	assert_ok(bw_shape_unpack(elbv2_Listener_shape, BW_STR("{\"Later\":{\"A\":[1]},\"Port\":7}"), &a, &l));
	assert_true(l.Port.set && l.Port.v == 7);
	assert_ok(bw_shape_unpack(elbv2_Listener_shape, BW_STR_NONE, &a, &l));
	assert_false(l.Port.set);
	for (size_t i = 0; i < BW_COUNT(bad); i++)
		assert_int_equal(bw_shape_unpack(elbv2_Listener_shape, bw_str_c(bad[i]), &a, &l), BW_ECORRUPT);
	bw_arena_free(&a);
}
