#include "core/internal.h"

#include <stdlib.h>

extern const struct bw_op *const __start_bw_ops[] __attribute__((weak));
extern const struct bw_op *const __stop_bw_ops[] __attribute__((weak));
extern const struct bw_quota *const __start_bw_quotas[] __attribute__((weak));
extern const struct bw_quota *const __stop_bw_quotas[] __attribute__((weak));

static const struct bw_op **sorted;
static size_t sorted_count;

static int by_service_and_name(const void *a, const void *b)
{
	const struct bw_op *x = *(const struct bw_op *const *)a, *y = *(const struct bw_op *const *)b;
	int order = strcmp(x->service, y->service);

	return order ? order : strcmp(x->name, y->name);
}

static void ops_sort(void)
{
	size_t n = __start_bw_ops ? (size_t)(__stop_bw_ops - __start_bw_ops) : 0;

	if (sorted)
		return;
	/* The linker's order varies: it is put right once. Lives as long as the process. */
	sorted = bw_alloc((n + 1) * sizeof(void *));
	for (size_t i = 0; i < n; i++)
		sorted[i] = __start_bw_ops[i];
	qsort(sorted, n, sizeof(void *), by_service_and_name);
	sorted_count = n;
}

const struct bw_op *const *bw_ops_all(size_t *count)
{
	ops_sort();
	*count = sorted_count;
	return sorted;
}

static bool same_service(const char *row, const char *model)
{
	for (; *row && *model; row++, model++)
		if (*row != *model && !(*row == '_' && *model == '-'))
			return false;
	return *row == *model;
}

static size_t service_index(const char *row_service)
{
	size_t i = 0;

	while (bw_services[i] && !same_service(row_service, bw_services[i]->name))
		i++;
	MUST(bw_services[i] != NULL);
	return i;
}

void registry_build(struct bw_core *core)
{
	size_t services = 0, count;
	const struct bw_op *const *all = bw_ops_all(&count);

	while (bw_services[services])
		services++;
	core->rows = BW_NEW_ARRAY(&core->arena, const struct bw_op **, services);
	for (size_t i = 0; i < services; i++)
		core->rows[i] = BW_NEW_ARRAY(&core->arena, const struct bw_op *, bw_services[i]->operation_count);
	for (size_t i = 0; i < count; i++) {
		size_t s = service_index(all[i]->service);
		const struct bw_operation *o = bw_operation_find(bw_services[s], bw_str_c(all[i]->name));

		MUST(o != NULL);
		core->rows[s][o - bw_services[s]->operations] = all[i];
	}
}

const struct bw_op *registry_row(const struct bw_core *core, const struct bw_service *s, const struct bw_operation *o)
{
	size_t i = 0;

	while (bw_services[i] != s)
		i++;
	return core->rows[i][o - s->operations];
}

static size_t quota_total(void)
{
	return __start_bw_quotas ? (size_t)(__stop_bw_quotas - __start_bw_quotas) : 0;
}

static ptrdiff_t quota_find(struct bw_str name)
{
	for (size_t i = 0; i < quota_total(); i++)
		if (bw_str_eq(name, bw_str_c(__start_bw_quotas[i]->name)))
			return (ptrdiff_t)i;
	return -1;
}

/* "NAME=NUMBER"; -1: it is not. */
static ptrdiff_t quota_parse(struct bw_str text, int64_t *value)
{
	struct bw_str number = text, name = bw_str_cut(&number, '=');
	ptrdiff_t at = quota_find(name);

	return at >= 0 && bw_str_to_i64(number, 0, INT64_C(1) << 40, value) == BW_OK ? at : -1;
}

bool bw_quota_fits(const char *text, struct bw_buf *names)
{
	int64_t value;

	if (quota_parse(bw_str_c(text), &value) >= 0)
		return true;
	for (size_t i = 0; i < quota_total(); i++)
		bw_buf_printf(names, "\n  %s (%lld)", __start_bw_quotas[i]->name, (long long)__start_bw_quotas[i]->value);
	return false;
}

static enum bw_err quota_override(struct bw_core *core, struct bw_str text)
{
	int64_t value;
	ptrdiff_t at = quota_parse(text, &value);

	CHECK(at >= 0, BW_EINVAL);
	core->quota_values[at] = value;
	return BW_OK;
}

enum bw_err quotas_build(struct bw_core *core, const char *const *overrides)
{
	core->quota_values = BW_NEW_ARRAY(&core->arena, int64_t, quota_total() + 1);
	for (size_t i = 0; i < quota_total(); i++)
		core->quota_values[i] = __start_bw_quotas[i]->value;
	for (; overrides && *overrides; overrides++)
		TRY(quota_override(core, bw_str_c(*overrides)));
	return BW_OK;
}

int64_t bw_quota_value(const struct bw_call *call, const struct bw_quota *q)
{
	size_t at = 0;

	while (at < quota_total() && __start_bw_quotas[at] != q)
		at++;
	MUST(at < quota_total());
	return call->core->quota_values[at];
}

/* "account/global/quota/NAME/scope" */
const struct bw_quota *quota_by_key(struct bw_str counter_key)
{
	struct bw_str rest = counter_key;
	ptrdiff_t at;

	for (int part = 0; part < 3; part++)
		(void)bw_str_cut(&rest, '/');
	at = quota_find(bw_str_cut(&rest, '/'));
	return at < 0 ? NULL : __start_bw_quotas[at];
}

static struct bw_str quota_key(struct bw_call *call, const struct bw_quota *q, struct bw_str scope)
{
	struct bw_str lower = bw_arena_lower(call->arena, scope);

	return BW_JOIN(call->arena, call->account, BW_STR("/global/quota/"), bw_str_c(q->name), BW_STR("/"), lower);
}

void bw_call_take(struct bw_call *call, const struct bw_quota *q, struct bw_str scope, int64_t delta)
{
	bw_batch_count(&call->batch, quota_key(call, q, scope), delta, bw_quota_value(call, q));
}

int64_t bw_call_taken(struct bw_call *call, const struct bw_quota *q, struct bw_str scope)
{
	return bw_snapshot_count(call->view, quota_key(call, q, scope));
}

enum bw_err bw_call_within(struct bw_call *call, const struct bw_quota *q, size_t n)
{
	long long value = (long long)bw_quota_value(call, q);

	if ((long long)n <= value)
		return BW_OK;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
	return bw_call_fail(call, q->code, q->message, value);
#pragma GCC diagnostic pop
}
