/* The socket of admin.h, from both sides. */
#include "keyer/admin_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/sys.h"
#include "proc/kept.h"

/* A command that does not speak holds up the others this long; a passphrase's answer takes seconds. */
enum { REQUEST_WAIT_MS = 2000, ANSWER_WAIT_MS = 120000, BACKLOG = 8, ARENA_MAX = 1 << 20 };

/* ---- The address: by the folder's descriptor, as its path may be longer than a socket's may ---- */

static enum bw_err folder_open(struct bw_str data_dir, int *folder, struct sockaddr_un *address)
{
	char *path = bw_strdup(data_dir);

	*folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	bw_free(path);
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	(void)snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/keyer.sock", *folder);
	return *folder >= 0 ? BW_OK : BW_EIO;
}

static enum bw_err connected(const struct sockaddr_un *address, int *fd)
{
	bool gone;

	*fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	CHECK(*fd >= 0, BW_EIO);
	if (connect(*fd, (const struct sockaddr *)address, sizeof *address) == 0)
		return BW_OK;
	gone = errno == ENOENT || errno == ECONNREFUSED;
	close(*fd);
	return gone ? BW_ENOTFOUND : BW_EIO;
}

static enum bw_err listening(const struct sockaddr_un *address, int *fd)
{
	(void)unlink(address->sun_path);
	*fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (*fd >= 0 && bind(*fd, (const struct sockaddr *)address, sizeof *address) == 0 &&
	    chmod(address->sun_path, 0600) == 0 && listen(*fd, BACKLOG) == 0)
		return BW_OK;
	bw_log(BW_LOG_ERROR, "the operator's socket in the data folder: %s", strerror(errno));
	return BW_EIO;
}

static enum bw_err fresh_listen(struct bw_str data_dir, int *fd)
{
	struct sockaddr_un address;
	int folder;
	enum bw_err e = folder_open(data_dir, &folder, &address);

	if (e == BW_OK && connected(&address, fd) == BW_OK) {
		close(*fd);
		bw_log(BW_LOG_ERROR, "another bulwark is running on this data folder, %.*s", BW_FMT(data_dir));
		e = BW_EAGAIN;
	}
	if (e == BW_OK)
		e = listening(&address, fd);
	if (folder >= 0)
		close(folder);
	return e;
}

enum bw_err bw_admin_listen(struct bw_str data_dir, int *fd)
{
	*fd = bw_kept_fd("operator");
	if (*fd < 0)
		TRY(fresh_listen(data_dir, fd));
	bw_keep_fd("operator", *fd);
	return BW_OK;
}

/* ---- Messages ---- */

static bool readable(int fd, int wait_ms)
{
	struct pollfd watched = {.fd = fd, .events = POLLIN};

	return poll(&watched, 1, wait_ms) == 1;
}

/* Into arena memory, which is wiped with the rest. */
static enum bw_err message_read(int fd, int wait_ms, struct bw_arena *arena, struct bw_str *out)
{
	char *bytes = bw_arena_alloc(arena, BW_ADMIN_MESSAGE_MAX + 1);
	ssize_t n = readable(fd, wait_ms) ? recv(fd, bytes, BW_ADMIN_MESSAGE_MAX + 1, MSG_DONTWAIT) : -1;

	CHECK(n > 0 && n <= BW_ADMIN_MESSAGE_MAX, BW_EIO);
	*out = bw_str_make(bytes, (size_t)n);
	return BW_OK;
}

static enum bw_err message_write(int fd, struct bw_buf *text)
{
	bool good = !text->failed && send(fd, text->p, text->n, MSG_NOSIGNAL) == (ssize_t)text->n;

	bw_buf_free(text);
	return good ? BW_OK : BW_EIO;
}

enum bw_err bw_admin_ask(struct bw_str data_dir, const struct bw_admin_request *request, struct bw_arena *arena,
    struct bw_admin_answer *answer)
{
	struct sockaddr_un address;
	struct bw_buf text;
	struct bw_str bytes;
	int folder, fd = -1;
	enum bw_err e = folder_open(data_dir, &folder, &address);

	if (e == BW_OK)
		e = connected(&address, &fd);
	if (folder >= 0)
		close(folder);
	TRY(e);
	bw_buf_init(&text, BW_ADMIN_MESSAGE_MAX);
	admin_request_encode(request, &text);
	e = message_write(fd, &text);
	if (e == BW_OK)
		e = message_read(fd, ANSWER_WAIT_MS, arena, &bytes);
	if (e == BW_OK)
		e = admin_answer_decode(bytes, arena, answer);
	close(fd);
	return e;
}

/* ---- The keyer's side ---- */

static void connection_serve(struct keyer_admin *a, int fd)
{
	struct bw_admin_request request;
	struct bw_admin_answer answer;
	struct bw_arena arena;
	struct bw_str bytes;
	struct bw_buf text;

	bw_arena_init(&arena, ARENA_MAX);
	if (message_read(fd, REQUEST_WAIT_MS, &arena, &bytes) == BW_OK &&
	    admin_request_decode(bytes, &arena, &request) == BW_OK) {
		admin_answer(a, &request, &arena, &answer);
		bw_buf_init(&text, BW_ADMIN_MESSAGE_MAX);
		admin_answer_encode(&answer, &text);
		(void)!message_write(fd, &text);
	}
	bw_arena_free(&arena);
}

void admin_serve(struct keyer_admin *a, int listening_fd)
{
	while (!admin_ended(a)) {
		int fd = accept4(listening_fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0) {
			/* Nobody is served from a descriptor that is gone; others pass. */
			(void)poll(NULL, 0, 100);
			continue;
		}
		connection_serve(a, fd);
		close(fd);
	}
}
