/* Plays prepared requests to an HTTP/1.1 server over so many connections, each sending its next one when the
 *last is answered, and prints what came back: answers of 2xx, others, seconds, p50 and p99 in microseconds,
 *CPU seconds of its own.
 *
 *	bench-load PORT CONNECTIONS MILLISECONDS FILE
 *
 * Requests in the file end with a NUL each, and are begun anew when they are through. A load generator that
 *puts each request together in a script costs its core more than an answer costs the server, and measures
 *itself. */
#include "base/sys.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 1024, ANSWER_MAX = 64 * 1024, TIMES = 1 << 20 };

struct client {
	int fd;
	int64_t sent_us;
	size_t have;
	char answer[ANSWER_MAX];
};

static struct bw_str *requests;
static size_t request_count, next_request;
static uint32_t *times;
static size_t time_count, good, bad;

static void requests_read(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY);
	char *bytes, *at;

	MUST(fd >= 0 && fstat(fd, &st) == 0);
	bytes = malloc((size_t)st.st_size + 1);
	for (ssize_t n, got = 0; got < st.st_size; got += n) {
		n = read(fd, bytes + got, (size_t)(st.st_size - got));
		MUST(n > 0);
	}
	close(fd);
	for (off_t i = 0; i < st.st_size; i++)
		request_count += bytes[i] == 0;
	MUST(request_count > 0);
	requests = malloc(request_count * sizeof *requests);
	at = bytes;
	for (size_t i = 0; i < request_count; i++) {
		requests[i] = bw_str_c(at);
		at += requests[i].n + 1;
	}
}

static void request_send(struct client *c)
{
	struct bw_str r = requests[next_request++ % request_count];

	c->have = 0;
	c->sent_us = bw_clock_mono_us();
	MUST(send(c->fd, r.p, r.n, MSG_NOSIGNAL) == (ssize_t)r.n);
}

static void client_open(struct client *c, int epoll, int port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.ptr = c};
	int on = 1;

	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	MUST(c->fd >= 0 && connect(c->fd, (struct sockaddr *)&to, sizeof to) == 0);
	MUST(setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
	MUST(fcntl(c->fd, F_SETFL, O_NONBLOCK) == 0);
	MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &e) == 0);
}

static int64_t number(struct bw_str text, int64_t max)
{
	int64_t n;

	MUST(bw_str_to_i64(text, 0, max, &n) == BW_OK);
	return n;
}

/* Whether the answer is whole. */
static bool answer_whole(const struct client *c)
{
	static const char name[] = "\r\nContent-Length: ";
	const char *end = memmem(c->answer, c->have, "\r\n\r\n", 4), *length;
	struct bw_str rest;

	if (!end)
		return false;
	length = memmem(c->answer, (size_t)(end - c->answer), name, sizeof name - 1);
	MUST(length != NULL);
	length += sizeof name - 1;
	rest = bw_str_make(length, (size_t)(end + 2 - length));
	return c->have >= (size_t)(end + 4 - c->answer) + (size_t)number(bw_str_cut(&rest, '\r'), ANSWER_MAX);
}

static void client_read(struct client *c, int epoll, int port)
{
	ssize_t n = recv(c->fd, c->answer + c->have, sizeof c->answer - c->have, 0);

	if (n == 0 && c->have == 0) { /* it has answered as many on this connection as it will */
		close(c->fd);
		client_open(c, epoll, port);
		request_send(c);
		return;
	}
	MUST(n > 0);
	c->have += (size_t)n;
	if (!answer_whole(c))
		return;
	if (c->answer[9] == '2')
		good++;
	else
		bad++;
	times[time_count++ % TIMES] = (uint32_t)(bw_clock_mono_us() - c->sent_us);
	request_send(c);
}

static int time_compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void result_print(int64_t took_us)
{
	size_t n = time_count < TIMES ? time_count : TIMES;
	struct rusage own;

	MUST(n > 0 && getrusage(RUSAGE_SELF, &own) == 0);
	qsort(times, n, sizeof *times, time_compare);
	printf("%zu %zu %.6f %u %u %.6f\n", good, bad, (double)took_us / 1e6, times[n / 2],
	    times[n * 99 / 100],
	    (double)(own.ru_utime.tv_sec + own.ru_stime.tv_sec) +
	        (double)(own.ru_utime.tv_usec + own.ru_stime.tv_usec) / 1e6);
}

int main(int argc, char **argv)
{
	int connections, port, epoll = epoll_create1(0);
	int64_t from, for_us;
	struct client *clients;

	if (argc != 5) {
		fprintf(stderr, "usage: bench-load PORT CONNECTIONS MILLISECONDS FILE\n");
		return 2;
	}
	port = (int)number(bw_str_c(argv[1]), 65535);
	connections = (int)number(bw_str_c(argv[2]), CONNECTIONS_MAX);
	for_us = number(bw_str_c(argv[3]), 3600000) * 1000;
	requests_read(argv[4]);
	times = malloc(TIMES * sizeof *times);
	clients = calloc((size_t)connections, sizeof *clients);
	for (int i = 0; i < connections; i++)
		client_open(&clients[i], epoll, port);
	from = bw_clock_mono_us();
	for (int i = 0; i < connections; i++)
		request_send(&clients[i]);
	while (bw_clock_mono_us() - from < for_us) {
		struct epoll_event ready[CONNECTIONS_MAX];
		int n = epoll_wait(epoll, ready, CONNECTIONS_MAX, 100);

		for (int i = 0; i < n; i++)
			client_read(ready[i].data.ptr, epoll, port);
	}
	result_print(bw_clock_mono_us() - from);
	return 0;
}
