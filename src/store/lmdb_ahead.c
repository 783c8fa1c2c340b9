/* Blocks ahead of need. A commit that makes the data file longer is durable only when its inode is, too: one
 * more write, and one more wait for the disk. So zeros are written beyond the last page, many pages at a
 * time, and commits find their blocks there. */
#include "store/lmdb_store.h"

#include <sys/stat.h>
#include <unistd.h>

enum {
	AHEAD_LOW = 256 * 1024, /* what a usual group of commits may need before the next look */
	AHEAD_STEP = 1024 * 1024,
	ZEROS = 64 * 1024
};

/* How long the file is, is asked when what was found the last time is no longer enough: it never gets shorter. Asking is not
 * free: the next write to a file whose times somebody has looked at gives it a new time, and then a sync writes its inode, too. */
static bool is_short(struct bw_store *s, int fd)
{
	MDB_envinfo info;
	MDB_stat pages;
	struct stat file;
	uint64_t wanted;

	if (mdb_env_info(s->env, &info) != 0 || mdb_env_stat(s->env, &pages) != 0)
		return false;
	wanted = (info.me_last_pgno + 1) * pages.ms_psize + AHEAD_LOW;
	if (s->file_bytes >= wanted || fstat(fd, &file) != 0)
		return false;
	s->file_bytes = (uint64_t)file.st_size;
	return s->file_bytes < wanted && s->file_bytes + AHEAD_STEP <= info.me_mapsize;
}

void store_write_ahead(struct bw_store *s)
{
	static const char zeros[ZEROS];
	mdb_filehandle_t fd;

	if (s->ephemeral || mdb_env_get_fd(s->env, &fd) != 0 || !is_short(s, fd))
		return;
	/* A disk that has no room says so to the commit that needs it. */
	for (size_t wrote = 0; wrote < AHEAD_STEP; wrote += ZEROS) {
		if (pwrite(fd, zeros, sizeof zeros, (off_t)s->file_bytes) != (ssize_t)sizeof zeros)
			return;
		s->file_bytes += ZEROS;
	}
}
