/* Certificates as people hand them in, and what they say (RFC 5280). Pure; any thread. */
#pragma once

#include "base/buf.h"

struct bw_x509_use {
	const char *name; /* as ACM names it; static storage */
	struct bw_str oid;
};

/* Slices live in the arena. */
struct bw_x509_facts {
	struct bw_str common_name; /* of the subject; absent: none */
	struct bw_str subject, issuer; /* "CN=a.example,O=b" */
	struct bw_str issuer_name; /* the issuer's organisation, else its common name */
	struct bw_str serial;      /* "0a:1b:..." */
	struct bw_str *names;      /* DNS names and addresses, in order */
	size_t name_count;
	int64_t not_before_ms, not_after_ms;
	struct bw_str key_algorithm;       /* "RSA_2048", "EC_prime256v1"; absent: none that ACM takes */
	struct bw_str signature_algorithm; /* "SHA256WITHRSA" */
	const char *key_usages[9];
	size_t key_usage_count;
	bool any_key_usage;            /* the certificate does not say: all are meant */
	struct bw_x509_use *extended;
	size_t extended_count;
	bool self_signed;
};

enum bw_x509_fault {
	BW_X509_GOOD,
	BW_X509_NO_CERTIFICATE, /* not one certificate in PEM and nothing else */
	BW_X509_NO_KEY,         /* not one unencrypted private key in PEM */
	BW_X509_OTHER_KEY,      /* not the certificate's */
	BW_X509_WEAK,           /* a key that ACM does not take */
	BW_X509_NO_CHAIN,       /* not certificates in PEM alone */
	BW_X509_OTHER_CHAIN,    /* not each signed by the next */
};

/* Whether the certificate, its key and the chain above it (may be absent) belong together. */
enum bw_x509_fault bw_x509_check(struct bw_str cert_pem, struct bw_str key_pem, struct bw_str chain_pem);
/* Of the first certificate of the PEM. BW_EINVAL when it has none. */
BW_CHECKED enum bw_err bw_x509_facts(struct bw_str cert_pem, struct bw_arena *arena, struct bw_x509_facts *out);
/* The key encrypted under a passphrase: PKCS #8 with PBES2 (AES-256-CBC, PBKDF2 with HMAC-SHA256). Takes milliseconds. */
BW_CHECKED enum bw_err bw_x509_key_export(struct bw_str key_pem, struct bw_str passphrase, struct bw_buf *out);
