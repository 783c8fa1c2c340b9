#include "core/bucket.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/internal.h"

/* S3 User Guide, "Bucket naming rules": letters, digits, dots and hyphens; here never a way out of the
 * folder. */
static bool bucket_named(struct bw_str name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-'))
			return false;
	}
	return name.n >= 3 && name.n <= 63 && name.p[0] != '.' && !bw_str_has(name, BW_STR(".."));
}

static bool part_named(struct bw_str part)
{
	return part.n > 0 && part.n < 256 && !bw_str_eq(part, BW_STR(".")) && !bw_str_eq(part, BW_STR(".."));
}

/* Each part by itself, so that no link of the way is followed. Takes `dir` and answers what it led to, or -1.
 */
static int descend(int dir, struct bw_str part, int flags, struct bw_arena *arena)
{
	int fd = openat(dir, bw_arena_str(arena, part).p, flags | O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	close(dir);
	return fd;
}

static int object_open(struct bw_core *core, struct bw_str bucket, struct bw_str key, struct bw_arena *arena)
{
	struct bw_str folder = bw_arena_printf(arena, "%.*s/buckets", BW_FMT(core->data_dir)), rest = key;
	int fd = open(folder.p, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		fd = descend(fd, bucket, O_DIRECTORY, arena);
	while (fd >= 0 && bw_str_set(rest)) {
		struct bw_str part = bw_str_cut(&rest, '/');

		if (!part_named(part)) {
			close(fd);
			return -1;
		}
		/* What is no file, a pipe say, must not make us wait. */
		fd = descend(fd, part, bw_str_set(rest) ? O_DIRECTORY : O_NONBLOCK, arena);
	}
	return fd;
}

static enum bw_err whole(int fd, size_t max, struct bw_arena *arena, struct bw_str *bytes)
{
	struct stat st;
	size_t n = 0;
	char *text;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return BW_ENOTFOUND;
	CHECK(st.st_size >= 0 && (size_t)st.st_size <= max, BW_ETOOBIG);
	text = bw_arena_alloc(arena, (size_t)st.st_size + 1);
	while (n < (size_t)st.st_size) {
		ssize_t got = read(fd, text + n, (size_t)st.st_size - n);

		CHECK(got > 0, BW_EIO);
		n += (size_t)got;
	}
	*bytes = bw_str_make(text, n);
	return BW_OK;
}

enum bw_err bw_bucket_read(struct bw_core *core, struct bw_str bucket, struct bw_str key, size_t max,
    struct bw_arena *arena, struct bw_str *bytes)
{
	enum bw_err e;
	int fd;

	if (!bucket_named(bucket) || key.n == 0 || memchr(key.p, '\0', key.n))
		return BW_ENOTFOUND;
	fd = object_open(core, bucket, key, arena);
	if (fd < 0)
		return BW_ENOTFOUND;
	e = whole(fd, max, arena, bytes);
	close(fd);
	return e;
}
