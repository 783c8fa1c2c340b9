#include "bin/program.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/version.h"
#include "net/socket.h"
#include "proc/kept.h"

int program_begin(const struct parsed *p, struct bw_proc_program *program, bool *taken)
{
	*program = (struct bw_proc_program){.version = bw_version,
	    .formats = program_formats,
	    .format_count = program_format_count,
	    .stays = option_get(p, "ephemeral") ? "an ephemeral server is started anew" : NULL,
	    .rehearses = option_get(p, "rehearse") != NULL};
	bw_process_harden(false);
	if (bw_kept_take(taken) != BW_OK || bw_proc_formats_check(program) != BW_OK)
		return 1;
	return program->rehearses && !*taken ? command_refuse(p, "--rehearse is for a server that upgrades: 'bulwark upgrade'") : 0;
}

/* ---- Listening ---- */

/* A socket for each loop. They share the port among themselves, and would with another server's: so whether it is free is asked
 * with one that shares nothing, unless it is ours already. */
static bool address_open(const char *spec, const struct bw_address *address, struct api *api)
{
	bool ours = false;
	int alone;

	for (unsigned i = 0; i < api->loops; i++) {
		int *fd = &api->fds[i][api->listen_count];
		char name[BW_KEPT_NAME_MAX];

		if (snprintf(name, sizeof name, "api/%s/%u", spec, i) >= (int)sizeof name)
			return false;
		*fd = bw_kept_fd(name);
		if (*fd < 0 && !ours) {
			if (bw_socket_listen(address, false, &alone) != BW_OK)
				return false;
			close(alone);
		}
		ours = true;
		if (*fd < 0 && bw_socket_listen(address, true, fd) != BW_OK)
			return false;
		bw_keep_fd(name, *fd);
	}
	return true;
}

const char *listen_advice(int error)
{
	static const struct {
		int error;
		const char *text;
	} rows[] = {
	    {EADDRINUSE, "is it taken?"},
	    {EADDRNOTAVAIL, "this machine has no such address"},
	    {EAFNOSUPPORT, "this machine speaks no IPv6"},
	    {EACCES, "ports below 1024 are for root, or for whoever has CAP_NET_BIND_SERVICE"},
	};

	for (size_t i = 0; i < BW_COUNT(rows); i++)
		if (rows[i].error == error)
			return rows[i].text;
	return strerror(error);
}

int listen_open(const struct parsed *p, struct api *api)
{
	const char *const *specs = option_all(p, "listen");
	static const char *const usual[] = {"127.0.0.1:4566", NULL};

	for (specs = specs[0] ? specs : usual; *specs; specs++) {
		struct bw_address address;

		if (api->listen_count == LISTEN_MAX)
			return command_refuse(p, "more than %d addresses to listen on", LISTEN_MAX);
		if (bw_address_parse(bw_str_c(*specs), &address) != BW_OK)
			return command_refuse(p, "--listen %s is not ADDRESS:PORT or [ADDRESS]:PORT", *specs);
		if (api->core.ephemeral && !bw_address_loopback(&address))
			return command_refuse(p, "an ephemeral server listens on loopback alone, not on %s", *specs);
		if (!address_open(*specs, &address, api)) {
			fprintf(stderr, "bulwark: cannot listen on %s (%s)\n", *specs, listen_advice(errno));
			return 1;
		}
		api->listen[api->listen_count++] = bw_str_c(*specs);
	}
	return 0;
}
