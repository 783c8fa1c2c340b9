#include "guard/guard_internal.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sys.h"

static enum bw_err refused(const char *what)
{
	bw_log(BW_LOG_ERROR, "%s: %s", what, strerror(errno));
	return BW_EPERM;
}

static uint64_t bit(int capability)
{
	return UINT64_C(1) << capability;
}

static bool permitted_get(uint64_t *out)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data) != 0)
		return false;
	*out = data[0].permitted | (uint64_t)data[1].permitted << 32;
	return true;
}

static bool powers_set(uint64_t keep)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	for (int i = 0; i < 2; i++) {
		uint32_t half = (uint32_t)(keep >> 32 * i);

		data[i] = (struct __user_cap_data_struct){
		    .effective = half, .permitted = half, .inheritable = half};
	}
	return syscall(SYS_capset, &head, data) == 0;
}

/* Root's programs get what the bounding set leaves, others' what is ambient: both ways nft has no more than
 * the guard. */
static void bounds_set(uint64_t keep)
{
	for (int i = 0; i <= CAP_LAST_CAP; i++)
		if (!(keep & bit(i)))
			(void)prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
}

static bool ambient_set(uint64_t keep)
{
	for (int i = 0; i <= CAP_LAST_CAP; i++)
		if ((keep & bit(i)) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) != 0)
			return false;
	return true;
}

enum bw_err guard_powers_keep(bool spaces)
{
	uint64_t has, keep = bit(CAP_NET_ADMIN) | (spaces ? bit(CAP_SYS_ADMIN) : 0);

	if (!permitted_get(&has))
		return refused("the guard's capabilities cannot be read");
	if (!(has & bit(CAP_NET_ADMIN)) || (has & keep) != keep) {
		bw_log(BW_LOG_ERROR, "the guard needs CAP_NET_ADMIN%s",
		    spaces ? ", and CAP_SYS_ADMIN to enter network namespaces" : "");
		return BW_EPERM;
	}
	bounds_set(keep);
	if (!powers_set(keep) || !ambient_set(keep))
		return refused("the guard's capabilities cannot be set");
	return BW_OK;
}
