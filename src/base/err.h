/* The one error type of the house, and its three guard words. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a function answers when it cannot do what its name says. Zero is success. */
enum bw_err {
	BW_OK = 0,
	BW_ENOTFOUND, /* the thing asked for is not there */
	BW_EEXISTS,   /* it is there already */
	BW_EINVAL,    /* malformed input from outside */
	BW_ETOOBIG,   /* a ceiling of limits.h would be passed */
	BW_ECONFLICT, /* what was read has changed since */
	BW_EQUOTA,    /* a counted quota would be passed */
	BW_ECORRUPT,  /* sealed or hashed bytes do not authenticate */
	BW_EIO,       /* the operating system refused; errno was logged */
	BW_EAGAIN,    /* not now: more bytes or a free slot are needed */
	BW_EPERM,     /* not permitted in this process or state */
	BW_EFAILED,   /* the client's error is already stated on the call */
	BW_EINTERNAL, /* our own fault; it was logged where it was found */
};

/* The English name of an error, static storage. */
const char *bw_err_name(enum bw_err e);

#define BW_CHECKED __attribute__((warn_unused_result))
#define BW_PRINTF(fmt, args) __attribute__((format(printf, fmt, args), nonnull(fmt)))

/* Ends the process with a message on stderr: an invariant of ours is broken. */
_Noreturn void bw_panic(const char *file, int line, const char *what);

/* Return the error of `expr`, if any. */
#define TRY(expr)                                                                                                 \
	do {                                                                                                      \
		enum bw_err try_err_ = (expr);                                                                    \
		if (try_err_ != BW_OK)                                                                            \
			return try_err_;                                                                          \
	} while (0)

/* Return `err` unless `cond` holds: for facts about outside data. */
#define CHECK(cond, err)                                                                                          \
	do {                                                                                                      \
		if (!(cond))                                                                                      \
			return (err);                                                                             \
	} while (0)

/* Panic unless `cond` holds: for facts about ourselves. */
#define MUST(cond)                                                                                                \
	do {                                                                                                      \
		if (!(cond))                                                                                      \
			bw_panic(__FILE__, __LINE__, #cond);                                                      \
	} while (0)

#define BW_COUNT(array) (sizeof(array) / sizeof((array)[0]))
