/* OpenSSL's memory is ours, which is wiped when it is given back. OpenSSL wipes what it knows to be secret,
 * but not all of it: the scalar of a key that is being encoded, for one, passes through a string that is only
 * freed. */
#include "crypto/memory.h"

#include <malloc.h>
#include <openssl/crypto.h>

#include "crypto/crypto.h"

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

static void *take(size_t bytes, const char *file, int line)
{
	void *p = place_take(bytes);

	(void)file, (void)line;
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
	count_out(p);
	bw_free(p);
}

static void *resize(void *p, size_t bytes, const char *file, int line)
{
	MUST(!is_place(p)); /* none is offered to what grows */
	if (bytes) {
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
