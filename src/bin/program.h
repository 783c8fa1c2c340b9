/* This program as one that follows another in a running server, or is followed. */
#pragma once

#include "bin/api.h"
#include "proc/proc.h"

/* What programs that follow each other have to agree about; formats.c. */
extern const struct bw_proc_format program_formats[];
extern const size_t program_format_count;

/* At the very beginning of 'serve'. *taken: there was a program before, and everything that is made finds what that has left
 * (proc/kept.h). 0 or the exit status, with a message. */
int program_begin(const struct parsed *p, struct bw_proc_program *program, bool *taken);
/* The sockets of --listen, made or found. 0 or the exit status, with a message. */
int listen_open(const struct parsed *p, struct api *api);
/* What an operator does about an address that cannot be listened on, for that errno. */
const char *listen_advice(int error);
