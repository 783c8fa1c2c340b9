#include "proc/proc.h"

#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

/* SOCK_SEQPACKET keeps the borders of messages: four bytes of type, then the payload. */

union control {
	struct cmsghdr head;
	char bytes[CMSG_SPACE(sizeof(int))];
};

enum bw_err bw_proc_send_fd(int channel, enum bw_proc_type type, struct bw_str payload, int fd)
{
	char head[4] = {(char)type};
	struct iovec parts[2] = {{head, sizeof head}, {(void *)(uintptr_t)payload.p, payload.n}};
	union control control = {
	    .head = {.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	struct msghdr m = {.msg_iov = parts, .msg_iovlen = payload.n ? 2 : 1};

	CHECK(payload.n <= BW_PROC_PAYLOAD_MAX, BW_ETOOBIG);
	if (fd >= 0) {
		memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
		m.msg_control = &control;
		m.msg_controllen = sizeof control.bytes;
	}
	return sendmsg(channel, &m, MSG_NOSIGNAL) == (ssize_t)(4 + payload.n) ? BW_OK : BW_EIO;
}

enum bw_err bw_proc_send(int channel, enum bw_proc_type type, struct bw_str payload)
{
	return bw_proc_send_fd(channel, type, payload, -1);
}

/* Of at most one descriptor: the kernel keeps what has no room. */
static int fd_of(struct msghdr *m)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(m);
	int fd = -1;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof fd))
		memcpy(&fd, CMSG_DATA(c), sizeof fd);
	return fd;
}

static enum bw_err check(const char *bytes, ssize_t n, uint32_t permitted)
{
	CHECK(n >= 4 && n <= 4 + BW_PROC_PAYLOAD_MAX, BW_EINVAL);
	CHECK(bytes[1] == 0 && bytes[2] == 0 && bytes[3] == 0, BW_EINVAL);
	CHECK((unsigned char)bytes[0] < BW_PROC_TYPES && (permitted >> (unsigned char)bytes[0] & 1u),
	    BW_EINVAL);
	return BW_OK;
}

enum bw_err bw_proc_receive(int channel, uint32_t permitted, struct bw_proc_message *out)
{
	char bytes[4 + BW_PROC_PAYLOAD_MAX + 1];
	struct iovec part = {bytes, sizeof bytes};
	union control control;
	struct msghdr m = {.msg_iov = &part,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = CMSG_LEN(sizeof(int))};
	ssize_t n = recvmsg(channel, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	enum bw_err e;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? BW_EAGAIN : BW_ENOTFOUND;
	out->fd = fd_of(&m);
	CHECK(n > 0, BW_ENOTFOUND);
	e = check(bytes, n, permitted);
	if (e != BW_OK) {
		if (out->fd >= 0)
			close(out->fd);
		return e;
	}
	out->type = (enum bw_proc_type)bytes[0];
	out->n = (size_t)n - 4;
	memcpy(out->payload, bytes + 4, out->n);
	return BW_OK;
}
