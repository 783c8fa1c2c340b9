/* Sockets that may speak from addresses that are not this machine's, so that a target sees its client's. They
 * take CAP_NET_ADMIN to make: the guard makes them, and hands them to the loops of the edge over channels of
 * their own (struct bw_errand_channels), which the parent makes and which outlive either side. */
#pragma once

#include "base/err.h"
#include "base/str.h"

enum {
	BW_ORIGIN_BATCH = 128, /* sockets in one answer; the kernel takes 253 */
	/* What the guard's table and rules know our packets by ("bw" in ASCII, and which way they go). The first
	 * stands on packets towards targets and on their connections, the second leads answers back. */
	BW_ORIGIN_MARK_OUT = 0x62770001,
	BW_ORIGIN_MARK_BACK = 0x62770002,
};

/* Which kind of socket is asked for. */
struct bw_origin_kind {
	bool v6, datagrams;
};

struct bw_origin_ask {
	struct bw_origin_kind kind;
	unsigned count; /* 1 to BW_ORIGIN_BATCH */
};

struct bw_origin_answer {
	struct bw_origin_kind kind;
	int error; /* why there are none: EAGAIN: not now, ask again; another errno: not as things stand; 0: there are some */
	unsigned count;
	int fds[BW_ORIGIN_BATCH]; /* the receiver's to close */
};

/* BW_EAGAIN: the channel is full, nothing was said. */
BW_CHECKED enum bw_err bw_origin_ask_send(int channel, const struct bw_origin_ask *ask);
/* BW_EAGAIN: none now; BW_ENOTFOUND: the channel is gone; BW_EINVAL: that was no request. */
BW_CHECKED enum bw_err bw_origin_ask_receive(int channel, struct bw_origin_ask *out);
/* Sends copies of the descriptors. As bw_origin_ask_send. */
BW_CHECKED enum bw_err bw_origin_answer_send(int channel, const struct bw_origin_answer *answer);
/* As bw_origin_ask_receive; of what is no answer every descriptor is closed. */
BW_CHECKED enum bw_err bw_origin_answer_receive(int channel, struct bw_origin_answer *out);
