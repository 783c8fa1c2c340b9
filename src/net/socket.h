/* Addresses and listening sockets. */
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/str.h"

/* An IPv4 or IPv6 address with its port. */
struct bw_address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t bytes;
};

enum { BW_ADDRESS_TEXT_MAX = 48 }; /* the longest IPv6 spelling has 45 letters */

/* "127.0.0.1:8080" or "[::1]:8080": a numeric address and a port, in one spelling. BW_EINVAL otherwise. */
BW_CHECKED enum bw_err bw_address_parse(struct bw_str spec, struct bw_address *out);
/* The address without its port, as text into `text` (BW_ADDRESS_TEXT_MAX bytes), borrowed from there. An IPv4
 * address that came mapped into IPv6 is shown as IPv4. */
struct bw_str bw_address_text(const struct bw_address *a, char *text);
uint16_t bw_address_port(const struct bw_address *a);
/* Whether what comes from there cannot have left this machine: 127.0.0.0/8 or ::1. */
bool bw_address_loopback(const struct bw_address *a);

/* A listening TCP socket, non-blocking and closed on exec. `reuse_port` lets several loops each have one. An
 * IPv6 socket takes no IPv4. BW_EIO after logging why. The caller owns *fd. */
BW_CHECKED enum bw_err bw_socket_listen(const struct bw_address *a, bool reuse_port, int *fd);
/* The address a socket is bound to: which port the kernel chose for port 0. */
BW_CHECKED enum bw_err bw_socket_address(int fd, struct bw_address *out);
