/* Clock, randomness and log: what comes from the machine. Above base/ the time is handed in as a parameter. */
#pragma once

#include "base/str.h"

/* Milliseconds since 1970-01-01T00:00Z. */
int64_t bw_clock_wall_ms(void);
/* Milliseconds of a clock that never goes back; for timers only. */
int64_t bw_clock_mono_ms(void);
int64_t bw_clock_mono_us(void);

/* Bytes of the kernel's generator (buffered per thread, wiped as used). Panics if the kernel has none. */
void bw_random(void *out, size_t n);
/* `n` characters of `alphabet` (at most 256 long), each equally likely. */
void bw_random_text(char *out, size_t n, struct bw_str alphabet);

enum bw_log_level { BW_LOG_ERROR, BW_LOG_WARN, BW_LOG_INFO, BW_LOG_DEBUG };
/* One line on stderr: time, level, process title, words. Control bytes are escaped. Never pass a secret. */
void bw_log(enum bw_log_level level, const char *fmt, ...) BW_PRINTF(2, 3);
void bw_log_level_set(enum bw_log_level most);
/* The title shown in log lines; static storage. */
void bw_log_title_set(const char *title);
