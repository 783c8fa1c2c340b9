/* OpenSSL's memory is ours, which is wiped when it is given back. OpenSSL wipes what it knows to be secret,
 * but not all of it: the scalar of a key that is being encoded, for one, passes through a string that is only
 * freed. */
#include "crypto/memory.h"

#include <malloc.h>
#include <openssl/crypto.h>

static struct bw_doze *places; /* NULL: there are none */
static bool counting;
static int64_t held_bytes; /* below zero: what was there before has gone */

static struct {
	void *place; /* NULL: none is offered */
	size_t least, most;
} offer;

static void *place_take(size_t bytes)
{
	void *p = offer.place;

	if (!p || bytes < offer.least || bytes > offer.most)
		return NULL;
	offer.place = NULL;
	return p;
}

static bool is_place(const void *p)
{
	return places && bw_doze_has(places, p);
}

/* Around whatever changes what `p` is. */
static void count_in(void *p)
{
	if (counting)
		held_bytes += (int64_t)malloc_usable_size(p);
}

static void count_out(void *p)
{
	if (counting)
		held_bytes -= (int64_t)malloc_usable_size(p);
}

/* ---- pieces for records ---- */

/* What OpenSSL reads and writes records in is taken and given back with each of them, and mostly little of it
 * is touched: some are kept, zeroed, and of the one that was taken last is known how much was used. */
enum {
	RECORD_LEAST = 16 * 1024,
	RECORD_MOST = 18 * 1024,
	RECORD_ROUNDED = RECORD_MOST + 64, /* by malloc */
	RECORDS_KEPT = 4,                  /* of one connection that reads and writes, and some to spare */
};

static void *records[RECORDS_KEPT];
static size_t record_count;

static struct {
	char *p;     /* NULL: it has been given back */
	size_t used; /* of its front; 0: nobody has said */
} newest;

/* Zeroed. It is counted wherever it is from then on. */
static void *record_take(void)
{
	if (record_count) {
		newest.p = records[--record_count];
	} else {
		newest.p = bw_alloc(RECORD_MOST);
		count_in(newest.p);
	}
	newest.used = 0;
	return newest.p;
}

static bool record_may_be_kept(void *p)
{
	size_t bytes = counting && record_count < RECORDS_KEPT ? malloc_usable_size(p) : 0;

	return bytes >= RECORD_MOST && bytes < RECORD_ROUNDED;
}

static void record_keep(void *p)
{
	bw_wipe(p, p == newest.p && newest.used ? newest.used : malloc_usable_size(p));
	records[record_count++] = p;
}

static void record_forget(const void *p)
{
	if (p == newest.p)
		newest.p = NULL;
}

bool bw_crypto_record_used(const char *at, size_t n)
{
	bool first = newest.p && !newest.used;
	size_t end;

	if (!newest.p || at < newest.p || at >= newest.p + RECORD_MOST)
		return false;
	end = (size_t)(at - newest.p) + n;
	if (newest.used < end)
		newest.used = end;
	return first;
}

/* ---- OpenSSL's three functions ---- */

static void *take(size_t bytes, const char *file, int line)
{
	void *p = place_take(bytes);

	(void)file, (void)line;
	if (counting && bytes >= RECORD_LEAST && bytes <= RECORD_MOST)
		return record_take();
	if (p || bytes == 0)
		return p;
	p = bw_realloc(NULL, bytes);
	count_in(p);
	return p;
}

static void give(void *p, const char *file, int line)
{
	(void)file, (void)line;
	if (is_place(p)) {
		bw_doze_give(places, p); /* which wipes */
		return;
	}
	if (record_may_be_kept(p)) {
		record_keep(p);
	} else {
		count_out(p);
		bw_free(p);
	}
	record_forget(p);
}

static void *resize(void *p, size_t bytes, const char *file, int line)
{
	MUST(!is_place(p)); /* none is offered to what grows */
	if (bytes) {
		record_forget(p);
		count_out(p);
		p = bw_realloc(p, bytes);
		count_in(p);
		return p;
	}
	give(p, file, line);
	return NULL;
}

/* OpenSSL takes no other memory once it has some, and other constructors already use it. */
__attribute__((constructor(101))) static void memory_take(void)
{
	MUST(CRYPTO_set_mem_functions(take, resize, give) == 1);
}

void bw_crypto_count(void)
{
	counting = true;
}

size_t bw_crypto_held_bytes(void)
{
	return held_bytes > 0 ? (size_t)held_bytes : 0;
}

void bw_crypto_places(struct bw_doze *d)
{
	places = d;
}

void bw_crypto_offer(void *place, size_t least, size_t most)
{
	offer.place = place;
	offer.least = least;
	offer.most = most;
}

bool bw_crypto_taken(void)
{
	bool taken = !offer.place;

	offer.place = NULL;
	return taken;
}
