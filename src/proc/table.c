/* The parent's words on its rows: one page, mapped twice. Sealed in between, so that what children have of it
 * can never be written. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/sys.h"
#include "proc/parent.h"

static void *view(int fd, int protection)
{
	void *p = mmap(NULL, sizeof(struct bw_proc_table), protection, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

enum bw_err table_open(struct parent *p)
{
	int fd = memfd_create("processes", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && ftruncate(fd, sizeof *p->table) == 0)
		p->table = view(fd, PROT_READ | PROT_WRITE);
	if (p->table && fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		p->shown = view(fd, PROT_READ);
	if (!p->shown)
		bw_log(BW_LOG_ERROR, "cannot make shared memory: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	CHECK(p->shown, BW_EIO);
	p->table->count = p->count;
	for (size_t i = 0; i < p->count; i++)
		(void)snprintf(p->table->rows[i].title, sizeof p->table->rows[i].title, "%s", p->children[i].row->title);
	return BW_OK;
}

static enum bw_proc_state state_of(const struct child *c)
{
	if (c->asleep && !c->restart_ms)
		return BW_PROC_IDLE;
	return c->ready ? BW_PROC_SERVING : BW_PROC_STARTING;
}

void table_say(struct parent *p)
{
	for (size_t i = 0; i < p->count; i++)
		atomic_store_explicit(&p->table->rows[i].state, state_of(&p->children[i]), memory_order_relaxed);
}

void table_forget(struct parent *p)
{
	(void)munmap(p->table, sizeof *p->table);
}

void table_close(struct parent *p)
{
	if (p->table)
		table_forget(p);
	if (p->shown)
		(void)munmap((void *)(uintptr_t)p->shown, sizeof *p->shown);
}
