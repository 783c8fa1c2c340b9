#include "bin/place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"
#include "crypto/crypto.h"
#include "net/client.h"

/* `variable` when it is set and absolute, else `fallback` below the home folder. */
static struct bw_str home_folder(struct bw_arena *a, const char *variable, const char *fallback)
{
	const char *set = getenv(variable), *home = getenv("HOME");

	if (set && set[0] == '/')
		return bw_arena_printf(a, "%s/bulwark", set);
	return bw_arena_printf(a, "%s/%s/bulwark", home && home[0] == '/' ? home : "/tmp", fallback);
}

static bool folder_make(struct bw_str path)
{
	char text[PATH_MAX] = ""; /* of no path, too */
	int refused = 0;
	struct stat st;

	errno = ENAMETOOLONG;
	if (path.n >= sizeof text)
		return false;
	for (size_t i = 1; i <= path.n; i++) {
		if (i < path.n && path.p[i] != '/')
			continue;
		memcpy(text, path.p, i);
		text[i] = '\0';
		if (mkdir(text, 0700) == 0 || errno == EEXIST)
			continue;
		if (errno != EROFS && errno != EACCES)
			break;
		refused = errno;
	}
	if (stat(text, &st) == 0) {
		errno = ENOTDIR;
		return S_ISDIR(st.st_mode) && access(text, W_OK | X_OK) == 0;
	}
	/* What is not there because it was not allowed to be made. */
	if (errno == ENOENT && refused)
		errno = refused;
	return false;
}

/* The default root key has the data folder's name in it, so that several servers have several keys. */
static struct bw_str root_key_default(struct bw_arena *a, struct bw_str data)
{
	struct bw_str folder =
	    geteuid() == 0 ? BW_STR("/etc/bulwark") : home_folder(a, "XDG_CONFIG_HOME", ".config");
	unsigned char digest[32];
	struct bw_buf name;
	struct bw_str path;

	bw_sha256(data, digest);
	bw_buf_init(&name, 64);
	bw_buf_put_hex(&name, digest, 8);
	path = bw_arena_printf(a, "%.*s/root-%.*s.key", BW_FMT(folder), BW_FMT(bw_buf_str(&name)));
	bw_buf_free(&name);
	return path;
}

static bool root_key_folder(struct bw_str file)
{
	size_t n = file.n;

	while (n > 1 && file.p[n - 1] != '/')
		n--;
	return n <= 1 || folder_make(bw_str_sub(file, 0, n - 1));
}

bool place_find(const struct parsed *p, bool make, struct place *out)
{
	const char *data = option_get(p, "data"), *key = option_get(p, "root-key");
	char real[PATH_MAX];
	struct bw_str folder;

	bw_arena_init(&out->arena, 16 << 20);
	folder = data             ? bw_str_c(data)
	         : geteuid() == 0 ? BW_STR("/var/lib/bulwark")
	                          : home_folder(&out->arena, "XDG_DATA_HOME", ".local/share");
	folder = bw_arena_str(&out->arena, folder);
	if (make && !folder_make(folder)) {
		fprintf(stderr, "bulwark: cannot make or write the data folder %s: %s\n", folder.p,
		    strerror(errno));
		return false;
	}
	if (!realpath(folder.p, real)) {
		fprintf(stderr,
		    "bulwark: no data folder at %s: %s ('bulwark init' or 'bulwark serve' makes it)\n",
		    folder.p, strerror(errno));
		return false;
	}
	out->data = bw_arena_str(&out->arena, bw_str_c(real));
	out->root_key =
	    key ? bw_arena_str(&out->arena, bw_str_c(key)) : root_key_default(&out->arena, out->data);
	if (make && !root_key_folder(out->root_key)) {
		fprintf(stderr, "bulwark: cannot make the folder of the root key %s: %s\n", out->root_key.p,
		    strerror(errno));
		return false;
	}
	return true;
}

static bool all_written(int fd, struct bw_str bytes)
{
	while (bytes.n) {
		ssize_t n = write(fd, bytes.p, bytes.n);

		if (n <= 0)
			return false;
		bytes = bw_str_sub(bytes, (size_t)n, bytes.n);
	}
	return fsync(fd) == 0;
}

enum bw_err file_write(const char *path, struct bw_str bytes, unsigned mode)
{
	char fresh[PATH_MAX];
	int n = snprintf(fresh, sizeof fresh, "%s.new", path), fd;
	bool ok;

	CHECK(n > 0 && (size_t)n < sizeof fresh, BW_ETOOBIG);
	(void)unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	ok = fd >= 0 && all_written(fd, bytes);
	if (fd >= 0)
		close(fd);
	if (ok && rename(fresh, path) == 0)
		return BW_OK;
	bw_log(BW_LOG_ERROR, "cannot write %s: %s", path, strerror(errno));
	return BW_EIO;
}

static enum bw_err descriptor_read(
    int fd, const struct stat *st, size_t max, struct bw_arena *arena, struct bw_str *bytes)
{
	size_t n = 0, room = max;
	ssize_t got;
	char *at;

	/* A pipe has no length, but an end. */
	if (S_ISREG(st->st_mode) && st->st_size >= 0 && (size_t)st->st_size < max)
		room = (size_t)st->st_size;
	at = bw_arena_alloc(arena, room + 1);
	while ((got = read(fd, at + n, room + 1 - n)) > 0)
		n += (size_t)got;
	CHECK(got == 0, BW_EIO);
	CHECK(n <= room, room == max ? BW_ETOOBIG : BW_EIO); /* it has grown meanwhile */
	*bytes = bw_str_make(at, n);
	return BW_OK;
}

static enum bw_err read_opened(
    const char *path, int flags, bool regular, size_t max, struct bw_arena *arena, struct bw_str *bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
	enum bw_err e = BW_EIO;
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? BW_ENOTFOUND : BW_EIO;
	if (fstat(fd, &st) == 0 && (!regular || S_ISREG(st.st_mode)))
		e = descriptor_read(fd, &st, max, arena, bytes);
	close(fd);
	return e;
}

enum bw_err file_read(const char *path, size_t max, struct bw_arena *arena, struct bw_str *bytes)
{
	return read_opened(path, 0, false, max, arena, bytes);
}

enum bw_err file_read_of_stranger(const char *path, size_t max, struct bw_arena *arena, struct bw_str *bytes)
{
	return read_opened(path, O_NONBLOCK | O_NOFOLLOW | O_NOCTTY, true, max, arena, bytes);
}

enum bw_err file_keep(const char *path, struct bw_str bytes, unsigned mode)
{
	struct bw_arena a;
	struct bw_str now;
	bool same;

	bw_arena_init(&a, 2 * bytes.n + 4096);
	same = file_read_of_stranger(path, bytes.n, &a, &now) == BW_OK && bw_str_eq(now, bytes);
	bw_arena_free(&a);
	return same ? BW_OK : file_write(path, bytes, mode);
}

static struct bw_str *field_of(struct credentials *c, struct bw_str name)
{
	const struct {
		struct bw_str name;
		struct bw_str *at;
	} fields[] = {
	    {BW_STR("aws_access_key_id"), &c->key_id},
	    {BW_STR("aws_secret_access_key"), &c->secret},
	    {BW_STR("endpoint_url"), &c->endpoint},
	    {BW_STR("region"), &c->region},
	    {BW_STR("# account"), &c->account},
	};

	for (size_t i = 0; i < BW_COUNT(fields); i++)
		if (bw_str_eq(name, fields[i].name))
			return fields[i].at;
	return NULL;
}

enum bw_err credentials_read(struct bw_str data, struct bw_arena *arena, struct credentials *out)
{
	struct bw_str text;

	*out = (struct credentials){0};
	TRY(file_read(bw_arena_printf(arena, "%.*s/credentials", BW_FMT(data)).p, 65536, arena, &text));
	while (bw_str_set(text)) {
		struct bw_str value = bw_str_cut(&text, '\n'), name = bw_str_trim(bw_str_cut(&value, '='));
		struct bw_str *field = field_of(out, name);

		if (field)
			*field = bw_arena_str(arena, bw_str_trim(value));
	}
	CHECK(out->key_id.n && out->secret.n, BW_EINVAL);
	/* A later start may listen elsewhere than the first one did. */
	if (file_read(bw_arena_printf(arena, "%.*s/endpoint", BW_FMT(data)).p, 1024, arena, &text) == BW_OK)
		out->endpoint = bw_arena_str(arena, bw_str_cut(&text, '\n'));
	return BW_OK;
}

enum bw_err endpoint_find(
    const struct place *place, struct bw_arena *arena, struct bw_str *endpoint, struct bw_str *ca)
{
	struct credentials c;

	TRY(credentials_read(place->data, arena, &c));
	*endpoint = c.endpoint;
	if (file_read(bw_arena_printf(arena, "%.*s/ca.pem", BW_FMT(place->data)).p, 65536, arena, ca) !=
	    BW_OK)
		*ca = BW_STR_NONE;
	return BW_OK;
}

enum bw_err health_ask(struct bw_str endpoint, struct bw_str ca, struct bw_arena *arena, struct bw_str *body)
{
	int status = 0;

	TRY(bw_client_get(endpoint, BW_STR("/_bulwark/health"), ca, 5000, arena, &status, body));
	return status == 200 ? BW_OK : BW_EINVAL;
}

enum bw_err endpoint_write(struct bw_str data, struct bw_str endpoint, struct bw_arena *arena)
{
	return file_keep(bw_arena_printf(arena, "%.*s/endpoint", BW_FMT(data)).p,
	    bw_arena_printf(arena, "%.*s\n", BW_FMT(endpoint)), 0600);
}

enum bw_err credentials_write(struct bw_str data, const struct credentials *c, struct bw_str root_password)
{
	struct bw_buf text;
	struct bw_str path;
	struct bw_arena a;
	enum bw_err e;

	bw_arena_init(&a, 1 << 20);
	bw_buf_init(&text, 8192);
	bw_buf_printf(&text,
	    "# The administrator of this Bulwark, in the form of an AWS credentials file. Keep it to "
	    "yourself.\n[bulwark]\n"
	    "aws_access_key_id = %.*s\naws_secret_access_key = %.*s\nendpoint_url = %.*s\nregion = %.*s\n# "
	    "account = %.*s\n",
	    BW_FMT(c->key_id), BW_FMT(c->secret), BW_FMT(c->endpoint), BW_FMT(c->region), BW_FMT(c->account));
	bw_buf_printf(&text, "# The root user's one-time console password: %.*s\n", BW_FMT(root_password));
	path = bw_arena_printf(&a, "%.*s/credentials", BW_FMT(data));
	e = file_write(path.p, bw_buf_str(&text), 0600);
	bw_buf_free(&text);
	bw_arena_free(&a);
	return e;
}
