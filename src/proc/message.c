#include "proc/proc.h"

#include <errno.h>
#include <sys/socket.h>

/* SOCK_SEQPACKET keeps the borders of messages: four bytes of type, then the payload. */

enum bw_err bw_proc_send(int channel, enum bw_proc_type type, struct bw_str payload)
{
	char bytes[4 + BW_PROC_PAYLOAD_MAX] = {(char)type};

	CHECK(payload.n <= BW_PROC_PAYLOAD_MAX, BW_ETOOBIG);
	if (payload.n)
		memcpy(bytes + 4, payload.p, payload.n);
	return send(channel, bytes, 4 + payload.n, MSG_NOSIGNAL) == (ssize_t)(4 + payload.n) ? BW_OK : BW_EIO;
}

enum bw_err bw_proc_receive(int channel, uint32_t permitted, struct bw_proc_message *out)
{
	char bytes[4 + BW_PROC_PAYLOAD_MAX + 1];
	ssize_t n = recv(channel, bytes, sizeof bytes, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? BW_EAGAIN : BW_ENOTFOUND;
	CHECK(n > 0, BW_ENOTFOUND);
	CHECK(n >= 4 && n < (ssize_t)sizeof bytes, BW_EINVAL);
	CHECK(bytes[1] == 0 && bytes[2] == 0 && bytes[3] == 0, BW_EINVAL);
	CHECK((unsigned char)bytes[0] < BW_PROC_TYPES && (permitted >> (unsigned char)bytes[0] & 1u),
	    BW_EINVAL);
	out->type = (enum bw_proc_type)bytes[0];
	out->n = (size_t)n - 4;
	memcpy(out->payload, bytes + 4, out->n);
	return BW_OK;
}
