#include "bin/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/sys.h"
#include "bin/words.h"
#include "keyer/root_key.h"

enum { MAKE_ARENA_MAX = 64 << 20 };

static bool seal_path(const struct place *place, char path[PATH_MAX])
{
	int n = snprintf(path, PATH_MAX, "%.*s/seal", BW_FMT(place->data));

	return n > 0 && n < PATH_MAX;
}

enum bw_err seal_read(void *ctx, struct bw_arena *arena, struct bw_str *bytes)
{
	char path[PATH_MAX];
	enum bw_err e;

	CHECK(seal_path(ctx, path), BW_ETOOBIG);
	e = file_read(path, BW_SEAL_FILE_MAX, arena, bytes);
	if (e != BW_OK && e != BW_ENOTFOUND)
		bw_log(BW_LOG_ERROR, "cannot read %s: %s", path, bw_err_name(e));
	return e;
}

enum bw_err seal_write(void *ctx, struct bw_str bytes)
{
	const struct place *place = ctx;
	char path[PATH_MAX];
	int folder;
	bool synced;

	CHECK(seal_path(place, path), BW_ETOOBIG);
	TRY(file_write(path, bytes, 0600));
	/* Its new name as well as its bytes: keys are destroyed on the strength of it. */
	folder = open(place->data.p, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	synced = folder >= 0 && fsync(folder) == 0;
	if (folder >= 0)
		close(folder);
	return synced ? BW_OK : BW_EIO;
}

/* ---- Making ---- */

static enum bw_err file_make(struct place *place, const struct bw_seal_facts *facts, const struct bw_secret *root,
    const struct bw_keyring *ring)
{
	struct bw_buf bytes;
	enum bw_err e;

	bw_buf_init(&bytes, BW_SEAL_FILE_MAX);
	bw_seal_encode(facts, root, ring, &bytes);
	e = bytes.failed ? BW_ETOOBIG : seal_write(place, bw_buf_str(&bytes));
	bw_buf_free(&bytes);
	return e;
}

static int made_new(const struct parsed *p, struct place *place, const struct bw_unseal_kind *kind, struct bw_secret *root)
{
	struct bw_seal_facts facts = {.kind = bw_str_c(kind->name)};
	struct bw_arena arena;
	struct bw_seal_make m = {.arena = &arena, .root = root, .root_key_path = place->root_key};
	struct bw_keyring ring;
	enum bw_err e;
	int refused = seal_ask(p, place, kind, &m);

	if (refused)
		return refused;
	/* A token's library and an answer from the network have no business in the process that all others are forked from. */
	if (kind->find && strcmp(kind->name, "file") != 0 && strcmp(p->command->name, "serve") == 0)
		return command_refuse(p, "a data folder is sealed by %s with 'bulwark init --seal %s' first", kind->name, kind->name);
	*root = bw_secret_new(BW_ROOT_KEY_BYTES);
	bw_random(root->p, root->n);
	bw_arena_init(&arena, MAKE_ARENA_MAX);
	e = kind->make(&m, &facts);
	bw_wipe((void *)(uintptr_t)m.passphrase.p, m.passphrase.n);
	ring = bw_keyring_new();
	if (e == BW_OK)
		e = file_make(place, &facts, root, &ring);
	bw_keyring_free(&ring);
	if (e == BW_OK)
		seal_tell(&m);
	bw_arena_free(&arena);
	if (e != BW_OK) {
		fprintf(stderr, "bulwark: the data folder could not be sealed: %s\n", bw_err_name(e));
		return 1;
	}
	if (strcmp(kind->name, "file") == 0)
		bw_log(BW_LOG_INFO, "root key %.*s: made; keep a copy apart from the data: without it nothing can be read",
		    BW_FMT(place->root_key));
	return 0;
}

/* A root key file that was there first; with it perhaps a store, from before there were seal files. */
static int made_around(struct place *place, struct bw_secret *root, bool store)
{
	const struct bw_seal_facts facts = {.kind = BW_STR("file")};
	struct bw_keyring ring = store ? bw_keyring_of_root(root) : bw_keyring_new();
	enum bw_err e = file_make(place, &facts, root, &ring);

	bw_keyring_free(&ring);
	return e == BW_OK ? 0 : 1;
}

static int make(const struct parsed *p, struct place *place, struct bw_secret *root)
{
	const char *asked = option_get(p, "seal");
	const struct bw_unseal_kind *kind = bw_unseal_kind(bw_str_c(asked ? asked : "file"));
	struct bw_str store = bw_arena_printf(&place->arena, "%.*s/data.mdb", BW_FMT(place->data));
	bool file, old = access(store.p, F_OK) == 0;
	enum bw_err e = BW_ENOTFOUND;

	if (!kind)
		return command_refuse(p, "--seal %s is none of %.*s", asked, BW_FMT(bw_unseal_names(&place->arena)));
	file = strcmp(kind->name, "file") == 0;
	if (old && !file)
		return command_refuse(p, "the data folder has its root key in a file already: 'bulwark rotate-root' changes that");
	if (file)
		e = bw_root_key_read(place->root_key, root);
	if (e == BW_OK)
		return made_around(place, root, old);
	if (e == BW_ENOTFOUND && !old)
		return made_new(p, place, kind, root);
	bw_log(BW_LOG_ERROR, "root key %.*s: %s, and this store cannot be opened without it", BW_FMT(place->root_key),
	    e == BW_ENOTFOUND ? "no such file" : bw_err_name(e));
	return 1;
}

enum opening { UNREADABLE /* which is told already */, ANOTHERS, OPENS };

/* Whether the root key in that file opens the folder. */
static enum opening try_open(const struct bw_seal_facts *facts, struct bw_str file, struct bw_str root_key)
{
	struct bw_secret root;
	struct bw_keyring ring;
	enum opening tried;

	if (bw_unseal_kind(facts->kind)->find(facts, root_key, &root) != BW_OK)
		return UNREADABLE;
	tried = bw_seal_open_file(file, &root, &ring) == BW_OK ? OPENS : ANOTHERS;
	bw_secret_free(&root);
	bw_keyring_free(&ring);
	return tried;
}

/* A rotation of the root key was cut off behind its last word: the new key has not come into its place yet. */
static bool rotation_finish(struct place *place, const struct bw_seal_facts *facts, struct bw_str file)
{
	struct bw_str fresh = root_key_fresh(place);

	return access(fresh.p, F_OK) == 0 && try_open(facts, file, fresh) == OPENS && rename(fresh.p, place->root_key.p) == 0;
}

struct bw_str root_key_fresh(struct place *place)
{
	return bw_arena_printf(&place->arena, "%.*s.next", BW_FMT(place->root_key));
}

/* The file kind is tried before anything is started: a root key that is missing is for the operator to hear of at once. */
static int check(const struct parsed *p, struct place *place, struct bw_str file)
{
	const char *asked = option_get(p, "seal");
	struct bw_seal_facts facts;
	enum opening tried;

	if (bw_seal_decode(file, &place->arena, &facts) != BW_OK) {
		bw_log(BW_LOG_ERROR, "%.*s/seal: is no seal file, or was changed", BW_FMT(place->data));
		return 1;
	}
	if (asked && !bw_str_eq(bw_str_c(asked), facts.kind))
		return command_refuse(
		    p, "the data folder is sealed by %.*s: 'bulwark rotate-root' changes that, --seal does not", BW_FMT(facts.kind));
	if (!bw_str_eq(facts.kind, BW_STR("file")))
		return 0;
	if (rotation_finish(place, &facts, file))
		return 0;
	tried = try_open(&facts, file, place->root_key);
	if (tried == ANOTHERS)
		bw_log(BW_LOG_ERROR, "root key %.*s: does not open this data folder: it belongs to another one, or %.*s/seal was changed",
		    BW_FMT(place->root_key), BW_FMT(place->data));
	return tried == OPENS ? 0 : 1;
}

int seal_ready(const struct parsed *p, struct place *place, struct bw_secret *root)
{
	struct bw_str file;
	enum bw_err e = seal_read(place, &place->arena, &file);

	*root = (struct bw_secret){0};
	if (e == BW_ENOTFOUND)
		return make(p, place, root);
	return e == BW_OK ? check(p, place, file) : 1;
}

/* ---- Opening here ---- */

static bool words_gather(const struct bw_unseal_kind *kind, const struct bw_seal_facts *facts, struct bw_secret *root)
{
	struct bw_secret said[BW_SEAL_WORDS_MAX] = {0};
	struct bw_str words[BW_SEAL_WORDS_MAX];
	struct bw_strs all = {0, words};
	enum bw_err e = BW_EAGAIN;

	while (e == BW_EAGAIN && all.n < BW_SEAL_WORDS_MAX && word_ask(kind->asks, &said[all.n])) {
		words[all.n] = bw_secret_bytes(&said[all.n]);
		all.n++;
		e = kind->open(facts, &all, root);
	}
	for (size_t i = 0; i < all.n; i++)
		bw_secret_free(&said[i]);
	if (e == BW_EAGAIN)
		fprintf(stderr, "bulwark: more is wanted: a %s, on the terminal or as a line of standard input\n", kind->asks);
	else if (e != BW_OK)
		fprintf(stderr, "bulwark: that is not the %s\n", kind->asks);
	return e == BW_OK;
}

bool seal_root(struct place *place, struct bw_str file, const char *recovery, struct bw_secret *root)
{
	const struct bw_unseal_kind *kind;
	struct bw_seal_facts facts;

	*root = (struct bw_secret){0};
	if (recovery && bw_root_key_read(bw_str_c(recovery), root) != BW_OK) {
		fprintf(stderr, "bulwark: cannot read the root key %s\n", recovery);
		return false;
	}
	if (recovery)
		return true;
	if (bw_seal_decode(file, &place->arena, &facts) != BW_OK) {
		fprintf(stderr, "bulwark: %.*s/seal is no seal file, or was changed\n", BW_FMT(place->data));
		return false;
	}
	kind = bw_unseal_kind(facts.kind);
	if (kind->find)
		return kind->find(&facts, place->root_key, root) == BW_OK;
	*root = bw_secret_new(BW_ROOT_KEY_BYTES);
	if (words_gather(kind, &facts, root))
		return true;
	bw_secret_free(root);
	return false;
}

bool seal_open_here(struct place *place, struct bw_keyring *ring)
{
	struct bw_secret root = {0};
	struct bw_str file;
	enum bw_err e = seal_read(place, &place->arena, &file);

	if (e != BW_OK) {
		fprintf(stderr, "bulwark: no seal file in %.*s: nothing was ever kept there (an ephemeral server keeps nothing)\n", BW_FMT(place->data));
		return false;
	}
	if (!seal_root(place, file, NULL, &root))
		return false;
	e = bw_seal_open_file(file, &root, ring);
	bw_secret_free(&root);
	if (e != BW_OK)
		fprintf(stderr, "bulwark: cannot open %.*s: another root key's, or its seal file was changed\n", BW_FMT(place->data));
	return e == BW_OK;
}

enum bw_err seal_store_key(void *ctx, struct bw_str salt, uint32_t *generation, unsigned char out[32])
{
	return bw_keyring_store_key(ctx, salt, generation, out);
}

bool seal_store_look(struct place *place, struct bw_store **out)
{
	struct bw_keyring ring;
	const struct bw_store_config config = {.data_dir = place->data, .key = seal_store_key, .key_ctx = &ring, .read_only = true};
	enum bw_err e;

	if (!seal_open_here(place, &ring))
		return false;
	e = bw_store_open(&config, out);
	bw_keyring_free(&ring);
	if (e != BW_OK)
		fprintf(stderr, "bulwark: no store can be read in %.*s\n", BW_FMT(place->data));
	return e == BW_OK;
}
