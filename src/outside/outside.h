/* The outside: the one process that reaches keys which are kept elsewhere. It speaks HTTPS to proxies of
 * external key managers and loads PKCS #11 modules, neither of which may come near the store, the keyer or a
 * loop. It holds no state of the server's: every request brings what it needs, and a process that was started
 * again goes on where the last one ended. Asking it is an errand (proc/errand.h). */
#pragma once

#include "net/socket.h"
#include "proc/errand.h"

enum bw_outside_op {
	BW_OUTSIDE_HTTPS, /* where: a host's name; input: a whole HTTP/1.1 request -> status, out: the body.
	                     BW_EIO: no connection; BW_EPERM: no TLS; BW_EAGAIN: not in time; BW_EINVAL: no
	                     answer that can be read; BW_ETOOBIG: a longer one than BW_OUTSIDE_BODY_MAX */
	BW_OUTSIDE_FETCH, /* the same of an identity provider: trusted are idp_ca_pem and the system's
	                     authorities, and it may take FETCH_MS */
	BW_OUTSIDE_TOKEN_LOOK,  /* where: a cluster; input: its trust anchor in PEM. BW_ENOTFOUND: this server
	                           has no  such cluster; BW_ECORRUPT: another trust anchor, or none */
	BW_OUTSIDE_TOKEN_OPEN,  /* where, pin: opens it anew. BW_EPERM: the PIN is wrong or locked;
	                           BW_ENOTFOUND: no  such cluster or token; BW_EIO, BW_EINVAL, BW_EEXISTS: the
	                           token fails */
	BW_OUTSIDE_TOKEN_CLOSE, /* where */
	BW_OUTSIDE_TOKEN_MAKE,  /* where, pin, label: makes the key of that label */
	BW_OUTSIDE_TOKEN_DESTROY, /* where, pin, label. BW_ENOTFOUND: it is gone already */
	BW_OUTSIDE_TOKEN_SEAL,    /* where, pin, label, context, input -> out */
	BW_OUTSIDE_TOKEN_UNSEAL,  /* where, pin, label, context, input -> out. BW_ECORRUPT: it does not
	                             authenticate;  BW_ENOTFOUND: no such key */
	BW_OUTSIDE_TOKEN_RANDOM,  /* where, pin, length -> out */
	BW_OUTSIDE_OPS,
};

enum {
	BW_OUTSIDE_BODY_MAX = 60 * 1024, /* a key set with its certificates has some 20 KiB; a proxy's answer 6 */
	BW_OUTSIDE_HOSTS_MAX = 64,       /* of the operator's options */
	BW_OUTSIDE_TOKENS_MAX = 16,      /* ... */
};

struct bw_outside_request {
	enum bw_outside_op op;
	struct bw_str where, pin, label, context, input;
	size_t length; /* bytes wanted, at most 1,024 */
};

extern const struct bw_errands bw_outside_errands;

static inline void bw_outside_send(
    struct bw_errand_client *c, struct bw_errand *errand, const struct bw_outside_request *request)
{
	bw_errand_send(c, errand, request);
}

/* ---- The process ---- */

/* What the operator says of the world. Borrowed for the process's life. */
struct bw_outside_config {
	struct {
		enum bw_outside_op op; /* who may be meant by it: a proxy, or an identity provider */
		struct bw_str name;
		struct bw_address address;
	} hosts[BW_OUTSIDE_HOSTS_MAX]; /* where hosts are that DNS does not know, or that it may not name: on
	                                  loopback */
	size_t host_count;
	struct {
		struct bw_str cluster, module, label;
		struct bw_str trust_pem; /* absent: any certificate is believed to be the cluster's */
	} tokens[BW_OUTSIDE_TOKENS_MAX];
	size_t token_count;
	struct bw_str ca_pem; /* whom hosts' certificates may come from; absent: from those the system trusts */
	struct bw_str idp_ca_pem; /* beside those that the system trusts; absent: those alone */
	int64_t timeout_ms;   /* of an HTTPS request to a proxy, from the name to the last byte */
};

struct bw_outside {
	struct bw_errand_channels channels;
	struct bw_outside_config config;
};
/* The entry of its row. ctx: struct bw_outside. */
int bw_outside_run(const struct bw_proc_self *self);
