#include "base/sys.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static int64_t clock_us(clockid_t id)
{
	struct timespec t;

	MUST(clock_gettime(id, &t) == 0);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t bw_clock_wall_ms(void)
{
	return clock_us(CLOCK_REALTIME) / 1000;
}

int64_t bw_clock_mono_ms(void)
{
	return clock_us(CLOCK_MONOTONIC) / 1000;
}

int64_t bw_clock_mono_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

static void random_fill(unsigned char *out, size_t n)
{
	while (n) {
		ssize_t got = getrandom(out, n, 0);

		MUST(got > 0);
		out += got;
		n -= (size_t)got;
	}
}

/* A forked child must not repeat its parent's bytes: a pool is good until the next fork. Nor may a virtual machine that was saved and
 * goes on twice, which nothing tells: a pool is good for a moment only, and within that the time of day, by the nanosecond, is mixed in. */
enum { POOL_NS = 100 * 1000 * 1000 };
static unsigned forks = 1;
static _Thread_local struct {
	unsigned char bytes[2048];
	size_t left;
	unsigned forks; /* as of which it was filled; 0: never */
	int64_t filled_ns;
} pool;

/* In the child, which has one thread. */
static void forked(void)
{
	forks++;
}

__attribute__((constructor)) static void forks_watch(void)
{
	MUST(pthread_atfork(NULL, NULL, forked) == 0);
}

static int64_t now_ns(void)
{
	struct timespec t;

	MUST(clock_gettime(CLOCK_REALTIME, &t) == 0);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool pool_serves(size_t n, int64_t ns)
{
	return pool.left >= n && pool.forks == forks && ns >= pool.filled_ns && ns - pool.filled_ns < POOL_NS;
}

/* Bytes that nobody can tell stay so, whatever known ones are added to them. */
static void time_mix(unsigned char *out, size_t n, int64_t ns)
{
	for (size_t i = 0; i < n && i < sizeof ns; i++)
		out[i] ^= (unsigned char)((uint64_t)ns >> 8 * i);
}

void bw_random(void *out, size_t n)
{
	unsigned char *at;
	int64_t ns;

	if (n > sizeof pool.bytes / 2) {
		random_fill(out, n);
		return;
	}
	ns = now_ns();
	if (!pool_serves(n, ns)) {
		random_fill(pool.bytes, sizeof pool.bytes);
		pool.left = sizeof pool.bytes;
		pool.forks = forks;
		pool.filled_ns = ns;
	}
	at = pool.bytes + sizeof pool.bytes - pool.left;
	memcpy(out, at, n);
	time_mix(out, n, ns);
	bw_wipe(at, n);
	pool.left -= n;
}

void bw_random_text(char *out, size_t n, struct bw_str alphabet)
{
	size_t fair = 256 - 256 % alphabet.n;

	for (size_t i = 0; i < n;) {
		unsigned char byte;

		bw_random(&byte, 1);
		if (byte < fair)
			out[i++] = alphabet.p[byte % alphabet.n];
	}
}

static enum bw_log_level log_most = BW_LOG_INFO;
static const char *log_title = "bulwark";

void bw_log_level_set(enum bw_log_level most)
{
	log_most = most;
}

void bw_log_title_set(const char *title)
{
	log_title = title;
}

void bw_log(enum bw_log_level level, const char *fmt, ...)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	char words[1024], line[1280], when[32];
	time_t now = time(NULL);
	struct tm tm;
	va_list args;
	int n;

	if (level > log_most)
		return;
	va_start(args, fmt);
	vsnprintf(words, sizeof words, fmt, args);
	va_end(args);
	for (char *c = words; *c; c++)
		if ((unsigned char)*c < 32 || *c == 127)
			*c = '?';
	gmtime_r(&now, &tm);
	strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
	n = snprintf(line, sizeof line, "%s %-5s %s: %s\n", when, names[level], log_title, words);
	if (n > 0 && write(2, line, (size_t)n) < 0)
		return; /* nowhere left to say it */
}
