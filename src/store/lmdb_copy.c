/* A copy of the store beside its use. */
#include "store/lmdb_store.h"
#include "base/sys.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

static enum bw_err synced(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool good = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return good ? BW_OK : BW_EIO;
}

/* Pages that are free are left out: the copy is as long as what is in it. */
static enum bw_err copy(MDB_env *env, const char *from, const char *to, const char *file)
{
	TRY(store_lmdb_err(mdb_env_set_maxreaders(env, STORE_READERS_MAX), "readers"));
	TRY(store_lmdb_err(mdb_env_open(env, from, MDB_RDONLY | MDB_NOTLS, 0600), from));
	TRY(store_lmdb_err(mdb_env_copy2(env, to, MDB_CP_COMPACT), "copying"));
	return synced(file);
}

enum bw_err bw_store_copy(struct bw_str data_dir, struct bw_str to_dir)
{
	char from[PATH_BYTES], to[PATH_BYTES], file[PATH_BYTES], source[PATH_BYTES];
	MDB_env *env;
	enum bw_err e;

	CHECK(data_dir.n + 16 < PATH_BYTES && to_dir.n + 16 < PATH_BYTES, BW_ETOOBIG);
	(void)snprintf(from, sizeof from, "%.*s", BW_FMT(data_dir));
	(void)snprintf(to, sizeof to, "%.*s", BW_FMT(to_dir));
	(void)snprintf(file, sizeof file, "%.*s/data.mdb", BW_FMT(to_dir));
	(void)snprintf(source, sizeof source, "%.*s/data.mdb", BW_FMT(data_dir));
	CHECK(access(file, F_OK) != 0, BW_EEXISTS);
	CHECK(access(source, F_OK) == 0, BW_ENOTFOUND);
	TRY(store_lmdb_err(mdb_env_create(&env), "creating the environment"));
	e = copy(env, from, to, file);
	mdb_env_close(env);
	return e;
}
