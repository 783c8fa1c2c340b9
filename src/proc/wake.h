/* An eventfd that several processes share: one raises it, others wait for its edge. */
#pragma once

#include <stdint.h>
#include <unistd.h>

/* Whoever waits may also have filled its counter, so that nobody could raise it any more: it is emptied then. It never waits: no process
 * that has it can take O_NONBLOCK from it (sandbox.c). */
static inline void wake_raise(int fd)
{
	const uint64_t one = 1;
	uint64_t count;

	if (write(fd, &one, sizeof one) == (ssize_t)sizeof one)
		return;
	(void)!read(fd, &count, sizeof count);
	(void)!write(fd, &one, sizeof one);
}
