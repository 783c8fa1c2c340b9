#include <stdio.h>

#include "bin/place.h"
#include "codec/json.h"
#include "net/client.h"

static const struct option status_options[] = {
    OPTION_DATA,
    OPTION_ROOT_KEY,
    {"endpoint", OPTION_VALUE, "URL", "where the server listens (default: as it said at its first start)"},
    {"json", OPTION_FLAG, NULL, "print the server's own JSON"},
};
static const struct option ca_options[] = {OPTION_DATA, OPTION_ROOT_KEY};

static void row_print(const struct bw_json_value *health, const char *label, const char *member)
{
	const struct bw_json_value *v = bw_json_member(health, bw_str_c(member));

	if (v)
		printf("  %-10s %.*s\n", label,
		    BW_FMT(v->kind == BW_JSON_TRUE ? BW_STR("yes") : v->kind == BW_JSON_FALSE ? BW_STR("no") : v->text));
}

/* Which enforcement of security groups holds. A server that is asked from afar does not tell. */
static void guard_print(const struct bw_json_value *guard)
{
	static const char *const members[] = {"name", "state", "permits", "permitted", "refused", "reason"};

	if (!guard || guard->kind != BW_JSON_ARRAY)
		return;
	printf("  %-10s enforced by the edge at load balancers, %s\n", "groups",
	    guard->count ? "and by the guard at:" : "and nowhere else (serve --guard)");
	for (size_t i = 0; i < guard->count; i++) {
		struct bw_str v[BW_COUNT(members)];

		for (size_t k = 0; k < BW_COUNT(members); k++) {
			const struct bw_json_value *m = guard->values[i].kind == BW_JSON_OBJECT
			                                    ? bw_json_member(&guard->values[i], bw_str_c(members[k]))
			                                    : NULL;

			v[k] = m ? m->text : BW_STR("?");
		}
		printf("  %-10s %.*s: %.*s, %.*s permits, %.*s packets permitted, %.*s refused%s%.*s\n", "", BW_FMT(v[0]), BW_FMT(v[1]),
		    BW_FMT(v[2]), BW_FMT(v[3]), BW_FMT(v[4]), v[5].n ? "; " : "", BW_FMT(v[5]));
	}
}

static struct bw_str text_of(const struct bw_json_value *object, struct bw_str member)
{
	const struct bw_json_value *v = bw_json_member(object, member);

	return v && v->kind == BW_JSON_STRING ? v->text : BW_STR("");
}

/* Which processes there are. A server that is asked from afar does not tell. */
static void processes_print(const struct bw_json_value *list)
{
	for (size_t i = 0; list && list->kind == BW_JSON_ARRAY && i < list->count; i++) {
		const struct bw_json_value *one = &list->values[i];
		struct bw_str state = BW_STR("?"), version = BW_STR(""), retiring = BW_STR("");

		if (one->kind == BW_JSON_OBJECT) {
			state = text_of(one, BW_STR("state"));
			version = text_of(one, BW_STR("version"));
			retiring = text_of(one, BW_STR("retiring"));
		}
		if (bw_str_eq(state, BW_STR("idle")))
			state = BW_STR("not started (nothing needs it)");
		printf("  %-10s %-8.*s %.*s%s%.*s%s%.*s%s%s\n", i ? "" : "processes", BW_FMT(text_of(one, BW_STR("name"))), BW_FMT(state),
		    version.n ? ", version " : "", BW_FMT(version), retiring.n ? " (one of " : "", BW_FMT(retiring), retiring.n ? " finishes)" : "",
		    one->kind == BW_JSON_OBJECT && bw_json_member(one, BW_STR("stays")) ? " (its successor could not begin: the log says why)" : "");
	}
}

/* What the guard does for load balancers, when it is asked to. A server that is asked from afar does not tell. */
static void origins_print(const struct bw_json_value *v)
{
	struct bw_str state = v && v->kind == BW_JSON_OBJECT ? text_of(v, BW_STR("state")) : BW_STR("off"), reason;

	if (bw_str_eq(state, BW_STR("off")))
		return;
	reason = text_of(v, BW_STR("reason"));
	printf("  %-10s at targets: %.*s%s%.*s\n", "clients", BW_FMT(state), reason.n ? ": " : "", BW_FMT(reason));
}

/* What became of another program that was to take this one's place. */
static void upgrades_print(const struct bw_json_value *upgrades)
{
	struct bw_str why = upgrades && upgrades->kind == BW_JSON_OBJECT ? text_of(upgrades, BW_STR("reason")) : BW_STR("");

	if (why.n)
		printf("  %-10s refused: %.*s\n", "upgrade", BW_FMT(why));
}

static struct bw_str number_of(const struct bw_json_value *object, struct bw_str member)
{
	const struct bw_json_value *v = bw_json_member(object, member);

	return v && v->kind == BW_JSON_NUMBER ? v->text : BW_STR("?");
}

/* What the server tells this machine alone. */
static bool local_ask(struct bw_str endpoint, struct bw_str ca, struct bw_str path, struct bw_arena *a, struct bw_json_value *told)
{
	struct bw_str body;
	int status = 0;

	return bw_client_get(endpoint, path, ca, 5000, a, &status, &body) == BW_OK && status == 200 &&
	       bw_json_parse(body, a, told) == BW_OK && told->kind == BW_JSON_OBJECT;
}

/* A line a listener: where it listens, whose it is, and what is wrong with it. */
static void listeners_print(struct bw_str endpoint, struct bw_str ca, struct bw_arena *a)
{
	struct bw_json_value told;
	const struct bw_json_value *list;

	if (!local_ask(endpoint, ca, BW_STR("/_bulwark/listeners"), a, &told))
		return;
	list = bw_json_member(&told, BW_STR("listeners"));
	if (list && list->count)
		printf("  load balancers' listeners\n");
	for (size_t i = 0; list && i < list->count; i++) {
		const struct bw_json_value *l = &list->values[i], *open = bw_json_member(l, BW_STR("open"));
		struct bw_str reason = text_of(l, BW_STR("reason"));

		printf("    %-22.*s %-6s %.*s%s%.*s\n", BW_FMT(text_of(l, BW_STR("address"))),
		    open && open->kind == BW_JSON_TRUE ? "open" : "closed", BW_FMT(text_of(l, BW_STR("listener"))), reason.n ? ": " : "",
		    BW_FMT(reason));
	}
}

/* Groups whose targets should see their clients' addresses and do not. */
static void unkept_print(const struct bw_json_value *list)
{
	for (size_t i = 0; list && list->kind == BW_JSON_ARRAY && i < list->count; i++)
		printf("    clients' addresses are NOT KEPT at the targets of %.*s: %.*s\n", BW_FMT(text_of(&list->values[i], BW_STR("target_group"))),
		    BW_FMT(text_of(&list->values[i], BW_STR("reason"))));
}

/* How many targets there are, and a line for each that should get requests and does not. */
static void targets_print(struct bw_str endpoint, struct bw_str ca, struct bw_arena *a)
{
	struct bw_json_value told;
	const struct bw_json_value *list;

	if (!local_ask(endpoint, ca, BW_STR("/_bulwark/targets"), a, &told) || bw_str_eq(number_of(&told, BW_STR("all")), BW_STR("0")))
		return;
	list = bw_json_member(&told, BW_STR("targets"));
	printf("  targets: %.*s of %.*s healthy, %.*s in trouble\n", BW_FMT(number_of(&told, BW_STR("healthy"))),
	    BW_FMT(number_of(&told, BW_STR("all"))), BW_FMT(number_of(&told, BW_STR("in_trouble"))));
	for (size_t i = 0; list && list->kind == BW_JSON_ARRAY && i < list->count; i++) {
		const struct bw_json_value *t = &list->values[i];

		printf("    %.*s:%.*s of %.*s: %.*s, %.*s: %.*s\n", BW_FMT(text_of(t, BW_STR("id"))), BW_FMT(number_of(t, BW_STR("port"))),
		    BW_FMT(text_of(t, BW_STR("target_group"))), BW_FMT(text_of(t, BW_STR("state"))), BW_FMT(text_of(t, BW_STR("reason"))),
		    BW_FMT(text_of(t, BW_STR("description"))));
	}
	unkept_print(bw_json_member(&told, BW_STR("unkept")));
}

/* Absent from a server that is never sealed. */
static void seal_print(const struct bw_json_value *seal)
{
	const struct bw_json_value *sealed, *locked;

	if (!seal || seal->kind != BW_JSON_OBJECT)
		return;
	locked = bw_json_member(seal, BW_STR("memory_locked"));
	if (locked && locked->kind == BW_JSON_FALSE)
		printf("  %-10s NOT LOCKED: what the keyer works with may get into swap (the log says how to mend it)\n", "memory");
	sealed = bw_json_member(seal, BW_STR("sealed"));
	if (!sealed || sealed->kind != BW_JSON_TRUE)
		printf("  %-10s unsealed (%.*s)\n", "seal", BW_FMT(text_of(seal, BW_STR("kind"))));
	else if (bw_json_member(seal, BW_STR("wanted")))
		printf("  %-10s sealed (%.*s): %.*s of %.*s said, see 'bulwark unseal'\n", "seal", BW_FMT(text_of(seal, BW_STR("kind"))),
		    BW_FMT(number_of(seal, BW_STR("given"))), BW_FMT(number_of(seal, BW_STR("wanted"))));
	else
		printf("  %-10s sealed (%.*s), see 'bulwark unseal'\n", "seal", BW_FMT(text_of(seal, BW_STR("kind"))));
}

/* Absent from a server that keeps nothing. */
static void anchor_print(const struct bw_json_value *anchor)
{
	const struct bw_json_value *failing;

	if (!anchor || anchor->kind != BW_JSON_OBJECT)
		return;
	failing = bw_json_member(anchor, BW_STR("failing"));
	if (!failing)
		printf("  %-10s a roll-back of the whole data folder goes unnoticed (serve --anchor)\n", "anchor");
	else
		printf("  %-10s %.*s, at %.*s since %.*s s%s\n", "anchor", BW_FMT(text_of(anchor, BW_STR("kind"))), BW_FMT(number_of(anchor, BW_STR("number"))),
		    BW_FMT(number_of(anchor, BW_STR("age_s"))), failing->kind == BW_JSON_TRUE ? "; IT CANNOT BE RAISED, see the log" : "");
}

static int status_print(struct bw_str endpoint, struct bw_str ca, struct bw_str body, struct bw_arena *a)
{
	struct bw_json_value health;

	if (bw_json_parse(body, a, &health) != BW_OK || health.kind != BW_JSON_OBJECT) {
		fprintf(stderr, "bulwark: what answers at %.*s is not a bulwark\n", BW_FMT(endpoint));
		return 1;
	}
	printf("up at %.*s\n", BW_FMT(endpoint));
	seal_print(bw_json_member(&health, BW_STR("seal")));
	row_print(&health, "version", "version");
	row_print(&health, "account", "account");
	row_print(&health, "region", "region");
	row_print(&health, "enforcing", "enforcing");
	row_print(&health, "ephemeral", "ephemeral");
	row_print(&health, "uptime s", "uptime_s");
	row_print(&health, "calls", "calls");
	processes_print(bw_json_member(&health, BW_STR("processes")));
	upgrades_print(bw_json_member(&health, BW_STR("upgrades")));
	anchor_print(bw_json_member(&health, BW_STR("anchor")));
	guard_print(bw_json_member(&health, BW_STR("guard")));
	origins_print(bw_json_member(&health, BW_STR("client_addresses")));
	listeners_print(endpoint, ca, a);
	targets_print(endpoint, ca, a);
	return 0;
}

static int status_run(const struct parsed *p)
{
	static struct place place;
	struct credentials c = {.endpoint = bw_str_c(option_get(p, "endpoint"))};
	struct bw_str ca = BW_STR_NONE, body;

	if (!bw_str_set(c.endpoint)) {
		if (!place_find(p, false, &place))
			return 1;
		if (endpoint_find(&place, &place.arena, &c.endpoint, &ca) != BW_OK) {
			fprintf(stderr, "bulwark: cannot read %.*s/credentials\n", BW_FMT(place.data));
			return 1;
		}
	} else {
		bw_arena_init(&place.arena, 16 << 20);
	}
	if (health_ask(c.endpoint, ca, &place.arena, &body) != BW_OK) {
		fprintf(stderr, "bulwark: no answer from %.*s\n", BW_FMT(c.endpoint));
		return 1;
	}
	if (option_get(p, "json"))
		return printf("%.*s", BW_FMT(body)) < 0;
	return status_print(c.endpoint, ca, body, &place.arena);
}

static int ca_run(const struct parsed *p)
{
	static struct place place;
	struct bw_str pem;

	if (!place_find(p, false, &place))
		return 1;
	if (file_read(bw_arena_printf(&place.arena, "%.*s/ca.pem", BW_FMT(place.data)).p, 65536, &place.arena, &pem) != BW_OK) {
		fprintf(stderr, "bulwark: no CA certificate in %.*s yet: it is made when the server first starts\n", BW_FMT(place.data));
		return 1;
	}
	printf("%.*s", BW_FMT(pem));
	return 0;
}

const struct command command_status = {.name = "status", .arguments = "", .summary = "ask a running server how it is",
    .about = "Asks the server's health. Exit status 0: it is up; 1: it is not.", .options = status_options,
    .option_count = BW_COUNT(status_options), .run = status_run};
const struct command command_ca = {.name = "ca", .arguments = "", .summary = "print the certificate of the server's CA",
    .about = "Prints the PEM certificate that clients must trust to speak HTTPS with this server.\n\nExample:\n  bulwark ca > ca.pem && "
             "AWS_CA_BUNDLE=ca.pem aws --endpoint-url https://127.0.0.1:4566 sts get-caller-identity",
    .options = ca_options, .option_count = BW_COUNT(ca_options), .run = ca_run};
