/* A server on a loop of its own thread, and the blocking sockets of a test that talk to it. */
#pragma once

#include "test.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "net/http.h"

/* What the application of the tests does with a request, told by its path:
 * "/later" answers from a timer, "/hold" waits for served_release, "/big?N" answers N bytes, "/close" closes,
 * "/none" 204; all others echo "METHOD TARGET\nBODY". */
struct served {
	struct bw_loop *loop;
	struct bw_http_server *server;
	struct bw_http_server_config config;
	uint16_t port;
	pthread_t thread;
	atomic_int requests;
	atomic_int held;
	struct bw_http_exchange *holding[64]; /* the loop's thread */
	atomic_bool drained;
};

/* Zeroed fields of `config` get usual values. */
void served_start(struct served *s, const struct bw_http_server_config *config, const char *listen);
void served_stop(struct served *s);
/* Runs on the server's thread, and waits for it. */
void served_call(struct served *s, void (*run)(struct served *s));
/* Answers all that "/hold" holds. */
void served_release(struct served *s);
/* Lets the server's clock jump ahead. */
void served_time_pass(struct served *s, int64_t ms);
/* Waits until a number of the server's is as told; fails after some seconds. */
void served_wait_requests(struct served *s, int requests);
void served_wait_connections(struct served *s, size_t connections);

int dial(uint16_t port);
void say(int fd, struct bw_str bytes);
/* Everything until the peer closes, NUL-terminated; the caller frees. */
char *hear_all(int fd);
/* One answer: its status; its body is put to `body`, which may be NULL. */
int hear(int fd, struct bw_buf *body);
/* Says and hears until the end on a new connection: the answers as text. */
char *talk(uint16_t port, struct bw_str bytes);
