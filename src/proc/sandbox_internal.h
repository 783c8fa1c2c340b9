/* The sandbox's parts as they are in every build, for its own files and their tests. */
#pragma once

#include "proc/proc.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* Of the file system: making and writing files beneath `dir_fd`, nothing when it is -1. False, logged: the
 * kernel does not do it. */
bool sandbox_files_into(int dir_fd);
/* As bw_sandbox_files_keep. */
bool sandbox_files_keep(const struct bw_sandbox_folder *folders, size_t count);
