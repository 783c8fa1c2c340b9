/* The index by action: lists of names of every make against a matcher that looks at them one by one. */
#include "asking.h"

#include <stdio.h>
#include <stdlib.h>

#include "policy/form.h"

enum { PATTERNS_MAX = 40, ACTION_ROOM = 40 };

static uint64_t seed = 1181783497276652981u;

static size_t below(size_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (size_t)(seed % n);
}

static bool glob(const char *p, const char *t)
{
	if (*p == '*')
		return glob(p + 1, t) || (*t && glob(p, t + 1));
	if (!*p || !*t)
		return *p == *t;
	return (*p == '?' || (*p | 0x20) == (*t | 0x20)) && glob(p + 1, t + 1);
}

/* A service of one of few, and few letters, so that names are in each other often. */
static void action_random(char *out, size_t most, bool wild)
{
	static const char *const services[] = {"s:", "S:", "st:", "twelveletter:"}, letters[] = "aAbB";
	size_t n = below(most);
	const char *front = wild && below(12) == 0 ? "*:" : services[below(4)];

	out += snprintf(out, ACTION_ROOM, "%s", wild && below(60) == 0 ? "*" : front);
	if (out[-1] == '*')
		return;
	for (size_t i = 0; i < n; i++)
		*out++ = wild && below(9) == 0 ? "*?"[below(2)] : letters[below(4)];
	if (wild && below(3) == 0)
		*out++ = '*';
	*out = '\0';
}

static bool glob_any(char patterns[PATTERNS_MAX][ACTION_ROOM], size_t n, const char *action)
{
	for (size_t i = 0; i < n; i++)
		if (glob(patterns[i], action))
			return true;
	return false;
}

TEST(policy_index_finds_every_name)
{
	char patterns[PATTERNS_MAX][ACTION_ROOM], action[ACTION_ROOM];
	size_t hits = 0, asked = 0;

	for (size_t round = 0; round < 2500; round++) {
		size_t n = 1 + below(round % 2 ? 6 : PATTERNS_MAX);
		const char *element = below(5) ? "Action" : "NotAction";
		bool negated = element[0] == 'N';
		struct bw_policy *p;
		struct bw_buf text;

		bw_buf_init(&text, 1 << 16);
		bw_buf_printf(&text,
		    "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Resource\":\"*\",\"%"
		    "s\":[",
		    element);
		for (size_t i = 0; i < n; i++) {
			action_random(patterns[i], 12, true);
			bw_buf_printf(&text, "%s\"%s\"", i ? "," : "", patterns[i]);
		}
		bw_buf_printf(&text, "]}}");
		assert_int_equal(bw_policy_compile(bw_buf_str(&text), BW_POLICY_IDENTITY, &p, NULL), BW_OK);
		for (size_t i = 0; i < 30; i++) {
			struct bw_policy_request r = {
			    .principal_kind = BW_PRINCIPAL_USER, .resource = BW_STR("*")};
			bool want;

			action_random(action, 14, false);
			r.action = bw_str_c(action);
			want = glob_any(patterns, n, action) != negated;
			if ((bw_policy_evaluate_one(p, &r, NULL) == BW_ALLOWED) != want)
				fail_msg("%s of %.*s should be %d", action, BW_FMT(bw_buf_str(&text)), want);
			hits += want;
			asked++;
		}
		bw_policy_release(p);
		bw_buf_free(&text);
	}
	assert_in_range(hits, asked / 10, asked * 9 / 10);
}

struct hashed {
	uint32_t hash, number;
};

static int by_hash(const void *a, const void *b)
{
	const struct hashed *x = a, *y = b;

	return (x->hash > y->hash) - (x->hash < y->hash);
}

static void service_name(char out[32], uint32_t number)
{
	uint64_t mixed = number * 0x9e3779b97f4a7c15u;

	memset(out, 0, 32);
	for (size_t i = 0; i < 13; i++, mixed = (mixed ^ mixed >> 31) * 0xbf58476d1ce4e5b9u)
		out[i] = (char)('a' + (mixed >> 32) % 26);
}

/* Two services whose hashes are the same. */
static void services_alike(char a[32], char b[32])
{
	enum { TRIED = 400000 };
	struct hashed *all = bw_alloc(TRIED * sizeof *all);
	size_t at = 1;

	for (uint32_t i = 0; i < TRIED; i++) {
		service_name(a, i);
		all[i] = (struct hashed){service_hash(bw_str_c(a)), i};
	}
	qsort(all, TRIED, sizeof *all, by_hash);
	while (at < TRIED && all[at].hash != all[at - 1].hash)
		at++;
	assert_true(at < TRIED);
	service_name(a, all[at - 1].number);
	service_name(b, all[at].number);
	bw_free(all);
}

TEST(policy_index_tells_services_that_hash_alike)
{
	static const struct {
		bool second;
		const char *name;
		bool allowed;
	} rows[] = {{false, "GetX", true}, {true, "GetX", true}, {true, "GetXY", false},
	    {false, "PutZ", false}, {true, "PutZ", true}, {false, "Az", true}, {true, "Az", false},
	    {true, "", false}, {false, "", false}};
	char a[32], b[32];
	struct asking asking;

	services_alike(a, b);
	asking_begin(&asking);
	asking.layers.identity = list_of(&asking, BW_POLICY_IDENTITY, "p",
	    bw_arena_printf(&asking.arena,
	        "{'Version':'2012-10-17','Statement':{'Effect':'Allow','Resource':'*','Action':['%s:Get*','%"
	        "s:Put*',"
	        "'%s:GetX','%s:A?']}}",
	        a, b, b, a)
	        .p);
	for (size_t i = 0; i < BW_COUNT(rows); i++) {
		asking.request.action =
		    bw_arena_printf(&asking.arena, "%s:%s", rows[i].second ? b : a, rows[i].name);
		if ((ask(&asking).decision == BW_ALLOWED) != rows[i].allowed)
			fail_msg("%.*s", BW_FMT(asking.request.action));
	}
	asking_end(&asking);
}

/* Numbers and keys are told by their texts, one in another or not. */
TEST(policy_names_are_told_apart)
{
	static const char bytes[] = {'a', 'b', '\0', '\x7f', '\xff'};
	static char keys[3906][6];
	struct names names;
	struct bw_arena arena;
	size_t count = 0;

	bw_arena_init(&arena, 1 << 24);
	names_init(&names, &arena);
	for (size_t n = 0; n <= 5; n++)
		for (size_t i = 0, all = (size_t[]){1, 5, 25, 125, 625, 3125}[n]; i < all; i++, count++) {
			size_t rest = i;

			for (size_t j = 0; j < n; j++, rest /= 5)
				keys[count][j] = bytes[rest % 5];
			assert_int_equal(*names_put(&names, bw_str_make(keys[count], n)), 0);
			*names_put(&names, bw_str_make(keys[count], n)) = (uint32_t)count + 1;
		}
	count = 0;
	for (size_t n = 0; n <= 5; n++)
		for (size_t i = 0, all = (size_t[]){1, 5, 25, 125, 625, 3125}[n]; i < all; i++, count++)
			assert_int_equal(*names_put(&names, bw_str_make(keys[count], n)), count + 1);
	bw_arena_free(&arena);
}
