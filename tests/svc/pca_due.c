/* What becomes of authorities, tokens and certificates by themselves at their times, on a clock of the test's. */
#include "due_world.h"

#include "svc/acm/acm.h"
#include "svc/acm_pca/pca.h"

static const char id[] = "12345678-1234-4234-8234-123456789012";

/* One with two certificates, deleted, and looked at when its window ends. */
static void authority_put(enum pca_state state, int64_t restorable_ms, int64_t due_ms)
{
	struct pca_found f = {.id = bw_str_c(id)};

	f.a = (struct pca_authority){.id = f.id, .type = PCA_ROOT, .state = state, .restorable_ms = restorable_ms};
	put_begin();
	pca_save(&w.g.call, &f);
	bw_call_take(&w.g.call, &pca_authorities_quota, w.g.call.region, 1);
	for (int i = 0; i < 2; i++) {
		struct pca_certificate c = {.serial = i ? BW_STR("01") : BW_STR("02"), .cert_pem = BW_STR("pem")};

		bw_call_save(&w.g.call, &pca_certificate_record, pca_certificate_key(&w.g.call, f.id, c.serial), &c);
	}
	bw_call_take(&w.g.call, &pca_certificates_quota, f.id, 2);
	pca_end_schedule(&w.g.call, f.id, due_ms);
	put_end();
}

static struct bw_str key_of(const char *kind, const char *name)
{
	struct bw_str key;

	put_begin();
	key = pca_key(&w.g.call, kind, bw_str_c(name));
	bw_snapshot_end(w.g.call.view);
	return key;
}

static int64_t taken(const struct bw_quota *q, struct bw_str scope)
{
	int64_t n;

	put_begin();
	n = bw_call_taken(&w.g.call, q, scope);
	bw_snapshot_end(w.g.call.view);
	return n;
}

static void world(void)
{
	due_service = &bw_service_acm_pca;
	begin();
}

TEST(pca_due_an_authority_is_destroyed_with_what_it_issued)
{
	int64_t end_ms;

	world();
	end_ms = w.now_ms + 7 * PCA_DAY_MS;
	authority_put(PCA_DELETED, end_ms, end_ms);
	time_is(end_ms - 1);
	assert_true(is_there(key_of("authority", id)));
	time_is(end_ms);
	assert_false(is_there(key_of("authority", id)));
	assert_false(is_there(key_of("certificate", "12345678-1234-4234-8234-123456789012/01")));
	assert_false(is_there(key_of("certificate", "12345678-1234-4234-8234-123456789012/02")));
	assert_int_equal(taken(&pca_authorities_quota, BW_STR("us-east-1")), 0);
	assert_int_equal(taken(&pca_certificates_quota, bw_str_c(id)), 0);
	end();
}

TEST(pca_due_a_restored_authority_stays)
{
	world();
	authority_put(PCA_DISABLED, 0, w.now_ms + 7 * PCA_DAY_MS);
	time_is(w.now_ms + 8 * PCA_DAY_MS);
	assert_true(is_there(key_of("authority", id)));
	assert_true(is_there(key_of("certificate", "12345678-1234-4234-8234-123456789012/01")));
	assert_int_equal(taken(&pca_certificates_quota, bw_str_c(id)), 2);
	end();
}

static struct bw_str made_by(const struct bw_token *t)
{
	struct bw_str made;

	put_begin();
	w.g.call.model = &due_service->operations[0];
	assert_ok(bw_token_find(&w.g.call, t, &made));
	bw_snapshot_end(w.g.call.view);
	return made;
}

static void token_keep(const struct bw_token *t, const char *made)
{
	put_begin();
	w.g.call.model = &due_service->operations[0];
	bw_token_keep(&w.g.call, t, bw_str_c(made));
	put_end();
}

static size_t tokens_kept(void)
{
	size_t n;

	put_begin();
	n = bw_call_count_under(&w.g.call, bw_call_key(&w.g.call, "token", BW_STR("")), 10);
	bw_snapshot_end(w.g.call.view);
	return n;
}

static void token_lives(const struct bw_service *service, int64_t within_ms)
{
	struct bw_token t = {.token = BW_STR("token/with any text"), .request = BW_STR("request"), .within_ms = within_ms}, other = t;
	int64_t kept_ms;

	due_service = service;
	begin();
	other.request = BW_STR("another");
	kept_ms = w.now_ms;
	token_keep(&t, "first");
	time_is(kept_ms + within_ms - 1);
	assert_str(made_by(&t), "first");
	assert_false(bw_str_set(made_by(&other)));
	/* Used anew, it lives anew: the first mark takes nothing away. */
	token_keep(&other, "second");
	time_is(kept_ms + within_ms);
	assert_str(made_by(&other), "second");
	assert_false(bw_str_set(made_by(&t)));
	assert_int_equal(tokens_kept(), 1);
	time_is(kept_ms + 2 * within_ms - 1);
	assert_false(bw_str_set(made_by(&other)));
	assert_int_equal(tokens_kept(), 0);
	end();
}

TEST(pca_due_a_token_counts_for_five_minutes)
{
	assert_int_equal(PCA_TOKEN_MS, 300 * 1000);
	token_lives(&bw_service_acm_pca, PCA_TOKEN_MS);
}

TEST(acm_due_a_token_counts_for_an_hour)
{
	assert_int_equal(ACM_TOKEN_MS, 3600 * 1000);
	token_lives(&bw_service_acm, ACM_TOKEN_MS);
}

TEST(due_tokens_that_are_not_given_are_not_kept)
{
	const struct bw_token none = {.request = BW_STR("request"), .within_ms = ACM_TOKEN_MS};

	due_service = &bw_service_acm;
	begin();
	token_keep(&none, "made");
	assert_false(bw_str_set(made_by(&none)));
	assert_int_equal(tokens_kept(), 0);
	end();
}

/* A mark that another version left is put off, and stands in nobody's way. */
TEST(due_a_task_that_nobody_knows_is_put_off)
{
	const struct bw_token t = {.token = BW_STR("t"), .request = BW_STR("request"), .within_ms = 2000};
	int64_t due_ms;

	due_service = &bw_service_acm;
	begin();
	due_ms = w.now_ms + t.within_ms;
	put_begin();
	bw_call_mark(&w.g.call,
	    bw_arena_printf(&w.arena, "-/global/task/due/%014lld/acm/nobody/%s/us-east-1/x", (long long)(due_ms - 1), account));
	put_end();
	token_keep(&t, "made");
	time_is(due_ms);
	assert_int_equal(tokens_kept(), 0);
	assert_true(is_there(
	    bw_arena_printf(&w.arena, "-/global/task/due/%014lld/acm/nobody/%s/us-east-1/x", (long long)(due_ms + 60000), account)));
	end();
}

/* ACM cannot renew from an authority that is gone: it says so, and tries again the next day. */
TEST(pca_due_a_renewal_that_cannot_be_is_told)
{
	struct acm_certificate c = {.id = bw_str_c(id), .type = ACM_PRIVATE,
	    .authority = BW_STR("arn:aws:acm-pca:us-east-1:123456789012:certificate-authority/12345678-1234-4234-8234-123456789013")};
	struct bw_str name = BW_STR("a.example"), key;
	struct bw_buf ca, ca_key, cert, leaf_key;
	int64_t due_ms;

	due_service = &bw_service_acm;
	begin();
	bw_buf_init(&ca, 1 << 16), bw_buf_init(&ca_key, 1 << 16), bw_buf_init(&cert, 1 << 16), bw_buf_init(&leaf_key, 1 << 16);
	assert_ok(bw_ca_make(BW_STR("ca"), w.now_ms, &ca, &ca_key));
	assert_ok(bw_ca_issue(bw_buf_str(&ca), bw_buf_str(&ca_key), &name, 1, w.now_ms, &cert, &leaf_key));
	c.cert_pem = bw_buf_str(&cert);
	c.key_pem = bw_buf_str(&leaf_key);
	bw_strs_add(&c.names, &w.arena, name);
	put_begin();
	acm_save(&w.g.call, &c);
	acm_renewal_schedule(&w.g.call, &c);
	key = bw_call_key(&w.g.call, "certificate", c.id);
	put_end();
	due_ms = w.now_ms + 338 * PCA_DAY_MS; /* 397 days less 60, and an hour */
	for (int day = 0; day < 2; day++) {
		struct acm_certificate now;

		time_is(due_ms + day * PCA_DAY_MS);
		put_begin();
		assert_ok(bw_call_load(&w.g.call, &acm_certificate_record, key, &now));
		bw_snapshot_end(w.g.call.view);
		assert_str(now.renewal_fault, "PCA_RESOURCE_NOT_FOUND");
		assert_true(bw_str_eq(now.cert_pem, c.cert_pem));
	}
	bw_buf_free(&ca), bw_buf_free(&ca_key), bw_buf_free(&cert), bw_buf_free(&leaf_key);
	end();
}
