/* Opening and closing the embedded store. */
#include "store/lmdb_store.h"
#include "base/sys.h"
#include "crypto/crypto.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAP_DEFAULT (UINT64_C(64) << 30)

static enum bw_err failed(const char *what, const char *path)
{
	bw_log(BW_LOG_ERROR, "data folder %s: %s: %s", path, what, strerror(errno));
	return BW_EIO;
}

/* "dir/name", which the caller frees. */
static char *path_join(const char *dir, const char *name)
{
	struct bw_buf b;
	char *path;

	bw_buf_init(&b, 8192);
	bw_buf_printf(&b, "%s/%s", dir, name);
	path = bw_strdup(bw_buf_str(&b));
	bw_buf_free(&b);
	return path;
}

static enum bw_err folder_sync(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && fsync(fd) == 0;
	enum bw_err err = good ? BW_OK : failed("fsync", dir);

	if (fd >= 0)
		close(fd);
	return err;
}

static enum bw_err parent_sync(const char *dir)
{
	char *parent = path_join(dir, "..");
	enum bw_err err = folder_sync(parent);

	bw_free(parent);
	return err;
}

static bool is_ours(const struct stat *st)
{
	return st->st_uid == geteuid() || st->st_uid == 0;
}

/* An administrator may have put a link there; nobody else may, or secrets went where they like. */
static enum bw_err folder_make(const char *dir)
{
	struct stat st, link;

	if (mkdir(dir, 0700) == 0)
		TRY(parent_sync(dir));
	else if (errno != EEXIST)
		return failed("mkdir", dir);
	if (lstat(dir, &link) != 0 || stat(dir, &st) != 0)
		return failed("stat", dir);
	if (!S_ISDIR(st.st_mode) || !is_ours(&link) || !is_ours(&st) || (st.st_mode & 022)) {
		bw_log(BW_LOG_ERROR, "data folder %s: has to be a folder that nobody else may write to", dir);
		return BW_EPERM;
	}
	return BW_OK;
}

/* Says who holds the lock, as far as the file tells. */
static enum bw_err lock_refused(int fd, const char *dir)
{
	char text[32] = "?";
	ssize_t n = pread(fd, text, sizeof text - 1, 0);
	struct bw_str line = bw_str_make(text, n > 0 ? (size_t)n : 0);
	int64_t pid = 0;

	if (bw_str_to_i64(bw_str_cut(&line, ' '), 1, INT32_MAX, &pid) != BW_OK)
		pid = 0;
	bw_log(BW_LOG_ERROR, "another bulwark is running on this data folder, %s (pid %lld)", dir,
	    (long long)pid);
	return BW_EAGAIN;
}

/* As long as any other's, so that the file need not be cut, for which a file system with a journal takes its time. */
static enum bw_err lock_write_pid(int fd, const char *dir)
{
	char text[32];
	int n = snprintf(text, sizeof text, "%-10d\n", (int)getpid());

	if (pwrite(fd, text, (size_t)n, 0) != n)
		return failed("writing the lock file", dir);
	return BW_OK;
}

/* flock(2) goes with the process: a crash leaves no stale lock behind, whatever the file still says. */
static enum bw_err folder_lock(struct bw_store *s, const char *dir)
{
	char *path = path_join(dir, "lock");
	enum bw_err err;

	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock_fd < 0)
		err = failed("opening the lock file", dir);
	else if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0)
		err = lock_refused(s->lock_fd, dir);
	else
		err = lock_write_pid(s->lock_fd, dir);
	bw_free(path);
	return err;
}

/* A page that is in use and not in the file would end the process (SIGBUS) when it is read through the map. */
static enum bw_err file_check(MDB_env *env, const char *dir)
{
	MDB_envinfo info;
	struct stat st;
	mdb_filehandle_t fd;
	MDB_stat pages;
	bool whole = mdb_env_info(env, &info) == 0 && mdb_env_stat(env, &pages) == 0 &&
	             mdb_env_get_fd(env, &fd) == 0 && fstat(fd, &st) == 0 &&
	             (uint64_t)st.st_size / pages.ms_psize > info.me_last_pgno;

	if (whole)
		return BW_OK;
	bw_log(BW_LOG_ERROR, "data folder %s: data.mdb is cut short: part of the store is missing", dir);
	return BW_ECORRUPT;
}

static enum bw_err env_open(struct bw_store *s, const char *dir, size_t map_size_bytes)
{
	unsigned flags = MDB_NOTLS | (s->ephemeral ? MDB_NOSYNC : 0) | (s->read_only ? MDB_RDONLY : 0);
	int dead;

	TRY(store_lmdb_err(mdb_env_create(&s->env), "creating the environment"));
	TRY(store_lmdb_err(
	    mdb_env_set_mapsize(s->env, map_size_bytes ? map_size_bytes : MAP_DEFAULT), "map size"));
	TRY(store_lmdb_err(mdb_env_set_maxdbs(s->env, STORE_TABLES), "tables"));
	TRY(store_lmdb_err(mdb_env_set_maxreaders(s->env, STORE_READERS_MAX), "readers"));
	TRY(store_lmdb_err(mdb_env_open(s->env, dir, flags, 0600), dir));
	TRY(file_check(s->env, dir));
	/* A reader that was killed would hold back the reuse of pages for good. */
	return store_lmdb_err(mdb_reader_check(s->env, &dead), "checking readers");
}

static enum bw_err tables_open(struct bw_store *s)
{
	static const char *const names[STORE_TABLES] = {NULL, "records", "counters"};
	MDB_txn *txn;
	enum bw_err err;

	TRY(store_lmdb_err(
	    mdb_txn_begin(s->env, NULL, s->read_only ? MDB_RDONLY : 0, &txn), "opening the tables"));
	for (size_t i = 0; i < STORE_TABLES; i++) {
		err =
		    store_lmdb_err(mdb_dbi_open(txn, names[i], s->read_only ? 0 : MDB_CREATE, &s->tables[i]),
		        "opening a table");
		if (err != BW_OK) {
			mdb_txn_abort(txn);
			return err;
		}
	}
	return store_lmdb_err(mdb_txn_commit(txn), "opening the tables");
}

static enum bw_err contents_open(struct bw_store *s)
{
	enum bw_err err;

	TRY(tables_open(s));
	err = store_meta_load(s);
	if (err == BW_ENOTFOUND && !s->read_only)
		err = store_meta_make(s);
	if (err == BW_OK && s->fingerprint.old && !s->read_only)
		err = store_format_raise(s);
	return err;
}

/* Looking on is not making: there has to be a store. */
static enum bw_err folder_look(const char *dir)
{
	char *path = path_join(dir, "data.mdb");
	struct stat st;
	enum bw_err err = BW_OK;

	if (stat(path, &st) != 0)
		err = errno == ENOENT ? BW_ENOTFOUND : failed("stat", path);
	if (err == BW_ENOTFOUND)
		bw_log(BW_LOG_ERROR, "data folder %s: there is no store", dir);
	bw_free(path);
	return err;
}

static enum bw_err durable_open(struct bw_store *s, const struct bw_store_config *config, const char *dir)
{
	if (s->read_only) {
		TRY(folder_look(dir));
		TRY(env_open(s, dir, config->map_size_bytes));
		return contents_open(s);
	}
	TRY(folder_make(dir));
	TRY(folder_lock(s, dir));
	TRY(env_open(s, dir, config->map_size_bytes));
	TRY(contents_open(s));
	/* The names of files that were made now. A store that had been written to before has had this done. */
	return bw_store_seq(s) == 0 ? folder_sync(dir) : BW_OK;
}

static void folder_remove(const char *dir)
{
	static const char *const files[] = {"data.mdb", "lock.mdb"};

	for (size_t i = 0; i < BW_COUNT(files); i++) {
		char *path = path_join(dir, files[i]);

		unlink(path);
		bw_free(path);
	}
	rmdir(dir);
}

/* A fresh folder below `parent`, which the caller frees; NULL when there cannot be one. */
static char *folder_temporary(const char *parent)
{
	char *dir = parent ? path_join(parent, "bulwark-XXXXXX") : NULL;

	if (dir && !mkdtemp(dir)) {
		bw_free(dir);
		return NULL;
	}
	return dir;
}

/* The files lose their names as soon as they are open: however the process ends, nothing stays behind. */
static enum bw_err ephemeral_open(struct bw_store *s, const struct bw_store_config *config)
{
	const char *const parents[] = {"/dev/shm", getenv("TMPDIR"), "/tmp"};
	char *dir = NULL;
	enum bw_err err;

	for (size_t i = 0; !dir && i < BW_COUNT(parents); i++)
		dir = folder_temporary(parents[i]);
	if (!dir)
		return failed("making an ephemeral store", "/dev/shm");
	err = env_open(s, dir, config->map_size_bytes);
	folder_remove(dir);
	bw_free(dir);
	TRY(err);
	return contents_open(s);
}

static void store_free(struct bw_store *s)
{
	if (s->env) {
		store_views_free(s);
		mdb_env_close(s->env);
	}
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	bw_seal_free(s->seal);
	pthread_mutex_destroy(&s->write_lock);
	bw_wipe(&s->fingerprint, sizeof s->fingerprint);
	bw_free(s);
}

static enum bw_err config_check(const struct bw_store_config *c)
{
	if (c->ephemeral)
		return c->read_only ? BW_EINVAL : BW_OK;
	CHECK(c->data_dir.n && !memchr(c->data_dir.p, 0, c->data_dir.n), BW_EINVAL);
	CHECK(c->key, BW_EINVAL);
	return BW_OK;
}

static enum bw_err store_fill(struct bw_store *s, const struct bw_store_config *config)
{
	char *dir;
	enum bw_err err;

	if (s->ephemeral)
		return ephemeral_open(s, config);
	dir = bw_strdup(config->data_dir);
	err = durable_open(s, config, dir);
	bw_free(dir);
	return err;
}

enum bw_err bw_store_open(const struct bw_store_config *config, struct bw_store **out)
{
	struct bw_store *s;
	enum bw_err err;

	*out = NULL;
	TRY(config_check(config));
	bw_crypto_init();
	s = bw_alloc(sizeof *s);
	s->ephemeral = config->ephemeral;
	s->read_only = config->read_only;
	s->key = config->key;
	s->key_ctx = config->key_ctx;
	s->lock_fd = -1;
	s->seals_max = BW_SEALS_MAX;
	MUST(pthread_mutex_init(&s->write_lock, NULL) == 0);
	err = store_fill(s, config);
	if (err == BW_OK && !s->read_only)
		err = store_queue_start(s);
	if (err != BW_OK) {
		store_free(s);
		return err;
	}
	*out = s;
	return BW_OK;
}

void bw_store_close(struct bw_store *s)
{
	if (!s)
		return;
	if (!s->read_only)
		store_queue_stop(s);
	store_free(s);
}
