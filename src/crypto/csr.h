/* What somebody asks a certification authority for, and what an authority is given back: certificate signing
 * requests (RFC 2986) and certificates of authorities (RFC 5280), as people hand them in. Any thread. Slices
 * live in the arena. */
#pragma once

#include "base/buf.h"

struct bw_x509_extension {
	struct bw_str oid; /* dotted */
	bool critical;
	struct bw_str value; /* DER */
};

enum bw_csr_fault {
	BW_CSR_GOOD,
	BW_CSR_FORM,       /* not one request in PEM */
	BW_CSR_KEY,        /* neither RSA with 2,048 to 8,192 bits nor ECDSA on P-256, P-384 or P-521 */
	BW_CSR_SIGNATURE,  /* not signed with that key */
	BW_CSR_EXTENSIONS, /* unreadable, too many, or one twice */
};

struct bw_csr {
	struct bw_str subject, spki; /* DER: a Name, a SubjectPublicKeyInfo */
	struct bw_str key_id;        /* SHA-1 of the key (RFC 5280 section 4.2.1.2, method 1) */
	struct bw_x509_extension *extensions;
	size_t extension_count;
};

enum bw_csr_fault bw_csr_read(struct bw_str pem, struct bw_arena *arena, struct bw_csr *out);
/* The key identifier of a SubjectPublicKeyInfo. BW_EINVAL: it is none. */
BW_CHECKED enum bw_err bw_spki_id(struct bw_str spki, struct bw_arena *arena, struct bw_str *out);

enum bw_authority_fault {
	BW_AUTHORITY_GOOD,
	BW_AUTHORITY_FORM,     /* not one certificate */
	BW_AUTHORITY_KEY,      /* another key's */
	BW_AUTHORITY_NO_CA,    /* basic constraints or key usage say that it is none */
	BW_AUTHORITY_CRITICAL, /* an extension is critical that must not be */
	BW_AUTHORITY_TIME,     /* not valid now */
	BW_AUTHORITY_SELF,  /* signed by itself though it is a subordinate's, or not though it is a root's */
	BW_AUTHORITY_CHAIN, /* the chain is not the certificates above it, each signed by the next, up to a
	                       root */
	BW_AUTHORITY_PATH,  /* what is above does not allow it */
};

struct bw_authority_facts {
	struct bw_str subject, key_id, serial; /* DER; bytes; "0a:1b:..." */
	int64_t not_before_ms, not_after_ms;
	int64_t path_length; /* -1: any */
};

/* `chain` absent: a root's. */
enum bw_authority_fault bw_authority_check(struct bw_str certificate, struct bw_str chain, struct bw_str spki,
    int64_t now_ms, struct bw_arena *arena, struct bw_authority_facts *out);
