/* RevokeCertificate: for ever, and noted with the certificate. */
#include "svc/acm_pca/pca.h"

enum { SERIAL_DIGITS = 32 };

/* Hexadecimal, in either case, with or without colons: as our keys have it. Absent: it is none. */
static struct bw_str serial_read(struct bw_call *call, struct bw_str text)
{
	char *digits = bw_arena_alloc(call->arena, text.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == ':')
			continue;
		if (c >= 'A' && c <= 'F')
			c = (char)(c - 'A' + 'a');
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return BW_STR_NONE;
		digits[n++] = c;
	}
	return bw_str_make(digits, n);
}

static bool same_serial(struct bw_call *call, struct bw_str kept, struct bw_str serial)
{
	return bw_str_set(kept) && bw_str_eq(serial_read(call, kept), serial);
}

BW_OP(acm_pca, RevokeCertificate, .effect = BW_WRITE, .resource = pca_resource)
{
	struct bw_str serial = serial_read(call, in->CertificateSerial), key;
	struct pca_certificate c;
	struct pca_found *f;
	enum bw_err e;

	TRY(pca_found(call, &f));
	TRY(pca_in_state(call, f, PCA_IN(ACTIVE) | PCA_IN(DISABLED) | PCA_IN(EXPIRED)));
	if (f->a.type == PCA_ROOT && bw_str_set(serial) && same_serial(call, f->a.serial, serial))
		return bw_call_fail(
		    call, "InvalidRequestException", "%s", "Self-signed certificate can not be revoked");
	key = pca_certificate_key(call, f->id, serial);
	e = serial.n == SERIAL_DIGITS ? bw_call_load(call, &pca_certificate_record, key, &c) : BW_ENOTFOUND;
	if (e == BW_ENOTFOUND)
		return bw_call_fail(call, "ResourceNotFoundException",
		    "Could not find a certificate with serial number %.*s.", BW_FMT(in->CertificateSerial));
	TRY(e);
	if (c.revoked_ms)
		return bw_call_fail(call, "RequestAlreadyProcessedException",
		    "Certificate with serial number %.*s has already been revoked.",
		    BW_FMT(in->CertificateSerial));
	c.revoked_ms = call->now_ms;
	c.revocation_reason = in->RevocationReason;
	bw_call_save(call, &pca_certificate_record, key, &c);
	return BW_OK;
}
