#include "svc/elbv2/action.h"

/* Application Load Balancers Guide, "Authenticate users" and "Verify JWTs". */

enum { SESSION_MAX_S = 604800, EXTRA_MAX = 10, CLAIMS_MAX = 10, CLAIM_TEXT_MAX = 256 };

static bool is_https_url(struct bw_str url)
{
	struct bw_str rest = bw_str_sub(url, strlen("https://"), url.n);

	if (!bw_str_starts(url, BW_STR("https://")) || rest.n == 0 || rest.p[0] == '/')
		return false;
	for (size_t i = 0; i < url.n; i++)
		if (url.p[i] <= ' ' || url.p[i] > '~' || url.p[i] == '"' || url.p[i] == '\\')
			return false;
	return true;
}

static enum bw_err url_check(struct bw_call *call, const char *what, struct bw_str url)
{
	if (!is_https_url(url))
		return elb_invalid(call,
		    "%s '%.*s' must be a full URL, including the HTTPS protocol, the domain, and the path",
		    what, BW_FMT(url));
	return BW_OK;
}

static enum bw_err session_check(struct bw_call *call, struct bw_opt_int timeout, size_t extra)
{
	if (timeout.v < 1 || timeout.v > SESSION_MAX_S)
		return elb_invalid(call, "Session timeout '%lld' must be between '1' and '%d' inclusive",
		    (long long)timeout.v, SESSION_MAX_S);
	if (extra > EXTRA_MAX)
		return elb_invalid(call,
		    "A maximum of '%d' extra authentication request parameters can be specified", EXTRA_MAX);
	return BW_OK;
}

/* A cookie's name goes into headers: a token (RFC 6265, 4.1.1). */
static enum bw_err cookie_check(struct bw_call *call, struct bw_str name)
{
	bool fine = name.n > 0 && name.n <= 128;

	for (size_t i = 0; i < name.n; i++)
		fine =
		    fine && name.p[i] > ' ' && name.p[i] < 0x7f && !strchr("()<>@,;:\\\"/[]?={}", name.p[i]);
	return fine ? BW_OK : elb_invalid(call, "Session cookie name '%.*s' is not valid", BW_FMT(name));
}

static struct bw_str or_usual(struct bw_str given, const char *usual)
{
	return bw_str_set(given) ? given : bw_str_c(usual);
}

/* What both ways to log in say of the session: what is not given is as usual. */
static enum bw_err session_take(struct bw_call *call, struct bw_str *cookie, struct bw_str *scope,
    struct bw_str *strangers, struct bw_opt_int *timeout, size_t extra)
{
	*cookie = or_usual(*cookie, "AWSELBAuthSessionCookie");
	*scope = or_usual(*scope, "openid");
	*strangers = or_usual(*strangers, "authenticate");
	if (!timeout->set)
		*timeout = BW_INT(SESSION_MAX_S);
	TRY(cookie_check(call, *cookie));
	return session_check(call, *timeout, extra);
}

static enum bw_err secret_keep(
    struct bw_call *call, struct elbv2_AuthenticateOidcActionConfig *c, const struct elbv2_Actions *before)
{
	bool existing = c->UseExistingClientSecret.set && c->UseExistingClientSecret.v;

	if (bw_str_set(c->ClientSecret) && existing)
		return elb_invalid(
		    call, "A client secret cannot be specified when using the existing client secret");
	if (bw_str_set(c->ClientSecret))
		return BW_OK;
	for (size_t i = 0; existing && before && i < before->n; i++)
		if (before->v[i].AuthenticateOidcConfig) {
			c->ClientSecret = before->v[i].AuthenticateOidcConfig->ClientSecret;
			return BW_OK;
		}
	return elb_invalid(call, "A client secret must be specified");
}

enum bw_err action_oidc(struct bw_call *call, struct elbv2_Action *a, const struct elbv2_Actions *before)
{
	struct elbv2_AuthenticateOidcActionConfig *c =
	    BW_NEW(call->arena, struct elbv2_AuthenticateOidcActionConfig);

	*c = *a->AuthenticateOidcConfig;
	TRY(url_check(call, "Issuer", c->Issuer));
	TRY(url_check(call, "Authorization endpoint", c->AuthorizationEndpoint));
	TRY(url_check(call, "Token endpoint", c->TokenEndpoint));
	TRY(url_check(call, "User info endpoint", c->UserInfoEndpoint));
	TRY(secret_keep(call, c, before));
	c->UseExistingClientSecret.set = false;
	TRY(session_take(call, &c->SessionCookieName, &c->Scope, &c->OnUnauthenticatedRequest, &c->SessionTimeout,
	    c->AuthenticationRequestExtraParams.n));
	a->AuthenticateOidcConfig = c;
	return BW_OK;
}

enum bw_err action_cognito(struct bw_call *call, struct elbv2_Action *a)
{
	struct elbv2_AuthenticateCognitoActionConfig *c =
	    BW_NEW(call->arena, struct elbv2_AuthenticateCognitoActionConfig);
	struct bw_arn arn;

	*c = *a->AuthenticateCognitoConfig;
	if (bw_arn_parse(c->UserPoolArn, &arn) != BW_OK || !elb_is(arn.service, "cognito-idp") ||
	    !bw_str_starts(arn.resource, BW_STR("userpool/")))
		return elb_invalid(call, "'%.*s' is not a valid user pool ARN", BW_FMT(c->UserPoolArn));
	TRY(session_take(call, &c->SessionCookieName, &c->Scope, &c->OnUnauthenticatedRequest, &c->SessionTimeout,
	    c->AuthenticationRequestExtraParams.n));
	a->AuthenticateCognitoConfig = c;
	return BW_OK;
}

static enum bw_err claim_check(struct bw_call *call, const struct elbv2_JwtValidationActionAdditionalClaim *c)
{
	static const char *const checked[] = {"exp", "iss", "nbf", "iat", NULL};

	if (c->Name.n == 0 || c->Name.n > CLAIM_TEXT_MAX || elb_one_of(c->Name, checked))
		return elb_invalid(call, "The claim name '%.*s' is not valid", BW_FMT(c->Name));
	if (c->Values.n == 0 || c->Values.n > CLAIMS_MAX ||
	    (elb_is(c->Format, "single-string") && c->Values.n > 1))
		return elb_invalid(call,
		    "The number of values of claim '%.*s' is not valid for the format '%.*s'",
		    BW_FMT(c->Name), BW_FMT(c->Format));
	for (size_t i = 0; i < c->Values.n; i++)
		if (c->Values.v[i].n == 0 || c->Values.v[i].n > CLAIM_TEXT_MAX ||
		    (elb_is(c->Format, "space-separated-values") && bw_str_find(c->Values.v[i], ' ', 0) >= 0))
			return elb_invalid(call, "The value '%.*s' of claim '%.*s' is not valid",
			    BW_FMT(c->Values.v[i]), BW_FMT(c->Name));
	return BW_OK;
}

enum bw_err action_jwt(struct bw_call *call, struct elbv2_Action *a)
{
	const struct elbv2_JwtValidationActionConfig *c = a->JwtValidationConfig;

	TRY(url_check(call, "JWKS endpoint", c->JwksEndpoint));
	if (c->JwksEndpoint.n > CLAIM_TEXT_MAX || c->Issuer.n == 0 || c->Issuer.n > CLAIM_TEXT_MAX)
		return elb_invalid(
		    call, "The JWKS endpoint and the issuer can have '%d' characters", CLAIM_TEXT_MAX);
	if (c->AdditionalClaims.n > CLAIMS_MAX)
		return elb_invalid(call, "A maximum of '%d' additional claims can be specified", CLAIMS_MAX);
	for (size_t i = 0; i < c->AdditionalClaims.n; i++)
		TRY(claim_check(call, &c->AdditionalClaims.v[i]));
	return BW_OK;
}
