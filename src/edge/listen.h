/* Open sockets of listeners: listen.c. */
#pragma once

#include "net/loop.h"
#include "net/socket.h"

struct edge;
struct edge_config;
struct listener;
struct stats;
struct udp_flows;

/* An open socket of a listener. */
struct listening {
	struct edge *edge;
	struct listening *next;
	int references;
	struct bw_watch watch;
	struct bw_timer retry;
	struct bw_address address;
	char address_text[BW_ADDRESS_TEXT_MAX];
	char *arn;
	struct edge_config *config; /* a reference */
	struct listener *listener;  /* of the config */
	struct stats *listener_stats;
	int64_t idle_ms, keep_alive_ms;
	int64_t closed_ms;          /* 0: it listens */
	bool gone; /* no image has it any more: what still comes over its connections is refused */
	bool seen, udp;
	bool early;      /* a new connection's request is mostly there already, as when there is much to do */
	uint8_t accepts; /* every some of them it is looked */
	char reason[128];
	enum { SOCKET_NONE, SOCKET_WANTED, SOCKET_ASKED } socket;
	struct udp_flows *flows;
};

/* An IPv4 or IPv6 address as images have it. False: it is none, or that no port. */
bool address_make(struct bw_str text, int64_t port, struct bw_address *out);
/* True: some are gone, whose connections are to end. */
bool listenings_update(struct edge *e, struct edge_config *config);
void listenings_close(struct edge *e);
/* Accepts nothing more; connections go on as before. */
void listenings_retire(struct edge *e);
void listening_release(struct listening *l);
/* Its socket has come, or not (an errno). */
void listening_opened(struct listening *l, int fd, int error);
