/* HTTPS to hosts that customers name. They name them, so it is the certificate that decides who is spoken to,
 * and what a name may not stand for is this machine and its link: those the operator alone can name. */
#include "outside/outside_internal.h"

#include <netdb.h>

#include "base/sys.h"
#include "net/fetch.h"
#include "net/tls.h"

enum { HOST_MAX = 253, PORT = 443, ADDRESSES_MAX = 4 };

struct https {
	const struct bw_outside_config *config;
	struct ssl_ctx_st *tls;
};

enum bw_err https_new(const struct bw_outside_config *config, struct https **out)
{
	struct https *h = bw_alloc(sizeof *h);
	enum bw_err e = config->ca_pem.n ? bw_tls_client_new(config->ca_pem, &h->tls) : BW_OK;

	h->config = config;
	if (e == BW_OK)
		*out = h;
	else
		bw_free(h);
	return e;
}

static bool v4_is_foreign(uint32_t a)
{
	/* RFC 6890: "this network", loopback, link-local, multicast and what is reserved above it. */
	return a >> 24 != 0 && a >> 24 != 127 && a >> 16 != (169u << 8 | 254u) && a >> 28 < 14;
}

static bool is_foreign(const struct bw_address *a)
{
	const struct in6_addr *v6 = &a->v6.sin6_addr;
	uint32_t low;

	if (a->any.sa_family == AF_INET)
		return v4_is_foreign(ntohl(a->v4.sin_addr.s_addr));
	if (IN6_IS_ADDR_V4MAPPED(v6) || IN6_IS_ADDR_V4COMPAT(v6)) {
		memcpy(&low, v6->s6_addr + 12, sizeof low);
		return v4_is_foreign(ntohl(low));
	}
	return !IN6_IS_ADDR_LOOPBACK(v6) && !IN6_IS_ADDR_LINKLOCAL(v6) && !IN6_IS_ADDR_MULTICAST(v6) &&
	       !IN6_IS_ADDR_UNSPECIFIED(v6);
}

static size_t addresses_keep(const struct addrinfo *found, struct bw_address out[ADDRESSES_MAX])
{
	size_t n = 0;

	for (; found && n < ADDRESSES_MAX; found = found->ai_next) {
		if (found->ai_addrlen > sizeof out[n].v6)
			continue;
		memcpy(&out[n].any, found->ai_addr, found->ai_addrlen);
		out[n].bytes = found->ai_addrlen;
		if (is_foreign(&out[n]))
			n++;
	}
	return n;
}

static size_t resolve(const struct https *h, struct bw_str host, struct bw_address out[ADDRESSES_MAX])
{
	const struct addrinfo wanted = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	char name[HOST_MAX + 1];
	size_t n = 0;

	for (size_t i = 0; i < h->config->host_count; i++)
		if (bw_str_eq_nocase(h->config->hosts[i].name, host)) {
			out[0] = h->config->hosts[i].address;
			return 1;
		}
	memcpy(name, host.p, host.n);
	name[host.n] = '\0';
	if (getaddrinfo(name, "443", &wanted, &found) == 0)
		n = addresses_keep(found, out);
	if (found)
		freeaddrinfo(found);
	return n;
}

enum bw_err https_exchange(struct https *h, const struct bw_outside_request *r, struct bw_arena *arena,
    struct bw_outside_answer *answer)
{
	struct bw_fetch_at f = {.host = r->where,
	    .request = r->input,
	    .answer_max = BW_OUTSIDE_BODY_MAX,
	    .deadline_ms = bw_clock_mono_ms() + h->config->timeout_ms};
	struct bw_address addresses[ADDRESSES_MAX];
	enum bw_err e = BW_EIO;
	size_t n;

	CHECK(h->tls, BW_EPERM);
	CHECK(r->where.n && r->where.n <= HOST_MAX && !memchr(r->where.p, 0, r->where.n), BW_EIO);
	n = resolve(h, r->where, addresses);
	for (size_t i = 0; i < n && e == BW_EIO; i++) {
		f.address = addresses[i];
		e = bw_fetch_at(&f, h->tls, arena, &answer->status, &answer->out);
	}
	return e;
}
