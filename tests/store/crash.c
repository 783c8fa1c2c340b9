/* Kills the writer at a random moment, again and again, and looks at what it left.
 *
 * A child commits from several threads: each batch writes three keys with one nonce and counts up two
 * counters. Every commit that was acknowledged is told to the parent through a pipe, in one write that cannot
 * be torn. The child is killed up to 5 ms after up to 24 of them. Then the store has to open (which compares
 * its fingerprint with every record in it), hold all that was ever acknowledged, hold no batch in part, and
 * its counters have to agree with its records.
 *
 * SIGKILL shows the order of our own steps; that the disk keeps what it has said to keep is LMDB's and the
 * kernel's. */
#include "base/sys.h"
#include "store/seal.h"
#include "store/store.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	THREADS = 6,
	PARTS = 3,
	SLOTS = 40,
	ROUNDS = 200,
	KILL_TOLD_MAX = 24,
	KILL_US_MAX = 5000,
	ROTATE_US = 6000
};

/* What the child tells: thread `t` has committed `n` into slot `n % SLOTS` as version `seq`. */
struct told {
	uint64_t thread, n, seq;
};

/* What is known of each thread's slot: the newest acknowledged number, 0 for none. */
static struct told known[THREADS][SLOTS];
static uint64_t newest[THREADS]; /* acknowledged number of each thread */
static uint64_t acknowledged, unacknowledged_found;
static char folder[64] = "/tmp/bulwark-crash-XXXXXX", data[80];
static unsigned char main_key[32];
static struct bw_store *store;

static enum bw_err key_of_main(void *ctx, struct bw_str salt, uint32_t *generation, unsigned char out[32])
{
	*generation = *generation ? *generation : 1;
	bw_store_key(bw_str_make(ctx, 32), salt, out);
	return BW_OK;
}

static void store_open(void)
{
	const struct bw_store_config config = {.data_dir = bw_str_c(data),
	    .key = key_of_main,
	    .key_ctx = main_key,
	    .map_size_bytes = (size_t)1 << 28};

	MUST(bw_store_open(&config, &store) == BW_OK);
}

static struct bw_str part_key(struct bw_arena *arena, uint64_t thread, uint64_t n, int part)
{
	return bw_arena_printf(
	    arena, "crash/%d/%llu/%02llu", part, (unsigned long long)thread, (unsigned long long)(n % SLOTS));
}

static struct bw_str total_key(struct bw_arena *arena, uint64_t thread)
{
	return bw_arena_printf(arena, "crash/total/%llu", (unsigned long long)thread);
}

struct waiting {
	struct bw_commit commit;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool done;
};

static void wake(struct bw_commit *c)
{
	struct waiting *w = c->ctx;

	pthread_mutex_lock(&w->mutex);
	w->done = true;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->mutex);
}

static uint64_t commit(struct bw_batch *b)
{
	struct waiting w = {{.batch = b, .done = wake, .ctx = &w}, PTHREAD_MUTEX_INITIALIZER,
	    PTHREAD_COND_INITIALIZER, false};

	MUST(bw_store_commit(store, &w.commit) == BW_OK);
	pthread_mutex_lock(&w.mutex);
	while (!w.done)
		pthread_cond_wait(&w.cond, &w.mutex);
	pthread_mutex_unlock(&w.mutex);
	MUST(w.commit.result == BW_OK);
	return w.commit.seq;
}

struct writer {
	uint64_t thread, n;
	int pipe;
};

/* The value differs in length from one number to the next, so that pages split and merge. */
static void batch_fill(struct bw_batch *b, const struct writer *w)
{
	static const char padding[700];
	struct bw_str nonce = bw_arena_printf(b->arena, "%llu", (unsigned long long)w->n);
	char *value = bw_arena_alloc(b->arena, 1000);

	memcpy(value, nonce.p, nonce.n);
	value[nonce.n] = ' ';
	memcpy(value + nonce.n + 1, padding, w->n * 37 % sizeof padding);
	for (int part = 0; part < PARTS; part++)
		bw_batch_put(b, part_key(b->arena, w->thread, w->n, part),
		    bw_str_make(value, nonce.n + 1 + w->n * 37 % sizeof padding));
	bw_batch_count(b, total_key(b->arena, w->thread), 1, INT64_MAX);
	bw_batch_count(b, BW_STR("crash/total"), 1, INT64_MAX);
}

static void *writer_run(void *arg)
{
	struct writer *w = arg;
	struct bw_arena arena;

	bw_arena_init(&arena, 1 << 20);
	for (;; w->n++) {
		struct bw_batch b;
		struct told told = {w->thread, w->n, 0};

		bw_batch_init(&b, &arena);
		batch_fill(&b, w);
		told.seq = commit(&b);
		MUST(write(w->pipe, &told, sizeof told) == sizeof told);
		bw_arena_reset(&arena);
	}
	return NULL;
}

/* Each thread goes on behind the number its counter stands at. */
static void child_run(int pipe)
{
	struct writer writers[THREADS];
	struct bw_snapshot *v;
	struct bw_arena arena;
	pthread_t id;

	store_open();
	bw_arena_init(&arena, 1 << 20);
	MUST(bw_snapshot_begin(store, &v) == BW_OK);
	for (uint64_t t = 0; t < THREADS; t++)
		writers[t] =
		    (struct writer){t, (uint64_t)bw_snapshot_count(v, total_key(&arena, t)) + 1, pipe};
	bw_snapshot_end(v);
	/* The clock starts when writing does. */
	MUST(write(pipe, &(struct told){THREADS, 0, 0}, sizeof(struct told)) == sizeof(struct told));
	for (size_t t = 0; t < THREADS; t++)
		MUST(pthread_create(&id, NULL, writer_run, &writers[t]) == 0);
	/* In the midst of it all, the data key changes: some are killed before, some during, some after. */
	usleep(ROTATE_US);
	(void)!bw_store_rotate_data_key(store);
	for (;;)
		pause();
}

static void told_take(const struct told *t)
{
	known[t->thread][t->n % SLOTS] = *t;
	if (t->n > newest[t->thread])
		newest[t->thread] = t->n;
	acknowledged++;
}

/* However slow the machine, most rounds die with commits behind them. Everything that was told before the
 * kill is still in the pipe after it. */
static void kill_and_listen(pid_t child, int pipe, unsigned *seed)
{
	struct told t;
	int status, first = rand_r(seed) % (KILL_TOLD_MAX + 1);

	MUST(read(pipe, &t, sizeof t) == sizeof t && t.thread == THREADS);
	for (; first; first--) {
		MUST(read(pipe, &t, sizeof t) == sizeof t);
		told_take(&t);
	}
	usleep((useconds_t)rand_r(seed) % KILL_US_MAX);
	MUST(kill(child, SIGKILL) == 0);
	MUST(waitpid(child, &status, 0) == child);
	MUST(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	while (read(pipe, &t, sizeof t) == sizeof t)
		told_take(&t);
}

/* The number in a slot, after checking that all its parts carry it; 0 when nobody has written there. */
static uint64_t slot_check(struct bw_snapshot *v, struct bw_arena *arena, uint64_t thread, uint64_t slot)
{
	struct bw_str value[PARTS];
	uint64_t version[PARTS];
	int64_t n = 0;

	for (int part = 0; part < PARTS; part++) {
		enum bw_err err = bw_snapshot_get(
		    v, part_key(arena, thread, slot, part), arena, &value[part], &version[part]);

		MUST(err == BW_OK || err == BW_ENOTFOUND);
		MUST(version[part] == version[0]); /* nothing torn */
		MUST(bw_str_eq(value[part], value[0]));
	}
	if (bw_str_set(value[0])) {
		struct bw_str rest = value[0];

		MUST(bw_str_to_i64(bw_str_cut(&rest, ' '), 1, INT64_MAX, &n) == BW_OK);
		MUST((uint64_t)n % SLOTS == slot);
		MUST(rest.n == (uint64_t)n * 37 % 700);
	}
	MUST((uint64_t)n >= known[thread][slot].n); /* nothing acknowledged lost */
	MUST((uint64_t)n != known[thread][slot].n || version[0] == known[thread][slot].seq);
	return (uint64_t)n;
}

static void thread_check(struct bw_snapshot *v, struct bw_arena *arena, uint64_t thread, uint64_t *total)
{
	uint64_t most = 0, counted = (uint64_t)bw_snapshot_count(v, total_key(arena, thread));

	for (uint64_t slot = 0; slot < SLOTS; slot++) {
		uint64_t n = slot_check(v, arena, thread, slot);

		most = n > most ? n : most;
	}
	/* A thread numbers its commits one by one and waits for each: at most one more than it has told can
	 * be there. */
	MUST(counted == most);
	MUST(most == newest[thread] || most == newest[thread] + 1);
	unacknowledged_found += most - newest[thread];
	newest[thread] = most;
	*total += counted;
}

static void state_check(void)
{
	struct bw_snapshot *v;
	struct bw_arena arena;
	uint64_t total = 0;

	store_open();
	bw_arena_init(&arena, 1 << 24);
	MUST(bw_snapshot_begin(store, &v) == BW_OK);
	for (uint64_t t = 0; t < THREADS; t++)
		thread_check(v, &arena, t, &total);
	MUST((uint64_t)bw_snapshot_count(v, BW_STR("crash/total")) == total);
	MUST(bw_snapshot_seq(v) == total); /* each commit took one number, and no refused one did */
	bw_snapshot_end(v);
	bw_arena_free(&arena);
	bw_store_close(store);
}

static void round_run(unsigned *seed)
{
	int ends[2];
	pid_t child;

	MUST(pipe(ends) == 0);
	child = fork();
	MUST(child >= 0);
	if (child == 0) {
		close(ends[0]);
		child_run(ends[1]);
	}
	close(ends[1]);
	kill_and_listen(child, ends[0], seed);
	close(ends[0]);
	state_check();
}

static void clean_up(void)
{
	static const char *const names[] = {
	    "data/data.mdb", "data/lock.mdb", "data/lock", "data", "root", ""};
	char path[128];

	for (size_t i = 0; i < BW_COUNT(names); i++) {
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		remove(path);
	}
}

/* test-store-crash [rounds [seed]] */
int main(int argc, char **argv)
{
	int64_t rounds = ROUNDS, seed_given = (int64_t)time(NULL);
	unsigned seed;

	MUST(argc < 2 || bw_str_to_i64(bw_str_c(argv[1]), 1, 1000000, &rounds) == BW_OK);
	MUST(argc < 3 || bw_str_to_i64(bw_str_c(argv[2]), 0, UINT32_MAX, &seed_given) == BW_OK);
	seed = (unsigned)seed_given;
	printf("1..1\n# seed %u\n", seed);
	fflush(stdout);
	MUST(mkdtemp(folder) != NULL);
	snprintf(data, sizeof data, "%s/data", folder);
	bw_log_level_set(BW_LOG_WARN);
	for (int64_t i = 0; i < rounds; i++)
		round_run(&seed);
	printf("# %lld kills, %llu commits acknowledged and all there, %llu found that were not yet "
	       "acknowledged\n",
	    (long long)rounds, (unsigned long long)acknowledged, (unsigned long long)unacknowledged_found);
	printf("ok 1 - nothing acknowledged was lost, nothing was torn\n");
	clean_up();
	return acknowledged ? 0 : 1;
}
