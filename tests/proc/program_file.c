/* Whoever may change a step of the way to a program decides which program it is. */
#include "proc/program_file.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proc/proc.h"
#include "test.h"

enum { STRANGER = 4242 };

static char work[64];

static const char *under(const char *name)
{
	static char paths[4][PATH_MAX];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	(void)snprintf(path, PATH_MAX, "%s/%s", work, name);
	return path;
}

static void folder(const char *name)
{
	assert_int_equal(mkdir(under(name), 0755), 0);
	assert_int_equal(chmod(under(name), 0755), 0);
}

static void file(const char *name, mode_t mode)
{
	int fd = open(under(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

	assert_true(fd >= 0 && fchmod(fd, mode) == 0);
	close(fd);
}

static void begin(void)
{
	(void)snprintf(work, sizeof work, "/tmp/bulwark-program-XXXXXX");
	assert_non_null(mkdtemp(work));
	assert_int_equal(chmod(work, 0755), 0);
	folder("bin");
	folder("links");
	folder("releases");
	file("bin/program", 0755);
}

static int removed(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st, (void)kind, (void)where;
	return remove(path);
}

static void end(void)
{
	assert_int_equal(nftw(work, removed, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void opens(const char *path)
{
	struct stat found, wanted;
	int fd;
	const char *why = program_open(path, &fd);

	if (why)
		fail_msg("%s: %s", path, why);
	assert_int_equal(fstat(fd, &found), 0);
	assert_int_equal(stat(path, &wanted), 0);
	assert_int_equal(found.st_ino, wanted.st_ino);
	close(fd);
}

static void refuses(const char *path, const char *words)
{
	int fd;
	const char *why = program_open(path, &fd);

	assert_non_null(why);
	assert_non_null(strstr(why, words));
	assert_int_equal(fd, -1);
}

TEST(a_program_is_opened_by_the_way_that_was_looked_at)
{
	begin();
	opens(under("bin/program"));
	opens(under("./bin/../bin//program"));
	assert_int_equal(symlink("../bin/program", under("links/relative")), 0);
	assert_int_equal(symlink(under("links/relative"), under("releases/absolute")), 0);
	assert_int_equal(symlink("bin", under("current")), 0);
	opens(under("links/relative"));
	opens(under("releases/absolute"));
	opens(under("current/program"));
	refuses(under("bin/nothing"), "No such file");
	refuses(under("bin/program/more"), "Not a directory");
	refuses(under("bin"), "is no file");
	refuses("bin/program", "No such file");
	refuses("/", "is no file");
	assert_int_equal(symlink("round", under("round")), 0);
	refuses(under("round"), "symbolic links");
	file("bin/plain", 0644);
	refuses(under("bin/plain"), "is not executable");
	file("bin/open", 0775);
	refuses(under("bin/open"), "others than its owner may write to it");
	end();
}

TEST(each_folder_on_the_way_is_looked_at_links_own_ones_too)
{
	begin();
	assert_int_equal(symlink("../bin/program", under("links/second")), 0);
	assert_int_equal(symlink(under("links/second"), under("releases/first")), 0);
	opens(under("releases/first"));
	/* A link in the middle of the chain lies where others may replace it. */
	assert_int_equal(chmod(under("links"), 0775), 0);
	refuses(under("releases/first"), "a folder above it");
	opens(under("bin/program"));
	assert_int_equal(chmod(under("links"), 01777), 0); /* as /tmp: others replace only what is theirs */
	opens(under("releases/first"));
	assert_int_equal(chmod(under("links"), 0755), 0);
	assert_int_equal(chmod(under("bin"), 0757), 0);
	refuses(under("releases/first"), "a folder above it");
	end();
}

TEST(nothing_on_the_way_is_a_strangers)
{
	if (geteuid() != 0)
		skip();
	begin();
	assert_int_equal(chmod(under("links"), 01777), 0);
	assert_int_equal(symlink("../bin/program", under("links/second")), 0);
	opens(under("links/second"));
	assert_int_equal(lchown(under("links/second"), STRANGER, STRANGER), 0);
	refuses(under("links/second"), "a link to it belongs neither");
	assert_int_equal(chown(under("bin/program"), STRANGER, STRANGER), 0);
	refuses(under("bin/program"), "belongs neither to root");
	assert_int_equal(chown(under("bin/program"), 0, 0), 0);
	opens(under("bin/program"));
	assert_int_equal(chown(under("bin"), STRANGER, STRANGER), 0);
	refuses(under("bin/program"), "a folder above it");
	end();
}
