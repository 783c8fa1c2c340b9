/* What a fenced process can still open: each case in a child that ends without its leak check, which the fence would break. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/sandbox_internal.h"

static char root[] = "/tmp/bulwark-fence-XXXXXX";
static char inside[64], outside[64], secret[80], file[80];

static bool written(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static void world_make(void)
{
	if (inside[0])
		return;
	assert_non_null(mkdtemp(root));
	snprintf(inside, sizeof inside, "%s/inside", root);
	snprintf(outside, sizeof outside, "%s/outside", root);
	snprintf(secret, sizeof secret, "%s/root.key", outside);
	snprintf(file, sizeof file, "%s/file", inside);
	assert_int_equal(mkdir(inside, 0700), 0);
	assert_int_equal(mkdir(outside, 0700), 0);
	assert_true(written(secret) && written(file));
}

/* 0: as it should be; else which of the tries was not. The kernel may have none: then there is nothing to see. */
static void in_child(int (*tries)(void))
{
	int status;
	pid_t pid;

	world_make();
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 0)
		skip();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(tries());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static bool refused(int fd)
{
	return fd < 0 && errno == EACCES;
}

/* As the api: its data folder, and reading elsewhere. */
static int as_the_api(void)
{
	const struct bw_sandbox_folder folders[] = {{inside, true}, {"/usr", false}, {"/no/such/folder", true}};
	char link_path[96], fresh[96];
	int before = open(secret, O_RDONLY | O_CLOEXEC);

	snprintf(link_path, sizeof link_path, "%s/link", inside);
	snprintf(fresh, sizeof fresh, "%s/fresh", inside);
	if (symlink(secret, link_path) != 0 || before < 0 || !sandbox_files_keep(folders, BW_COUNT(folders)))
		return 1;
	if (!refused(open(secret, O_RDONLY)) || !refused(open(link_path, O_RDONLY)) || !refused(open(secret, O_WRONLY)))
		return 2;
	if (!refused(open("/etc/passwd", O_RDONLY)) || !refused(open("/proc/self/environ", O_RDONLY)) || !refused(open("/", O_RDONLY | O_DIRECTORY)))
		return 3;
	if (link(secret, fresh) == 0 || rename(secret, fresh) == 0 || unlink(secret) == 0 || mkdir("/tmp/bulwark-fence-never", 0700) == 0)
		return 4;
	if (!written(file) || !written(fresh) || rename(fresh, file) != 0 || unlink(file) != 0 || unlink(link_path) != 0)
		return 5;
	if (open("/usr/bin/env", O_RDONLY) < 0 || !refused(open("/usr/bin/env", O_WRONLY)))
		return 6;
	/* Its children are fenced as it is; what was open stays so. */
	if (fork() == 0)
		_exit(refused(open(secret, O_RDONLY)) ? 0 : 1);
	return wait(&before) < 0 || before != 0 ? 7 : 0;
}

TEST(a_process_with_a_data_folder_opens_nothing_beside_it)
{
	in_child(as_the_api);
}

/* As the edge: files are written into one folder, and no file is read. */
static int as_the_edge(void)
{
	int dir = open(inside, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;

	if (dir < 0 || !sandbox_files_into(dir))
		return 1;
	fd = openat(dir, "log", O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd < 0 || write(fd, "x", 1) != 1)
		return 2;
	if (!refused(openat(dir, "log", O_RDONLY)) || !refused(open(secret, O_RDONLY)) || !refused(open("/etc/passwd", O_RDONLY)))
		return 3;
	if (!refused(open(secret, O_WRONLY)) || !refused(openat(dir, "../outside/other", O_WRONLY | O_CREAT, 0600)))
		return 4;
	return unlinkat(dir, "log", 0) == 0 || mkdirat(dir, "folder", 0700) == 0 ? 5 : 0;
}

TEST(a_process_with_a_folder_of_logs_writes_there_and_reads_nothing)
{
	in_child(as_the_edge);
}

static int with_nothing(void)
{
	if (!sandbox_files_into(-1))
		return 1;
	if (!refused(open(secret, O_RDONLY)) || !refused(open(inside, O_RDONLY | O_DIRECTORY)) || !refused(open("/usr/bin/env", O_RDONLY)))
		return 2;
	return unlink(secret) == 0 ? 3 : 0;
}

TEST(a_process_with_no_folder_opens_nothing)
{
	in_child(with_nothing);
}

/* What the helper keeps of the resolver's. */
static int as_the_helper(void)
{
	const struct bw_sandbox_folder folders[] = {{"/etc", false}, {"/etc/hosts", false}};

	if (!sandbox_files_keep(folders, BW_COUNT(folders)))
		return 1;
	if (open("/etc/hosts", O_RDONLY) < 0 || open("/etc", O_RDONLY | O_DIRECTORY) < 0)
		return 2;
	return refused(open(secret, O_RDONLY)) && refused(open("/etc/hosts", O_WRONLY)) ? 0 : 3;
}

TEST(a_process_that_reads_writes_nothing)
{
	in_child(as_the_helper);
}
