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
	memcpy(p->table->versions, p->versions, sizeof p->versions);
	p->table->upgrades = p->upgrades;
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

static uint32_t program_of(const struct life *l)
{
	return l->pid > 0 ? l->program : BW_PROC_NONE;
}

/* While a successor starts, the one before it serves. */
void table_say(struct parent *p)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct child *c = &p->children[i];
		bool succeeds = c->old.pid > 0 && !c->ready;

		atomic_store_explicit(&p->table->rows[i].state, state_of(c), memory_order_relaxed);
		atomic_store_explicit(
		    &p->table->rows[i].program, program_of(succeeds ? &c->old : &c->now), memory_order_relaxed);
		atomic_store_explicit(&p->table->rows[i].stays, c->stays, memory_order_relaxed);
		atomic_store_explicit(&p->table->rows[i].retiring, succeeds ? BW_PROC_NONE : program_of(&c->old),
		    memory_order_relaxed);
	}
}

/* Whoever reads meanwhile sees the number turn. */
void table_refusal_say(struct parent *p, const char *why)
{
	(void)snprintf(p->table->refusal, sizeof p->table->refusal, "%s", why);
	atomic_fetch_add(&p->table->refusals, 1);
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
