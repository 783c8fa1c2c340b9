/* Hexadecimal, lower case only: what bw_buf_put_hex writes. Pure; any thread. */
#pragma once

#include "base/str.h"

/* Exactly 2n digits into n bytes. BW_EINVAL for any other length or character, upper-case digits too. */
BW_CHECKED enum bw_err bw_hex_decode(struct bw_str text, void *bytes, size_t n);
/* 2n digits, without a NUL behind them. */
void bw_hex_encode(const void *bytes, size_t n, char *out);
