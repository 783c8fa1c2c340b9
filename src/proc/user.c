#include "proc/proc.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sys.h"

/* Groups first: without root's powers they could no longer be changed. All three ids of each, so that nothing
 * is left to return to. */
static bool ids_take(const struct passwd *user)
{
	return initgroups(user->pw_name, user->pw_gid) == 0 &&
	       setresgid(user->pw_gid, user->pw_gid, user->pw_gid) == 0 &&
	       setresuid(user->pw_uid, user->pw_uid, user->pw_uid) == 0;
}

static bool ids_are_final(const struct passwd *user)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;

	if (getresuid(&r, &e, &s) != 0 || getresgid(&rg, &eg, &sg) != 0)
		return false;
	return r == user->pw_uid && e == r && s == r && rg == user->pw_gid && eg == rg && sg == rg &&
	       (user->pw_uid == 0 || setuid(0) != 0);
}

enum bw_err bw_user_become(const char *user)
{
	const struct passwd *found = getpwnam(user);

	if (!found) {
		bw_log(BW_LOG_ERROR, "there is no user %s", user);
		return BW_ENOTFOUND;
	}
	if (geteuid() == found->pw_uid && getuid() == found->pw_uid)
		return BW_OK;
	if (ids_take(found) && ids_are_final(found))
		return BW_OK;
	bw_log(BW_LOG_ERROR, "cannot become the user %s: %s", user, strerror(errno));
	return BW_EPERM;
}
