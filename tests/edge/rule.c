/* Rules and permits when there are many: the sorted ways agree with trying one after another. */
#include <stdio.h>
#include <stdlib.h>

#include "edge/rule.h"
#include "test.h"

enum { RULES = 40, PERMITS = 60 };

static struct bw_str random_pattern(struct bw_arena *a, const char *letters)
{
	char text[8];
	size_t n = (size_t)rand() % sizeof text, count = strlen(letters);

	for (size_t i = 0; i < n; i++)
		text[i] = letters[(size_t)rand() % count];
	return bw_arena_str(a, bw_str_make(text, n));
}

static void condition_make(struct bw_arena *a, int on, const char *letters, struct condition *out)
{
	out->on = on;
	out->count = (size_t)rand() % 3; /* none: it never holds */
	out->patterns = BW_NEW_ARRAY(a, struct pattern, out->count + 1);
	for (size_t i = 0; i < out->count; i++)
		out->patterns[i].text = random_pattern(a, letters);
}

static void rules_make(struct bw_arena *a, struct listener *l)
{
	l->rules = BW_NEW_ARRAY(a, struct rule, RULES);
	l->rule_count = RULES;
	for (size_t i = 0; i < RULES; i++) {
		struct rule *r = &l->rules[i];

		r->conditions = BW_NEW_ARRAY(a, struct condition, 3);
		if (rand() % 4)
			condition_make(a, ON_HOST, "abB.*?\\", &r->conditions[r->condition_count++]);
		if (rand() % 4)
			condition_make(a, ON_PATH, "/aA*?\\", &r->conditions[r->condition_count++]);
		if (r->condition_count == 0 || rand() % 8 == 0)
			condition_make(a, ON_METHOD, "GT", &r->conditions[r->condition_count++]);
	}
}

TEST(rules_are_found_as_if_each_was_tried)
{
	int matched = 0, deep = 0;

	srand(11);
	for (int round = 0; round < 2000; round++) {
		struct listener l = {0};
		struct bw_arena a;

		bw_arena_init(&a, 1 << 24);
		rules_make(&a, &l);
		for (int i = 0; i < 50; i++) {
			struct bw_http_request r = {.host = random_pattern(&a, "abB."),
			    .path = random_pattern(&a, "/aA"),
			    .method = BW_STR("G")};
			const struct rule *slow, *fast;

			l.index = NULL;
			slow = rule_match(NULL, &l, &r, NULL);
			l.index = rule_index_make(&a, l.rules, l.rule_count);
			fast = rule_match(NULL, &l, &r, NULL);
			assert_ptr_equal(slow, fast);
			matched += slow != NULL;
			deep += slow > &l.rules[5];
		}
		bw_arena_free(&a);
	}
	assert_true(matched > 20000);
	assert_true(deep > 5000);
}

static const struct rule *rule_for(
    struct bw_arena *a, const char *host, const char *path, const char *asked_host, const char *asked_path)
{
	struct listener *l = BW_NEW(a, struct listener);
	struct bw_http_request r = {.host = bw_str_c(asked_host), .path = bw_str_c(asked_path)};

	l->rules = BW_NEW(a, struct rule);
	l->rule_count = 1;
	l->rules->conditions = BW_NEW_ARRAY(a, struct condition, 2);
	l->rules->condition_count = 2;
	l->rules->conditions[0] =
	    (struct condition){.on = ON_HOST, .count = 1, .patterns = BW_NEW(a, struct pattern)};
	l->rules->conditions[1] =
	    (struct condition){.on = ON_PATH, .count = 1, .patterns = BW_NEW(a, struct pattern)};
	l->rules->conditions[0].patterns->text = bw_str_c(host);
	l->rules->conditions[1].patterns->text = bw_str_c(path);
	l->index = rule_index_make(a, l->rules, 1);
	return rule_match(NULL, l, &r, NULL);
}

/* Literals of 127, 128 and 129 letters, and texts that are a letter shorter, as long, and longer. */
TEST(rules_of_the_longest_patterns)
{
	char host[160], path[160];
	struct bw_arena a;

	bw_arena_init(&a, 1 << 24);
	for (size_t n = 127; n <= 129; n++) {
		memset(host, 'h', sizeof host);
		memset(path, 'p', sizeof path);
		host[n] = path[n] = '\0';
		assert_non_null(rule_for(&a, host, path, host, path));
		assert_null(rule_for(&a, host, path, host, path + 1));
		assert_null(rule_for(&a, host, path, host + 1, path));
		path[n] = 'p';
		path[n + 1] = '\0';
		assert_null(rule_for(&a, host, path + 1, host, path));
	}
	assert_non_null(rule_for(&a, "*.Example.com", "/a\\*b/*", "X.eXample.COM:8080", "/a*b/c"));
	assert_null(rule_for(&a, "*.Example.com", "/a\\*b/*", "X.eXample.COM", "/axb/c"));
	assert_non_null(rule_for(&a, "a\\", "/\\", "a\\", "/\\"));
	bw_arena_free(&a);
}

static struct bw_str network_text(struct bw_arena *a, bool prefix)
{
	char text[64];

	if (rand() % 4)
		(void)snprintf(text, sizeof text, prefix ? "10.%d.%d.%d/%d" : "10.%d.%d.%d", rand() % 2,
		    rand() % 4 * 64, rand() % 4, rand() % 33);
	else
		(void)snprintf(text, sizeof text, prefix ? "fd00:%x::%x/%d" : "fd00:%x::%x", rand() % 2,
		    rand() % 4, rand() % 129);
	return bw_arena_str(a, bw_str_c(text));
}

static bool permits_naive(
    const struct bw_edge_permit *list, bool udp, const struct bw_address *peer, uint16_t port)
{
	for (size_t i = 0; i < PERMITS; i++) {
		struct network n;
		bool all = bw_str_eq(list[i].protocol, BW_STR("-1"));

		assert_true(cidr_parse(list[i].network, &n));
		if (!all && !bw_str_eq(list[i].protocol, udp ? BW_STR("udp") : BW_STR("tcp")))
			continue;
		if ((all || ((list[i].from_port < 0 || list[i].from_port <= port) &&
		                (list[i].to_port < 0 || port <= list[i].to_port))) &&
		    cidr_has(&n, peer))
			return true;
	}
	return false;
}

TEST(permits_agree_with_the_obvious)
{
	static const char *const protocols[] = {"tcp", "udp", "tcp", "udp", "-1"};
	static const int64_t ends[] = {-1, 0, 1, 2, 3, 4, 5, 65534, 65535, 65536};
	int passed = 0, all = 0;

	srand(12);
	for (int round = 0; round < 500; round++) {
		struct bw_edge_permit list[PERMITS];
		struct permits *p;
		struct bw_arena a;

		bw_arena_init(&a, 1 << 24);
		for (size_t i = 0; i < PERMITS; i++)
			list[i] = (struct bw_edge_permit){
			    bw_str_c(protocols[(size_t)rand() % (rand() % 16 ? 4 : 5)]),
			    ends[(size_t)rand() % BW_COUNT(ends)], ends[(size_t)rand() % BW_COUNT(ends)],
			    network_text(&a, true)};
		p = permits_compile(&a, list, PERMITS);
		for (int i = 0; i < 100; i++, all++) {
			bool udp = rand() % 2;
			uint16_t port = (uint16_t)ends[1 + (size_t)rand() % (BW_COUNT(ends) - 2)];
			struct bw_str text = network_text(&a, false);
			struct bw_address peer;

			text = bw_arena_printf(
			    &a, bw_str_find(text, ':', 0) >= 0 ? "[%.*s]:1" : "%.*s:1", BW_FMT(text));
			assert_ok(bw_address_parse(text, &peer));
			if (permits_pass(p, udp, &peer, port) != permits_naive(list, udp, &peer, port))
				fail_msg("%.*s port %u", BW_FMT(text), port);
			passed += permits_pass(p, udp, &peer, port);
		}
		bw_arena_free(&a);
	}
	assert_true(passed > all / 20 && passed < all * 19 / 20);
}
