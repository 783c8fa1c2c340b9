/* New keys: everything beneath the root key, or the root key itself. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/sys.h"
#include "bin/operator.h"
#include "bin/seal.h"
#include "codec/json.h"
#include "keyer/root_key.h"

static const struct option rekey_options[] = {
    OPTION_DATA,
    OPTION_ROOT_KEY,
    {"no-wait", OPTION_FLAG, NULL, "begin it, and do not wait for its end"},
};
static const struct option rotate_options[] = {
    OPTION_DATA,
    OPTION_ROOT_KEY,
    OPTIONS_SEAL,
    OPTION_RECOVERY_KEY,
};

enum { LOOK_US = 200 * 1000, LOOKS_LOST_MAX = 300, BAR = 40, ARENA_MAX = 4 << 20 };

/* ---- rekey ---- */

struct progress {
	int64_t done, total, generation;
	bool at_work;
	int64_t shown; /* in tenths, where no bar is drawn */
};

static int64_t number_in(const struct bw_json_value *object, const char *member)
{
	const struct bw_json_value *v = object && object->kind == BW_JSON_OBJECT ? bw_json_member(object, bw_str_c(member)) : NULL;
	int64_t n = 0;

	return v && v->kind == BW_JSON_NUMBER && bw_str_to_i64(v->text, 0, INT64_MAX, &n) == BW_OK ? n : 0;
}

static bool progress_read(struct bw_str endpoint, struct bw_str ca, struct bw_arena *a, struct progress *p)
{
	struct bw_json_value health;
	const struct bw_json_value *seal, *at_work;
	struct bw_str body;

	if (health_ask(endpoint, ca, a, &body) != BW_OK || bw_json_parse(body, a, &health) != BW_OK || health.kind != BW_JSON_OBJECT)
		return false;
	seal = bw_json_member(&health, BW_STR("seal"));
	if (!seal || seal->kind != BW_JSON_OBJECT)
		return false;
	at_work = bw_json_member(seal, BW_STR("rekey"));
	p->at_work = !at_work || at_work->kind != BW_JSON_FALSE;
	p->generation = number_in(seal, "generation");
	p->done = number_in(bw_json_member(&health, BW_STR("rekey")), "done");
	p->total = number_in(bw_json_member(&health, BW_STR("rekey")), "total");
	return true;
}

static void progress_show(struct progress *p)
{
	static const char full[] = "########################################";
	int64_t part = p->total ? p->done * BAR / p->total : 0;

	_Static_assert(sizeof full - 1 == BAR, "a sign for each step");
	part = part > BAR ? BAR : part;
	if (isatty(1)) {
		printf("\r[%-*.*s] %lld of %lld", BAR, (int)part, full, (long long)p->done, (long long)p->total);
	} else if (part * 10 / BAR > p->shown) {
		p->shown = part * 10 / BAR;
		printf("rekey: %lld of %lld\n", (long long)p->done, (long long)p->total);
	}
	fflush(stdout);
}

/* Until the server says that it is done; one that is started again meanwhile goes on with it. */
static int wait_for_end(struct place *place)
{
	struct bw_str endpoint, ca;
	struct progress p = {.at_work = true};
	unsigned lost = 0;

	if (endpoint_find(place, &place->arena, &endpoint, &ca) != BW_OK) {
		fprintf(stderr, "bulwark: cannot read %.*s/credentials: the rekey goes on unseen\n", BW_FMT(place->data));
		return 1;
	}
	while (p.at_work && lost < LOOKS_LOST_MAX) {
		struct bw_arena a;

		bw_arena_init(&a, ARENA_MAX);
		lost = progress_read(endpoint, ca, &a, &p) ? 0 : lost + 1;
		bw_arena_free(&a);
		if (p.at_work && lost == 0)
			progress_show(&p);
		if (p.at_work)
			(void)usleep(LOOK_US);
	}
	if (isatty(1))
		printf("\r\033[K");
	if (p.at_work) {
		fprintf(stderr, "bulwark: the server does not answer; what is left of the rekey is done when it runs again\n");
		return 1;
	}
	printf("rekeyed: generation %lld; the older keys are destroyed\n", (long long)p.generation);
	return 0;
}

static int rekey_run(const struct parsed *p)
{
	static struct place place;
	struct bw_seal_status status;
	int refused = operator_command(p, BW_STR("rekey"), &place, &status);

	if (refused)
		return refused;
	if (!option_get(p, "no-wait"))
		return wait_for_end(&place);
	printf("rekey: begun\n");
	return 0;
}

/* ---- rotate-root ---- */

struct rotation {
	struct place *place;
	struct bw_arena *arena; /* wiped */
	const struct bw_unseal_kind *kind;
	struct bw_secret old, fresh;
	struct bw_seal_make make;
	struct bw_str file; /* the seal file in the folder, then the new one */
};

/* A seal file with the facts that are wanted; its keyring is the keyer's to put in. */
static bool wanted_make(struct rotation *r, struct bw_str *wanted)
{
	struct bw_seal_facts facts = {.kind = bw_str_c(r->kind->name)};
	struct bw_keyring nothing = bw_keyring_new();
	struct bw_buf bytes;
	enum bw_err e;

	r->fresh = bw_secret_new(BW_ROOT_KEY_BYTES);
	bw_random(r->fresh.p, r->fresh.n);
	r->make.root = &r->fresh;
	r->make.root_key_path = root_key_fresh(r->place);
	/* Of a rotation that was given up. */
	(void)unlink(r->make.root_key_path.p);
	e = r->kind->make(&r->make, &facts);
	bw_buf_init(&bytes, BW_SEAL_FILE_MAX);
	if (e == BW_OK)
		bw_seal_encode(&facts, &r->fresh, &nothing, &bytes);
	*wanted = bw_arena_str(r->arena, bw_buf_str(&bytes));
	bw_buf_free(&bytes);
	bw_keyring_free(&nothing);
	if (e != BW_OK)
		fprintf(stderr, "bulwark: the new root key could not be kept: %s\n", bw_err_name(e));
	return e == BW_OK;
}

static bool keyer_ask(struct rotation *r, const struct bw_admin_request *q, struct bw_admin_answer *answer)
{
	struct bw_seal_status status;

	if (!operator_ask(r->place, q, r->arena, answer, &status))
		return false;
	if (answer->result != BW_OK)
		operator_refused(answer, &status);
	return answer->result == BW_OK;
}

/* The keyer wraps its keyring anew; the folder's file is replaced; the keyer is told. A crash leaves the one or the other, each
 * whole, and a root key that goes with it. */
static bool rotate(struct rotation *r)
{
	struct bw_str word = operator_root_word(r->arena, &r->old);
	struct bw_admin_request rotate = {.verb = BW_STR("rotate"), .words = {1, &word}, .root = bw_secret_bytes(&r->fresh)};
	struct bw_admin_request rotated = {.verb = BW_STR("rotated")};
	struct bw_admin_answer answer;

	if (!wanted_make(r, &rotate.file))
		return false;
	rotate.root = bw_secret_bytes(&r->fresh);
	if (!keyer_ask(r, &rotate, &answer))
		return false;
	rotated.file = answer.file;
	/* Before the file that needs them stands: shares that were not seen would be lost with it. */
	seal_tell(&r->make);
	if (seal_write(r->place, rotated.file) != BW_OK)
		return false;
	if (strcmp(r->kind->name, "file") == 0 && rename(r->make.root_key_path.p, r->place->root_key.p) != 0) {
		fprintf(stderr, "bulwark: cannot replace %.*s: %s; the new root key is in %.*s\n", BW_FMT(r->place->root_key), strerror(errno),
		    BW_FMT(r->make.root_key_path));
		return false;
	}
	return keyer_ask(r, &rotated, &answer);
}

static bool now_open(struct rotation *r, struct bw_seal_status *status)
{
	const struct bw_admin_request q = {.verb = BW_STR("status")};
	struct bw_admin_answer answer;

	if (!operator_ask(r->place, &q, r->arena, &answer, status))
		return false;
	if (status->sealed)
		fprintf(stderr, "bulwark: the server is sealed: 'bulwark unseal' comes first\n");
	return !status->sealed;
}

static int rotate_kind(const struct parsed *p, struct rotation *r)
{
	struct bw_seal_facts facts;
	const char *asked = option_get(p, "seal");

	if (seal_read(r->place, r->arena, &r->file) != BW_OK || bw_seal_decode(r->file, r->arena, &facts) != BW_OK) {
		fprintf(stderr, "bulwark: no seal file in %.*s\n", BW_FMT(r->place->data));
		return 1;
	}
	r->kind = bw_unseal_kind(asked ? bw_str_c(asked) : facts.kind);
	return r->kind ? 0 : command_refuse(p, "--seal %s is none of %.*s", asked, BW_FMT(bw_unseal_names(r->arena)));
}

static int rotation_run(const struct parsed *p, struct rotation *r)
{
	struct bw_seal_status status;
	bool was_file;
	int refused;

	if (!now_open(r, &status) || (refused = rotate_kind(p, r)))
		return 1;
	was_file = bw_str_eq(status.kind, BW_STR("file"));
	if (!was_file)
		fprintf(stderr, "What opens it today, first.\n");
	if (!seal_root(r->place, r->file, option_get(p, "recovery-key"), &r->old) || seal_ask(p, r->place, r->kind, &r->make) || !rotate(r))
		return 1;
	printf("the root key is another one, kept by %s\n", r->kind->name);
	if (was_file && strcmp(r->kind->name, "file") != 0)
		printf("%.*s opens no data folder any more, but still the backups from before: keep it with them or destroy it\n",
		    BW_FMT(r->place->root_key));
	return 0;
}

static int rotate_run(const struct parsed *p)
{
	static struct place place;
	struct bw_arena arena;
	struct rotation r = {.place = &place, .arena = &arena, .make = {.arena = &arena}};
	int status;

	if (p->rest_count)
		return command_refuse(p, "'%s' is too much", p->rest[0]);
	if (!place_find(p, false, &place))
		return 1;
	bw_arena_init(&arena, ARENA_MAX);
	status = rotation_run(p, &r);
	bw_secret_free(&r.old);
	bw_secret_free(&r.fresh);
	bw_arena_free(&arena);
	bw_arena_free(&place.arena);
	return status;
}

const struct command command_rekey = {.name = "rekey", .arguments = "", .summary = "make every key beneath the root key anew",
    .about = "The server makes a new main key, wraps its data keys and all KMS key material for it, seals every record anew, and\n"
             "destroys the older keys, all while it serves. Shows how far it has come. One that was cut off, by a crash too, is gone\n"
             "on with when the server runs again. Ciphertexts that KMS gave out stay good; tokens of GetParametersForImport do not.\n\n"
             "Do it after somebody may have seen keys: first 'bulwark rotate-root', then this.\n\n"
             "Example:\n  bulwark rekey",
    .options = rekey_options, .option_count = BW_COUNT(rekey_options), .run = rekey_run};
const struct command command_rotate_root = {.name = "rotate-root", .arguments = "",
    .summary = "make the root key anew, or keep it another way",
    .about = "Makes a new root key, kept as before or as --seal says; only what it wraps is written anew, which takes a moment, and\n"
             "the server goes on. What opens the server today is asked for first: being on the machine is not enough. A backup from\n"
             "before still opens with the root key from before.\n\n"
             "Examples:\n  bulwark rotate-root\n  bulwark rotate-root --seal passphrase\n  bulwark rotate-root --seal shamir --shares 5 "
             "--threshold 3\n  bulwark rotate-root --seal file",
    .options = rotate_options, .option_count = BW_COUNT(rotate_options), .run = rotate_run};
