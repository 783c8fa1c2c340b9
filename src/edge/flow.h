/* A network load balancer's connections (flow.c) and datagrams (udp.c). */
#pragma once

#include "edge/listen.h"

struct group;
struct target;

/* A network load balancer's connection. */
void flow_open(struct listening *l, int fd, const struct bw_address *peer, uint32_t slot);
/* Cuts every connection to the target. */
void flows_end(struct target *t);
/* By the flow hash; NULL: none. The group of the listener's default action. */
struct target *flow_target_of(const struct listening *l, const struct bw_address *peer, struct group **group);
/* Takes the socket. False and errno. */
BW_CHECKED bool udp_open(struct listening *l, int fd);
void udp_close(struct listening *l);
