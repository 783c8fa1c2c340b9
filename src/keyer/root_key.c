#include "keyer/root_key.h"
#include "base/buf.h"
#include "base/sys.h"
#include "codec/base64.h"
#include "codec/hex.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEX_CHARS = 64, BASE64_CHARS = 44, FILE_MAX = HEX_CHARS + 1 };

static enum bw_err failed(const char *what, const char *path)
{
	bw_log(BW_LOG_ERROR, "%s: %s: %s", path, what, strerror(errno));
	return BW_EIO;
}

static bool base64_decode(struct bw_str text, unsigned char out[BW_ROOT_KEY_BYTES])
{
	struct bw_arena arena;
	struct bw_str bytes;
	bool good;

	bw_arena_init(&arena, 4096);
	good = bw_base64_decode(text, &arena, &bytes) == BW_OK && bytes.n == BW_ROOT_KEY_BYTES;
	if (good) {
		memcpy(out, bytes.p, BW_ROOT_KEY_BYTES);
		bw_wipe((void *)(uintptr_t)bytes.p, bytes.n);
	}
	bw_arena_free(&arena);
	return good;
}

static bool key_decode(struct bw_str text, unsigned char out[BW_ROOT_KEY_BYTES])
{
	if (text.n && text.p[text.n - 1] == '\n')
		text.n--;
	if (text.n == HEX_CHARS)
		return bw_hex_decode(text, out, BW_ROOT_KEY_BYTES) == BW_OK;
	return text.n == BASE64_CHARS && base64_decode(text, out);
}

enum bw_err bw_root_key_parse(struct bw_str text, struct bw_secret *out)
{
	*out = bw_secret_new(BW_ROOT_KEY_BYTES);
	if (key_decode(text, out->p))
		return BW_OK;
	bw_secret_free(out);
	return BW_EINVAL;
}

/* A key that others could have read is no key: the operator has to hear of it, not find it in an audit. */
static enum bw_err file_check(int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return failed("fstat", path);
	if (!S_ISREG(st.st_mode)) {
		bw_log(BW_LOG_ERROR, "%s: not a regular file", path);
		return BW_EPERM;
	}
	if (st.st_uid != geteuid() && st.st_uid != 0) {
		bw_log(BW_LOG_ERROR, "%s: belongs to user %u, not to this one or to root", path,
		    st.st_uid);
		return BW_EPERM;
	}
	if (st.st_mode & 077) {
		bw_log(BW_LOG_ERROR, "%s: mode %04o lets others at it; run: chmod 600 %s", path,
		    st.st_mode & 07777, path);
		return BW_EPERM;
	}
	return BW_OK;
}

/* Reads until the end or until one byte more than may be there. */
static enum bw_err text_read(int fd, const char *path, char *text, size_t most, size_t *n)
{
	ssize_t got = 1;

	*n = 0;
	while (got > 0 && *n <= most) {
		got = read(fd, text + *n, most + 1 - *n);
		if (got < 0 && errno != EINTR)
			return failed("read", path);
		*n += got > 0 ? (size_t)got : 0;
		got = got < 0 ? 1 : got;
	}
	return BW_OK;
}

static enum bw_err key_read(int fd, const char *path, struct bw_secret *out)
{
	char text[FILE_MAX + 1];
	size_t n;
	enum bw_err err;

	TRY(file_check(fd, path));
	err = text_read(fd, path, text, FILE_MAX, &n);
	if (err != BW_OK)
		return err;
	err = bw_root_key_parse(bw_str_make(text, n), out);
	if (err != BW_OK)
		bw_log(BW_LOG_ERROR,
		    "root key %s: wanted one line of 64 lower-case hexadecimal or 44 base64 characters",
		    path);
	bw_wipe(text, sizeof text);
	return err;
}

enum bw_err bw_root_key_read(struct bw_str path, struct bw_secret *out)
{
	char *name = bw_strdup(path);
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum bw_err err;

	*out = (struct bw_secret){NULL, 0};
	if (fd < 0)
		err = errno == ENOENT ? BW_ENOTFOUND : failed("open", name);
	else
		err = key_read(fd, name, out);
	if (fd >= 0)
		close(fd);
	bw_free(name);
	return err;
}

static enum bw_err secret_read(int fd, const char *path, size_t most, struct bw_secret *out)
{
	struct bw_secret text;
	size_t n;
	enum bw_err err;

	TRY(file_check(fd, path));
	text = bw_secret_new(most + 1);
	err = text_read(fd, path, (char *)text.p, most, &n);
	if (err == BW_OK && (n == 0 || n > most)) {
		bw_log(BW_LOG_ERROR, "%s: wanted 1 to %zu bytes", path, most);
		err = BW_EINVAL;
	}
	if (err == BW_OK) {
		*out = bw_secret_new(n);
		memcpy(out->p, text.p, n);
	}
	bw_secret_free(&text);
	return err;
}

enum bw_err bw_secret_text_read(struct bw_str path, size_t most, struct bw_secret *out)
{
	char *name = bw_strdup(path);
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum bw_err err;

	*out = (struct bw_secret){NULL, 0};
	err = fd < 0 ? failed("open", name) : secret_read(fd, name, most, out);
	if (fd >= 0)
		close(fd);
	bw_free(name);
	return err;
}

enum bw_err bw_secret_file_read(struct bw_str path, size_t most, struct bw_secret *out)
{
	struct bw_secret text;
	struct bw_str left, line;

	*out = (struct bw_secret){NULL, 0};
	TRY(bw_secret_text_read(path, most + 1, &text));
	left = bw_secret_bytes(&text);
	line = bw_str_cut(&left, '\n');
	if (line.n > 0 && line.n <= most) {
		*out = bw_secret_new(line.n);
		memcpy(out->p, line.p, line.n);
	}
	bw_secret_free(&text);
	return out->p ? BW_OK : BW_EINVAL;
}

/* So that the file's name survives a crash as well as its bytes. */
static bool folder_sync(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? bw_strdup(bw_str_make(path, slash == path ? 1 : (size_t)(slash - path)))
	                     : bw_strdup(BW_STR("."));
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	bw_free(folder);
	return good;
}

static bool key_write(int fd, const struct bw_secret *key)
{
	struct bw_buf line;
	bool good;

	bw_buf_init(&line, FILE_MAX);
	bw_buf_put_hex(&line, key->p, key->n);
	bw_buf_put_c(&line, '\n');
	good = write(fd, line.p, line.n) == (ssize_t)line.n && fsync(fd) == 0;
	bw_buf_free(&line);
	return good;
}

/* Written under another name and linked when whole: a crash leaves no half key behind, and link(2) never
 * replaces. */
static enum bw_err key_place(const char *name, const char *draft, const struct bw_secret *key)
{
	int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	enum bw_err err = BW_OK;

	if (fd < 0)
		return failed("create", draft);
	if (!key_write(fd, key))
		err = failed("write", draft);
	else if (link(draft, name) != 0)
		err = errno == EEXIST ? BW_EEXISTS : failed("link", name);
	close(fd);
	unlink(draft);
	if (err == BW_OK && !folder_sync(name))
		err = failed("sync the folder of", name);
	return err;
}

enum bw_err bw_root_key_write(struct bw_str path, const struct bw_secret *key)
{
	char *name = bw_strdup(path), *draft;
	struct bw_buf text;
	enum bw_err err;

	bw_buf_init(&text, path.n + 32);
	bw_buf_printf(&text, "%s.new.%d", name, (int)getpid());
	draft = bw_strdup(bw_buf_str(&text));
	err = key_place(name, draft, key);
	bw_buf_free(&text);
	bw_free(draft);
	bw_free(name);
	return err;
}

enum bw_err bw_root_key_make(struct bw_str path, struct bw_secret *out)
{
	enum bw_err err;

	*out = bw_secret_new(BW_ROOT_KEY_BYTES);
	bw_random(out->p, out->n);
	err = bw_root_key_write(path, out);
	if (err != BW_OK)
		bw_secret_free(out);
	return err;
}
