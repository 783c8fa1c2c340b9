/* 'bulwark upgrade': tells a server to go on as the program that its file is now, and waits for what becomes of it. */
#include <stdio.h>
#include <unistd.h>

#include "base/sys.h"
#include "bin/operator.h"
#include "codec/json.h"

enum {
	WAIT_MS = 8 * 60 * 1000, /* a process of the edge may finish for five minutes still, another for half a minute */
	LOOK_US = 50 * 1000,
	ARENA_MAX = 1 << 20,
};

static const struct option upgrade_options[] = {OPTION_DATA, OPTION_ROOT_KEY};

struct seen {
	int64_t done, refused;
	struct bw_str reason, version;
	bool all_new; /* nobody runs another program than the parent, but those that go on because no successor could start */
	struct bw_str stays; /* one of those */
	struct bw_str waits; /* one whose place somebody has still who finishes */
	bool told;    /* it tells this machine about its processes */
};

static int64_t number_of(const struct bw_json_value *object, const char *member)
{
	const struct bw_json_value *v = bw_json_member(object, bw_str_c(member));
	int64_t n = 0;

	if (!v || v->kind != BW_JSON_NUMBER || bw_str_to_i64(v->text, 0, INT64_MAX, &n) != BW_OK)
		return 0;
	return n;
}

static struct bw_str text_of(const struct bw_json_value *object, const char *member)
{
	const struct bw_json_value *v = bw_json_member(object, bw_str_c(member));

	return v && v->kind == BW_JSON_STRING ? v->text : BW_STR("");
}

static void processes_see(const struct bw_json_value *list, struct seen *s)
{
	s->told = list && list->kind == BW_JSON_ARRAY && list->count;
	s->all_new = s->told;
	for (size_t i = 0; s->told && i < list->count; i++) {
		const struct bw_json_value *one = &list->values[i];
		bool object = one->kind == BW_JSON_OBJECT;
		struct bw_str version = object ? text_of(one, "version") : BW_STR("");

		if (object && bw_json_member(one, BW_STR("stays")))
			s->stays = text_of(one, "name");
		else if (!object || bw_str_eq(text_of(one, "state"), BW_STR("starting")) ||
		         (version.n && !bw_str_eq(version, s->version)))
			s->all_new = false;
		if (object && version.n && !bw_str_eq(version, s->version) && bw_json_member(one, BW_STR("retiring")))
			s->waits = text_of(one, "name");
	}
}

static bool look(const struct place *place, struct bw_arena *a, struct seen *s)
{
	struct bw_str endpoint, ca, body;
	struct bw_json_value health;
	const struct bw_json_value *upgrades;

	*s = (struct seen){0};
	if (endpoint_find(place, a, &endpoint, &ca) != BW_OK || health_ask(endpoint, ca, a, &body) != BW_OK ||
	    bw_json_parse(body, a, &health) != BW_OK || health.kind != BW_JSON_OBJECT)
		return false;
	s->version = text_of(&health, "version");
	upgrades = bw_json_member(&health, BW_STR("upgrades"));
	if (upgrades && upgrades->kind == BW_JSON_OBJECT) {
		s->done = number_of(upgrades, "done");
		s->refused = number_of(upgrades, "refused");
		s->reason = text_of(upgrades, "reason");
		processes_see(bw_json_member(&health, BW_STR("processes")), s);
	}
	return true;
}

/* Until it was refused, or has been done everywhere. `before` NULL: nobody said what was, and all that there is counts. */
static int wait_for(const struct place *place, const struct seen *before)
{
	int64_t until = bw_clock_mono_ms() + WAIT_MS;
	bool told = false;
	struct seen now = {0};
	struct bw_arena a;

	bw_arena_init(&a, ARENA_MAX);
	while (bw_clock_mono_ms() < until) {
		(void)usleep(LOOK_US);
		bw_arena_reset(&a);
		if (!look(place, &a, &now))
			continue;
		if (before && now.done == before->done && now.refused > before->refused) {
			fprintf(stderr, "bulwark: refused: %.*s\n", BW_FMT(now.reason));
			bw_arena_free(&a);
			return 1;
		}
		if (bw_str_set(now.waits) && !told)
			fprintf(stderr, "bulwark: one before the process %.*s finishes still, for five minutes at most: its successor waits for that\n", BW_FMT(now.waits));
		told = told || bw_str_set(now.waits);
		if ((!before || now.done > before->done) && now.all_new) {
			printf("version %.*s serves\n", BW_FMT(now.version));
			if (bw_str_set(now.stays))
				printf("but for the process %.*s, which goes on as it was: the log says why\n", BW_FMT(now.stays));
			bw_arena_free(&a);
			return 0;
		}
	}
	fprintf(stderr, "bulwark: it has not come to its end in %d s: 'bulwark status' and the log say how far it is\n", WAIT_MS / 1000);
	bw_arena_free(&a);
	return 1;
}

static int upgrade_run(const struct parsed *p)
{
	static struct place place;
	static struct bw_arena a; /* what was seen before stands in it */
	const struct bw_admin_request status = {.verb = BW_STR("status")}, upgrade = {.verb = BW_STR("upgrade")};
	struct bw_admin_answer answer;
	struct bw_seal_status seal;
	struct seen before;
	bool seen;

	if (p->rest_count)
		return command_refuse(p, "'%s' is not an option", p->rest[0]);
	if (!place_find(p, false, &place) || !operator_ask(&place, &status, &place.arena, &answer, &seal))
		return 1;
	bw_arena_init(&a, ARENA_MAX);
	/* An API that cannot start is a reason to go on as another program, and none to go on as this one. */
	seen = look(&place, &a, &before);
	/* Over the socket in the data folder, and by no number of a process: whoever made the folder could have any be signalled. */
	if (!operator_ask(&place, &upgrade, &place.arena, &answer, &seal))
		return 1;
	if (answer.result != BW_OK) {
		fprintf(stderr, "bulwark: refused: %s\n", bw_err_name((enum bw_err)answer.result));
		return 1;
	}
	if (!seen)
		fprintf(stderr, "bulwark: the server on %.*s does not say how it is: it was told, and is waited for\n", BW_FMT(place.data));
	if (!seen || before.told)
		return wait_for(&place, seen ? &before : NULL);
	printf("the server was told; its log says what became of it\n");
	return 0;
}

const struct command command_upgrade = {.name = "upgrade", .arguments = "", .summary = "go on as the program that was installed",
    .about = "Tells the server of a data folder to go on as the program that its file is now, without losing a request. After a package\n"
             "was upgraded or the file replaced: the new program is tried first, and refused if it cannot go on with what the running one\n"
             "has; then nothing changes. The file must be root's or the server's user's, and nobody else may write to it. The same as\n"
             "SIGUSR2 to the server's main process. Exit status 0: the new version serves; 1: it does not, and why.\n\nExamples:\n"
             "  apt upgrade bulwark && bulwark upgrade --data /var/lib/bulwark\n  systemctl kill --kill-whom=main -s USR2 bulwark",
    .options = upgrade_options, .option_count = BW_COUNT(upgrade_options), .run = upgrade_run};
