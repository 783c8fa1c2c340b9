#include "svc/elbv2/elb.h"

#include "base/sys.h"

/* Service Authorization Reference, "Resource types defined by AWS Elastic Load Balancing V2". */

static struct bw_str next_part(struct bw_str *rest)
{
	return bw_str_cut(rest, '/');
}

static bool is_id(struct bw_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
			return false;
	return s.n == ELB_ID_DIGITS;
}

static bool is_type(struct bw_str s)
{
	static const char *const types[] = {"app", "net", "gwy", NULL};

	return elb_one_of(s, types);
}

static const struct {
	const char *word;
	enum elb_arn_kind kind;
	bool typed, listener, rule;
} forms[] = {
    {"loadbalancer", ELB_LOAD_BALANCER, true, false, false},
    {"targetgroup", ELB_TARGET_GROUP, false, false, false},
    {"listener", ELB_LISTENER, true, true, false},
    {"listener-rule", ELB_RULE, true, true, true},
    {"truststore", ELB_TRUST_STORE, false, false, false},
};

static enum bw_err parts_parse(struct bw_str rest, size_t form, struct elb_arn *out)
{
	out->kind = forms[form].kind;
	if (forms[form].typed) {
		out->type = next_part(&rest);
		CHECK(is_type(out->type), BW_EINVAL);
	}
	out->name = next_part(&rest);
	out->id = next_part(&rest);
	CHECK(out->name.n && out->name.n <= 32 && is_id(out->id), BW_EINVAL);
	if (forms[form].listener) {
		out->listener = next_part(&rest);
		CHECK(is_id(out->listener), BW_EINVAL);
	}
	if (forms[form].rule) {
		out->rule = next_part(&rest);
		CHECK(is_id(out->rule), BW_EINVAL);
	}
	return bw_str_set(rest) ? BW_EINVAL : BW_OK;
}

enum bw_err elb_arn_parse(const struct bw_call *call, struct bw_str text, struct elb_arn *out)
{
	struct bw_str rest, word;
	struct bw_arn arn;

	*out = (struct elb_arn){0};
	TRY(bw_arn_parse(text, &arn));
	CHECK(elb_is(arn.service, "elasticloadbalancing") && elb_is(arn.partition, "aws"), BW_EINVAL);
	out->here = bw_str_eq(arn.account, call->account) && bw_str_eq(arn.region, call->region);
	rest = arn.resource;
	word = next_part(&rest);
	for (size_t i = 0; i < BW_COUNT(forms); i++)
		if (elb_is(word, forms[i].word))
			return parts_parse(rest, i, out);
	return BW_EINVAL;
}

static struct bw_str arn_make(struct bw_call *call, struct bw_str resource)
{
	return bw_arena_printf(call->arena, "arn:aws:elasticloadbalancing:%.*s:%.*s:%.*s",
	    BW_FMT(call->region), BW_FMT(call->account), BW_FMT(resource));
}

struct bw_str elb_named_arn(struct bw_call *call, const char *kind, struct bw_str name, struct bw_str id)
{
	return arn_make(call, bw_arena_printf(call->arena, "%s/%.*s/%.*s", kind, BW_FMT(name), BW_FMT(id)));
}

struct bw_str elb_load_balancer_arn(
    struct bw_call *call, struct bw_str type, struct bw_str name, struct bw_str id)
{
	return arn_make(call, bw_arena_printf(call->arena, "loadbalancer/%.*s/%.*s/%.*s", BW_FMT(type),
	                          BW_FMT(name), BW_FMT(id)));
}

struct bw_str elb_listener_arn(struct bw_call *call, const struct elb_listener *l)
{
	return arn_make(call, bw_arena_printf(call->arena, "listener/%.*s/%.*s/%.*s/%.*s", BW_FMT(l->type),
	                          BW_FMT(l->load_balancer), BW_FMT(l->load_balancer_id), BW_FMT(l->id)));
}

struct bw_str elb_rule_arn(struct bw_call *call, const struct elb_rule *r)
{
	return arn_make(call,
	    bw_arena_printf(call->arena, "listener-rule/%.*s/%.*s/%.*s/%.*s/%.*s", BW_FMT(r->type),
	        BW_FMT(r->load_balancer), BW_FMT(r->load_balancer_id), BW_FMT(r->listener), BW_FMT(r->id)));
}

struct bw_str elb_id(struct bw_call *call)
{
	char text[ELB_ID_DIGITS];

	bw_random_text(text, sizeof text, BW_STR("0123456789abcdef"));
	return bw_arena_str(call->arena, bw_str_make(text, sizeof text));
}

struct bw_str elb_listener_name(struct bw_call *call, const struct elb_listener *l)
{
	return bw_arena_printf(call->arena, "%.*s/%.*s", BW_FMT(l->load_balancer), BW_FMT(l->id));
}

struct bw_str elb_rule_name(struct bw_call *call, const struct elb_rule *r)
{
	return bw_arena_printf(
	    call->arena, "%.*s/%.*s/%.*s", BW_FMT(r->load_balancer), BW_FMT(r->listener), BW_FMT(r->id));
}

struct bw_str elb_arn_name(struct bw_call *call, const struct elb_arn *a)
{
	if (a->kind == ELB_LISTENER)
		return bw_arena_printf(call->arena, "%.*s/%.*s", BW_FMT(a->name), BW_FMT(a->listener));
	if (a->kind == ELB_RULE)
		return bw_arena_printf(
		    call->arena, "%.*s/%.*s/%.*s", BW_FMT(a->name), BW_FMT(a->listener), BW_FMT(a->rule));
	return a->name;
}

/* ---- By ARN ---- */

/* `one` begins the sentence that names what is not there; NULL: it is always said as of several. */
static const struct {
	const char *label, *code, *one;
} words[] = {
    [ELB_LOAD_BALANCER] = {"load balancer", "LoadBalancerNotFound", "Load balancer"},
    [ELB_TARGET_GROUP] = {"target group", "TargetGroupNotFound", "Target groups"},
    [ELB_LISTENER] = {"listener", "ListenerNotFound", "Listener"},
    [ELB_RULE] = {"rule", "RuleNotFound", "Rule"},
    [ELB_TRUST_STORE] = {"trust store", "TrustStoreNotFound", NULL},
};

static enum bw_err some_absent(struct bw_call *call, enum elb_arn_kind kind)
{
	return bw_call_fail(call, words[kind].code, "One or more %ss not found", words[kind].label);
}

static enum bw_err absent(struct bw_call *call, enum elb_arn_kind kind, struct bw_str arn)
{
	if (!words[kind].one)
		return some_absent(call, kind);
	return bw_call_fail(call, words[kind].code, "%s '%.*s' not found", words[kind].one, BW_FMT(arn));
}

enum bw_err elb_among(struct bw_call *call, enum elb_arn_kind kind, enum bw_err e)
{
	return e == BW_EFAILED && elb_is(call->error.code, words[kind].code) ? some_absent(call, kind) : e;
}

/* Its record, when the name leads to one; the ARN's id may yet be another's, of a namesake that is gone. */
static enum bw_err by_arn(struct bw_call *call, enum elb_arn_kind kind, const struct elb_kind *k,
    struct bw_str arn, struct elb_arn *parts, void *to)
{
	enum bw_err e;

	if (elb_arn_parse(call, arn, parts) != BW_OK || parts->kind != kind)
		return elb_invalid(call, "'%.*s' is not a valid %s ARN", BW_FMT(arn), words[kind].label);
	if (!parts->here)
		return absent(call, kind, arn);
	e = elb_load(call, k, elb_arn_name(call, parts), to);
	return e == BW_ENOTFOUND ? absent(call, kind, arn) : e;
}

enum bw_err elb_load_balancer_load(struct bw_call *call, struct bw_str arn, struct elb_load_balancer *out)
{
	struct elb_arn a;

	TRY(by_arn(call, ELB_LOAD_BALANCER, &elb_load_balancer_kind, arn, &a, out));
	return bw_str_eq(a.id, out->id) && bw_str_eq(a.type, out->type)
	           ? BW_OK
	           : absent(call, ELB_LOAD_BALANCER, arn);
}

enum bw_err elb_target_group_load(struct bw_call *call, struct bw_str arn, struct elb_target_group *out)
{
	struct elb_arn a;

	TRY(by_arn(call, ELB_TARGET_GROUP, &elb_target_group_kind, arn, &a, out));
	return bw_str_eq(a.id, out->id) ? BW_OK : absent(call, ELB_TARGET_GROUP, arn);
}

enum bw_err elb_listener_load(struct bw_call *call, struct bw_str arn, struct elb_listener *out)
{
	struct elb_arn a;

	TRY(by_arn(call, ELB_LISTENER, &elb_listener_kind, arn, &a, out));
	return bw_str_eq(a.id, out->load_balancer_id) && bw_str_eq(a.type, out->type)
	           ? BW_OK
	           : absent(call, ELB_LISTENER, arn);
}

enum bw_err elb_rule_load(struct bw_call *call, struct bw_str arn, struct elb_rule *out)
{
	struct elb_arn a;

	TRY(by_arn(call, ELB_RULE, &elb_rule_kind, arn, &a, out));
	return bw_str_eq(a.id, out->load_balancer_id) && bw_str_eq(a.type, out->type)
	           ? BW_OK
	           : absent(call, ELB_RULE, arn);
}

enum bw_err elb_trust_store_load(struct bw_call *call, struct bw_str arn, struct elb_trust_store *out)
{
	struct elb_arn a;

	TRY(by_arn(call, ELB_TRUST_STORE, &elb_trust_store_kind, arn, &a, out));
	return bw_str_eq(a.id, out->id) ? BW_OK : absent(call, ELB_TRUST_STORE, arn);
}

enum bw_err elb_owner_load(struct bw_call *call, struct bw_str name, struct elb_load_balancer *out)
{
	enum bw_err e = elb_load(call, &elb_load_balancer_kind, name, out);

	return e == BW_ENOTFOUND ? absent(call, ELB_LOAD_BALANCER, name) : e;
}
