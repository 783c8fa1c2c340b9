/* Unit tests: a case is TEST(name) { ... }, gathered by the linker, so there is no list to keep. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/str.h"

#define TEST(name)                                                                                                \
	static void name(void **state_);                                                                          \
	static const struct CMUnitTest test_##name = {#name, name, NULL, NULL, NULL};                             \
	static const struct CMUnitTest *const test_row_##name __attribute__((used, section("bw_tests"))) = &test_##name; \
	static void name(__attribute__((unused)) void **state_)

#define assert_ok(expr) assert_int_equal((expr), BW_OK)
/* A slice against a C string literal, with both shown on failure. */
#define assert_str(slice, literal)                                                                                \
	do {                                                                                                      \
		struct bw_str got_ = (slice), want_ = bw_str_c(literal);                                          \
		if (!bw_str_eq(got_, want_))                                                                      \
			fail_msg("got \"%.*s\", want \"%.*s\"", BW_FMT(got_), BW_FMT(want_));                     \
	} while (0)
