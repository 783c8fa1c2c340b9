#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "core/edge_regex.h"
#include "svc/elbv2/elb.h"

/* ELB API Reference, RuleCondition and RuleTransform; Application Load Balancers Guide, "Condition types". */

enum { VALUE_MAX = 128, NAME_MAX_ = 40, REWRITE_MAX = 1024, TRANSFORMS_MAX = 2 };

struct condition_type {
	const char *field;
	size_t config;  /* of the condition's pointer to it */
	size_t values;  /* of its list of strings; SIZE_MAX: query strings have pairs */
	size_t regexes; /* SIZE_MAX: none */
	bool once;      /* one a rule */
	bool wildcards;
	bool legacy; /* has Values of the condition itself, too */
	bool (*fits)(struct bw_str value);
};

#define CONFIG(member) offsetof(struct elbv2_RuleCondition, member)

static bool host_fits(struct bw_str v)
{
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		        strchr("-.*?", c)))
			return false;
	}
	return true;
}

static bool path_fits(struct bw_str v)
{
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		        (c && strchr("_-.$/~\"'@:+&*?", c))))
			return false;
	}
	return true;
}

static bool text_fits(struct bw_str v)
{
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] < ' ' || v.p[i] > '~')
			return false;
	return true;
}

static bool method_fits(struct bw_str v)
{
	for (size_t i = 0; i < v.n; i++)
		if (!((v.p[i] >= 'A' && v.p[i] <= 'Z') || v.p[i] == '-' || v.p[i] == '_'))
			return false;
	return v.n <= NAME_MAX_;
}

static bool network_fits(struct bw_str v)
{
	struct bw_cidr c;

	return bw_cidr_parse(v, &c) == BW_OK;
}

static const struct condition_type types[] = {
    {"host-header", CONFIG(HostHeaderConfig), offsetof(struct elbv2_HostHeaderConditionConfig, Values),
        offsetof(struct elbv2_HostHeaderConditionConfig, RegexValues), true, true, true, host_fits},
    {"path-pattern", CONFIG(PathPatternConfig), offsetof(struct elbv2_PathPatternConditionConfig, Values),
        offsetof(struct elbv2_PathPatternConditionConfig, RegexValues), true, true, true, path_fits},
    {"http-header", CONFIG(HttpHeaderConfig), offsetof(struct elbv2_HttpHeaderConditionConfig, Values),
        offsetof(struct elbv2_HttpHeaderConditionConfig, RegexValues), false, true, false, text_fits},
    {"query-string", CONFIG(QueryStringConfig), SIZE_MAX, SIZE_MAX, false, true, false, text_fits},
    {"http-request-method", CONFIG(HttpRequestMethodConfig),
        offsetof(struct elbv2_HttpRequestMethodConditionConfig, Values), SIZE_MAX, true, false, false,
        method_fits},
    {"source-ip", CONFIG(SourceIpConfig), offsetof(struct elbv2_SourceIpConditionConfig, Values), SIZE_MAX,
        true, false, false, network_fits},
};

struct tally {
	size_t values, wildcards;
};

/* ---- Values ---- */

static enum bw_err value_check(
    struct bw_call *call, const struct condition_type *t, struct bw_str v, struct tally *tally)
{
	if (v.n == 0)
		return elb_invalid(call, "A condition value must be specified");
	if (v.n > VALUE_MAX)
		return elb_invalid(call, "Condition value '%.*s' cannot be longer than '%d' characters",
		    BW_FMT(v), VALUE_MAX);
	if (t->fits == network_fits && !network_fits(v))
		return elb_invalid(call, "The CIDR block '%.*s' is not valid", BW_FMT(v));
	if (!t->fits(v))
		return elb_invalid(
		    call, "Condition value '%.*s' contains a character that is not valid", BW_FMT(v));
	tally->values++;
	for (size_t i = 0; t->wildcards && i < v.n; i++)
		tally->wildcards += v.p[i] == '*' || v.p[i] == '?';
	return BW_OK;
}

static pcre2_code *regex_compile(struct bw_str text)
{
	PCRE2_SIZE where;
	int code;

	return pcre2_compile((PCRE2_SPTR)text.p, text.n, BW_EDGE_REGEX, &code, &where, NULL);
}

static bool regex_valid(struct bw_str text)
{
	pcre2_code *re = regex_compile(text);

	pcre2_code_free(re);
	return re != NULL;
}

static enum bw_err regex_check(struct bw_call *call, struct bw_str v, size_t most)
{
	if (v.n == 0 || v.n > most)
		return elb_invalid(
		    call, "Regular expressions must have between '1' and '%zu' characters", most);
	if (!regex_valid(v))
		return elb_invalid(call, "The regular expression '%.*s' is not valid", BW_FMT(v));
	return BW_OK;
}

static enum bw_err strings_check(struct bw_call *call, const struct condition_type *t,
    const struct elbv2_ListOfString *values, const struct elbv2_ListOfString *regexes, struct tally *tally)
{
	size_t patterns = regexes ? regexes->n : 0;

	if (values->n == 0 && patterns == 0)
		return elb_invalid(call, "A condition value must be specified");
	if (values->n && patterns)
		return elb_invalid(
		    call, "A condition can have either values or regular expressions, not both");
	for (size_t i = 0; i < values->n; i++)
		TRY(value_check(call, t, values->v[i], tally));
	for (size_t i = 0; i < patterns; i++) {
		TRY(regex_check(call, regexes->v[i], VALUE_MAX));
		tally->values++;
	}
	return BW_OK;
}

static enum bw_err query_check(struct bw_call *call, const struct condition_type *t,
    const struct elbv2_QueryStringConditionConfig *q, struct tally *tally)
{
	if (q->Values.n == 0)
		return elb_invalid(call, "A condition value must be specified");
	for (size_t i = 0; i < q->Values.n; i++) {
		struct tally keys = {0};

		TRY(value_check(call, t, q->Values.v[i].Value, tally));
		if (bw_str_set(q->Values.v[i].Key))
			TRY(value_check(call, t, q->Values.v[i].Key, &keys));
		tally->wildcards += keys.wildcards;
	}
	return BW_OK;
}

/* A header's name is a token (RFC 9110, 5.6.2); the host has a condition of its own. */
static enum bw_err header_check(struct bw_call *call, struct bw_str name)
{
	bool fine = name.n > 0 && name.n <= NAME_MAX_ && !bw_str_eq_nocase(name, BW_STR("host"));

	for (size_t i = 0; i < name.n; i++)
		fine =
		    fine && name.p[i] > ' ' && name.p[i] < 0x7f && !strchr("\"(),/:;<=>?@[\\]{}", name.p[i]);
	return fine ? BW_OK : elb_invalid(call, "The HTTP header name '%.*s' is not valid", BW_FMT(name));
}

/* ---- One condition ---- */

static void *config_at(const struct elbv2_RuleCondition *c, const struct condition_type *t)
{
	return *(void *const *)((const char *)c + t->config);
}

/* By its field, which the configuration says as well. */
static enum bw_err type_find(
    struct bw_call *call, struct elbv2_RuleCondition *c, const struct condition_type **out)
{
	*out = NULL;
	for (size_t i = 0; i < BW_COUNT(types); i++) {
		bool named = elb_is(c->Field, types[i].field), configured = config_at(c, &types[i]) != NULL;

		if (bw_str_set(c->Field) ? named : configured && !*out)
			*out = &types[i];
		if (configured && bw_str_set(c->Field) && !named)
			return elb_invalid(call,
			    "A configuration of type '%s' cannot be specified for a condition with field "
			    "'%.*s'",
			    types[i].field, BW_FMT(c->Field));
		if (configured && *out && *out != &types[i])
			return elb_invalid(call, "A condition can only have one configuration");
	}
	if (!*out)
		return elb_invalid(call,
		    "Condition field '%.*s' must be one of '[http-header, http-request-method, host-header, "
		    "path-pattern, query-string, source-ip]'",
		    BW_FMT(c->Field));
	c->Field = bw_str_c((*out)->field);
	return BW_OK;
}

/* Values and RegexValues of the condition itself are an older spelling of host-header and path-pattern; AWS
 * answers both. */
static enum bw_err legacy_take(
    struct bw_call *call, struct elbv2_RuleCondition *c, const struct condition_type *t)
{
	bool given = c->Values.n || c->RegexValues.n;
	struct elbv2_HostHeaderConditionConfig *config;

	_Static_assert(sizeof(struct elbv2_HostHeaderConditionConfig) ==
	                       sizeof(struct elbv2_PathPatternConditionConfig) &&
	                   offsetof(struct elbv2_HostHeaderConditionConfig, RegexValues) ==
	                       offsetof(struct elbv2_PathPatternConditionConfig, RegexValues),
	    "both configurations are alike");
	if (!t->legacy && given)
		return elb_invalid(call,
		    "Values cannot be specified for a condition with field '%s': use its configuration",
		    t->field);
	if (!t->legacy)
		return config_at(c, t)
		           ? BW_OK
		           : elb_invalid(call,
		                 "A configuration must be specified for a condition with field '%s'",
		                 t->field);
	if (given && config_at(c, t))
		return elb_invalid(
		    call, "You cannot specify both values and a configuration for a condition");
	if (c->Values.n > 1)
		return elb_invalid(call,
		    "A condition with field '%s' can only have one of Values: use its configuration",
		    t->field);
	config = BW_NEW(call->arena, struct elbv2_HostHeaderConditionConfig);
	if (config_at(c, t))
		*config = *(struct elbv2_HostHeaderConditionConfig *)config_at(c, t);
	else
		*config = (struct elbv2_HostHeaderConditionConfig){c->Values, c->RegexValues};
	config->Values.set = config->Values.n > 0;
	config->RegexValues.set = config->RegexValues.n > 0;
	*(void **)((char *)c + t->config) = config;
	c->Values = config->Values;
	c->RegexValues = config->RegexValues;
	return BW_OK;
}

static enum bw_err condition_check(
    struct bw_call *call, struct elbv2_RuleCondition *c, const struct condition_type *t, struct tally *tally)
{
	const char *config;

	TRY(legacy_take(call, c, t));
	config = config_at(c, t);
	if (t->values == SIZE_MAX)
		return query_check(call, t, c->QueryStringConfig, tally);
	if (c->HttpHeaderConfig)
		TRY(header_check(call, c->HttpHeaderConfig->HttpHeaderName));
	return strings_check(call, t, (const struct elbv2_ListOfString *)(config + t->values),
	    t->regexes == SIZE_MAX ? NULL : (const struct elbv2_ListOfString *)(config + t->regexes), tally);
}

enum bw_err elb_conditions_check(struct bw_call *call, struct elbv2_RuleConditionList *conditions)
{
	const struct condition_type *t;
	bool seen[BW_COUNT(types)] = {0};
	struct elbv2_RuleCondition *v = BW_NEW_ARRAY(call->arena, struct elbv2_RuleCondition, conditions->n);
	struct tally tally = {0};

	if (conditions->n == 0)
		return elb_invalid(call, "A condition must be specified");
	memcpy(v, conditions->v, conditions->n * sizeof *v);
	conditions->v = v;
	for (size_t i = 0; i < conditions->n; i++) {
		TRY(type_find(call, &v[i], &t));
		if (t->once && seen[t - types])
			return elb_invalid(call, "A rule can only have one '%s' condition", t->field);
		seen[t - types] = true;
		TRY(condition_check(call, &v[i], t, &tally));
	}
	TRY(bw_call_within(call, &elb_condition_values_quota, tally.values));
	return bw_call_within(call, &elb_wildcards_quota, tally.wildcards);
}

/* ---- Transforms ---- */

/* A group's number at the beginning, in braces or not; what stands behind it. */
static bool group_take(struct bw_str *rest, int64_t *number)
{
	bool braces = rest->n && rest->p[0] == '{';
	size_t n = braces, from = braces;

	while (n < rest->n && rest->p[n] >= '0' && rest->p[n] <= '9')
		n++;
	if (bw_str_to_i64(bw_str_sub(*rest, from, n - from), 0, UINT16_MAX, number) != BW_OK ||
	    (braces && (n == rest->n || rest->p[n++] != '}')))
		return false;
	*rest = bw_str_sub(*rest, n, rest->n);
	return true;
}

/* $$, and the groups that the expression has: any other $ would refuse every request that comes. */
static bool replacement_valid(struct bw_str regex, struct bw_str text)
{
	pcre2_code *re = regex_compile(regex);
	uint32_t groups = 0;
	bool good = re && pcre2_pattern_info(re, PCRE2_INFO_CAPTURECOUNT, &groups) == 0;
	int64_t number;

	pcre2_code_free(re);
	while (good && bw_str_find(text, '$', 0) >= 0) {
		text = bw_str_sub(text, (size_t)bw_str_find(text, '$', 0) + 1, text.n);
		if (text.n && text.p[0] == '$')
			text = bw_str_sub(text, 1, text.n);
		else
			good = group_take(&text, &number) && number <= groups;
	}
	return good;
}

static enum bw_err rewrites_check(struct bw_call *call, const struct elbv2_RewriteConfigList *rewrites)
{
	if (rewrites->n != 1)
		return elb_invalid(call, "A transform must have exactly one rewrite");
	TRY(regex_check(call, rewrites->v[0].Regex, REWRITE_MAX));
	if (rewrites->v[0].Replace.n > REWRITE_MAX || !text_fits(rewrites->v[0].Replace) ||
	    !replacement_valid(rewrites->v[0].Regex, rewrites->v[0].Replace))
		return elb_invalid(
		    call, "The replacement '%.*s' is not valid", BW_FMT(rewrites->v[0].Replace));
	return BW_OK;
}

static enum bw_err transform_check(struct bw_call *call, const struct elbv2_RuleTransform *t)
{
	bool host = elb_is(t->Type, "host-header-rewrite");

	if (host != (t->HostHeaderRewriteConfig != NULL) || host == (t->UrlRewriteConfig != NULL))
		return elb_invalid(call,
		    "A transform must have the configuration of its type, '%.*s', and no other",
		    BW_FMT(t->Type));
	return rewrites_check(
	    call, host ? &t->HostHeaderRewriteConfig->Rewrites : &t->UrlRewriteConfig->Rewrites);
}

enum bw_err elb_transforms_check(struct bw_call *call, const struct elbv2_RuleTransformList *transforms)
{
	if (transforms->n > TRANSFORMS_MAX)
		return elb_invalid(call, "A rule can only have '%d' transforms", TRANSFORMS_MAX);
	for (size_t i = 0; i < transforms->n; i++) {
		if (i && bw_str_eq(transforms->v[0].Type, transforms->v[i].Type))
			return elb_invalid(call, "A rule can only have one transform of type '%.*s'",
			    BW_FMT(transforms->v[i].Type));
		TRY(transform_check(call, &transforms->v[i]));
	}
	return BW_OK;
}
