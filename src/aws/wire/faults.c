/* The words for what is wrong with an input. */
#include "aws/wire/wire_internal.h"

#include <stdarg.h>
#include <stdio.h>

enum bw_err wire_malformed(struct wire_in *w, const char *why, ...)
{
	char text[256];
	va_list args;
	int n;

	if (w->faults->malformed)
		return BW_EINVAL;
	va_start(args, why);
	n = vsnprintf(text, sizeof text, why, args);
	va_end(args);
	MUST(n >= 0);
	w->faults->malformed = true;
	w->faults->why =
	    bw_arena_str(w->arena, bw_str_make(text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1));
	return BW_EINVAL;
}

void wire_fault(struct wire_in *w, struct bw_str text)
{
	if (w->faults->n < BW_COUNT(w->faults->text))
		w->faults->text[w->faults->n++] = text;
}

static void path_put(struct bw_buf *out, const struct wire_path *p)
{
	if (p->up) {
		path_put(out, p->up);
		bw_buf_put_c(out, '.');
	}
	if (!bw_str_set(p->name)) {
		bw_buf_printf(out, "%zu.member", p->index);
		return;
	}
	if (p->name.n && p->name.p[0] >= 'A' && p->name.p[0] <= 'Z') {
		bw_buf_put_c(out, (char)(p->name.p[0] | 0x20));
		bw_buf_put(out, bw_str_sub(p->name, 1, p->name.n));
		return;
	}
	bw_buf_put(out, p->name);
}

struct bw_str wire_path_text(const struct wire_path *p, struct bw_arena *arena)
{
	struct bw_buf text;
	struct bw_str copy;

	bw_buf_init(&text, 4096);
	path_put(&text, p);
	copy = bw_arena_str(arena, bw_buf_str(&text));
	bw_buf_free(&text);
	return copy;
}

static struct bw_str message(const struct bw_faults *f, struct bw_arena *arena)
{
	struct bw_buf text;
	struct bw_str copy;

	if (f->malformed)
		return f->why;
	bw_buf_init(&text, 256 * 1024);
	if (!f->code)
		bw_buf_printf(&text, "%zu validation error%s detected: ", f->n, f->n == 1 ? "" : "s");
	for (size_t i = 0; i < f->n; i++) {
		bw_buf_put(&text, i ? BW_STR("; ") : BW_STR(""));
		bw_buf_put(&text, f->text[i]);
	}
	copy = bw_arena_str(arena, bw_buf_str(&text));
	bw_buf_free(&text);
	return copy;
}

/* The framework's own error for a failed constraint. A service whose model has a ValidationException uses
 * that. */
static const char *fault_code(const struct bw_operation *op, const struct bw_faults *f)
{
	bool ec2 = bw_service_of(op)->protocol == BW_PROTOCOL_EC2, xml = ec2 || bw_service_of(op)->protocol == BW_PROTOCOL_QUERY;

	if (f->code)
		return f->code;
	if (f->malformed)
		return ec2 ? "InvalidParameterValue" : xml ? "MalformedInput" : "SerializationException";
	return xml ? "ValidationError" : "ValidationException";
}

/* Where IAM says in words of its own what is wrong: the usual words end so, its own follow "The specified value for X is". */
static const struct {
	const char *tail, *words;
} iam_words[] = {
    {"' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]+",
        "invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"},
    {"' failed to satisfy constraint: Member must satisfy regular expression pattern: "
     "(\\u002F)|(\\u002F[\\u0021-\\u007E]+\\u002F)",
        "invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters."},
    {"' failed to satisfy constraint: Member must satisfy regular expression pattern: \\u002F[\\u0021-\\u007F]*",
        "invalid. It must begin with the / character and contain only alphanumeric characters and/or / characters."},
    {"' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w]+",
        "invalid. It must contain only alphanumeric characters."},
    {"' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\u0009\\u000A\\u000D\\u0020-\\u00FF]+",
        "invalid. It must contain only printable ASCII characters."},
};

/* `text` is the fault in the usual words, and what is answered when IAM has no others. */
static struct bw_str iam_own_words(struct bw_str text, struct bw_arena *arena)
{
	static const char head[] = "Value at '";

	for (size_t i = 0; bw_str_starts(text, bw_str_c(head)) && i < BW_COUNT(iam_words); i++) {
		struct bw_str tail = bw_str_c(iam_words[i].tail);

		if (bw_str_ends(text, tail))
			return bw_arena_printf(arena, "The specified value for %.*s is %s",
			    BW_FMT(bw_str_sub(text, sizeof head - 1, text.n - (sizeof head - 1) - tail.n)), iam_words[i].words);
	}
	return BW_STR_NONE;
}

void bw_faults_error(const struct bw_operation *op, const struct bw_faults *f, struct bw_arena *arena,
    struct bw_error_text *out)
{
	*out = (struct bw_error_text){.code = bw_str_c(fault_code(op, f)),
	    .message = message(f, arena),
	    .status = 400,
	    .sender = true};
	if (f->n == 1 && strcmp(bw_service_of(op)->name, "iam") == 0) {
		struct bw_str words = iam_own_words(f->text[0], arena);

		if (bw_str_set(words))
			out->message = words;
	}
}
