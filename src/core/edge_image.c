/* The image's bytes: one format byte, then every member in the order of the tables. An integer is 8 bytes big-endian, a
 * boolean one byte of 0 or 1, a text its length (4) and its bytes, NONE meaning absent; a list its count (4) and its items. One
 * image has exactly one spelling. */
#include "core/edge_form.h"

#include <pthread.h>

#include "codec/packed.h"
#include "proc/board.h"

enum { COUNT_BYTES = 4 };

#define MEMBER(k, m)     {#m, BW_EDGE_##k, offsetof(struct OWNER, m), 0, NULL}
#define STR(m)           MEMBER(STR, m)
#define I64(m)           MEMBER(I64, m)
#define BOOL(m)          MEMBER(BOOL, m)
#define STRS(m)          MEMBER(STRS, m)
#define PAIRS(m)         MEMBER(PAIRS, m)
#define LIST(m, n, item) {#m, BW_EDGE_LIST, offsetof(struct OWNER, m), offsetof(struct OWNER, n), &item##_form}
#define PERMITS(m)       {#m, BW_EDGE_LIST, offsetof(struct OWNER, m), offsetof(struct OWNER, m##_count), &bw_edge_permit_form}
#define FORM(name)       {sizeof(struct OWNER), name##_members, BW_COUNT(name##_members)}

#define OWNER bw_edge_permit
static const struct bw_edge_member permit_members[] = {
    STR(protocol),
    I64(from_port),
    I64(to_port),
    STR(network),
};
const struct bw_edge_form bw_edge_permit_form = FORM(permit);
#undef OWNER

#define OWNER bw_edge_certificate
static const struct bw_edge_member certificate_members[] = {
    STR(arn),
    STR(chain_pem),
    STR(key_pem),
    BOOL(is_default),
};
static const struct bw_edge_form certificate_form = FORM(certificate);
#undef OWNER

#define OWNER bw_edge_condition
static const struct bw_edge_member condition_members[] = {
    STR(field),
    STR(header),
    STRS(values),
    STRS(regexes),
    PAIRS(query),
};
static const struct bw_edge_form condition_form = FORM(condition);
#undef OWNER

#define OWNER bw_edge_forward
static const struct bw_edge_member forward_members[] = {
    STR(target_group),
    I64(weight),
};
static const struct bw_edge_form forward_form = FORM(forward);
#undef OWNER

#define OWNER bw_edge_transform
static const struct bw_edge_member transform_members[] = {
    STR(type),
    PAIRS(rewrites),
};
static const struct bw_edge_form transform_form = FORM(transform);
#undef OWNER

#define OWNER bw_edge_action
static const struct bw_edge_member action_members[] = {
    STR(type),
    LIST(forwards, forward_count, forward),
    BOOL(sticky_groups),
    I64(sticky_seconds),
    PAIRS(parameters),
};
static const struct bw_edge_form action_form = FORM(action);
#undef OWNER

#define OWNER bw_edge_rule
static const struct bw_edge_member rule_members[] = {
    STR(arn),
    I64(priority),
    LIST(conditions, condition_count, condition),
    LIST(actions, action_count, action),
    LIST(transforms, transform_count, transform),
};
static const struct bw_edge_form rule_form = FORM(rule);
#undef OWNER

#define OWNER bw_edge_listener
static const struct bw_edge_member listener_members[] = {
    STR(arn),
    I64(port),
    STR(protocol),
    STR(ssl_policy),
    STRS(alpn),
    PAIRS(attributes),
    LIST(certificates, certificate_count, certificate),
    STR(client_mode),
    BOOL(client_ignore_expiry),
    BOOL(client_advertise),
    STR(client_ca_pem),
    STRS(client_crls),
    LIST(rules, rule_count, rule),
};
static const struct bw_edge_form listener_form = FORM(listener);
#undef OWNER

#define OWNER bw_edge_auth_key
static const struct bw_edge_member auth_key_members[] = {
    STR(id),
    I64(from_ms),
    STR(secret),
};
static const struct bw_edge_form auth_key_form = FORM(auth_key);
#undef OWNER

#define OWNER bw_edge_load_balancer
static const struct bw_edge_member load_balancer_members[] = {
    STR(arn),
    STR(name),
    STR(id),
    STR(dns_name),
    STR(type),
    STRS(addresses),
    PAIRS(attributes),
    BOOL(has_security_groups),
    PERMITS(ingress),
    PERMITS(egress),
    LIST(listeners, listener_count, listener),
    LIST(auth_keys, auth_key_count, auth_key),
};
static const struct bw_edge_form load_balancer_form = FORM(load_balancer);
#undef OWNER

#define OWNER bw_edge_target
static const struct bw_edge_member target_members[] = {
    STR(id),
    STR(address),
    I64(port),
    STR(zone),
    BOOL(elsewhere),
    BOOL(draining),
    I64(draining_ms),
    I64(registered_ms),
};
static const struct bw_edge_form target_form = FORM(target);
#undef OWNER

#define OWNER bw_edge_target_group
static const struct bw_edge_member target_group_members[] = {
    STR(arn),
    STR(name),
    STR(protocol),
    STR(protocol_version),
    STR(target_type),
    I64(port),
    PAIRS(attributes),
    BOOL(health_enabled),
    STR(health_protocol),
    STR(health_port),
    STR(health_path),
    STR(health_codes),
    I64(health_interval_s),
    I64(health_timeout_s),
    I64(healthy_threshold),
    I64(unhealthy_threshold),
    LIST(targets, target_count, target),
};
static const struct bw_edge_form target_group_form = FORM(target_group);
#undef OWNER

#define OWNER bw_edge_image
static const struct bw_edge_member image_members[] = {
    I64(version),
    I64(made_ms),
    STR(account),
    STR(region),
    STR(log_key),
    LIST(load_balancers, load_balancer_count, load_balancer),
    LIST(target_groups, target_group_count, target_group),
};
const struct bw_edge_form bw_edge_image_form = FORM(image);
#undef OWNER

#define OWNER bw_edge_health
static const struct bw_edge_member health_members[] = {
    STR(target_group),
    STR(id),
    I64(port),
    STR(state),
    STR(reason),
    STR(description),
};
static const struct bw_edge_form health_form = FORM(health);
#undef OWNER

#define OWNER bw_edge_listening
static const struct bw_edge_member listening_members[] = {
    STR(listener),
    STR(address),
    BOOL(open),
    STR(reason),
};
static const struct bw_edge_form listening_form = FORM(listening);
#undef OWNER

#define OWNER bw_edge_metric
static const struct bw_edge_member metric_members[] = {
    STR(name),
    STR(load_balancer),
    STR(target_group),
    I64(value),
};
static const struct bw_edge_form metric_form = FORM(metric);
#undef OWNER

#define OWNER bw_edge_unkept
static const struct bw_edge_member unkept_members[] = {
    STR(target_group),
    STR(reason),
};
static const struct bw_edge_form unkept_form = FORM(unkept);
#undef OWNER

#define OWNER bw_edge_anomaly
static const struct bw_edge_member anomaly_members[] = {
    STR(target_group),
    STR(id),
    I64(port),
    BOOL(mitigated),
};
static const struct bw_edge_form anomaly_form = FORM(anomaly);
#undef OWNER

#define OWNER bw_edge_report
static const struct bw_edge_member report_members[] = {
    I64(image_version),
    I64(incarnation),
    LIST(health, health_count, health),
    LIST(listening, listening_count, listening),
    LIST(metrics, metric_count, metric),
    LIST(unkept, unkept_count, unkept),
    LIST(anomalies, anomaly_count, anomaly),
};
const struct bw_edge_form bw_edge_report_form = FORM(report);
#undef OWNER

static void put_strs(struct bw_buf *out, const struct bw_strs *s)
{
	bw_packed_put_uint(out, s->n, COUNT_BYTES);
	for (size_t i = 0; i < s->n; i++)
		bw_packed_put_text(out, s->v[i]);
}

static void put_pairs(struct bw_buf *out, const struct bw_pairs *s)
{
	bw_packed_put_uint(out, s->n, COUNT_BYTES);
	for (size_t i = 0; i < s->n; i++) {
		bw_packed_put_text(out, s->v[i].key);
		bw_packed_put_text(out, s->v[i].value);
	}
}

static void put_struct(struct bw_buf *out, const struct bw_edge_form *f, const char *from);

static void put_member(struct bw_buf *out, const struct bw_edge_member *m, const char *from)
{
	const void *at = from + m->offset;
	size_t n;

	switch (m->kind) {
	case BW_EDGE_STR:
		bw_packed_put_text(out, *(const struct bw_str *)at);
		break;
	case BW_EDGE_I64:
		bw_packed_put_uint(out, (uint64_t) * (const int64_t *)at, 8);
		break;
	case BW_EDGE_BOOL:
		bw_packed_put_uint(out, *(const bool *)at, 1);
		break;
	case BW_EDGE_STRS:
		put_strs(out, at);
		break;
	case BW_EDGE_PAIRS:
		put_pairs(out, at);
		break;
	case BW_EDGE_LIST:
		n = *(const size_t *)(from + m->count_offset);
		MUST(n < BW_PACKED_NONE);
		bw_packed_put_uint(out, n, COUNT_BYTES);
		for (size_t i = 0; i < n; i++)
			put_struct(out, m->of, *(const char *const *)at + i * m->of->size);
		break;
	}
}

static void put_struct(struct bw_buf *out, const struct bw_edge_form *f, const char *from)
{
	for (size_t i = 0; i < f->member_count; i++)
		put_member(out, &f->members[i], from);
}

/* A count whose items can be there: a lie allocates no more than the bytes it came in are worth. */
static enum bw_err take_count(struct bw_str *from, size_t least, size_t *out)
{
	uint64_t n;

	TRY(bw_packed_take_uint(from, COUNT_BYTES, &n));
	CHECK(n <= from->n / least, BW_ECORRUPT);
	*out = n;
	return BW_OK;
}

static enum bw_err take_strs(struct bw_str *from, struct bw_arena *arena, struct bw_strs *out)
{
	TRY(take_count(from, 4, &out->n));
	out->v = out->n ? BW_NEW_ARRAY(arena, struct bw_str, out->n) : NULL;
	for (size_t i = 0; i < out->n; i++)
		TRY(bw_packed_take_text(from, &out->v[i]));
	return BW_OK;
}

static enum bw_err take_pairs(struct bw_str *from, struct bw_arena *arena, struct bw_pairs *out)
{
	TRY(take_count(from, 8, &out->n));
	out->v = out->n ? BW_NEW_ARRAY(arena, struct bw_pair, out->n) : NULL;
	for (size_t i = 0; i < out->n; i++) {
		TRY(bw_packed_take_text(from, &out->v[i].key));
		TRY(bw_packed_take_text(from, &out->v[i].value));
	}
	return BW_OK;
}

/* The fewest bytes that a struct of the form has. */
static size_t form_least(const struct bw_edge_form *f)
{
	static const uint8_t least[] = {[BW_EDGE_STR] = 4, [BW_EDGE_I64] = 8, [BW_EDGE_BOOL] = 1, [BW_EDGE_STRS] = 4,
	    [BW_EDGE_PAIRS] = 4, [BW_EDGE_LIST] = 4};
	size_t n = 0;

	for (size_t i = 0; i < f->member_count; i++)
		n += least[f->members[i].kind];
	return n;
}

static enum bw_err take_struct(struct bw_str *from, const struct bw_edge_form *f, struct bw_arena *arena, char *to);

static enum bw_err take_list(struct bw_str *from, const struct bw_edge_member *m, struct bw_arena *arena, char *to)
{
	size_t n;
	char *items;

	TRY(take_count(from, form_least(m->of), &n));
	items = n ? bw_arena_alloc_array(arena, m->of->size, n) : NULL;
	*(const char **)(to + m->offset) = items;
	*(size_t *)(to + m->count_offset) = n;
	for (size_t i = 0; i < n; i++)
		TRY(take_struct(from, m->of, arena, items + i * m->of->size));
	return BW_OK;
}

static enum bw_err take_bool(struct bw_str *from, bool *out)
{
	uint64_t v;

	TRY(bw_packed_take_uint(from, 1, &v));
	CHECK(v <= 1, BW_ECORRUPT);
	*out = v == 1;
	return BW_OK;
}

static enum bw_err take_i64(struct bw_str *from, int64_t *out)
{
	uint64_t v;

	TRY(bw_packed_take_uint(from, 8, &v));
	*out = (int64_t)v;
	return BW_OK;
}

static enum bw_err take_member(struct bw_str *from, const struct bw_edge_member *m, struct bw_arena *arena, char *to)
{
	void *at = to + m->offset;

	switch (m->kind) {
	case BW_EDGE_STR:
		return bw_packed_take_text(from, at);
	case BW_EDGE_I64:
		return take_i64(from, at);
	case BW_EDGE_BOOL:
		return take_bool(from, at);
	case BW_EDGE_STRS:
		return take_strs(from, arena, at);
	case BW_EDGE_PAIRS:
		return take_pairs(from, arena, at);
	case BW_EDGE_LIST:
		return take_list(from, m, arena, to);
	}
	return BW_EINTERNAL;
}

static enum bw_err take_struct(struct bw_str *from, const struct bw_edge_form *f, struct bw_arena *arena, char *to)
{
	for (size_t i = 0; i < f->member_count; i++)
		TRY(take_member(from, &f->members[i], arena, to));
	return arena->over ? BW_ETOOBIG : BW_OK;
}

void bw_form_encode(const struct bw_edge_form *f, const void *from, struct bw_buf *out)
{
	bw_buf_put_c(out, BW_EDGE_FORMAT);
	put_struct(out, f, from);
}

enum bw_err bw_form_decode(const struct bw_edge_form *f, struct bw_str bytes, struct bw_arena *arena, void *to)
{
	uint64_t format;

	memset(to, 0, f->size);
	TRY(bw_packed_take_uint(&bytes, 1, &format));
	CHECK(format == BW_EDGE_FORMAT, BW_ECORRUPT);
	TRY(take_struct(&bytes, f, arena, to));
	return bytes.n == 0 ? BW_OK : BW_ECORRUPT;
}

void bw_edge_image_encode(const struct bw_edge_image *image, struct bw_buf *out)
{
	bw_form_encode(&bw_edge_image_form, image, out);
}

enum bw_err bw_edge_image_decode(struct bw_str bytes, struct bw_arena *arena, struct bw_edge_image *out)
{
	return bw_form_decode(&bw_edge_image_form, bytes, arena, out);
}

void bw_edge_report_encode(const struct bw_edge_report *report, struct bw_buf *out)
{
	bw_form_encode(&bw_edge_report_form, report, out);
}

enum bw_err bw_edge_report_decode(struct bw_str bytes, struct bw_arena *arena, struct bw_edge_report *out)
{
	return bw_form_decode(&bw_edge_report_form, bytes, arena, out);
}

/* Two loops may have made images of two snapshots; whichever is later here, the later snapshot's stays. */
static enum bw_err publish_in_order(struct bw_board *images, int64_t version, struct bw_str bytes)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static int64_t newest = INT64_MIN;
	enum bw_err e = BW_ECONFLICT;

	MUST(pthread_mutex_lock(&lock) == 0);
	if (version >= newest)
		e = bw_board_publish(images, bytes);
	if (e == BW_OK)
		newest = version;
	MUST(pthread_mutex_unlock(&lock) == 0);
	return e;
}

enum bw_err bw_edge_publish(struct bw_board *images, const struct bw_edge_image *image)
{
	struct bw_buf out;
	enum bw_err e;

	if (!images)
		return BW_OK;
	bw_buf_init(&out, BW_EDGE_IMAGE_MAX);
	bw_edge_image_encode(image, &out);
	e = out.failed ? BW_ETOOBIG : publish_in_order(images, image->version, bw_buf_str(&out));
	bw_buf_free(&out); /* it holds the certificates' keys */
	return e;
}
