/* Templates (AWS Private CA User Guide, "Template definitions"): each in up to four varieties, told by the
 * end of its name. */
#include "svc/acm_pca/pca.h"

enum {
	DIGITAL_SIGNATURE = 1,
	KEY_ENCIPHERMENT = 4,
	KEY_CERT_SIGN = 32,
	CRL_SIGN = 64,
	AUTHORITY = DIGITAL_SIGNATURE | KEY_CERT_SIGN | CRL_SIGN
};
enum { BASE = 1, CSR = 2, API = 4, API_CSR = 8, PASSTHROUGH = CSR | API | API_CSR, ALL = BASE | PASSTHROUGH };

#define SERVER_AUTH  "1.3.6.1.5.5.7.3.1"
#define CLIENT_AUTH  "1.3.6.1.5.5.7.3.2"
#define CODE_SIGNING "1.3.6.1.5.5.7.3.3"
#define OCSP_SIGNING "1.3.6.1.5.5.7.3.9"

static const struct {
	struct pca_template t;
	unsigned varieties;
} templates[] = {
    {{"EndEntityCertificate", PCA_NO_PATH, DIGITAL_SIGNATURE | KEY_ENCIPHERMENT, {SERVER_AUTH, CLIENT_AUTH},
         false},
        ALL},
    {{"EndEntityServerAuthCertificate", PCA_NO_PATH, DIGITAL_SIGNATURE | KEY_ENCIPHERMENT, {SERVER_AUTH},
         false},
        ALL},
    {{"EndEntityClientAuthCertificate", PCA_NO_PATH, DIGITAL_SIGNATURE | KEY_ENCIPHERMENT, {CLIENT_AUTH},
         false},
        ALL},
    {{"CodeSigningCertificate", PCA_NO_PATH, DIGITAL_SIGNATURE, {CODE_SIGNING}, true}, ALL},
    {{"OCSPSigningCertificate", PCA_NO_PATH, DIGITAL_SIGNATURE, {OCSP_SIGNING}, true}, ALL},
    {{"BlankEndEntityCertificate", PCA_NO_PATH, 0, {NULL}, false}, PASSTHROUGH},
    {{"RootCACertificate", PCA_ANY_PATH, AUTHORITY, {NULL}, false}, BASE | API},
#define SUBORDINATE(n)                                                                                       \
	{{"SubordinateCACertificate_PathLen" #n, n, AUTHORITY, {NULL}, false}, ALL},                         \
	{                                                                                                    \
		{"BlankSubordinateCACertificate_PathLen" #n, n, 0, {NULL}, false}, PASSTHROUGH               \
	}
    SUBORDINATE(0),
    SUBORDINATE(1),
    SUBORDINATE(2),
    SUBORDINATE(3),
};

static const struct {
	const char *ending;
	unsigned variety;
	bool api, csr;
} varieties[] = {
    {"_APICSRPassthrough", API_CSR, true, true},
    {"_APIPassthrough", API, true, false},
    {"_CSRPassthrough", CSR, false, true},
    {"", BASE, false, false},
};

static bool find(struct bw_str name, struct pca_chosen *out)
{
	for (size_t i = 0; i < BW_COUNT(varieties); i++) {
		struct bw_str ending = bw_str_c(varieties[i].ending), base;

		if (!bw_str_ends(name, ending))
			continue;
		base = bw_str_sub(name, 0, name.n - ending.n);
		for (size_t j = 0; j < BW_COUNT(templates); j++)
			if (bw_str_eq(base, bw_str_c(templates[j].t.name)) &&
			    (templates[j].varieties & varieties[i].variety)) {
				out->t = &templates[j].t;
				out->api = varieties[i].api;
				out->csr = varieties[i].csr;
				return true;
			}
	}
	return false;
}

enum bw_err pca_template(struct bw_call *call, struct bw_str arn, struct pca_chosen *out)
{
	struct bw_str name, front = BW_STR("arn:aws:acm-pca:::template/"), version = BW_STR("/V1");

	if (!bw_str_set(arn))
		arn = BW_STR("arn:aws:acm-pca:::template/EndEntityCertificate/V1");
	*out = (struct pca_chosen){.arn = arn};
	name = bw_str_sub(arn, front.n, arn.n);
	if (bw_str_starts(arn, front) && bw_str_ends(name, version) &&
	    find(bw_str_sub(name, 0, name.n - version.n), out))
		return BW_OK;
	return bw_call_fail(call, "InvalidArgsException", "The template %.*s does not exist.", BW_FMT(arn));
}
