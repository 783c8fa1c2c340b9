/* What a program finds that the one before it has left: the list, and what a parent reads of it. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/sys.h"
#include "proc/kept_internal.h"
#include "proc/parent.h"

static const struct bw_proc_row rows[] = {{.title = "api"}, {.title = "edge-0"}};

static bool offered(const void *bytes, size_t n)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	char number[16];
	bool taken;

	MUST(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
	(void)snprintf(number, sizeof number, "%d", fd);
	MUST(setenv("BULWARK_KEPT", number, 1) == 0);
	if (bw_kept_take(&taken) == BW_OK)
		return true;
	close(fd);
	return false;
}

/* Children are taken whole, or nothing is. */
static void parent_take(void)
{
	static struct parent p;

	p = (struct parent){.count = BW_COUNT(rows), .version_count = 1};
	for (size_t i = 0; i < p.count; i++)
		p.children[i] = (struct child){.row = &rows[i], .now.channel = -1, .old.channel = -1, .needs = -1};
	sockets_open(&p);
	if (upgrade_take(&p) == BW_OK)
		for (size_t i = 0; i < p.count; i++)
			MUST(p.children[i].now.pid >= 0 && p.children[i].old.pid >= 0 &&
			     p.children[i].now.program < BW_PROC_PROGRAMS_MAX);
	bw_map_free(&p.sockets);
	for (size_t i = 0; i < p.count; i++) {
		if (p.children[i].now.channel >= 0)
			close(p.children[i].now.channel);
		if (p.children[i].old.channel >= 0)
			close(p.children[i].old.channel);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size && offered(data, size))
		parent_take();
	kept_forget();
	return 0;
}
