#include "bin/words.h"

#include <errno.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

/* Byte by byte: what stands behind the line belongs to whoever reads next, and no buffer keeps a copy. */
static ssize_t line_read(struct bw_secret *line)
{
	size_t n = 0;

	while (n < line->n) {
		ssize_t got = read(0, line->p + n, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return n ? (ssize_t)n : -1;
		if (line->p[n] == '\n')
			return (ssize_t)n;
		n++;
	}
	return -1;
}

static bool quiet_read(const char *prompt, struct bw_secret *line, ssize_t *n)
{
	struct termios before, quiet;
	bool terminal = tcgetattr(0, &before) == 0;

	if (terminal) {
		fprintf(stderr, "%s: ", prompt);
		quiet = before;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		if (tcsetattr(0, TCSAFLUSH, &quiet) != 0)
			return false;
	}
	*n = line_read(line);
	if (terminal) {
		(void)tcsetattr(0, TCSAFLUSH, &before);
		fputc('\n', stderr);
	}
	return true;
}

bool word_ask(const char *prompt, struct bw_secret *out)
{
	struct bw_secret line = bw_secret_new(WORD_MAX + 2);
	ssize_t n = -1;
	bool good = quiet_read(prompt, &line, &n);

	if (good && n > 0 && line.p[n - 1] == '\r')
		n--;
	good = good && n > 0 && n <= WORD_MAX;
	if (good) {
		*out = bw_secret_new((size_t)n);
		memcpy(out->p, line.p, (size_t)n);
	}
	bw_secret_free(&line);
	return good;
}

bool word_ask_twice(const char *prompt, struct bw_secret *out)
{
	struct bw_secret again = {0};
	bool same;

	if (!word_ask(prompt, out))
		return false;
	if (!isatty(0))
		return true;
	same = word_ask("The same again", &again) && bw_str_eq_secret(bw_secret_bytes(out), bw_secret_bytes(&again));
	bw_secret_free(&again);
	if (same)
		return true;
	bw_secret_free(out);
	fprintf(stderr, "bulwark: the two differ\n");
	return false;
}
