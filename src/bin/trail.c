#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/sys.h"
#include "bin/place.h"
#include "bin/seal.h"
#include "codec/json.h"
#include "codec/time.h"
#include "core/trail.h"
#include "core/trail_known.h"
#include "store/store.h"

static const struct option trail_options[] = {
    OPTION_DATA,
    OPTION_ROOT_KEY,
    {"since", OPTION_VALUE, "WHEN", "list: from then on: 15m, 2h, 7d, or 2026-11-23T10:00:00Z"},
    {"user", OPTION_VALUE, "TEXT", "list: whose ARN contains this"},
    {"event", OPTION_VALUE, "NAME", "list: of this event name"},
    {"errors", OPTION_FLAG, NULL, "list: refused and failed calls alone"},
    {"json", OPTION_FLAG, NULL, "list, follow: the whole records, one JSON object a line"},
};

struct shower {
	const struct parsed *options;
	int64_t from_ms; /* of the records' own times */
	struct bw_trail_known known; /* by the store, before the trail was looked at */
	struct bw_arena arena; /* of one record */
	bool colour;
};

static bool trail_key(struct place *place, unsigned char key[32], struct bw_trail_known *known)
{
	struct bw_store *store;
	enum bw_err e;

	if (!seal_store_look(place, &store))
		return false;
	bw_store_derive(store, BW_STR("trail"), key);
	e = bw_trail_known_read(store, known);
	bw_store_close(store);
	if (e != BW_OK)
		fprintf(stderr, "bulwark: what the store knows of the trail cannot be read: %s\n", bw_err_name(e));
	return e == BW_OK;
}

static struct bw_str text_of(const struct bw_json_value *object, const char *member)
{
	const struct bw_json_value *v = object ? bw_json_member(object, bw_str_c(member)) : NULL;

	return v && v->kind == BW_JSON_STRING ? v->text : BW_STR_NONE;
}

/* Of a record, as a terminal may be given it. Anybody can be in the trail, and choose what stands there: the name of an operation that
 * is none, an access key id. What could move the cursor, end the line or colour it must not get out. */
static struct bw_str shown(struct shower *s, struct bw_str text)
{
	char *out = bw_arena_alloc(&s->arena, text.n + 1);

	for (size_t i = 0; i < text.n; i++)
		out[i] = text.p[i] > ' ' && text.p[i] <= '~' ? text.p[i] : '?';
	return bw_str_make(out, text.n);
}

/* What JSON does not ask to be escaped, and terminals obey all the same: DEL and the C1 controls. */
static void json_print(struct bw_str record)
{
	for (size_t i = 0; i < record.n; i++) {
		unsigned char c = (unsigned char)record.p[i], next = i + 1 < record.n ? (unsigned char)record.p[i + 1] : 0;

		if (c == 0x7f)
			fputs("\\u007f", stdout);
		else if (c == 0xc2 && next >= 0x80 && next < 0xa0)
			printf("\\u00%02x", (unsigned char)record.p[++i]);
		else
			putchar(c);
	}
	putchar('\n');
}

/* The trail is read by blocks: the first ones may hold records from before. */
static bool wanted(const struct parsed *p, const struct bw_json_value *record, struct bw_str who, int64_t from_ms)
{
	const char *user = option_get(p, "user"), *event = option_get(p, "event");
	int64_t when_ms;

	if (option_get(p, "errors") && !bw_str_set(text_of(record, "errorCode")))
		return false;
	if (bw_time_parse_iso8601(text_of(record, "eventTime"), &when_ms) == BW_OK && when_ms < from_ms)
		return false;
	if (event && !bw_str_eq(bw_str_c(event), text_of(record, "eventName")))
		return false;
	return !user || (bw_str_set(who) && bw_str_has(who, bw_str_c(user)));
}

static bool show(void *ctx, struct bw_str record)
{
	struct shower *s = ctx;
	struct bw_json_value r;
	const struct bw_json_value *identity;
	struct bw_str who, code;

	bw_arena_reset(&s->arena);
	if (bw_json_parse(record, &s->arena, &r) != BW_OK)
		return true;
	identity = bw_json_member(&r, BW_STR("userIdentity"));
	who = text_of(identity, "arn");
	if (!bw_str_set(who))
		who = text_of(identity, "accessKeyId");
	if (!wanted(s->options, &r, who, s->from_ms))
		return true;
	if (option_get(s->options, "json")) {
		json_print(record);
		return !ferror(stdout);
	}
	code = text_of(&r, "errorCode");
	return printf("%.*s  %-32.*s %s%-28.*s%s %-15.*s %.*s\n", BW_FMT(shown(s, text_of(&r, "eventTime"))),
	           BW_FMT(shown(s, text_of(&r, "eventName"))), !s->colour ? "" : code.n ? "\033[31m" : "\033[32m",
	           BW_FMT(code.n ? shown(s, code) : BW_STR("ok")), s->colour ? "\033[0m" : "", BW_FMT(shown(s, text_of(&r, "sourceIPAddress"))),
	           BW_FMT(bw_str_set(who) ? shown(s, who) : BW_STR("-"))) > 0;
}

/* "15m", "2h", "7d" before now, or a point of time. */
static bool since_parse(const char *text, int64_t *ms)
{
	struct bw_str s = bw_str_c(text);
	int64_t unit_ms = 0, n;

	*ms = 0;
	if (!text)
		return true;
	if (bw_time_parse_iso8601(s, ms) == BW_OK)
		return true;
	if (s.n > 1)
		unit_ms = s.p[s.n - 1] == 's' ? 1000 : s.p[s.n - 1] == 'm' ? 60000 : s.p[s.n - 1] == 'h' ? 3600000
		          : s.p[s.n - 1] == 'd'                                ? 86400000
		                                                               : 0;
	if (!unit_ms || bw_str_to_i64(bw_str_sub(s, 0, s.n - 1), 0, 1000000, &n) != BW_OK)
		return false;
	*ms = bw_clock_wall_ms() - n * unit_ms;
	return true;
}

/* 0 when all that was read is authentic; says what is not. */
static int fault_say(const struct shower *s, enum bw_err e, const struct bw_trail_report *report)
{
	if (e == BW_OK)
		return 0;
	fflush(stdout);
	if (e == BW_ENOTFOUND && s->known.records)
		fprintf(stderr, "bulwark: the trail is gone: it had %lld records at least\n", (long long)s->known.records);
	else if (e == BW_ENOTFOUND)
		fprintf(stderr, "bulwark: there is no trail yet\n");
	else
		fprintf(stderr, "bulwark: the trail does not verify: %s\n", report->fault[0] ? report->fault : bw_err_name(e));
	return 1;
}

static int list(struct shower *s, struct bw_str dir, const unsigned char key[32])
{
	struct bw_trail_report report;

	if (!since_parse(option_get(s->options, "since"), &s->from_ms))
		return command_refuse(s->options, "--since %s is neither like 2h nor a time", option_get(s->options, "since"));
	return fault_say(s, bw_trail_read(dir, key, s->from_ms, show, s, &report), &report);
}

static int follow(struct shower *s, struct bw_str dir, const unsigned char key[32])
{
	struct bw_trail_cursor cursor = {0};

	for (;;) {
		if (bw_trail_follow(dir, key, &cursor, show, s) != BW_OK) {
			fprintf(stderr, "bulwark: the trail does not verify\n");
			return 1;
		}
		fflush(stdout);
		usleep(200000);
	}
}

struct progress {
	const struct bw_trail_report *report;
	int64_t shown_ms;
	bool tty;
};

static void progress_show(const struct bw_trail_report *r)
{
	static const char full[] = "########################################";
	int width = (int)sizeof full - 1, done = r->bytes_all ? (int)((double)r->bytes / (double)r->bytes_all * width) : 0;

	done = done > width ? width : done;
	fprintf(stderr, "\r[%-*.*s] %llu records", width, done, full, (unsigned long long)r->records);
}

static bool progress_count(void *ctx, struct bw_str record)
{
	struct progress *p = ctx;
	int64_t now = p->tty ? bw_clock_mono_ms() : 0;

	(void)record;
	if (p->tty && now - p->shown_ms > 100) {
		p->shown_ms = now;
		progress_show(p->report);
	}
	return true;
}

static struct bw_str time_text(struct shower *s, int64_t ms)
{
	char room[64];
	struct bw_buf text = bw_buf_over(room, sizeof room);

	bw_time_put_iso8601(ms, &text);
	return bw_arena_str(&s->arena, bw_buf_str(&text));
}

/* What is there is authentic; the store knows whether it is all. */
static bool is_whole(struct shower *s, const struct bw_trail_report *report)
{
	int64_t there = (int64_t)(report->removed + report->records);

	if (there < s->known.records)
		printf("FAULT after %llu records: %lld more were on the disk: an older copy was put in the trail's place\n",
		    (unsigned long long)report->records, (long long)(s->known.records - there));
	else if (s->known.gone)
		printf("FAULT before the first record: %lld that were on the disk were not there when the server started at %.*s: moved or taken "
		       "away (if that is known and meant: 'bulwark accept')\n",
		    (long long)s->known.gone, BW_FMT(time_text(s, s->known.gone_ms)));
	return there >= s->known.records && !s->known.gone;
}

static int verify(struct shower *s, struct bw_str dir, const unsigned char key[32])
{
	struct bw_trail_report report;
	struct progress p = {.report = &report, .tty = isatty(2)};
	enum bw_err e = bw_trail_read(dir, key, 0, progress_count, &p, &report);

	if (p.tty)
		fprintf(stderr, "\r\033[K");
	if (e == BW_ENOTFOUND)
		return fault_say(s, e, &report);
	if (e != BW_OK || report.fault[0]) {
		printf("FAULT after %llu records: %s\n", (unsigned long long)report.records,
		    report.fault[0] ? report.fault : bw_err_name(e));
		return 1;
	}
	if (report.removed)
		printf("kept from there on: %llu earlier records, up to %.*s, were removed by --trail-keep-days\n",
		    (unsigned long long)report.removed, BW_FMT(time_text(s, report.removed_to_ms)));
	if (!is_whole(s, &report))
		return 1;
	printf("verified: %llu records in %llu blocks of %llu segments; nothing changed, removed or reordered\n",
	    (unsigned long long)report.records, (unsigned long long)report.blocks, (unsigned long long)report.segments);
	return 0;
}

static int trail_run(const struct parsed *p)
{
	static const struct {
		const char *name;
		int (*run)(struct shower *s, struct bw_str dir, const unsigned char key[32]);
	} verbs[] = {{"list", list}, {"follow", follow}, {"verify", verify}};
	const char *verb = p->rest_count ? p->rest[0] : "list";
	struct shower s = {.options = p, .colour = isatty(1)};
	static struct place place;
	unsigned char key[32];
	int status;

	for (size_t i = 0; i < BW_COUNT(verbs); i++) {
		if (strcmp(verb, verbs[i].name) != 0)
			continue;
		if (p->rest_count > 1)
			return command_refuse(p, "'%s' is too much", p->rest[1]);
		if (!place_find(p, false, &place) || !trail_key(&place, key, &s.known))
			return 1;
		bw_arena_init(&s.arena, 16 << 20);
		status = verbs[i].run(&s, bw_arena_printf(&place.arena, "%.*s/trail", BW_FMT(place.data)), key);
		bw_arena_free(&s.arena);
		bw_wipe(key, sizeof key);
		return status;
	}
	return command_refuse(p, "'%s' is none of list, follow, verify", verb);
}

const struct command command_trail = {.name = "trail", .arguments = "[list | follow | verify]",
    .summary = "read and verify the audit trail",
    .about = "Shows who did what: one CloudTrail record a call, denied and unauthenticated ones included.\nverify reads everything and "
             "names the first block that was changed, removed or reordered; exit status 1 then.\n\nExamples:\n  bulwark trail list --since "
             "1h --errors\n  bulwark trail follow --json | jq .eventName\n  bulwark trail verify",
    .options = trail_options, .option_count = BW_COUNT(trail_options), .run = trail_run};
