/* The state of the seal, and the operator's requests, a row each, on a thread of the keyer's. */
#include "keyer/admin_internal.h"

#include "base/sys.h"
#include "keyer/root_key.h"
#include "proc/proc.h"

enum { WAIT_FIRST_MS = 1000, WAIT_MOST_MS = 60000 };

/* A seal file that was handed out, and is believed once it stands on the disk. */
struct pending {
	struct bw_buf file;
	struct bw_secret root;
	struct bw_keyring ring;
};

struct keyer_admin {
	pthread_mutex_t lock; /* between the operator's requests and the api process's */
	struct keyer *keyer;
	const struct bw_keyer_seal *seal;
	int64_t (*clock_ms)(void);
	struct bw_buf file; /* the seal file as it is now */
	struct bw_arena arena; /* of its facts */
	struct bw_seal_facts facts;
	struct pending pending;
	bool rekey; /* asked for, and not begun */
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

static void facts_read(struct keyer_admin *a)
{
	bw_arena_reset(&a->arena);
	a->spoilt = bw_seal_decode(bw_buf_str(&a->file), &a->arena, &a->facts) != BW_OK;
}

struct keyer_admin *admin_new(
    struct keyer *keyer, const struct bw_keyer_seal *seal, int64_t (*clock_ms)(void), struct bw_arena *arena)
{
	struct keyer_admin *a = BW_NEW(arena, struct keyer_admin);

	MUST(pthread_mutex_init(&a->lock, NULL) == 0);
	a->keyer = keyer;
	a->seal = seal;
	a->clock_ms = clock_ms;
	bw_buf_init(&a->file, BW_SEAL_FILE_MAX);
	bw_buf_init(&a->pending.file, BW_SEAL_FILE_MAX);
	bw_buf_put(&a->file, seal->file);
	bw_arena_init(&a->arena, 4 * BW_SEAL_FILE_MAX);
	facts_read(a);
	if (a->spoilt)
		bw_log(BW_LOG_ERROR, "the seal file is none, or not of this version");
	keyer->admin = a;
	return a;
}

static struct bw_seal_status status_of(const struct keyer_admin *a)
{
	const struct bw_unseal_kind *kind = kind_of(a);
	struct bw_seal_status s = {.sealed = !is_open(a), .given = (int64_t)a->given, .unlocked = a->keyer->unlocked};

	s.kind = kind ? bw_str_c(kind->name) : BW_STR("unknown");
	s.asks = kind && kind->asks ? bw_str_c(kind->asks) : BW_STR_NONE;
	s.wanted = bw_unseal_wanted(&a->facts);
	s.shares = a->facts.shares;
	s.rekey = a->rekey;
	if (is_open(a)) {
		s.oldest = a->keyer->ring.oldest;
		s.newest = a->keyer->ring.newest;
	}
	return s;
}

static void tell(struct keyer_admin *a)
{
	const struct bw_seal_status s = status_of(a);

	bw_seal_status_publish(a->seal->status, &s);
}

void admin_tell(struct keyer_admin *a)
{
	MUST(pthread_mutex_lock(&a->lock) == 0);
	tell(a);
	MUST(pthread_mutex_unlock(&a->lock) == 0);
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
	TRY(bw_seal_open_file(bw_buf_str(&a->file), root, &ring));
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

/* ---- Other seal files ---- */

static void pending_drop(struct keyer_admin *a)
{
	bw_buf_reset(&a->pending.file);
	bw_secret_free(&a->pending.root);
	bw_keyring_free(&a->pending.ring);
}

/* Hands a file out with these facts and that root key, around `ring`, which is taken over. */
static void pending_make(
    struct keyer_admin *a, const struct bw_seal_facts *facts, struct bw_str root, struct bw_keyring ring)
{
	pending_drop(a);
	a->pending.ring = ring;
	a->pending.root = bw_secret_new(root.n);
	memcpy(a->pending.root.p, root.p, root.n);
	bw_seal_encode(facts, &a->pending.root, &a->pending.ring, &a->pending.file);
	MUST(!a->pending.file.failed);
}

static struct bw_keyring ring_copy(const struct bw_keyring *r)
{
	struct bw_keyring copy = {r->oldest, r->newest, bw_secret_new(r->bytes.n)};

	memcpy(copy.bytes.p, r->bytes.p, r->bytes.n);
	return copy;
}

static void pending_take(struct keyer_admin *a)
{
	bw_buf_reset(&a->file);
	bw_buf_put(&a->file, bw_buf_str(&a->pending.file));
	bw_secret_free(&a->root);
	a->root = a->pending.root;
	a->pending.root = (struct bw_secret){0};
	if (a->pending.ring.newest != a->keyer->ring.newest)
		a->rekey = false;
	keyer_exchange(a->keyer, &a->pending.ring);
	pending_drop(a);
	facts_read(a);
	tell(a);
}

static enum bw_err adopt(struct keyer_admin *a, struct bw_str disk)
{
	CHECK(is_open(a), BW_EPERM);
	if (a->pending.ring.bytes.p && bw_str_eq(disk, bw_buf_str(&a->pending.file)))
		pending_take(a);
	return bw_str_eq(disk, bw_buf_str(&a->file)) ? BW_OK : BW_EAGAIN;
}

static enum bw_err rekey(struct keyer_admin *a, struct bw_str disk, bool end)
{
	const struct bw_keyring *ring = &a->keyer->ring;

	TRY(adopt(a, disk));
	if ((ring->oldest != ring->newest) != end)
		return BW_EAGAIN;
	CHECK(end || ring->newest < BW_GENERATIONS_MAX, BW_ETOOBIG);
	pending_make(a, &a->facts, bw_secret_bytes(&a->root), end ? bw_keyring_shrunk(ring) : bw_keyring_grown(ring));
	return BW_OK;
}

enum bw_err admin_rekey(struct keyer_admin *a, struct bw_str disk, bool end, struct bw_arena *arena, struct bw_str *file)
{
	enum bw_err e;

	MUST(pthread_mutex_lock(&a->lock) == 0);
	e = rekey(a, disk, end);
	if (e == BW_OK)
		*file = bw_arena_str(arena, bw_buf_str(&a->pending.file));
	MUST(pthread_mutex_unlock(&a->lock) == 0);
	return e;
}

enum bw_err admin_adopt(struct keyer_admin *a, struct bw_str disk)
{
	enum bw_err e;

	MUST(pthread_mutex_lock(&a->lock) == 0);
	e = adopt(a, disk);
	MUST(pthread_mutex_unlock(&a->lock) == 0);
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
	tell(a);
	return e;
}

void admin_close(struct keyer_admin *a)
{
	words_forget(a);
	pending_drop(a);
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
	tell(a);
	return BW_OK;
}

/* Carried out by the api process, which sees it on the board. One that is at work is gone on with. */
static enum bw_err rekey_run(struct turn *t)
{
	struct keyer_admin *a = t->admin;

	CHECK(is_open(a), BW_ECONFLICT);
	CHECK(a->keyer->ring.newest < BW_GENERATIONS_MAX, BW_ETOOBIG);
	if (a->keyer->ring.oldest == a->keyer->ring.newest)
		a->rekey = true;
	tell(a);
	return BW_OK;
}

/* Whoever asks for another root key knows the one there is: the socket alone does not let him have the keyring. */
static enum bw_err knows_root(const struct keyer_admin *a, const struct bw_strs *words)
{
	struct bw_secret said;
	bool same;

	CHECK(words->n == 1 && bw_root_key_parse(words->v[0], &said) == BW_OK, BW_EINVAL);
	same = bw_str_eq_secret(bw_secret_bytes(&said), bw_secret_bytes(&a->root));
	bw_secret_free(&said);
	return same ? BW_OK : BW_EPERM;
}

static enum bw_err rotate_run(struct turn *t)
{
	const struct bw_admin_request *r = t->request;
	struct keyer_admin *a = t->admin;
	struct bw_seal_facts facts;
	enum bw_err e;

	CHECK(is_open(a) && !a->rekey && a->keyer->ring.oldest == a->keyer->ring.newest, BW_ECONFLICT);
	TRY(guess_permit(a, t->answer));
	e = knows_root(a, &r->words);
	if (e == BW_EPERM)
		wrong_note(a);
	TRY(e);
	CHECK(r->root.n == BW_ROOT_KEY_BYTES && bw_seal_decode(r->file, t->arena, &facts) == BW_OK, BW_EINVAL);
	pending_make(a, &facts, r->root, ring_copy(&a->keyer->ring));
	t->answer->file = bw_arena_str(t->arena, bw_buf_str(&a->pending.file));
	return BW_OK;
}

static enum bw_err rotated_run(struct turn *t)
{
	CHECK(is_open(t->admin), BW_ECONFLICT);
	return adopt(t->admin, t->request->file) == BW_OK ? BW_OK : BW_ECONFLICT;
}

/* The parent's to do, and to refuse. */
static enum bw_err upgrade_run(struct turn *t)
{
	return bw_proc_send(t->admin->seal->parent, BW_PROC_UPGRADE, BW_STR(""));
}

static const struct {
	struct bw_str verb;
	enum bw_err (*run)(struct turn *t);
} rows[] = {
    {{"status", 6}, status_run},
    {{"unseal", 6}, unseal_run},
    {{"seal", 4}, seal_run},
    {{"rekey", 5}, rekey_run},
    {{"rotate", 6}, rotate_run},
    {{"rotated", 7}, rotated_run},
    {{"upgrade", 7}, upgrade_run},
};

void admin_answer(
    struct keyer_admin *a, const struct bw_admin_request *r, struct bw_arena *arena, struct bw_admin_answer *out)
{
	struct turn t = {a, r, out, arena};
	struct bw_seal_status status;
	struct bw_buf text;

	*out = (struct bw_admin_answer){.result = BW_EINVAL};
	MUST(pthread_mutex_lock(&a->lock) == 0);
	for (size_t i = 0; i < BW_COUNT(rows); i++)
		if (bw_str_eq(r->verb, rows[i].verb))
			out->result = rows[i].run(&t);
	status = status_of(a);
	MUST(pthread_mutex_unlock(&a->lock) == 0);
	bw_buf_init(&text, BW_SEAL_STATUS_MAX);
	bw_seal_status_encode(&status, &text);
	out->status = bw_arena_str(arena, bw_buf_str(&text));
	bw_buf_free(&text);
}

bool admin_ended(const struct keyer_admin *a)
{
	return a->ended;
}
