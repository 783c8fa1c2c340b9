/* The keys of a load balancer's sessions and signatures: given in the image for a while ahead, so that they
 * go on turning while nobody publishes. */

#include "crypto/crypto.h"
#include "crypto/es256.h"
#include "edge/auth_oidc.h"

static void key_make(const struct bw_edge_auth_key *in, struct auth_key *out)
{
	unsigned char key[32];

	bw_hkdf(in->secret, BW_STR_NONE, BW_STR("bulwark session key"), key, sizeof key);
	*out = (struct auth_key){.id = in->id, .from_ms = in->from_ms, .sealer = bw_aead_key_new(key)};
	bw_wipe(key, sizeof key);
	out->signer = bw_es256_derive((const unsigned char *)in->secret.p);
}

void auth_keys_make(struct edge_config *c, struct balancer *b)
{
	const struct bw_edge_load_balancer *in = b->in;
	struct auth_keys *keys = BW_NEW(&c->arena, struct auth_keys);

	keys->v = BW_NEW_ARRAY(&c->arena, struct auth_key, in->auth_key_count + 1);
	for (size_t i = in->auth_key_count; i-- > 0;)
		if (in->auth_keys[i].secret.n == 32)
			key_make(&in->auth_keys[i], &keys->v[keys->n++]);
	b->auth = keys;
}

void auth_keys_free(struct balancer *b)
{
	for (size_t i = 0; b->auth && i < b->auth->n; i++) {
		bw_aead_key_free(b->auth->v[i].sealer);
		bw_es256_free(b->auth->v[i].signer);
	}
}

const struct auth_key *auth_key_now(const struct balancer *b, int64_t now_ms)
{
	const struct auth_keys *keys = b->auth;

	for (size_t i = 0; i < keys->n; i++)
		if (keys->v[i].from_ms <= now_ms || i + 1 == keys->n)
			return &keys->v[i];
	return NULL;
}
