/* HTTPS to hosts that customers name. They name them, so it is the certificate that decides who is spoken to,
 * and what a name may not stand for is this machine and its link: those the operator alone can name. */
#include "outside/outside_internal.h"

#include <netdb.h>
#include <pthread.h>

#include "base/sys.h"
#include "net/authorities.h"
#include "net/fetch.h"
#include "net/tls.h"

enum {
	HOST_MAX = 253,
	ADDRESSES_MAX = 4,
	KEPT_MAX = 64,       /* connections at all hosts; at one there are no more than requests at one time */
	IDLE_MS = 20 * 1000, /* then a name may stand for somewhere else */
};

/* A connection that waits for the next request to its host. */
struct kept {
	struct kept *next;
	struct bw_fetch_line *line;
	int64_t until_ms;
	size_t n;
	char host[];
};

struct https {
	const struct bw_outside_config *config;
	int64_t timeout_ms;
	struct ssl_ctx_st *tls;
	pthread_mutex_t lock;
	struct kept *kept; /* latest first */
	size_t kept_count;
};

enum bw_err https_new(const struct bw_outside_config *config, struct bw_str given, bool alone, int64_t timeout_ms,
    struct https **out)
{
	struct https *h = bw_alloc(sizeof *h);
	struct bw_buf pem;
	enum bw_err e = BW_OK;

	bw_buf_init(&pem, BW_AUTHORITIES_MAX);
	if (!alone)
		bw_authorities_read(&pem);
	if (bw_str_set(given))
		bw_buf_put(&pem, given);
	if (pem.n)
		e = bw_tls_client_new(bw_buf_str(&pem), &h->tls);
	bw_buf_free(&pem);
	h->config = config;
	h->timeout_ms = timeout_ms;
	MUST(pthread_mutex_init(&h->lock, NULL) == 0);
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

static size_t resolve(const struct https *h, const struct bw_outside_request *r, struct bw_address out[ADDRESSES_MAX])
{
	struct bw_str host = r->where;
	const struct addrinfo wanted = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	char name[HOST_MAX + 1];
	size_t n = 0;

	for (size_t i = 0; i < h->config->host_count; i++)
		if (h->config->hosts[i].op == r->op && bw_str_eq_nocase(h->config->hosts[i].name, host)) {
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

/* ---- Connections that are kept ---- */

static struct bw_fetch_line *kept_remove(struct https *h, struct kept **at)
{
	struct kept *k = *at;
	struct bw_fetch_line *line = k->line;

	*at = k->next;
	h->kept_count--;
	bw_free(k);
	return line;
}

/* NULL: none. Those that were idle for too long end here. */
static struct bw_fetch_line *kept_take(struct https *h, struct bw_str host)
{
	struct bw_fetch_line *line = NULL;
	int64_t now_ms = bw_clock_mono_ms();
	struct kept **at = &h->kept;

	MUST(pthread_mutex_lock(&h->lock) == 0);
	while (*at) {
		if ((*at)->until_ms <= now_ms)
			bw_fetch_line_free(kept_remove(h, at));
		else if (!line && bw_str_eq(bw_str_make((*at)->host, (*at)->n), host))
			line = kept_remove(h, at);
		else
			at = &(*at)->next;
	}
	MUST(pthread_mutex_unlock(&h->lock) == 0);
	return line;
}

static void kept_give(struct https *h, struct bw_str host, struct bw_fetch_line *line)
{
	struct kept *k;

	if (!line)
		return;
	k = bw_alloc(sizeof *k + host.n);
	k->line = line;
	k->until_ms = bw_clock_mono_ms() + IDLE_MS;
	k->n = host.n;
	memcpy(k->host, host.p, host.n);
	MUST(pthread_mutex_lock(&h->lock) == 0);
	k->next = h->kept;
	h->kept = k;
	if (++h->kept_count > KEPT_MAX) {
		struct kept **at = &h->kept;

		while ((*at)->next)
			at = &(*at)->next;
		bw_fetch_line_free(kept_remove(h, at));
	}
	MUST(pthread_mutex_unlock(&h->lock) == 0);
}

/* A connection may end at any moment that nobody uses it: then another one is tried. What is asked of a proxy may be asked twice. */
enum bw_err https_exchange(struct https *h, const struct bw_outside_request *r, struct bw_arena *arena,
    struct bw_errand_answer *answer)
{
	struct bw_fetch_at f = {.host = r->where,
	    .request = r->input,
	    .answer_max = BW_OUTSIDE_BODY_MAX,
	    .deadline_ms = bw_clock_mono_ms() + h->timeout_ms};
	struct bw_address addresses[ADDRESSES_MAX];
	struct bw_fetch_line *line;
	enum bw_err e = BW_EIO;
	size_t n;

	CHECK(h->tls, BW_EPERM);
	CHECK(r->where.n && r->where.n <= HOST_MAX && !memchr(r->where.p, 0, r->where.n), BW_EIO);
	while (e == BW_EIO && (line = kept_take(h, r->where)) != NULL) {
		e = bw_fetch_at(&f, h->tls, &line, arena, &answer->status, &answer->out);
		kept_give(h, r->where, line);
	}
	n = e == BW_EIO ? resolve(h, r, addresses) : 0;
	for (size_t i = 0; i < n && e == BW_EIO; i++) {
		line = NULL;
		f.address = addresses[i];
		e = bw_fetch_at(&f, h->tls, &line, arena, &answer->status, &answer->out);
		kept_give(h, r->where, line);
	}
	return e;
}
