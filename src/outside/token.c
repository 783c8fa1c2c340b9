/* PKCS #11 tokens in the place of CloudHSM clusters. A token is opened once and stays open; a request brings
 * the PIN, and one that brings another gets nothing. */
#include "outside/outside_internal.h"

#include <pthread.h>

#include "base/sys.h"
#include "crypto/crypto.h"
#include "crypto/pkcs11.h"
#include "crypto/secret.h"
#include "crypto/x509.h"

struct token {
	struct bw_str cluster, module, label, trust_pem;
	pthread_mutex_t lock;
	struct bw_pkcs11 *open; /* NULL: it is not */
	struct bw_secret pin;   /* that it was opened with */
};

struct tokens {
	struct token all[BW_OUTSIDE_TOKENS_MAX];
	size_t count;
};

struct tokens *tokens_new(const struct bw_outside_config *config)
{
	struct tokens *t = bw_alloc(sizeof *t);

	for (; t->count < config->token_count; t->count++) {
		struct token *one = &t->all[t->count];

		one->cluster = config->tokens[t->count].cluster;
		one->module = config->tokens[t->count].module;
		one->label = config->tokens[t->count].label;
		one->trust_pem = config->tokens[t->count].trust_pem;
		MUST(pthread_mutex_init(&one->lock, NULL) == 0);
	}
	return t;
}

static struct token *token_find(struct tokens *t, struct bw_str cluster)
{
	for (size_t i = 0; i < t->count; i++)
		if (bw_str_eq(t->all[i].cluster, cluster))
			return &t->all[i];
	return NULL;
}

static void token_close(struct token *t)
{
	bw_pkcs11_free(t->open);
	t->open = NULL;
	bw_secret_free(&t->pin);
}

static enum bw_err token_open(struct token *t, struct bw_str pin)
{
	CHECK(pin.n, BW_EPERM);
	TRY(bw_pkcs11_new(t->module, t->label, pin, &t->open));
	t->pin = bw_secret_new(pin.n);
	memcpy(t->pin.p, pin.p, pin.n);
	return BW_OK;
}

static enum bw_err token_ready(struct token *t, struct bw_str pin)
{
	if (!t->open)
		return token_open(t, pin);
	return bw_str_eq_secret(bw_secret_bytes(&t->pin), pin) ? BW_OK : BW_EPERM;
}

/* ---- The operations ---- */

struct turn {
	const struct bw_outside_request *request;
	struct bw_arena *arena;
	struct bw_errand_answer *answer;
};

static enum bw_err look(struct token *t, struct turn *turn)
{
	struct bw_str given = turn->request->input;
	struct bw_x509_facts facts;

	if (t->trust_pem.n)
		return bw_str_eq(bw_str_trim(given), bw_str_trim(t->trust_pem)) ? BW_OK : BW_ECORRUPT;
	return bw_x509_facts(given, turn->arena, &facts) == BW_OK ? BW_OK : BW_ECORRUPT;
}

static enum bw_err open_anew(struct token *t, struct turn *turn)
{
	token_close(t);
	return token_open(t, turn->request->pin);
}

static enum bw_err close_it(struct token *t, struct turn *turn)
{
	(void)turn;
	token_close(t);
	return BW_OK;
}

static enum bw_err make(struct token *t, struct turn *turn)
{
	struct bw_pkcs11_key key;

	return bw_pkcs11_make(t->open, turn->request->label, turn->request->label, &key);
}

static enum bw_err destroy(struct token *t, struct turn *turn)
{
	struct bw_pkcs11_key key;

	TRY(bw_pkcs11_find(t->open, turn->request->label, BW_STR_NONE, &key));
	return bw_pkcs11_destroy(t->open, key);
}

static enum bw_err seal(struct token *t, struct turn *turn)
{
	const struct bw_outside_request *r = turn->request;
	struct bw_pkcs11_key key;
	struct bw_buf sealed;
	enum bw_err e;

	TRY(bw_pkcs11_find(t->open, r->label, BW_STR_NONE, &key));
	bw_buf_init(&sealed, BW_OUTSIDE_BODY_MAX);
	e = bw_pkcs11_seal(t->open, key, r->context, r->input, &sealed);
	if (e == BW_OK)
		turn->answer->out = bw_arena_str(turn->arena, bw_buf_str(&sealed));
	bw_buf_free(&sealed);
	return e;
}

static enum bw_err unseal(struct token *t, struct turn *turn)
{
	const struct bw_outside_request *r = turn->request;
	struct bw_pkcs11_key key;

	TRY(bw_pkcs11_find(t->open, r->label, BW_STR_NONE, &key));
	return bw_pkcs11_unseal(t->open, key, r->context, r->input, turn->arena, &turn->answer->out);
}

static enum bw_err draw(struct token *t, struct turn *turn)
{
	size_t n = turn->request->length;
	char *bytes = bw_arena_alloc(turn->arena, n + 1);

	TRY(bw_pkcs11_random(t->open, bytes, n));
	turn->answer->out = bw_str_make(bytes, n);
	return BW_OK;
}

static const struct {
	enum bw_err (*run)(struct token *t, struct turn *turn);
	bool opened; /* it needs the token open */
} operations[BW_OUTSIDE_OPS] = {
    [BW_OUTSIDE_TOKEN_LOOK] = {look, false},
    [BW_OUTSIDE_TOKEN_OPEN] = {open_anew, false},
    [BW_OUTSIDE_TOKEN_CLOSE] = {close_it, false},
    [BW_OUTSIDE_TOKEN_MAKE] = {make, true},
    [BW_OUTSIDE_TOKEN_DESTROY] = {destroy, true},
    [BW_OUTSIDE_TOKEN_SEAL] = {seal, true},
    [BW_OUTSIDE_TOKEN_UNSEAL] = {unseal, true},
    [BW_OUTSIDE_TOKEN_RANDOM] = {draw, true},
};

enum bw_err tokens_answer(struct tokens *all, const struct bw_outside_request *r, struct bw_arena *arena,
    struct bw_errand_answer *answer)
{
	struct token *t = token_find(all, r->where);
	struct turn turn = {r, arena, answer};
	enum bw_err e = BW_OK;

	CHECK(t, BW_ENOTFOUND);
	CHECK(operations[r->op].run, BW_EINVAL);
	MUST(pthread_mutex_lock(&t->lock) == 0);
	if (operations[r->op].opened)
		e = token_ready(t, r->pin);
	if (e == BW_OK)
		e = operations[r->op].run(t, &turn);
	/* Its session may be what failed: the next request begins another. */
	if (e == BW_EIO)
		token_close(t);
	MUST(pthread_mutex_unlock(&t->lock) == 0);
	return e;
}
