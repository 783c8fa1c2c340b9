/* A keyer in this process, asked without a channel. */
#pragma once

#include "../test.h"
#include "keyer/keyer_internal.h"

/* Of the running test; emptied by keyer_begin. */
extern struct bw_arena arena;
extern struct keyer keyer;

void keyer_begin(void);
/* The root key of the tests; the caller frees. */
struct bw_secret root_make(void);
/* A new key of the spec: its material, and its public half in *public_der (may be NULL). */
struct bw_keyer_material key_make(enum bw_key_spec spec, struct bw_str *public_der);
struct bw_keyer_answer ask(const struct bw_keyer_request *r);
/* The same, and that it is BW_OK. */
struct bw_str ask_ok(const struct bw_keyer_request *r);
struct bw_str context_of(const char *key, const char *value);
struct bw_str hex(const char *digits);
/* A copy with one bit turned. */
struct bw_str flipped_bit(struct bw_str s, size_t byte, unsigned bit);
/* Of its lowest bit. */
struct bw_str flipped(struct bw_str s, size_t byte);
