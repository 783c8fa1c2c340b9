#include "bin/keyer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "base/sys.h"
#include "bin/seal.h"
#include "crypto/crypto.h"
#include "keyer/admin.h"
#include "keyer/root_key.h"
#include "keyer/seal_status.h"
#include "proc/kept.h"

/* A token or another server that does not answer is asked again after a second, then after twice as long each time up to this. */
enum { FIND_FIRST_MS = 1000, FIND_AGAIN_MS = 16000, STATUS_ARENA_MAX = 1 << 20 };

/* One that does not answer at all is given up: a TPM may take a minute to make a key, and nothing else is as slow. */
enum { FIND_MOST_S = 120 };

struct keyer_page {
	_Atomic bool held;  /* the operator has sealed it: it stays so until he unseals it */
	_Atomic unsigned missed; /* how often it was looked for in vain since it was found last */
	_Atomic bool given; /* a root key that was made just now stands here, for the first keyer */
	unsigned char root[BW_ROOT_KEY_BYTES];
};

#define PAGE "keyer-page"

static enum bw_err page_new(struct keyer_process *k, const struct bw_secret *root)
{
	enum bw_err e = bw_kept_memory(PAGE, sizeof *k->page, &k->page_fd);
	void *p;

	if (e == BW_ENOTFOUND) {
		k->page_fd = memfd_create(PAGE, MFD_CLOEXEC | MFD_ALLOW_SEALING);
		e = k->page_fd >= 0 && fchmod(k->page_fd, 0600) == 0 && ftruncate(k->page_fd, sizeof *k->page) == 0 &&
		            fcntl(k->page_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0
		        ? BW_OK
		        : BW_EIO;
	}
	TRY(e);
	bw_keep_fd(PAGE, k->page_fd);
	p = mmap(NULL, sizeof *k->page, PROT_READ | PROT_WRITE, MAP_SHARED, k->page_fd, 0);
	CHECK(p != MAP_FAILED, BW_EIO);
	(void)!mlock(p, sizeof *k->page);
	(void)madvise(p, sizeof *k->page, MADV_DONTDUMP);
	k->page = p;
	if (!root->n)
		return BW_OK;
	memcpy(k->page->root, root->p, BW_ROOT_KEY_BYTES);
	k->page->given = true;
	return BW_OK;
}

enum bw_err keyer_prepare(
    struct keyer_process *k, struct place *place, struct bw_secret *root, bool ephemeral, size_t loops)
{
	*k = (struct keyer_process){.place = place, .count = loops + 1, .listening = -1, .page_fd = -1};
	if (ephemeral) {
		k->ephemeral_key = bw_secret_new(BW_ROOT_KEY_BYTES);
		bw_random(k->ephemeral_key.p, k->ephemeral_key.n);
	} else {
		TRY(page_new(k, root));
		bw_secret_free(root);
		TRY(bw_admin_listen(place->data, &k->listening));
		TRY(bw_board_new("seal", BW_SEAL_STATUS_MAX, &k->status));
	}
	for (size_t i = 0; i < k->count; i++)
		TRY(bw_keyer_channel(i, &k->channels[i]));
	return BW_OK;
}

/* ---- Finding the root key ---- */

/* Whatever has to be loaded or spoken with for it happens in a process that holds nothing yet and ends at once. */
static _Noreturn void finder_main(struct keyer_process *k, struct bw_str file, int out)
{
	struct bw_seal_facts facts;
	struct bw_secret root = {0};
	bool good;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	(void)alarm(FIND_MOST_S);
	good = bw_sandbox_enter_loader() == BW_OK && bw_seal_decode(file, &k->place->arena, &facts) == BW_OK &&
	       bw_unseal_kind(facts.kind)->find(&facts, k->place->root_key, &root) == BW_OK &&
	       write(out, root.p, root.n) == (ssize_t)root.n;
	bw_secret_free(&root);
	_exit(good ? 0 : 1);
}

static bool root_find_apart(struct keyer_process *k, struct bw_str file, struct bw_secret *root)
{
	int ends[2], status = 1;
	pid_t pid = pipe(ends) == 0 ? fork() : -1;
	ssize_t n;

	if (pid == 0)
		finder_main(k, file, ends[1]);
	if (pid < 0)
		return false;
	close(ends[1]);
	*root = bw_secret_new(BW_ROOT_KEY_BYTES);
	n = read(ends[0], root->p, root->n);
	close(ends[0]);
	if (waitpid(pid, &status, 0) == pid && status == 0 && n == (ssize_t)root->n)
		return true;
	bw_secret_free(root);
	return false;
}

static bool root_find(struct keyer_process *k, struct bw_str file, const struct bw_seal_facts *facts, struct bw_secret *root)
{
	const struct bw_unseal_kind *kind = bw_unseal_kind(facts->kind);

	return kind->near ? kind->find(facts, k->place->root_key, root) == BW_OK : root_find_apart(k, file, root);
}

/* The root key, where nobody need be asked for it. */
static bool root_take(struct keyer_process *k, struct bw_str file, bool *finds, struct bw_secret *root)
{
	struct bw_seal_facts facts;

	if (atomic_exchange(&k->page->given, false)) {
		*root = bw_secret_new(BW_ROOT_KEY_BYTES);
		memcpy(root->p, k->page->root, root->n);
		bw_wipe(k->page->root, sizeof k->page->root);
		return true;
	}
	*finds = !k->page->held && bw_seal_decode(file, &k->place->arena, &facts) == BW_OK &&
	         bw_unseal_kind(facts.kind)->find;
	return *finds && root_find(k, file, &facts, root);
}

/* ---- The process ---- */

struct waiting {
	int channel;
	int again_ms; /* -1: it waits for people, or is open */
	const struct bw_board *status;
};

/* People may have opened it meanwhile, with a recovery key. */
static bool still_sealed(const struct waiting *w)
{
	struct bw_seal_status status;
	struct bw_arena arena;
	bool sealed;

	bw_arena_init(&arena, STATUS_ARENA_MAX);
	sealed = bw_seal_status_read(w->status, &arena, &status) != BW_OK || status.sealed;
	bw_arena_free(&arena);
	return sealed;
}

/* Tells the parent that requests are answered from now on, and stays until it says drain, or is gone. */
static void parent_obey(void *ctx)
{
	struct waiting *w = ctx;
	struct pollfd watched = {.fd = w->channel, .events = POLLIN};
	struct bw_proc_message m;
	enum bw_err e = bw_proc_send(w->channel, BW_PROC_READY, BW_STR(""));

	while (e == BW_OK) {
		if (poll(&watched, 1, w->again_ms) == 0) {
			if (still_sealed(w))
				return; /* started again, it looks for the root key again */
			w->again_ms = -1;
		}
		e = bw_proc_receive(w->channel, 1u << BW_PROC_DRAIN | 1u << BW_PROC_RETIRE | 1u << BW_PROC_RELOAD, &m);
		if (e == BW_EAGAIN)
			e = BW_OK;
		else if (e == BW_OK && m.type != BW_PROC_RELOAD)
			return;
		else if (e == BW_OK)
			e = bw_proc_send(
			    w->channel, BW_PROC_READY, BW_STR("")); /* there is nothing to read again */
	}
}

static void descriptors_fence(const struct keyer_process *k, int channel)
{
	int keep[2 * (LOOPS_MAX + 1) + 5];
	size_t n = 0;

	for (size_t i = 0; i < k->count; i++, n += 2)
		bw_ring_fds(k->channels[i], &keep[n]);
	keep[n++] = channel;
	if (k->status) {
		keep[n++] = k->page_fd;
		keep[n++] = k->listening;
		keep[n++] = bw_board_wake_fd(k->status);
	}
	bw_descriptors_keep(keep, n);
}

static int again_ms(unsigned missed)
{
	return missed < 4 ? FIND_FIRST_MS << missed : FIND_AGAIN_MS;
}

/* A ring has one keyer: who takes another's place waits for its end, which alone gives the lock back. It is on memory that nobody but
 * keyers has open: whoever asks cannot hold it against them. */
static enum bw_err rings_take(const struct keyer_process *k)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	while (fcntl(k->page_fd, F_SETLKW, &lock) != 0)
		CHECK(errno == EINTR, BW_EIO);
	return BW_OK;
}

/* What the one before holds is not let go for a root key that opens nothing, or that people would have to say again. */
static enum bw_err place_take(const struct bw_keyer_seal *seal, const struct bw_secret *root, int channel)
{
	struct bw_keyring ring;

	if (!root || bw_seal_open_file(seal->file, root, &ring) != BW_OK) {
		bw_log(BW_LOG_WARN, "the keyer of the program before goes on: its root key is not to be found without people; 'bulwark seal' and 'bulwark unseal' replace it");
		return BW_EPERM;
	}
	bw_keyring_free(&ring);
	return bw_proc_send(channel, BW_PROC_READY, BW_STR(""));
}

/* The one before answered people until its end: it may have been sealed since we looked, or have another root key now. Whoever is
 * started after us begins with what is there. */
static enum bw_err place_look(const struct keyer_process *k, const struct bw_keyer_seal *seal)
{
	struct bw_str file;

	TRY(seal_read(k->place, &k->place->arena, &file));
	if (!*seal->held && bw_str_eq(file, seal->file))
		return BW_OK;
	bw_log(BW_LOG_INFO, "its seal has changed while the keyer of the program before ended: it begins anew");
	return BW_ECONFLICT;
}

static enum bw_err sealed_run(struct keyer_process *k, struct waiting *w, bool relieves)
{
	struct bw_keyer_seal seal = {.listening = k->listening, .status = k->status, .parent = w->channel, .held = &k->page->held};
	struct bw_secret root = {0};
	bool finds = false, found;

	TRY(bw_board_write_side(k->status));
	TRY(seal_read(k->place, &k->place->arena, &seal.file));
	found = root_take(k, seal.file, &finds, &root);
	if (found)
		atomic_store(&k->page->missed, 0);
	else if (finds)
		w->again_ms = again_ms(atomic_fetch_add(&k->page->missed, 1));
	descriptors_fence(k, w->channel);
	if (relieves)
		TRY(place_take(&seal, found ? &root : NULL, w->channel));
	TRY(rings_take(k));
	if (relieves)
		TRY(place_look(k, &seal));
	return bw_keyer_serve(found ? &root : NULL, &seal, k->channels, k->count, parent_obey, w);
}

int keyer_run(const struct bw_proc_self *self)
{
	struct keyer_process *k = self->ctx;
	struct waiting w = {self->channel, -1, k->status};
	enum bw_err e;

	if (k->page) {
		e = sealed_run(k, &w, self->relieves);
	} else {
		descriptors_fence(k, self->channel);
		e = bw_keyer_serve(&k->ephemeral_key, NULL, k->channels, k->count, parent_obey, &w);
	}
	_exit(e == BW_OK ? 0 : 1);
}

void keyer_forget(struct keyer_process *k, bool asks)
{
	bw_secret_free(&k->ephemeral_key);
	if (k->page)
		(void)munmap(k->page, sizeof *k->page);
	if (k->page_fd >= 0)
		close(k->page_fd);
	if (k->listening >= 0)
		close(k->listening);
	if (!asks)
		bw_board_free(k->status);
	for (size_t i = 0; !asks && i < k->count; i++)
		bw_ring_free(k->channels[i]);
}
