/* Where statements stand, and which of them apply. */
#include "asking.h"

#include "codec/json.h"

struct found {
	struct bw_policy_match v[16];
	size_t n;
};

static void match_take(void *ctx, const struct bw_policy_match *match)
{
	struct found *f = ctx;

	assert_true(f->n < BW_COUNT(f->v));
	f->v[f->n++] = *match;
}

static void match_is(const struct bw_policy_match *m, enum bw_layer layer, size_t level, size_t policy,
    uint32_t statement, bool allow)
{
	assert_int_equal(m->layer, layer);
	assert_int_equal(m->level, level);
	assert_int_equal(m->policy, policy);
	assert_int_equal(m->statement, statement);
	assert_int_equal(m->allow, allow);
}

/* IAM API Reference, "SimulateCustomPolicy", MatchedStatements: all that apply, not the deciding one alone.
 */
TEST(policy_matched_lists_every_statement_that_applies)
{
	static const char *const two =
	    "{'Version':'2012-10-17','Statement':[\n"
	    "  {'Effect':'Allow','Action':'ec2:*','Resource':'*'},\n"
	    "  {'Effect':'Deny','Action':'s3:*',\n"
	    "   'Resource':'*'}, {'Effect':'Allow','NotAction':'iam:*','Resource':'*'}]}";
	static const char *const plain =
	    "{'Version':'2012-10-17','Statement':{'Effect':'Allow','Action':'s3:*','Resource':'*'}}";
	struct found f = {.n = 0};
	struct asking a;

	asking_begin(&a);
	a.layers.identity = list_join(
	    &a, list_of(&a, BW_POLICY_IDENTITY, "one", plain), list_of(&a, BW_POLICY_IDENTITY, "two", two));
	a.levels[0] = list_of(&a, BW_POLICY_SCP, "root", plain);
	a.levels[1] = list_of(&a, BW_POLICY_SCP, "ou", plain);
	a.layers.scps = a.levels;
	a.layers.scp_levels = 2;
	bw_policy_matched(&a.layers, &a.request, match_take, &f);
	assert_int_equal(f.n, 5);
	match_is(&f.v[0], BW_LAYER_SCP, 0, 0, 0, true);
	match_is(&f.v[1], BW_LAYER_SCP, 1, 0, 0, true);
	match_is(&f.v[2], BW_LAYER_IDENTITY, 0, 0, 0, true);
	match_is(&f.v[3], BW_LAYER_IDENTITY, 0, 1, 1, false);
	match_is(&f.v[4], BW_LAYER_IDENTITY, 0, 1, 2, true);
	assert_int_equal(f.v[2].start.line, 1);
	assert_int_equal(f.v[2].start.column, 37);
	assert_int_equal(f.v[2].end.column, strlen(plain));
	assert_int_equal(f.v[3].start.line, 3);
	assert_int_equal(f.v[3].start.column, 3);
	assert_int_equal(f.v[3].end.line, 4);
	assert_int_equal(f.v[3].end.column, 19);
	assert_int_equal(f.v[4].start.line, 4);
	assert_int_equal(f.v[4].start.column, 21);
	asking_end(&a);
}

TEST(policy_matched_is_silent_where_nothing_applies)
{
	struct found f = {.n = 0};
	struct asking a;

	asking_begin(&a);
	a.layers.identity = list_of(&a, BW_POLICY_IDENTITY, "p",
	    "{'Version':'2012-10-17','Statement':{'Effect':'Allow','Action':'s3:*','Resource':'*',"
	    "'Condition':{'Bool':{'aws:SecureTransport':'true'}}}}");
	bw_policy_matched(&a.layers, &a.request, match_take, &f);
	assert_int_equal(f.n, 0);
	/* SCPs do not bind service-linked roles: what does not bear on the request is not listed. */
	a.levels[0] = a.layers.identity;
	a.layers.scps = a.levels;
	a.layers.scp_levels = 1;
	context_of(&a, "aws:SecureTransport=true");
	a.request.service_linked_role = true;
	bw_policy_matched(&a.layers, &a.request, match_take, &f);
	assert_int_equal(f.n, 1);
	match_is(&f.v[0], BW_LAYER_IDENTITY, 0, 0, 0, true);
	asking_end(&a);
}
