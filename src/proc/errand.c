/* Channels, and what travels over them. */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/sys.h"
#include "proc/errand_internal.h"
#include "proc/kept.h"

enum {
	BUFFER = 1 << 20, /* of a channel's socket each way: hundreds of usual requests */
	STATUS_MAX = 599,
	ANSWER_WAIT_MS =
	    1000, /* with an answer, for who asked and does not read: those who do read at once */
};

static enum bw_err channel_made(int ends[2])
{
	const struct timeval wait = {.tv_sec = ANSWER_WAIT_MS / 1000, .tv_usec = ANSWER_WAIT_MS % 1000 * 1000};
	int size = BUFFER;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
		bw_log(BW_LOG_ERROR, "socketpair: %s", strerror(errno));
		return BW_EIO;
	}
	for (int i = 0; i < 2; i++)
		(void)setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	MUST(setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) == 0);
	return BW_OK;
}

static enum bw_err channel_take(const char *name, size_t number, int ends[2])
{
	char names[2][BW_KEPT_NAME_MAX];

	for (int i = 0; i < 2; i++) {
		MUST(snprintf(names[i], sizeof names[i], "errands/%s/%zu/%d", name, number, i) < (int)sizeof names[i]);
		ends[i] = bw_kept_fd(names[i]);
	}
	CHECK((ends[0] < 0) == (ends[1] < 0), BW_EINVAL);
	if (ends[0] < 0)
		TRY(channel_made(ends));
	for (int i = 0; i < 2; i++)
		bw_keep_fd(names[i], ends[i]);
	return BW_OK;
}

enum bw_err bw_errand_channels_make(const char *name, size_t count, struct bw_errand_channels *out)
{
	MUST(count <= BW_ERRAND_CHANNELS);
	*out = (struct bw_errand_channels){0};
	for (; out->count < count; out->count++) {
		int ends[2];

		TRY(channel_take(name, out->count, ends));
		out->serving[out->count] = ends[0];
		out->asking[out->count] = ends[1];
	}
	return BW_OK;
}

void bw_errand_channels_forget(const struct bw_errand_channels *c, int asks)
{
	for (int i = 0; i < (int)c->count; i++) {
		close(c->serving[i]);
		if (asks != BW_ERRAND_EVERYBODY && asks != i)
			close(c->asking[i]);
	}
}

/* ---- Messages ---- */

/* In front of the kind's own message, both with the same number. */
struct head {
	int64_t deadline_ms;
	bool knock;
};
enum { HEAD_BYTES = 8 + 8 + 1 };

static const struct bw_message_member head_members[] = {
    BW_MESSAGE_NUMBER(struct head, deadline_ms, 8, INT64_MAX),
    BW_MESSAGE_NUMBER(struct head, knock, 1, 1),
};
static const struct bw_message_form head_form = BW_MESSAGE_FORM(head_members);

static const struct bw_message_member answer_members[] = {
    BW_MESSAGE_NUMBER(struct bw_errand_answer, result, 1, BW_EINTERNAL),
    BW_MESSAGE_NUMBER(struct bw_errand_answer, status, 2, STATUS_MAX),
    BW_MESSAGE_TEXT(struct bw_errand_answer, out),
};
static const struct bw_message_form answer_form = BW_MESSAGE_FORM(answer_members);

void errand_request_encode(
    const struct bw_errands *kind, uint64_t id, int64_t deadline_ms, const void *request, struct bw_buf *out)
{
	const struct head head = {deadline_ms, !request};

	bw_message_put(&head_form, id, &head, out);
	if (request)
		bw_message_put(kind->request, id, request, out);
}

enum bw_err errand_request_decode(const struct bw_errands *kind, struct bw_str bytes, uint64_t *id,
    int64_t *deadline_ms, bool *knock, void *request)
{
	struct bw_str rest = bw_str_sub(bytes, HEAD_BYTES, bytes.n);
	struct head head;
	uint64_t again;

	TRY(bw_message_take(&head_form, bw_str_sub(bytes, 0, HEAD_BYTES), id, &head));
	*deadline_ms = head.deadline_ms;
	*knock = head.knock;
	CHECK(*id != ERRAND_NOBODY, BW_EINVAL);
	if (head.knock)
		return rest.n ? BW_EINVAL : BW_OK;
	TRY(bw_message_take(kind->request, rest, &again, request));
	return again == *id ? BW_OK : BW_EINVAL;
}

void errand_answer_encode(uint64_t id, const struct bw_errand_answer *a, struct bw_buf *out)
{
	bw_message_put(&answer_form, id, a, out);
}

enum bw_err errand_answer_decode(
    const struct bw_errands *kind, struct bw_str bytes, uint64_t *id, struct bw_errand_answer *out)
{
	TRY(bw_message_take(&answer_form, bytes, id, out));
	return out->out.n > kind->out_max ? BW_EINVAL : BW_OK;
}
