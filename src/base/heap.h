/* malloc's memory, made ready before it is asked for. */
#pragma once

#include <stddef.h>

/* The next `bytes` that malloc gives to this thread have their pages already: they are made in one call of the kernel's instead of by
 * a fault each, which costs ten times as much. For what is about to be used; what never is, is wasted. Before other threads. */
void bw_heap_ready(size_t bytes);
