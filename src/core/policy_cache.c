#include "core/internal.h"

#include "crypto/crypto.h"

/* Distinct compiled documents kept; a user's own are few, and what falls out is compiled again when needed. */
enum { KEPT_MAX = 4096 };

struct policy_cache {
	pthread_mutex_t lock;
	struct bw_map map; /* kind byte and SHA-256 of the text -> struct bw_policy */
};

static void policy_drop(void *value)
{
	bw_policy_release(value);
}

struct policy_cache *policy_cache_new(void)
{
	struct policy_cache *c = bw_alloc(sizeof *c);

	MUST(pthread_mutex_init(&c->lock, NULL) == 0);
	bw_map_init(&c->map, KEPT_MAX, policy_drop);
	return c;
}

void policy_cache_free(struct policy_cache *c)
{
	if (!c)
		return;
	bw_map_free(&c->map);
	pthread_mutex_destroy(&c->lock);
	bw_free(c);
}

enum bw_err policy_cache_get(struct policy_cache *c, struct bw_str document, enum bw_policy_kind kind,
    struct bw_policy **out, struct bw_policy_error *error)
{
	unsigned char key[33] = {(unsigned char)kind};
	struct bw_str name = bw_str_make(key, sizeof key);
	struct bw_policy *kept;

	bw_sha256(document, key + 1);
	MUST(pthread_mutex_lock(&c->lock) == 0);
	kept = bw_map_get(&c->map, name);
	if (kept)
		*out = bw_policy_retain(kept);
	MUST(pthread_mutex_unlock(&c->lock) == 0);
	if (kept)
		return BW_OK;
	TRY(bw_policy_compile(document, kind, out, error));
	MUST(pthread_mutex_lock(&c->lock) == 0);
	bw_map_put(&c->map, name, bw_policy_retain(*out));
	MUST(pthread_mutex_unlock(&c->lock) == 0);
	return BW_OK;
}
