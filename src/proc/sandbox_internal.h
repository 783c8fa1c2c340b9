/* The sandbox's parts as they are in every build, for its own files and their tests. */
#pragma once

#include "base/sanitizer.h"
#include "proc/proc.h"

/* Of the file system: making and writing files beneath `dir_fd`, nothing when it is -1. False, logged: the
 * kernel does not do it. */
bool sandbox_files_into(int dir_fd);
/* As bw_sandbox_files_keep. */
bool sandbox_files_keep(const struct bw_sandbox_folder *folders, size_t count);
