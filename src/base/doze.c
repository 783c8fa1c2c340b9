#include "base/doze.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/sanitizer.h"

enum { LINE = 64, GROUP = 64, MADE_AT_ONCE = 64 };

/* What is kept of a place: for each group of words which of them are not zero, and these. */
struct packed {
	size_t words; /* all that follow */
	uint64_t v[];
};

static void *address_space(size_t bytes, int protection)
{
	void *p = mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	MUST(p != MAP_FAILED);
	return p;
}

void bw_doze_init(struct bw_doze *d, size_t bytes, size_t max)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	*d = (struct bw_doze){.bytes = bytes, .page_span = (bytes + page - 1) / page * page, .max = max};
	d->base = address_space(max * d->page_span, PROT_NONE);
	/* A huge page would be resident as a whole for one place. */
	(void)madvise(d->base, max * d->page_span, MADV_NOHUGEPAGE);
	d->packed = address_space(max * sizeof *d->packed, PROT_READ | PROT_WRITE);
	d->spare = address_space(max * sizeof *d->spare, PROT_READ | PROT_WRITE);
	/* What lies in places points to what was allocated. */
	__lsan_register_root_region(d->base, max * d->page_span);
	__lsan_register_root_region(d->packed, max * sizeof *d->packed);
}

static void packed_free(struct packed *p)
{
	if (p)
		bw_wipe(p, sizeof *p + p->words * sizeof *p->v);
	bw_free(p);
}

void bw_doze_free(struct bw_doze *d)
{
	for (size_t i = 0; i < d->made; i++)
		packed_free(d->packed[i]);
	__lsan_unregister_root_region(d->base, d->max * d->page_span);
	__lsan_unregister_root_region(d->packed, d->max * sizeof *d->packed);
	(void)munmap(d->base, d->max * d->page_span);
	(void)munmap(d->packed, d->max * sizeof *d->packed);
	(void)munmap(d->spare, d->max * sizeof *d->spare);
	*d = (struct bw_doze){0};
}

static size_t index_of(const struct bw_doze *d, const void *place)
{
	return (size_t)((const char *)place - d->base) / d->page_span;
}

static char *pages_of(const struct bw_doze *d, size_t i)
{
	return d->base + i * d->page_span;
}

/* Not each at the beginning of a page: equal parts of all would share the same few lines of the cache. */
static char *place_of(const struct bw_doze *d, size_t i)
{
	return pages_of(d, i) + i % ((d->page_span - d->bytes) / LINE + 1) * LINE;
}

void *bw_doze_take(struct bw_doze *d)
{
	size_t i;

	if (d->spare_count) {
		i = d->spare[--d->spare_count];
	} else {
		if (d->made == d->max)
			return NULL;
		i = d->made++;
		if (i % MADE_AT_ONCE == 0) {
			size_t n = d->max - i < MADE_AT_ONCE ? d->max - i : MADE_AT_ONCE;

			MUST(mprotect(pages_of(d, i), n * d->page_span, PROT_READ | PROT_WRITE) == 0);
		}
	}
	d->held_bytes += d->page_span;
	return place_of(d, i);
}

/* Zero from now on, without memory. */
static void pages_drop(const struct bw_doze *d, size_t i)
{
	MUST(madvise(pages_of(d, i), d->page_span, MADV_DONTNEED) == 0);
}

/* Where memory is watched, a place that sleeps may not even be read. (Not elsewhere: each stretch that
 * differs from its neighbours is one more of the kernel's maps, of which a process may have 65,530.) */
static void guard(const struct bw_doze *d, size_t i, int protection)
{
	if (BW_SANITIZED)
		MUST(mprotect(pages_of(d, i), d->page_span, protection) == 0);
}

static size_t kept_bytes(const struct packed *p)
{
	return sizeof *p + p->words * sizeof *p->v;
}

void bw_doze_give(struct bw_doze *d, void *place)
{
	size_t i = index_of(d, place);
	struct packed *p = d->packed[i];

	d->held_bytes -= p ? kept_bytes(p) : d->page_span;
	if (p)
		guard(d, i, PROT_READ | PROT_WRITE);
	else
		pages_drop(d, i);
	packed_free(p);
	d->packed[i] = NULL;
	d->spare[d->spare_count++] = (uint32_t)i;
}

bool bw_doze_sleeps(const struct bw_doze *d, const void *place)
{
	return d->packed[index_of(d, place)] != NULL;
}

/* Which of the group's words are not zero. */
static uint64_t group_look(const uint64_t *from)
{
	uint64_t which = 0;

	for (size_t i = 0; i < GROUP; i++)
		which |= (uint64_t)(from[i] != 0) << i;
	return which;
}

void bw_doze_sleep(struct bw_doze *d, void *place)
{
	size_t i = index_of(d, place), words = d->page_span / sizeof(uint64_t), n = words / GROUP;
	const uint64_t *from = (const uint64_t *)(const void *)pages_of(d, i);
	struct packed *p;

	MUST(!d->packed[i]);
	for (size_t k = 0; k < words; k++)
		n += from[k] != 0;
	p = bw_realloc(NULL, sizeof *p + n * sizeof *p->v);
	p->words = n;
	n = 0;
	for (size_t k = 0; k < words; k += GROUP) {
		uint64_t which = p->v[n++] = group_look(from + k);

		for (; which; which &= which - 1)
			p->v[n++] = from[k + (size_t)__builtin_ctzll(which)];
	}
	d->packed[i] = p;
	d->held_bytes -= d->page_span;
	d->held_bytes += kept_bytes(p);
	pages_drop(d, i);
	guard(d, i, PROT_NONE);
}

void bw_doze_wake(struct bw_doze *d, void *place)
{
	size_t i = index_of(d, place), words = d->page_span / sizeof(uint64_t), n = 0;
	struct packed *p = d->packed[i];
	uint64_t *to = (uint64_t *)(void *)pages_of(d, i);

	MUST(p);
	guard(d, i, PROT_READ | PROT_WRITE);
	for (size_t k = 0; k < words; k += GROUP)
		for (uint64_t which = p->v[n++]; which; which &= which - 1)
			to[k + (size_t)__builtin_ctzll(which)] = p->v[n++];
	d->held_bytes -= kept_bytes(p);
	d->held_bytes += d->page_span;
	packed_free(p);
	d->packed[i] = NULL;
}
