/* A trail in a folder of its own, and hands to damage it with. */
#pragma once

#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"
#include "core/trail_files.h"

static const unsigned char trail_key[32] = "a key of thirty-two bytes, fixed";

struct folder {
	char path[64];
};

static inline struct bw_str folder_str(const struct folder *d)
{
	return bw_str_c(d->path);
}

static inline void folder_make(struct folder *d)
{
	snprintf(d->path, sizeof d->path, "/tmp/bulwark-trail-XXXXXX");
	assert_non_null(mkdtemp(d->path));
	bw_crypto_init();
	bw_log_level_set(BW_LOG_ERROR);
}

static inline void folder_file(const struct folder *d, const char *name, char out[320])
{
	snprintf(out, 320, "%s/%s", d->path, name);
}

static inline void folder_remove(const struct folder *d)
{
	DIR *dir = opendir(d->path);
	const struct dirent *e;
	char path[320];

	assert_non_null(dir);
	while ((e = readdir(dir)) != NULL) {
		folder_file(d, e->d_name, path);
		if (e->d_name[0] != '.')
			assert_int_equal(unlink(path), 0);
	}
	closedir(dir);
	assert_int_equal(rmdir(d->path), 0);
}

/* The whole of a file; *n is -1 when it is not there. */
static inline char *file_read(const struct folder *d, const char *name, long *n)
{
	char path[320], *bytes = NULL;
	struct stat st;
	int fd;

	folder_file(d, name, path);
	*n = -1;
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return NULL;
	assert_int_equal(fstat(fd, &st), 0);
	bytes = calloc(1, (size_t)st.st_size + 1);
	assert_non_null(bytes);
	assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
	close(fd);
	*n = (long)st.st_size;
	return bytes;
}

static inline void file_write(const struct folder *d, const char *name, const char *bytes, long n)
{
	char path[320];
	int fd;

	folder_file(d, name, path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, (size_t)n), n);
	close(fd);
}

static inline void file_remove(const struct folder *d, const char *name)
{
	char path[320];

	folder_file(d, name, path);
	assert_int_equal(unlink(path), 0);
}

static inline long file_size(const struct folder *d, const char *name)
{
	char path[320];
	struct stat st;

	folder_file(d, name, path);
	return stat(path, &st) == 0 ? (long)st.st_size : -1;
}

/* Appends a block of one record to the plain bytes of a block. */
static inline void files_put(struct trail_files *f, const char *record, int64_t now_ms)
{
	struct bw_buf plain;
	size_t n = strlen(record);

	bw_buf_init(&plain, TRAIL_PLAIN_MAX);
	for (int i = 0; i < 4; i++)
		bw_buf_put_c(&plain, (char)(n >> (8 * i) & 255));
	bw_buf_put(&plain, bw_str_make(record, n));
	assert_ok(trail_files_write(f, bw_buf_str(&plain), 1, now_ms));
	bw_buf_free(&plain);
}

/* Counts records, and checks that the i-th is {"n":i}. */
struct counting {
	uint64_t n, stop_at;
	bool wrong;
};

static inline bool count_record(void *ctx, struct bw_str record)
{
	struct counting *c = ctx;
	char want[64];

	snprintf(want, sizeof want, "{\"n\":%llu}", (unsigned long long)c->n);
	c->wrong |= !bw_str_eq(record, bw_str_c(want));
	c->n++;
	return c->stop_at == 0 || c->n < c->stop_at;
}

static inline enum bw_err folder_verify(const struct folder *d, struct bw_trail_report *report)
{
	return bw_trail_read(folder_str(d), trail_key, 0, NULL, NULL, report);
}
