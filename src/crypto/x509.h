/* What certificates say (RFC 5280), and private keys given away under a passphrase. Pure; any thread. crypto/pair.h checks what
 * people hand in. */
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
};

/* Of the first certificate of the PEM. BW_EINVAL when it has none. */
BW_CHECKED enum bw_err bw_x509_facts(struct bw_str cert_pem, struct bw_arena *arena, struct bw_x509_facts *out);

/* One attribute of a distinguished name. */
struct bw_x509_part {
	struct bw_str oid, value; /* "2.5.4.3"; UTF-8 */
};
struct bw_x509_dn {
	struct bw_x509_part *v; /* in the certificate's order */
	size_t n;
};
enum bw_x509_name_kind {
	BW_NAME_DNS,
	BW_NAME_ADDRESS,
	BW_NAME_EMAIL,
	BW_NAME_URI,
	BW_NAME_REGISTERED, /* an object identifier */
	BW_NAME_DIRECTORY,  /* `dn` */
};
struct bw_x509_name {
	enum bw_x509_name_kind kind;
	struct bw_str text;
	struct bw_x509_dn dn;
};
struct bw_x509_names {
	struct bw_x509_dn subject, issuer;
	struct bw_x509_name *alt; /* alternative names; of other kinds: left out */
	size_t alt_count;
};
/* Of the first certificate of the PEM, into the arena. BW_EINVAL when it has none. */
BW_CHECKED enum bw_err bw_x509_names(struct bw_str cert_pem, struct bw_arena *arena, struct bw_x509_names *out);

/* A fresh key of a kind that bw_ca_issue_as knows, as PEM, and its SubjectPublicKeyInfo (DER). BW_EINVAL for any other. */
BW_CHECKED enum bw_err bw_key_make(struct bw_str algorithm, struct bw_buf *key_pem, struct bw_buf *spki);
/* The public half of one that there is. BW_EINVAL when it is none. */
BW_CHECKED enum bw_err bw_key_public(struct bw_str key_pem, struct bw_buf *spki);

/* The key encrypted under a passphrase: PKCS #8 with PBES2 (AES-256-CBC, PBKDF2 with HMAC-SHA256). Takes milliseconds. */
BW_CHECKED enum bw_err bw_x509_key_export(struct bw_str key_pem, struct bw_str passphrase, struct bw_buf *out);
