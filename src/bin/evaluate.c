#include "bin/evaluate.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "bin/options.h"

enum {
	LINE_MAX_BYTES = 16 * 1024 * 1024, /* a longer line is answered with an error */
	BATCH_BYTES = 1024 * 1024,         /* gathered before it is worked on, when it is there already */
	SHARE_BYTES = 64 * 1024,           /* the least that is worth a thread */
	THREADS_MAX = 16,
	OUT_MAX = 1024 * 1024 * 1024,
};

/* A worker's lines and their answers. */
struct share {
	struct evaluator evaluator;
	struct bw_str lines;
	struct bw_buf out;
	pthread_t thread;
};

struct pump {
	struct share shares[THREADS_MAX];
	size_t share_count;
	struct bw_buf in;
	bool over_long; /* the rest of a line that was refused is passed over */
	bool ended;
};

static void *share_run(void *ctx)
{
	struct share *s = ctx;

	while (bw_str_set(s->lines) && s->lines.n)
		evaluator_answer(&s->evaluator, bw_str_cut(&s->lines, '\n'), &s->out);
	return NULL;
}

static bool all_write(struct bw_str s)
{
	while (s.n) {
		ssize_t n = write(STDOUT_FILENO, s.p, s.n);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			s = bw_str_sub(s, (size_t)n, s.n);
	}
	return true;
}

/* Cuts `n` about equal shares at ends of lines. */
static void lines_share(struct pump *p, struct bw_str lines, size_t n)
{
	size_t each = lines.n / n;

	for (size_t i = 0; i < n; i++) {
		size_t size = i + 1 == n || lines.n < each ? lines.n : each;
		ptrdiff_t end = size < lines.n ? bw_str_find(lines, '\n', size) : -1;

		size = end < 0 ? lines.n : (size_t)end + 1;
		p->shares[i].lines = bw_str_sub(lines, 0, size);
		lines = bw_str_sub(lines, size, lines.n);
	}
}

/* Whole lines only. */
static bool lines_answer(struct pump *p, struct bw_str lines)
{
	size_t n = 1 + lines.n / SHARE_BYTES;
	bool good = true;

	if (n > p->share_count)
		n = p->share_count;
	lines_share(p, lines, n);
	for (size_t i = 1; i < n; i++)
		MUST(pthread_create(&p->shares[i].thread, NULL, share_run, &p->shares[i]) == 0);
	share_run(&p->shares[0]);
	for (size_t i = 1; i < n; i++)
		MUST(pthread_join(p->shares[i].thread, NULL) == 0);
	for (size_t i = 0; i < n; i++) {
		good = good && !p->shares[i].out.failed && all_write(bw_buf_str(&p->shares[i].out));
		bw_buf_reset(&p->shares[i].out);
	}
	return good;
}

static bool is_more_there(void)
{
	struct pollfd fd = {.fd = STDIN_FILENO, .events = POLLIN};

	return poll(&fd, 1, 0) > 0;
}

/* Reads what is there: waits for the first byte alone, so that whoever asks line by line is answered so. */
static bool batch_read(struct pump *p)
{
	do {
		char *to = bw_buf_room(&p->in, BATCH_BYTES);
		ssize_t n = read(STDIN_FILENO, to, BATCH_BYTES);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		p->ended = n == 0;
		p->in.n += (size_t)n;
	} while (!p->ended && p->in.n < BATCH_BYTES && is_more_there());
	return true;
}

static size_t lines_end(const struct pump *p)
{
	const char *last = p->in.n ? memrchr(p->in.p, '\n', p->in.n) : NULL;

	if (p->ended)
		return p->in.n;
	return last ? (size_t)(last - p->in.p) + 1 : 0;
}

static bool over_long_refuse(struct pump *p)
{
	static const struct bw_str text = {"{\"error\":\"the line is longer than 16 MiB\"}\n", 43};

	bw_buf_reset(&p->in);
	if (p->over_long)
		return true;
	p->over_long = true;
	return all_write(text);
}

/* Drops the rest of a refused line; true when more of it may come. */
static bool over_long_skip(struct pump *p)
{
	ptrdiff_t end = bw_str_find(bw_buf_str(&p->in), '\n', 0);

	if (end < 0) {
		bw_buf_reset(&p->in);
		return true;
	}
	bw_buf_eat(&p->in, (size_t)end + 1);
	p->over_long = false;
	return false;
}

static bool pump_run(struct pump *p)
{
	while (!p->ended) {
		size_t end;

		if (!batch_read(p))
			return false;
		if (p->over_long && over_long_skip(p))
			continue;
		end = lines_end(p);
		if (end && !lines_answer(p, bw_str_make(p->in.p, end)))
			return false;
		bw_buf_eat(&p->in, end);
		if (p->in.n > LINE_MAX_BYTES && !over_long_refuse(p))
			return false;
	}
	return true;
}

static int evaluate_run(const struct parsed *p)
{
	static struct pump pump;
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	bool good;

	if (p->rest_count)
		return command_refuse(p, "'%s' is too much", p->rest[0]);
	pump.share_count = processors < 1 ? 1 : processors > THREADS_MAX ? THREADS_MAX : (size_t)processors;
	bw_buf_init(&pump.in, LINE_MAX_BYTES + 3 * BATCH_BYTES);
	for (size_t i = 0; i < pump.share_count; i++) {
		evaluator_init(&pump.shares[i].evaluator, option_get(p, "explain") != NULL);
		bw_buf_init(&pump.shares[i].out, OUT_MAX);
	}
	good = pump_run(&pump);
	if (!good)
		fprintf(stderr, "bulwark: evaluate: the input cannot be read, or the answers not written\n");
	for (size_t i = 0; i < pump.share_count; i++) {
		evaluator_free(&pump.shares[i].evaluator);
		bw_buf_free(&pump.shares[i].out);
	}
	bw_buf_free(&pump.in);
	return good ? 0 : 1;
}

static const struct option evaluate_options[] = {
    {"explain", OPTION_FLAG, NULL, "answer with the whole reasoning: every layer, statement and condition"},
};

const struct command command_evaluate = {.name = "evaluate",
    .arguments = "",
    .summary = "decide requests read as JSON lines: one request a line, one decision a line",
    .about =
        "Reads requests from stdin, one JSON object a line, and writes one decision a line in the same "
        "order:\n"
        "{\"decision\": \"Allowed\" | \"ExplicitlyDenied\" | \"ImplicitlyDenied\", \"reasons\": [...]}, or\n"
        "{\"error\": ...} for a line that cannot be decided, after which it goes on. Members: principal, "
        "action,\n"
        "resource, resourceAccount, context, identityPolicies, resourcePolicy, permissionBoundaries,\n"
        "sessionPolicy, scps, rcps, vpcePolicies. Exit status 0: everything was answered.\n\n"
        "Example:\n"
        "  bulwark evaluate < requests.jsonl | grep -c '\"Allowed\"'",
    .options = evaluate_options,
    .option_count = BW_COUNT(evaluate_options),
    .run = evaluate_run};
