/* Places of our own for what OpenSSL asks for. Of a process with one thread that uses OpenSSL. */
#pragma once

#include "base/doze.h"

/* From now on what OpenSSL frees of these places is given back to them. Borrowed for the process's life. */
void bw_crypto_places(struct bw_doze *places);
/* From now on what OpenSSL holds outside of places is counted. For a process of one thread. */
void bw_crypto_count(void);
/* How much that is; 0: nothing is counted. What was there before the counting began is no part of it. */
size_t bw_crypto_held_bytes(void);
/* The next piece of `least` to `most` bytes that OpenSSL asks for is `place`. */
void bw_crypto_offer(void *place, size_t least, size_t most);
/* Ends the offer; whether the place was taken. */
bool bw_crypto_taken(void);
/* OpenSSL has written `n` bytes there, or they have come for it, and behind them nothing. If they lie in the
 * piece for a record that it took last, no more than up to there is wiped when it gives that back. Returns
 * whether they are the first there. Counting is on. */
bool bw_crypto_record_used(const char *at, size_t n);
