/* jwt-validation (ALB User Guide, "Verify JWTs using an Application Load Balancer"): a bearer token, signed
 * with RS256 by a key of the configured set, whose claims are the ones asked for. */
#include "edge/check.h"
#include "edge/worker.h"

#include <stdio.h>

#include "jose/jwks.h"
#include "jose/jwt.h"

enum { CLAIMS_MAX = 10, VALUES_MAX = 10 }; /* as the API takes them */

struct claim {
	struct bw_str name;
	enum bw_jwt_form form;
	struct bw_str values[VALUES_MAX];
	size_t count;
};

struct jwt {
	struct key_set *keys; /* a reference of the image's */
	struct bw_str issuer;
	struct claim claims[CLAIMS_MAX];
	size_t count;
};

/* ---- Reading the action ---- */

static const struct {
	const char *name;
	enum bw_jwt_form form;
} forms[] = {{"single-string", BW_JWT_STRING}, {"string-array", BW_JWT_ARRAY},
    {"space-separated-values", BW_JWT_SPACES}};

/* "AdditionalClaims.N.Name" and so on; absent when there is no such member. */
static struct bw_str member(const struct bw_edge_action *in, size_t n, const char *name)
{
	char key[64];

	(void)snprintf(key, sizeof key, "AdditionalClaims.%zu.%s", n, name);
	return attribute(&in->parameters, key);
}

static bool claim_compile(const struct bw_edge_action *in, size_t n, struct claim *out)
{
	struct bw_str form = member(in, n, "Format"), value;
	char name[32];
	size_t i = 0;

	while (i < BW_COUNT(forms) && !bw_str_eq(form, bw_str_c(forms[i].name)))
		i++;
	if (i == BW_COUNT(forms))
		return false;
	out->name = member(in, n, "Name");
	out->form = forms[i].form;
	for (;;) {
		(void)snprintf(name, sizeof name, "Values.%zu", out->count + 1);
		value = member(in, n, name);
		if (!bw_str_set(value) || out->count == VALUES_MAX)
			return !bw_str_set(value) && out->count > 0;
		out->values[out->count++] = value;
	}
}

/* ---- Running ---- */

/* The one token of the one Authorization header, or the access log's word for what is wrong. */
static const char *token_find(const struct bw_http_request *r, struct bw_str *token)
{
	size_t count;
	struct bw_str value = bw_http_header(r, BW_STR("authorization"), &count);

	if (count == 0)
		return "JWTHeaderNotPresent";
	if (count > 1 || !bw_str_starts_nocase(value, BW_STR("Bearer ")))
		return "JWTRequestFormatInvalid";
	*token = bw_str_sub(value, sizeof "Bearer " - 1, value.n);
	return NULL;
}

static const char *fault_name(enum bw_jwt_fault fault)
{
	static const char *const names[] = {[BW_JWT_GOOD] = NULL,
	    [BW_JWT_ABSENT] = "JWTClaimNotPresent",
	    [BW_JWT_FORMAT] = "JWTClaimFormatInvalid",
	    [BW_JWT_VALUE] = "JWTClaimValueInvalid"};

	return names[fault];
}

static const char *claims_judge(struct exchange *x, const struct jwt *j, const struct bw_jws *jws)
{
	struct bw_json_value claims;
	enum bw_jwt_fault fault;

	if (bw_jwt_claims(jws->payload, &x->edge->arena, &claims) != BW_OK)
		return "JWTRequestFormatInvalid";
	fault = bw_jwt_check(&claims, j->issuer, edge_wall_ms(x->edge) / 1000);
	for (size_t i = 0; fault == BW_JWT_GOOD && i < j->count; i++)
		fault = bw_jwt_check_claim(
		    &claims, j->claims[i].name, j->claims[i].form, j->claims[i].values, j->claims[i].count);
	return fault_name(fault);
}

static enum verdict jwt_run(struct exchange *x, const struct check *c, const struct bw_http_request *r)
{
	const struct jwt *j = c->compiled;
	const char *wrong, *failed;
	struct bw_jwks *keys;
	struct bw_str token;
	struct bw_jws jws;
	enum bw_err e;

	bw_arena_reset(&x->edge->arena);
	wrong = token_find(r, &token);
	if (!wrong && bw_jws_parse(token, &x->edge->arena, &jws) != BW_OK)
		wrong = "JWTRequestFormatInvalid";
	if (wrong)
		return check_refuse(x, 401, wrong);
	keys = key_set_keys(j->keys, &failed);
	if (failed)
		return check_refuse(x, 500, failed);
	e = keys ? bw_jwks_verify(keys, &jws, 1u << BW_RS256) : BW_ENOTFOUND;
	if (e == BW_ENOTFOUND && (!keys || key_set_look_again(j->keys)))
		return check_park(x, r, key_set_wait(j->keys)) ? VERDICT_WAIT : VERDICT_ANSWERED;
	wrong = e == BW_OK ? claims_judge(x, j, &jws) : "JWTSignatureValidationError";
	return wrong ? check_refuse(x, 401, wrong) : VERDICT_PASS;
}

bool jwt_compile(struct edge_config *c, const struct bw_edge_action *in, struct check *out)
{
	struct jwt *j = BW_NEW(&c->arena, struct jwt);
	struct bw_str url = attribute(&in->parameters, "JwksEndpoint");

	j->issuer = attribute(&in->parameters, "Issuer");
	if (!url.n || !j->issuer.n)
		return false;
	for (; bw_str_set(member(in, j->count + 1, "Name")); j->count++)
		if (j->count == CLAIMS_MAX || !claim_compile(in, j->count + 1, &j->claims[j->count]))
			return false;
	j->keys = config_key_set(c, url);
	out->run = jwt_run;
	out->compiled = j;
	out->logged = "jwt-validation";
	return true;
}
