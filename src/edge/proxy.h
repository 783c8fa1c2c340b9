/* PROXY protocol, version 2 (haproxy.org's proxy-protocol.txt, section 2.2): who asks, in front of everything else on a
 * connection to a target. As a network load balancer says it: with a checksum, and filled up to 100 bytes; the identifier of a VPC
 * endpoint (type 0xEA) only with one, of which there are none here. In front of TCP data alone: datagrams go as they come. */
#pragma once

#include "net/socket.h"

/* On a connection that was just made, before TLS. `from` NULL: a check of our own, of nobody's (LOCAL). False: it
 * did not go out whole. */
bool proxy_say(int fd, const struct bw_address *from, const struct bw_address *to);
