#include "proc/origin.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Both messages are eight bytes: kind, two zeros, the count, and an errno, big-endian. */
enum { MESSAGE_BYTES = 8, V6 = 1, DATAGRAMS = 2, ERRNO_MAX = 4095 };

union control {
	struct cmsghdr head;
	char bytes[CMSG_SPACE(BW_ORIGIN_BATCH * sizeof(int))];
};

static void message_put(const struct bw_origin_kind *kind, unsigned count, int error, unsigned char *out)
{
	const unsigned char bytes[MESSAGE_BYTES] = {(unsigned char)((kind->v6 ? V6 : 0) | (kind->datagrams ? DATAGRAMS : 0)), 0, 0, 0,
	    (unsigned char)(count >> 8), (unsigned char)count, (unsigned char)(error >> 8), (unsigned char)error};

	memcpy(out, bytes, sizeof bytes);
}

static enum bw_err message_take(const unsigned char *b, size_t n, struct bw_origin_kind *kind, unsigned *count, int *error)
{
	CHECK(n == MESSAGE_BYTES && b[0] <= (V6 | DATAGRAMS) && !b[1] && !b[2] && !b[3], BW_EINVAL);
	*kind = (struct bw_origin_kind){b[0] & V6, b[0] & DATAGRAMS};
	*count = (unsigned)b[4] << 8 | b[5];
	*error = b[6] << 8 | b[7];
	CHECK(*count <= BW_ORIGIN_BATCH && *error <= ERRNO_MAX, BW_EINVAL);
	return BW_OK;
}

static enum bw_err message_send(int channel, struct msghdr *m)
{
	if (sendmsg(channel, m, MSG_NOSIGNAL | MSG_DONTWAIT) == MESSAGE_BYTES)
		return BW_OK;
	return errno == EAGAIN || errno == EINTR || errno == ETOOMANYREFS ? BW_EAGAIN : BW_EIO;
}

enum bw_err bw_origin_ask_send(int channel, const struct bw_origin_ask *ask)
{
	unsigned char bytes[MESSAGE_BYTES];
	struct iovec part = {bytes, sizeof bytes};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};

	message_put(&ask->kind, ask->count, 0, bytes);
	return message_send(channel, &m);
}

/* One byte more than a message has room, so that a longer one is seen to be none. */
static enum bw_err message_receive(int channel, unsigned char bytes[MESSAGE_BYTES + 1], struct msghdr *m, size_t *n)
{
	struct iovec part = {bytes, MESSAGE_BYTES + 1};
	ssize_t got;

	m->msg_iov = &part;
	m->msg_iovlen = 1;
	got = recvmsg(channel, m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? BW_EAGAIN : BW_ENOTFOUND;
	CHECK(got > 0, BW_ENOTFOUND);
	*n = (size_t)got;
	return BW_OK;
}

/* Without room for descriptors the kernel keeps those that come with it. */
enum bw_err bw_origin_ask_receive(int channel, struct bw_origin_ask *out)
{
	unsigned char bytes[MESSAGE_BYTES + 1];
	struct msghdr m = {0};
	size_t n;
	int error;

	TRY(message_receive(channel, bytes, &m, &n));
	TRY(message_take(bytes, n, &out->kind, &out->count, &error));
	return out->count && !error ? BW_OK : BW_EINVAL;
}

enum bw_err bw_origin_answer_send(int channel, const struct bw_origin_answer *a)
{
	unsigned char bytes[MESSAGE_BYTES];
	struct iovec part = {bytes, sizeof bytes};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
	union control control = {.head = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};

	message_put(&a->kind, a->count, a->error, bytes);
	if (a->count) {
		control.head.cmsg_len = CMSG_LEN(a->count * sizeof(int));
		memcpy(CMSG_DATA(&control.head), a->fds, a->count * sizeof(int));
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(a->count * sizeof(int));
	}
	return message_send(channel, &m);
}

static unsigned fds_take(struct msghdr *m, int *fds)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	size_t bytes;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len < CMSG_LEN(0))
		return 0;
	bytes = c->cmsg_len - CMSG_LEN(0);
	memcpy(fds, CMSG_DATA(c), bytes);
	return (unsigned)(bytes / sizeof(int));
}

enum bw_err bw_origin_answer_receive(int channel, struct bw_origin_answer *out)
{
	unsigned char bytes[MESSAGE_BYTES + 1];
	union control control;
	struct msghdr m = {.msg_control = &control, .msg_controllen = CMSG_LEN(BW_ORIGIN_BATCH * sizeof(int))};
	unsigned came;
	size_t n;
	enum bw_err e;

	TRY(message_receive(channel, bytes, &m, &n));
	came = fds_take(&m, out->fds);
	e = message_take(bytes, n, &out->kind, &out->count, &out->error);
	if (e == BW_OK && out->count == came && !out->error == (came > 0))
		return BW_OK;
	for (unsigned i = 0; i < came; i++)
		close(out->fds[i]);
	out->count = 0;
	return BW_EINVAL;
}
