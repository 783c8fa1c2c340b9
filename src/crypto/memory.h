/* Places of our own for what OpenSSL asks for. Of a process with one thread that uses OpenSSL. */
#pragma once

#include "base/doze.h"

/* From now on what OpenSSL frees of these places is given back to them. Borrowed for the process's life. */
void bw_crypto_places(struct bw_doze *places);
/* The next piece of `least` to `most` bytes that OpenSSL asks for is `place`. */
void bw_crypto_offer(void *place, size_t least, size_t most);
/* Ends the offer; whether the place was taken. */
bool bw_crypto_taken(void);
