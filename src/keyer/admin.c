/* The operator's requests, a row each, on a thread of the keyer's. */
#include "keyer/admin_internal.h"

#include "base/sys.h"
#include "keyer/root_key.h"

enum { WAIT_FIRST_MS = 1000, WAIT_MOST_MS = 60000 };

struct keyer_admin {
	struct keyer *keyer;
	const struct bw_keyer_seal *seal;
	int64_t (*clock_ms)(void);
	struct bw_str file; /* the seal file as it is now */
	struct bw_seal_facts facts;
	bool spoilt;              /* the seal file says nothing that could be believed */
	struct bw_secret root;    /* while it is open: what the keyring is sealed with anew */
	struct bw_secret words[BW_SEAL_WORDS_MAX]; /* said so far, and right */
	size_t given;
	int64_t wait_ms, refused_until_ms; /* after wrong words */
	bool ended;
};

/* ---- State ---- */

static bool is_open(const struct keyer_admin *a)
{
	return a->root.p != NULL;
}

static const struct bw_unseal_kind *kind_of(const struct keyer_admin *a)
{
	return a->spoilt ? NULL : bw_unseal_kind(a->facts.kind);
}

struct keyer_admin *admin_new(
    struct keyer *keyer, const struct bw_keyer_seal *seal, int64_t (*clock_ms)(void), struct bw_arena *arena)
{
	struct keyer_admin *a = BW_NEW(arena, struct keyer_admin);

	a->keyer = keyer;
	a->seal = seal;
	a->clock_ms = clock_ms;
	a->file = seal->file;
	a->spoilt = bw_seal_decode(seal->file, arena, &a->facts) != BW_OK;
	if (a->spoilt)
		bw_log(BW_LOG_ERROR, "the seal file is none, or not of this version");
	return a;
}

static struct bw_seal_status status_of(const struct keyer_admin *a)
{
	const struct bw_unseal_kind *kind = kind_of(a);
	struct bw_seal_status s = {.sealed = !is_open(a), .given = (int64_t)a->given};

	s.kind = kind ? bw_str_c(kind->name) : BW_STR("unknown");
	s.asks = kind && kind->asks ? bw_str_c(kind->asks) : BW_STR_NONE;
	s.wanted = bw_unseal_wanted(&a->facts);
	s.shares = a->facts.shares;
	if (is_open(a)) {
		s.oldest = a->keyer->ring.oldest;
		s.newest = a->keyer->ring.newest;
	}
	return s;
}

void admin_tell(struct keyer_admin *a)
{
	const struct bw_seal_status s = status_of(a);

	bw_seal_status_publish(a->seal->status, &s);
}

static void words_forget(struct keyer_admin *a)
{
	while (a->given)
		bw_secret_free(&a->words[--a->given]);
}

enum bw_err admin_open(struct keyer_admin *a, const struct bw_secret *root)
{
	struct bw_keyring ring;

	CHECK(!a->spoilt, BW_ECORRUPT);
	TRY(bw_seal_open_file(a->file, root, &ring));
	keyer_open(a->keyer, &ring);
	a->root = bw_secret_new(root->n);
	memcpy(a->root.p, root->p, root->n);
	words_forget(a);
	*a->seal->held = false;
	return BW_OK;
}

/* ---- Words ---- */

/* What was said and what is said now, to the kind's own judgement. */
static enum bw_err words_open(struct keyer_admin *a, const struct bw_strs *said, struct bw_secret *root)
{
	const struct bw_unseal_kind *kind = kind_of(a);
	struct bw_secret told;

	CHECK(kind, BW_ECORRUPT);
	if (kind->open)
		return kind->open(&a->facts, said, root);
	CHECK(said->n == 1 && bw_root_key_parse(said->v[0], &told) == BW_OK, BW_EINVAL);
	memcpy(root->p, told.p, root->n);
	bw_secret_free(&told);
	return BW_OK;
}

static void word_keep(struct keyer_admin *a, struct bw_str word)
{
	struct bw_secret *kept = &a->words[a->given++];

	*kept = bw_secret_new(word.n);
	memcpy(kept->p, word.p, word.n);
}

/* Guessing gets slower with each wrong word. */
static void wrong_note(struct keyer_admin *a)
{
	a->wait_ms = a->wait_ms ? a->wait_ms * 2 : WAIT_FIRST_MS;
	if (a->wait_ms > WAIT_MOST_MS)
		a->wait_ms = WAIT_MOST_MS;
	a->refused_until_ms = a->clock_ms() + a->wait_ms;
	bw_log(BW_LOG_WARN, "a wrong %s was said: the next is heard in %lld ms",
	    kind_of(a) && kind_of(a)->asks ? kind_of(a)->asks : "root key", (long long)a->wait_ms);
}

static enum bw_err guess_permit(const struct keyer_admin *a, struct bw_admin_answer *out)
{
	int64_t left_ms = a->refused_until_ms - a->clock_ms();

	if (left_ms <= 0)
		return BW_OK;
	out->wait_ms = left_ms;
	return BW_EQUOTA;
}

static enum bw_err word_take(struct keyer_admin *a, struct bw_str word)
{
	struct bw_str said[BW_SEAL_WORDS_MAX + 1];
	struct bw_strs all = {a->given + 1, said};
	struct bw_secret root = bw_secret_new(BW_ROOT_KEY_BYTES);
	enum bw_err e;

	for (size_t i = 0; i < a->given; i++)
		said[i] = bw_secret_bytes(&a->words[i]);
	said[a->given] = word;
	e = a->given < BW_SEAL_WORDS_MAX ? words_open(a, &all, &root) : BW_EPERM;
	if (e == BW_EAGAIN)
		word_keep(a, word);
	if (e == BW_OK)
		e = admin_open(a, &root);
	bw_secret_free(&root);
	return e;
}

/* ---- The rows ---- */

struct turn {
	struct keyer_admin *admin;
	const struct bw_admin_request *request;
	struct bw_admin_answer *answer;
	struct bw_arena *arena;
};

static enum bw_err status_run(struct turn *t)
{
	(void)t;
	return BW_OK;
}

static enum bw_err unseal_run(struct turn *t)
{
	struct keyer_admin *a = t->admin;
	enum bw_err e;

	CHECK(t->request->words.n == 1, BW_EINVAL);
	CHECK(!is_open(a), BW_ECONFLICT);
	TRY(guess_permit(a, t->answer));
	e = word_take(a, t->request->words.v[0]);
	if (e == BW_EPERM)
		wrong_note(a);
	if (e == BW_OK) {
		a->wait_ms = 0;
		bw_log(BW_LOG_INFO, "unsealed");
	}
	admin_tell(a);
	return e;
}

void admin_close(struct keyer_admin *a)
{
	words_forget(a);
	keyer_close(a->keyer);
	bw_secret_free(&a->root);
}

static enum bw_err seal_run(struct turn *t)
{
	struct keyer_admin *a = t->admin;

	a->ended = is_open(a);
	admin_close(a);
	if (a->ended) {
		*a->seal->held = true;
		bw_log(BW_LOG_INFO, "sealed: the keys are forgotten");
	}
	admin_tell(a);
	return BW_OK;
}

static const struct {
	struct bw_str verb;
	enum bw_err (*run)(struct turn *t);
} rows[] = {
    {{"status", 6}, status_run},
    {{"unseal", 6}, unseal_run},
    {{"seal", 4}, seal_run},
};

void admin_answer(
    struct keyer_admin *a, const struct bw_admin_request *r, struct bw_arena *arena, struct bw_admin_answer *out)
{
	struct turn t = {a, r, out, arena};
	struct bw_seal_status status;
	struct bw_buf text;

	*out = (struct bw_admin_answer){.result = BW_EINVAL};
	for (size_t i = 0; i < BW_COUNT(rows); i++)
		if (bw_str_eq(r->verb, rows[i].verb))
			out->result = rows[i].run(&t);
	status = status_of(a);
	bw_buf_init(&text, BW_SEAL_STATUS_MAX);
	bw_seal_status_encode(&status, &text);
	out->status = bw_arena_str(arena, bw_buf_str(&text));
	bw_buf_free(&text);
}

bool admin_ended(const struct keyer_admin *a)
{
	return a->ended;
}
