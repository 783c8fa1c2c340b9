/* Blocks ahead of need. A commit that makes the data file longer is durable only when its inode is, too: one
 * more write, and one more wait for the disk. So zeros are written beyond the last page, many pages at a
 * time, and commits find their blocks there. */
#include "store/lmdb_store.h"
#include "base/sys.h"

#include <sys/stat.h>
#include <unistd.h>

enum {
	AHEAD_LOW = 256 * 1024, /* what a usual group of commits may need before the next look */
	AHEAD_STEP = 1024 * 1024,
	ZEROS = 64 * 1024
};

static bool is_short(struct bw_store *s, int fd, off_t *end)
{
	MDB_envinfo info;
	MDB_stat pages;
	struct stat file;

	if (mdb_env_info(s->env, &info) != 0 || mdb_env_stat(s->env, &pages) != 0 || fstat(fd, &file) != 0)
		return false;
	*end = file.st_size;
	if ((uint64_t)file.st_size + AHEAD_STEP > info.me_mapsize)
		return false;
	return (uint64_t)file.st_size < (info.me_last_pgno + 1) * pages.ms_psize + AHEAD_LOW;
}

void store_write_ahead(struct bw_store *s)
{
	static const char zeros[ZEROS];
	mdb_filehandle_t fd;
	off_t end;

	if (s->ephemeral || mdb_env_get_fd(s->env, &fd) != 0 || !is_short(s, fd, &end))
		return;
	/* A disk that has no room says so to the commit that needs it. */
	for (off_t at = end; at < end + AHEAD_STEP; at += ZEROS)
		if (pwrite(fd, zeros, sizeof zeros, at) != (ssize_t)sizeof zeros)
			return;
}
