/* What a process keeps of the file system: landlock(7). What a descriptor that is open already can do is not
 * touched. */
#include "proc/sandbox_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sys.h"

/* Everything that the first version of landlock knows. */
enum {
	ALL = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1,
	READ = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
	/* Of what is no folder, the rest would be refused. */
	ALL_OF_A_FILE =
	    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE,
	WRITE = ALL & ~(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
	                  LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM),
};

static bool beneath_permit(int rules, int fd, uint64_t access)
{
	struct landlock_path_beneath_attr beneath = {.allowed_access = access, .parent_fd = fd};

	return syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0;
}

/* Leaves what the rules permit, and closes them. */
static bool files_fence(int rules, bool good)
{
	good = good && rules >= 0 && syscall(SYS_landlock_restrict_self, rules, 0) == 0;
	if (!good)
		bw_log(BW_LOG_WARN, "the file system is not fenced off: %s", strerror(errno));
	if (rules >= 0)
		close(rules);
	return good;
}

static int rules_new(void)
{
	struct landlock_ruleset_attr all = {.handled_access_fs = ALL};

	return (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);
}

bool sandbox_files_into(int dir_fd)
{
	int rules = rules_new();

	return files_fence(rules,
	    rules >= 0 && (dir_fd < 0 || beneath_permit(rules, dir_fd,
	                                     LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG)));
}

/* What is not there cannot be read in any case. */
static bool folder_permit(int rules, const struct bw_sandbox_folder *f)
{
	int fd = open(f->path, O_PATH | O_CLOEXEC);
	uint64_t access = f->write ? WRITE : READ;
	struct stat st;
	bool good;

	if (fd < 0)
		return true;
	if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
		access &= ALL_OF_A_FILE;
	good = beneath_permit(rules, fd, access);
	close(fd);
	return good;
}

bool sandbox_files_keep(const struct bw_sandbox_folder *folders, size_t count)
{
	int rules = rules_new();
	bool good = rules >= 0;

	for (size_t i = 0; good && i < count; i++)
		good = folder_permit(rules, &folders[i]);
	return files_fence(rules, good);
}

bool bw_sandbox_files_keep(const struct bw_sandbox_folder *folders, size_t count)
{
	struct bw_sandbox_folder all[BW_SANDBOX_FOLDERS_MAX + 1];

	MUST(count <= BW_SANDBOX_FOLDERS_MAX);
	memcpy(all, folders, count * sizeof *folders);
	/* The leak check reads there what it looks through. */
	all[count] = (struct bw_sandbox_folder){.path = "/proc"};
	return sandbox_files_keep(all, count + BW_SANITIZED);
}

void bw_sandbox_files_read(void)
{
	/* The resolver's configuration, which may be a link into /run, and the libraries that it names. */
	static const struct bw_sandbox_folder resolver[] = {{.path = "/etc"}, {.path = "/run"},
	    {.path = "/usr/lib"}, {.path = "/lib"}, {.path = "/usr/lib64"}, {.path = "/lib64"}};

	if (!BW_SANITIZED)
		(void)sandbox_files_keep(resolver, BW_COUNT(resolver));
}
