#include "proc/proc.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* sd_notify(3): one datagram to the socket that systemd names; '@' begins an abstract name. */
void bw_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const struct timeval wait = {.tv_sec = 1};
	struct timespec now;
	char text[128];
	size_t n = path ? strlen(path) : 0;
	int fd, length;

	if (n < 2 || n >= sizeof to.sun_path || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(to.sun_path, path, n);
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	clock_gettime(CLOCK_MONOTONIC, &now);
	length = snprintf(text, sizeof text, "%s\nMONOTONIC_USEC=%lld\n", state,
	    (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	/* systemd not listening is no reason not to serve: a full queue is not waited for longer than that. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
	(void)!sendto(fd, text, (size_t)length, MSG_NOSIGNAL, (struct sockaddr *)&to,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
	close(fd);
}
