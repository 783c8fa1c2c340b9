/* Durable commits against what one fdatasync(2) costs on the same disk in the same run, and reads of a small
 * store against those of a large one. The folder may be given; it is /var/tmp else, as /tmp may be memory. */
#include "base/sys.h"
#include "store/seal.h"
#include "store/store.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
	THREADS = 64,
	SECONDS = 3,
	READS = 300000,
	SMALL = 100,
	LARGE = 100000,
	FILL_BATCH = 1000,
	VALUE = 400
};

static char folder[200], data[256];
static unsigned char main_key[32];
static struct bw_store *store;
static atomic_bool stop;

static double syncs_per_second(void)
{
	char path[256], block[4096] = {0};
	int64_t from, n = 0;
	int fd;

	snprintf(path, sizeof path, "%s/sync", folder);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	MUST(fd >= 0);
	from = bw_clock_mono_us();
	while (bw_clock_mono_us() - from < SECONDS * 1000000) {
		MUST(pwrite(fd, block, sizeof block, n++ % 64 * 4096) == sizeof block);
		MUST(fdatasync(fd) == 0);
	}
	close(fd);
	unlink(path);
	return (double)n * 1e6 / (double)(bw_clock_mono_us() - from);
}

static struct bw_str key_of(struct bw_arena *arena, int64_t i)
{
	return bw_arena_printf(arena, "111122223333/-/iam/user/%09lld", (long long)i);
}

static void *writer(void *count)
{
	static const char value[VALUE];
	struct bw_arena arena;
	int64_t n = 0;

	bw_arena_init(&arena, 1 << 20);
	while (!atomic_load(&stop)) {
		struct bw_batch b;

		bw_batch_init(&b, &arena);
		bw_batch_put(&b, bw_arena_printf(&arena, "w/%p/%lld", count, (long long)(n % 1000)),
		    bw_str_make(value, VALUE));
		bw_batch_count(&b, bw_arena_printf(&arena, "w/%p", count), 1, INT64_MAX);
		MUST(bw_store_commit_wait(store, &b) == BW_OK);
		bw_arena_reset(&arena);
		n++;
	}
	bw_arena_free(&arena);
	*(int64_t *)count = n;
	return NULL;
}

static double commits_per_second(size_t threads)
{
	pthread_t ids[THREADS];
	int64_t counts[THREADS], n = 0, from = bw_clock_mono_us();

	atomic_store(&stop, false);
	for (size_t i = 0; i < threads; i++)
		MUST(pthread_create(&ids[i], NULL, writer, &counts[i]) == 0);
	sleep(SECONDS);
	atomic_store(&stop, true);
	for (size_t i = 0; i < threads; i++) {
		MUST(pthread_join(ids[i], NULL) == 0);
		n += counts[i];
	}
	return (double)n * 1e6 / (double)(bw_clock_mono_us() - from);
}

static void fill(int64_t from, int64_t to)
{
	static const char value[VALUE];
	struct bw_arena arena;

	bw_arena_init(&arena, 1 << 24);
	for (int64_t i = from; i < to;) {
		struct bw_batch b;

		bw_batch_init(&b, &arena);
		for (int n = 0; n < FILL_BATCH && i < to; n++, i++)
			bw_batch_put(&b, key_of(&arena, i), bw_str_make(value, VALUE));
		MUST(bw_store_commit_wait(store, &b) == BW_OK);
		bw_arena_reset(&arena);
	}
	bw_arena_free(&arena);
}

static double elapsed_ns(int64_t from, int64_t turns)
{
	return (double)(bw_clock_mono_us() - from) * 1000 / (double)turns;
}

struct read_cost {
	double get, version, begin;
};

/* The spelling of the key is not counted: it is made before. */
static struct read_cost reads(int64_t records)
{
	static struct bw_str keys[4096];
	struct bw_arena names, arena;
	struct bw_snapshot *v;
	struct read_cost cost;
	struct bw_str value;
	uint64_t version;
	int64_t from;

	bw_arena_init(&names, 1 << 24);
	bw_arena_init(&arena, 1 << 24);
	for (size_t i = 0; i < BW_COUNT(keys); i++)
		keys[i] = key_of(&names, random() % records);
	MUST(bw_snapshot_begin(store, &v) == BW_OK);
	from = bw_clock_mono_us();
	for (int64_t i = 0; i < READS; i++) {
		MUST(bw_snapshot_get(v, keys[i % 4096], &arena, &value, &version) == BW_OK);
		bw_arena_reset(&arena);
	}
	cost.get = elapsed_ns(from, READS);
	from = bw_clock_mono_us();
	for (int64_t i = 0; i < READS; i++)
		MUST(bw_snapshot_version(v, keys[i % 4096]) != 0);
	cost.version = elapsed_ns(from, READS);
	bw_snapshot_end(v);
	from = bw_clock_mono_us();
	for (int64_t i = 0; i < READS; i++) {
		MUST(bw_snapshot_begin(store, &v) == BW_OK && bw_snapshot_seq(v) > 0);
		bw_snapshot_end(v);
	}
	cost.begin = elapsed_ns(from, READS);
	bw_arena_free(&names);
	bw_arena_free(&arena);
	return cost;
}

static enum bw_err key_of_main(void *ctx, struct bw_str salt, uint32_t *generation, unsigned char out[32])
{
	*generation = *generation ? *generation : 1;
	bw_store_key(bw_str_make(ctx, 32), salt, out);
	return BW_OK;
}

static void open_store(void)
{
	const struct bw_store_config config = {
	    .data_dir = bw_str_c(data), .key = key_of_main, .key_ctx = main_key};

	MUST(bw_store_open(&config, &store) == BW_OK);
}

static void clean_up(void)
{
	static const char *const names[] = {
	    "data/data.mdb", "data/lock.mdb", "data/lock", "data", ""};
	char path[256];

	for (size_t i = 0; i < BW_COUNT(names); i++) {
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		remove(path);
	}
}

int main(int argc, char **argv)
{
	struct read_cost small, large;
	double syncs, one, many, opening, opening_cpu;
	int64_t from;
	clock_t cpu_from;

	snprintf(folder, sizeof folder, "%s/bulwark-bench-XXXXXX", argc > 1 ? argv[1] : "/var/tmp");
	MUST(mkdtemp(folder) != NULL);
	snprintf(data, sizeof data, "%s/data", folder);
	bw_log_level_set(BW_LOG_WARN);
	open_store();
	fill(0, SMALL);
	small = reads(SMALL);
	fill(SMALL, LARGE);
	large = reads(LARGE);
	bw_store_close(store);
	from = bw_clock_mono_us();
	cpu_from = clock();
	open_store();
	opening_cpu = (double)(clock() - cpu_from) * 1e9 / CLOCKS_PER_SEC / LARGE;
	opening = elapsed_ns(from, LARGE);
	syncs = syncs_per_second();
	one = commits_per_second(1);
	many = commits_per_second(THREADS);
	printf("%-34s %10s %7s\n", "durable writes", "per second", "ratio");
	printf("%-34s %10.0f %7.2f\n", "4 KiB and one fdatasync", syncs, 1.0);
	printf("%-34s %10.0f %7.2f\n", "commits, 1 waiting", one, one / syncs);
	printf("%-34s %10.0f %7.2f\n", "commits, 64 waiting", many, many / syncs);
	printf("\n%-34s %10s %10s %7s\n", "reads (ns)", "100", "100,000", "ratio");
	printf("%-34s %10.0f %10.0f %7.2f\n", "get (look up, unseal)", small.get, large.get,
	    large.get / small.get);
	printf("%-34s %10.0f %10.0f %7.2f\n", "version", small.version, large.version,
	    large.version / small.version);
	printf("%-34s %10.0f %10.0f %7.2f\n", "snapshot begin, seq, end", small.begin, large.begin,
	    large.begin / small.begin);
	printf("%-34s %10s %10.0f\n", "opening, a record", "", opening);
	printf("%-34s %10s %10.0f\n", "  of that on the processor", "", opening_cpu);
	bw_store_close(store);
	clean_up();
	return 0;
}
