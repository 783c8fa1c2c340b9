/* Opens the file of a program by a path of which every step is looked at, links' own steps too: whoever may change one of them decides
 * which file it is. What was walked is what is opened. */
#include "proc/program_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"

enum { LINKS_MAX = 40 }; /* as the kernel has it */

#define STRANGER "others than root and the user of this server may write to a folder above it"

struct walk {
	int at;              /* where it stands: the root, a folder, at the end the file */
	char rest[PATH_MAX]; /* of the path, from there */
	unsigned links;
	const char *why;
};

static bool owner_is_ours(const struct stat *st)
{
	return st->st_uid == 0 || st->st_uid == geteuid();
}

/* In a sticky folder, such as /tmp, everybody may make names, and replace only those of his own. */
static bool folder_is_ours(const struct stat *st)
{
	return owner_is_ours(st) && (!(st->st_mode & 022) || (st->st_mode & S_ISVTX));
}

static bool refuse(struct walk *w, const char *why)
{
	w->why = why;
	return false;
}

static bool stand_at(struct walk *w, int fd)
{
	if (w->at >= 0)
		close(w->at);
	w->at = fd;
	return true;
}

static bool root_take(struct walk *w)
{
	struct stat st;
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) != 0)
		return refuse(w, strerror(errno));
	(void)stand_at(w, fd);
	return folder_is_ours(&st) || refuse(w, STRANGER);
}

/* The next step's name; false: there is none. */
static bool name_cut(struct walk *w, char name[NAME_MAX + 1])
{
	size_t skip = strspn(w->rest, "/"), n = strcspn(w->rest + skip, "/");

	if (n == 0)
		return false;
	if (n > NAME_MAX)
		return refuse(w, strerror(ENAMETOOLONG));
	memcpy(name, w->rest + skip, n);
	name[n] = '\0';
	memmove(w->rest, w->rest + skip + n, strlen(w->rest + skip + n) + 1);
	return true;
}

/* A link's words stand in front of what is left of the path. */
static bool link_take(struct walk *w, int link)
{
	char words[PATH_MAX], rest[PATH_MAX];
	ssize_t n = readlinkat(link, "", words, sizeof words - 1);

	if (n <= 0)
		return refuse(w, strerror(errno));
	words[n] = '\0';
	if (++w->links > LINKS_MAX)
		return refuse(w, strerror(ELOOP));
	memcpy(rest, w->rest, sizeof rest);
	if (snprintf(w->rest, sizeof w->rest, "%s%s", words, rest) >= (int)sizeof w->rest)
		return refuse(w, strerror(ENAMETOOLONG));
	return words[0] != '/' || root_take(w);
}

static bool step(struct walk *w, const char *name)
{
	int fd = openat(w->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	bool good;

	if (fd < 0 || fstat(fd, &st) != 0) {
		refuse(w, strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	if (S_ISLNK(st.st_mode)) {
		good = owner_is_ours(&st) ? link_take(w, fd) : refuse(w, "a link to it belongs neither to root nor to the user of this server");
		close(fd);
		return good;
	}
	(void)stand_at(w, fd);
	if (S_ISDIR(st.st_mode))
		return folder_is_ours(&st) || refuse(w, STRANGER);
	return !w->rest[0] || refuse(w, strerror(ENOTDIR));
}

static const char *file_look(int file)
{
	struct stat st;

	if (fstat(file, &st) != 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "is no file";
	if (!owner_is_ours(&st))
		return "belongs neither to root nor to the user of this server";
	if (st.st_mode & 022)
		return "others than its owner may write to it";
	return st.st_mode & 0111 ? NULL : "is not executable";
}

const char *program_open(const char *path, int *file)
{
	struct walk w = {.at = -1};
	char name[NAME_MAX + 1];
	bool good = path[0] == '/' && snprintf(w.rest, sizeof w.rest, "%s", path) < (int)sizeof w.rest;

	*file = -1;
	if (!good)
		return strerror(ENOENT);
	good = root_take(&w);
	while (good && name_cut(&w, name))
		good = step(&w, name);
	if (!w.why)
		w.why = file_look(w.at);
	if (!w.why)
		*file = w.at;
	else if (w.at >= 0)
		close(w.at);
	return w.why;
}
