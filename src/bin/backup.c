/* A copy of a data folder, sealed as it is, beside its use; and back. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"
#include "bin/seal.h"

static const struct option backup_options[] = {OPTION_DATA, OPTION_ROOT_KEY};

enum { BLOCK = 256 * 1024, TRIES_MAX = 20, AGAIN_US = 100 * 1000 };

/* Beside the store, the seal and the trail; each may be missing. */
static const char *const files[] = {"credentials", "ca.pem", "endpoint"};

struct copying {
	const char *from, *to; /* folders */
	uint64_t bytes;
	bool bar;
};

static bool failed(const char *what, const char *path)
{
	fprintf(stderr, "%sbulwark: %s %s: %s\n", isatty(2) ? "\r\033[K" : "", what, path, strerror(errno));
	return false;
}

static void progress(struct copying *c, size_t n)
{
	c->bytes += n;
	if (c->bar)
		fprintf(stderr, "\r%llu MiB", (unsigned long long)(c->bytes >> 20));
}

static bool bytes_copy(struct copying *c, int in, int out, const char *name)
{
	char *block = bw_alloc(BLOCK);
	ssize_t n;

	while ((n = read(in, block, BLOCK)) > 0) {
		if (write(out, block, (size_t)n) != n) {
			n = -1;
			break;
		}
		progress(c, (size_t)n);
	}
	bw_free(block);
	if (n < 0 || fsync(out) != 0)
		return failed("cannot copy", name);
	return true;
}

/* `name`: below both folders. */
static bool file_copy(struct copying *c, const char *name, bool needed)
{
	char from[PATH_MAX], to[PATH_MAX];
	struct stat st;
	bool good;
	int in, out;

	if (snprintf(from, sizeof from, "%s/%s", c->from, name) >= (int)sizeof from ||
	    snprintf(to, sizeof to, "%s/%s", c->to, name) >= (int)sizeof to)
		return false;
	in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (in < 0)
		return errno == ENOENT && !needed ? true : failed("cannot read", from);
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	good = fstat(in, &st) == 0 && S_ISREG(st.st_mode) && out >= 0;
	good = good ? bytes_copy(c, in, out, name) : failed("cannot write", to);
	close(in);
	if (out >= 0)
		close(out);
	return good;
}

/* The head first: segments then reach at least as far as it says, and what goes beyond is cut off when the trail is opened, as
 * after a crash. */
static bool trail_copy(struct copying *c)
{
	char path[PATH_MAX], name[PATH_MAX];
	struct dirent *e;
	bool good = true;
	DIR *d;

	(void)snprintf(path, sizeof path, "%s/trail", c->to);
	if (mkdir(path, 0700) != 0)
		return failed("cannot make", path);
	(void)snprintf(path, sizeof path, "%s/trail", c->from);
	d = opendir(path);
	if (!d)
		return errno == ENOENT;
	good = file_copy(c, "trail/head", false);
	while (good && (e = readdir(d))) {
		if (e->d_name[0] == '.' || strcmp(e->d_name, "head") == 0 || strcmp(e->d_name, "head.new") == 0 || strcmp(e->d_name, "lock") == 0)
			continue;
		(void)snprintf(name, sizeof name, "trail/%s", e->d_name);
		/* One that retention has just removed is not missed. */
		good = file_copy(c, name, false);
	}
	closedir(d);
	return good;
}

static bool same_files(const struct copying *c, struct place *place)
{
	struct bw_str here, there;

	return file_read(bw_arena_printf(&place->arena, "%s/seal", c->from).p, BW_SEAL_FILE_MAX, &place->arena, &here) == BW_OK &&
	       file_read(bw_arena_printf(&place->arena, "%s/seal", c->to).p, BW_SEAL_FILE_MAX, &place->arena, &there) == BW_OK &&
	       bw_str_eq(here, there);
}

/* Seal file and store of one moment: when a rekey has replaced the first meanwhile, both are copied again. */
static bool store_copy(struct copying *c, struct place *place)
{
	char file[PATH_MAX];

	(void)snprintf(file, sizeof file, "%s/data.mdb", c->to);
	for (int i = 0; i < TRIES_MAX; i++) {
		enum bw_err e;

		if (!file_copy(c, "seal", true))
			return false;
		e = bw_store_copy(bw_str_c(c->from), bw_str_c(c->to));
		if (e != BW_OK) {
			fprintf(stderr, "bulwark: cannot copy the store: %s\n", bw_err_name(e));
			return false;
		}
		if (same_files(c, place))
			return true;
		(void)unlink(file);
		(void)usleep(AGAIN_US);
	}
	fprintf(stderr, "bulwark: the keys are being made anew all the time: try again after 'bulwark rekey'\n");
	return false;
}

static bool all_copy(struct copying *c, struct place *place)
{
	bool good = store_copy(c, place) && trail_copy(c);
	int folder;

	for (size_t i = 0; good && i < BW_COUNT(files); i++)
		good = file_copy(c, files[i], false);
	folder = open(c->to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	good = good && folder >= 0 && fsync(folder) == 0;
	if (folder >= 0)
		close(folder);
	if (c->bar)
		fprintf(stderr, "\r\033[K");
	return good;
}

/* A folder of nobody else's, empty. */
static bool folder_ready(const char *path)
{
	struct dirent *e;
	bool empty = true;
	DIR *d;

	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return failed("cannot make", path);
	d = opendir(path);
	if (!d)
		return failed("cannot read", path);
	while ((e = readdir(d)))
		empty = empty && (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0);
	closedir(d);
	if (!empty)
		fprintf(stderr, "bulwark: %s is not empty: nothing is written over\n", path);
	return empty;
}

static int backup_run(const struct parsed *p)
{
	static struct place place;
	struct copying c = {.bar = isatty(2)};

	if (p->rest_count != 1)
		return command_refuse(p, "one folder to write to is wanted");
	umask(077);
	if (!place_find(p, false, &place))
		return 1;
	c.from = place.data.p;
	c.to = p->rest[0];
	if (!folder_ready(c.to) || !all_copy(&c, &place))
		return 1;
	printf("%s: a backup, sealed as %s is; its root key is not in it\n", c.to, c.from);
	return 0;
}

static int restore_run(const struct parsed *p)
{
	static struct place place;
	struct copying c = {.bar = isatty(2)};

	if (p->rest_count != 1)
		return command_refuse(p, "one backup to read is wanted");
	umask(077);
	if (!place_find(p, true, &place))
		return 1;
	c.from = p->rest[0];
	c.to = place.data.p;
	if (!folder_ready(c.to) || !all_copy(&c, &place))
		return 1;
	printf("%s: restored; 'bulwark serve' opens it with the root key of the backup's time\n", c.to);
	return 0;
}

const struct command command_backup = {.name = "backup", .arguments = "DIR", .summary = "copy a data folder beside its use",
    .about = "Copies the store, the seal file, the trail and the administrator's credentials into DIR, which must be empty or absent. The\n"
             "server may be serving; the store's copy is of one moment. Nothing is opened: no root key is needed, and none is copied.\n"
             "Keep the root key (or its shares) apart from the backup.\n\nExample:\n  bulwark backup /mnt/backup/$(date +%F)",
    .options = backup_options, .option_count = BW_COUNT(backup_options), .run = backup_run};
const struct command command_restore = {.name = "restore", .arguments = "DIR", .summary = "make a data folder of a backup",
    .about = "Copies a backup into the data folder, which must be empty or absent; nothing is written over. The server then opens with the\n"
             "root key that was in use when the backup was made.\n\nExample:\n  bulwark restore /mnt/backup/2026-11-29 && bulwark serve",
    .options = backup_options, .option_count = BW_COUNT(backup_options), .run = restore_run};
