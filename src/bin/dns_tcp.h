/* `bulwark dns` over TCP (RFC 7766): a few connections side by side, each message with its length in front.
 */
#pragma once

#include "base/buf.h"

struct dns_tcp;

/* Answers one message into `out`. Anything but BW_OK: nothing is to be said, and the connection ends. */
typedef enum bw_err dns_reply(void *ctx, struct bw_str message, struct bw_buf *out);

/* Takes the listening socket. The caller frees by ending. */
struct dns_tcp *dns_tcp_new(int listener, dns_reply *reply, void *ctx);
/* Waits until something came over TCP, or can be read from `other`; true: the latter too. Answers what came.
 */
bool dns_tcp_wait(struct dns_tcp *t, int other);
