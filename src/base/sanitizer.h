/* Whether a sanitizer watches memory, and what it has to be told of such that is not malloc's. */
#pragma once

#if defined __SANITIZE_ADDRESS__
#define BW_SANITIZED true
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define BW_SANITIZED true
#endif
#endif

#if defined BW_SANITIZED
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#else
#define BW_SANITIZED                        false
#define ASAN_POISON_MEMORY_REGION(p, n)     ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n)   ((void)(p), (void)(n))
#define __lsan_register_root_region(p, n)   ((void)(p), (void)(n))
#define __lsan_unregister_root_region(p, n) ((void)(p), (void)(n))
#endif
