/* The file of a program that is to take another's place: for proc/upgrade.c, and for tests. */
#pragma once

/* Opens (O_PATH) the file at an absolute path. NULL and *file, the caller's; otherwise why not, for people, and *file is -1: it, a
 * folder or a link on the way to it belongs to somebody else than root and this user, or somebody else may write there. */
const char *program_open(const char *path, int *file);
