/* OpenSSL's memory. It wipes what it knows to be secret, but not all of it: the scalar of a key that is being
 * encoded, for one, passes through a string that is only freed. */
#include "crypto/crypto.h"

#include <malloc.h>
#include <openssl/crypto.h>

#include "base/mem.h"

static bool wiping; /* written before there are threads */

static void *take(size_t bytes, const char *file, int line)
{
	(void)file, (void)line;
	return bytes ? bw_realloc(NULL, bytes) : NULL;
}

static void give(void *p, const char *file, int line)
{
	(void)file, (void)line;
	if (wiping && p)
		bw_wipe(p, malloc_usable_size(p));
	bw_free(p);
}

static void *resize(void *p, size_t bytes, const char *file, int line)
{
	size_t had = p ? malloc_usable_size(p) : 0;
	void *moved;

	if (bytes && (!wiping || !p))
		return bw_realloc(p, bytes);
	moved = take(bytes, file, line);
	if (moved && p)
		memcpy(moved, p, had < bytes ? had : bytes);
	give(p, file, line);
	return moved;
}

/* OpenSSL takes no other memory once it has some, and other constructors already use it. */
__attribute__((constructor(101))) static void memory_take(void)
{
	MUST(CRYPTO_set_mem_functions(take, resize, give) == 1);
}

void bw_crypto_wipe_freed(void)
{
	wiping = true;
}
