/* Writing DER (ITU-T X.690) from the inside out: each call puts its parts into one element, in the arena.
 * Absent parts are left out. Pure; any thread. */
#pragma once

#include "base/buf.h"

enum bw_der_tag {
	BW_DER_BOOLEAN = 0x01,
	BW_DER_INTEGER = 0x02,
	BW_DER_BIT_STRING = 0x03,
	BW_DER_OCTET_STRING = 0x04,
	BW_DER_NULL = 0x05,
	BW_DER_OID = 0x06,
	BW_DER_UTF8 = 0x0c,
	BW_DER_PRINTABLE = 0x13,
	BW_DER_IA5 = 0x16,
	BW_DER_UTC_TIME = 0x17,
	BW_DER_GENERALIZED_TIME = 0x18,
	BW_DER_SEQUENCE = 0x30,
	BW_DER_SET = 0x31,
	BW_DER_CONTEXT = 0x80,     /* plus its number: implicit, of a primitive type */
	BW_DER_CONSTRUCTED = 0xa0, /* plus its number */
};

struct bw_str bw_der_list(struct bw_arena *a, unsigned tag, const struct bw_str *parts, size_t n);
#define BW_DER(a, tag, ...)                                                                                  \
	bw_der_list((a), (tag), (const struct bw_str[]){__VA_ARGS__},                                        \
	    sizeof(const struct bw_str[]){__VA_ARGS__} / sizeof(struct bw_str))
/* An object identifier in its dotted form. Absent when it is none, or has a part above 2^31. */
struct bw_str bw_der_oid(struct bw_arena *a, struct bw_str dotted);
/* A number that is not negative, from its bytes, the most significant first. */
struct bw_str bw_der_unsigned(struct bw_arena *a, struct bw_str bytes);
struct bw_str bw_der_small(struct bw_arena *a, unsigned value);
struct bw_str bw_der_true(struct bw_arena *a);
/* Of whole bytes. */
struct bw_str bw_der_bits(struct bw_arena *a, struct bw_str bytes);
/* A list of named bits, bit 0 being the lowest of `set`: without trailing zeros (X.690 section 11.2.2). */
struct bw_str bw_der_named_bits(struct bw_arena *a, unsigned set);
/* UTCTime to 2049, GeneralizedTime from then on (RFC 5280 section 4.1.2.5); whole seconds. */
struct bw_str bw_der_time(struct bw_arena *a, int64_t ms);
/* PEM (RFC 7468) with lines of 64 characters. */
struct bw_str bw_der_pem(struct bw_arena *a, const char *label, struct bw_str der);
