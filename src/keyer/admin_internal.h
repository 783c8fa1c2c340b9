/* Between the keyer's process, its admin thread, and the messages of both sides. */
#pragma once

#include "keyer/admin.h"
#include "keyer/keyer_internal.h"
#include "keyer/seal_status.h"
#include "keyer/unseal.h"

void admin_request_encode(const struct bw_admin_request *r, struct bw_buf *out);
BW_CHECKED enum bw_err admin_request_decode(struct bw_str bytes, struct bw_arena *arena, struct bw_admin_request *out);
void admin_answer_encode(const struct bw_admin_answer *a, struct bw_buf *out);
BW_CHECKED enum bw_err admin_answer_decode(struct bw_str bytes, struct bw_arena *arena, struct bw_admin_answer *out);

/* ---- admin.c ---- */
struct keyer_admin;
/* Sealed. Lives in the arena; everything in `seal` is borrowed for as long. `clock_ms` never goes back. */
struct keyer_admin *admin_new(
    struct keyer *keyer, const struct bw_keyer_seal *seal, int64_t (*clock_ms)(void), struct bw_arena *arena);
/* Opens the keyer with the root key. BW_EPERM: not this seal file's; BW_ECORRUPT: there is none. */
BW_CHECKED enum bw_err admin_open(struct keyer_admin *a, const struct bw_secret *root);
/* Answers one request. */
void admin_answer(
    struct keyer_admin *a, const struct bw_admin_request *r, struct bw_arena *arena, struct bw_admin_answer *out);
/* A keyring with a further main key, or, at the `end`, without the oldest: the seal file to put into the place of `disk`, which is
 * what stands there. As keyer.h says of BW_KEYER_REKEY. */
BW_CHECKED enum bw_err admin_rekey(
    struct keyer_admin *a, struct bw_str disk, bool end, struct bw_arena *arena, struct bw_str *file);
/* The seal file on the disk is this one: its keyring and its root key hold from now on. BW_EAGAIN: nobody here made it. */
BW_CHECKED enum bw_err admin_adopt(struct keyer_admin *a, struct bw_str disk);
/* Forgets the keys and what was said. */
void admin_close(struct keyer_admin *a);
/* Whether the last answer was that it is sealed now: the process ends, and the next begins sealed. */
bool admin_ended(const struct keyer_admin *a);
/* Tells the board how it stands. */
void admin_tell(struct keyer_admin *a);

/* ---- admin_serve.c ---- */
/* Answers until it was sealed. */
void admin_serve(struct keyer_admin *a, int listening_fd);
