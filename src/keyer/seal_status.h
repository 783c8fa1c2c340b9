/* What the keyer says of its seal, on a board that everybody may read. */
#pragma once

#include "proc/board.h"

enum { BW_SEAL_STATUS_MAX = 4096 };

struct bw_seal_status {
	struct bw_str kind;
	struct bw_str asks;     /* what people are asked for; absent: it opens without them */
	bool sealed;
	int64_t given, wanted;  /* of people's words */
	int64_t shares;
	int64_t oldest, newest; /* generations of main keys (keyring.h); 0 while sealed */
	bool rekey;             /* asked for, and not begun */
	bool unlocked;          /* the keyer's memory could not be locked: pages of it may get into swap */
};

void bw_seal_status_encode(const struct bw_seal_status *s, struct bw_buf *out);
/* Texts live in the arena. BW_ECORRUPT. */
BW_CHECKED enum bw_err bw_seal_status_decode(struct bw_str bytes, struct bw_arena *arena, struct bw_seal_status *out);
/* The keyer's side, and the readers'. BW_ENOTFOUND: nothing was said yet. */
void bw_seal_status_publish(struct bw_board *board, const struct bw_seal_status *s);
BW_CHECKED enum bw_err bw_seal_status_read(const struct bw_board *board, struct bw_arena *arena, struct bw_seal_status *out);
