/* Key sets of identity providers. Fetching is the helper's work; a set that is here is used while a newer one
 * is on its way. */
#include "edge/check.h"
#include "edge/worker.h"

#include "helper/helper.h"
#include "jose/jwks.h"

enum {
	REFRESH_MS = 5 * 60 * 1000, /* then a set is fetched anew, once it is used */
	STALE_MS = 60 * 60 * 1000,  /* the longest that one is used which cannot be: a key that was withdrawn
	                               is not good for ever */
	LOOK_MS = 30 * 1000,        /* between two looks because of a key that nobody knows */
	RETRY_MS = 5 * 1000,        /* after a failure */
};

struct key_set {
	struct edge *edge;
	int references;
	char *url;
	struct bw_jwks *keys; /* NULL: none yet */
	int64_t fetched_ms, tried_ms;
	const char *failed; /* the last try: the access log's word for it; NULL: good */
	struct bw_errand ask;
	bool asking;
	struct parked *waiting;
};

struct key_set *key_set_hold(struct edge *e, struct bw_str url)
{
	struct key_set *s = bw_map_get(&e->key_sets, url);

	if (!s) {
		s = bw_alloc(sizeof *s);
		s->edge = e;
		s->url = bw_strdup(url);
		bw_map_put(&e->key_sets, url, s);
	}
	s->references++;
	return s;
}

void key_set_release(struct key_set *s)
{
	if (--s->references)
		return;
	if (s->asking)
		bw_errand_withdraw(&s->ask);
	bw_map_del(&s->edge->key_sets, bw_str_c(s->url));
	bw_jwks_free(s->keys);
	bw_free(s->url);
	bw_free(s);
}

/* Every one of those who wait goes on, with whatever there is now. */
static void waiting_resume(struct key_set *s)
{
	s->references++;
	while (s->waiting)
		check_resume(s->waiting->x);
	key_set_release(s);
}

static const char *answer_use(struct key_set *s, const struct bw_errand_answer *a)
{
	struct bw_jwks *keys;

	if (a->result == BW_EAGAIN)
		return "JWKSRequestTimeout";
	if (a->result == BW_ETOOBIG)
		return "JWKSResponseSizeExceeded";
	if (a->result != BW_OK || a->status / 100 != 2)
		return "JWKSRequestFailed";
	switch (bw_jwks_parse(a->out, &keys)) {
	case BW_OK:
		break;
	case BW_ETOOBIG:
		return "JWKSResponseSizeExceeded";
	default:
		return "JWKSResponseInvalid";
	}
	bw_jwks_free(s->keys);
	s->keys = keys;
	s->fetched_ms = bw_loop_now_ms(s->edge->loop);
	return NULL;
}

static void answered(struct bw_errand *ask, const struct bw_errand_answer *a)
{
	struct key_set *s = (struct key_set *)((char *)ask - offsetof(struct key_set, ask));

	s->asking = false;
	s->tried_ms = bw_loop_now_ms(s->edge->loop);
	s->failed = answer_use(s, a);
	if (s->failed)
		bw_log(BW_LOG_WARN, "no keys from %s: %s", s->url, s->failed);
	waiting_resume(s);
}

static void look(struct key_set *s)
{
	const struct bw_helper_request request = {.url = bw_str_c(s->url), .answer_max = BW_JWKS_BYTES_MAX};

	if (s->asking || !s->edge->helper)
		return;
	s->asking = true;
	s->ask = (struct bw_errand){.done = answered};
	bw_helper_send(s->edge->helper, &s->ask, &request);
}

struct bw_jwks *key_set_keys(struct key_set *s, const char **failed)
{
	int64_t now = bw_loop_now_ms(s->edge->loop), age = now - s->fetched_ms;
	bool tried = s->failed && now - s->tried_ms < RETRY_MS;

	*failed = NULL;
	if (s->keys && age >= STALE_MS) {
		bw_jwks_free(s->keys);
		s->keys = NULL;
	}
	if ((!s->keys || age >= REFRESH_MS) && !tried)
		look(s);
	if (!s->keys && !s->asking)
		*failed = s->failed ? s->failed : "JWKSRequestFailed";
	return s->keys;
}

bool key_set_look_again(struct key_set *s)
{
	int64_t now = bw_loop_now_ms(s->edge->loop);

	if (!s->asking && now - s->fetched_ms >= LOOK_MS && !(s->failed && now - s->tried_ms < LOOK_MS))
		look(s);
	return s->asking;
}

struct parked **key_set_wait(struct key_set *s)
{
	return &s->waiting;
}
