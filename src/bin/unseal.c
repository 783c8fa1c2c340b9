/* Words that unseal, from a person to the keyer; and the word that seals. */
#include <stdio.h>
#include <unistd.h>

#include "base/sys.h"
#include "bin/seal.h"
#include "bin/words.h"
#include "bin/operator.h"
#include "keyer/admin.h"
#include "keyer/seal_status.h"

static const struct option unseal_options[] = {
    OPTION_DATA,
    OPTION_ROOT_KEY,
    {"status", OPTION_FLAG, NULL, "say how the seal stands, and ask for nothing"},
    OPTION_RECOVERY_KEY,
};
static const struct option seal_options[] = {OPTION_DATA, OPTION_ROOT_KEY};

enum { ARENA_MAX = 4 << 20 };

/* One word to the keyer. The value: whether it was right. */
static bool word_say(const struct place *place, struct bw_str word, struct bw_seal_status *status, struct bw_arena *kept)
{
	struct bw_admin_request r = {.verb = BW_STR("unseal"), .words = {1, &word}};
	struct bw_admin_answer answer;
	struct bw_seal_status told;
	struct bw_arena arena;
	bool good;

	bw_arena_init(&arena, ARENA_MAX);
	good = operator_ask(place, &r, &arena, &answer, &told);
	if (good) {
		*status = told;
		status->kind = bw_arena_str(kept, told.kind);
		status->asks = bw_arena_str(kept, told.asks);
		/* Open in the meantime, by another's word or what the server found itself: that was wanted. */
		good = answer.result == BW_OK || answer.result == BW_EAGAIN || (answer.result == BW_ECONFLICT && !told.sealed);
		if (!good)
			operator_refused(&answer, status);
	}
	bw_arena_free(&arena);
	return good;
}

/* Of a kind without people: what the server would find by itself is found here. */
static int found_say(struct place *place, const char *recovery, struct bw_seal_status *status)
{
	struct bw_secret root;
	struct bw_arena arena;
	struct bw_str file;
	bool good;

	if (seal_read(place, &place->arena, &file) != BW_OK || !seal_root(place, file, recovery, &root))
		return 1;
	bw_arena_init(&arena, ARENA_MAX);
	good = word_say(place, operator_root_word(&arena, &root), status, &place->arena);
	bw_secret_free(&root);
	bw_arena_free(&arena);
	if (good)
		operator_show(status);
	return good ? 0 : 1;
}

/* Words of people, until it is open or there are no more. A single one of several is a success, too. */
static int words_say(struct place *place, struct bw_seal_status *status)
{
	char prompt[64];
	bool said = false;

	while (status->sealed) {
		struct bw_secret word;
		bool good;

		(void)snprintf(prompt, sizeof prompt, "%.*s", BW_FMT(status->asks));
		prompt[0] = (char)(prompt[0] - 'a' + 'A');
		if (!word_ask(prompt, &word))
			break;
		good = word_say(place, bw_secret_bytes(&word), status, &place->arena);
		bw_secret_free(&word);
		if (!good)
			return 1;
		said = true;
		operator_show(status);
	}
	if (!said)
		fprintf(stderr, "bulwark: a %.*s is wanted, on the terminal or as a line of standard input\n", BW_FMT(status->asks));
	return said ? 0 : 1;
}

static bool place_and_status(const struct parsed *p, struct place *place, struct bw_seal_status *status)
{
	const struct bw_admin_request r = {.verb = BW_STR("status")};
	struct bw_admin_answer answer;

	return place_find(p, false, place) && operator_ask(place, &r, &place->arena, &answer, status);
}

static int unseal_run(const struct parsed *p)
{
	static struct place place;
	struct bw_seal_status status;

	if (p->rest_count)
		return command_refuse(p, "a secret on a command line is seen by others: it is asked for, or read from standard input");
	if (!place_and_status(p, &place, &status))
		return 1;
	if (option_get(p, "status") || !status.sealed) {
		operator_show(&status);
		return 0;
	}
	if (bw_str_set(status.asks) && option_get(p, "recovery-key"))
		return command_refuse(p, "--recovery-key is for what opens without people: say the %.*s", BW_FMT(status.asks));
	return bw_str_set(status.asks) ? words_say(&place, &status) : found_say(&place, option_get(p, "recovery-key"), &status);
}

static int seal_run(const struct parsed *p)
{
	static struct place place;
	struct bw_seal_status status;
	int refused = operator_command(p, BW_STR("seal"), &place, &status);

	if (refused)
		return refused;
	operator_show(&status);
	return 0;
}

const struct command command_unseal = {.name = "unseal", .arguments = "", .summary = "give a sealed server its keys back",
    .about = "Asks for the passphrase or for a share, without showing it, and hands it to the keyer of the server on the data folder;\n"
             "from standard input it takes a line each. Shares may come from several people, one call each: what was said is kept\n"
             "until there are enough. A server whose root key needs nobody (file, token, TPM, another KMS) finds it itself when it\n"
             "starts; after 'bulwark seal' this command finds it for it. Exit status 0: what was said was right, or it was open by then.\n\n"
             "Examples:\n  bulwark unseal\n  bulwark unseal --status\n  bulwark unseal <share-1.txt",
    .options = unseal_options, .option_count = BW_COUNT(unseal_options), .run = unseal_run};
const struct command command_seal = {.name = "seal", .arguments = "", .summary = "make a server forget its keys now",
    .about = "The keyer wipes every key and starts anew without them; the api process drops its store and answers 503 until\n"
             "'bulwark unseal'. Load balancers go on as they were. For when a machine may be in the wrong hands.\n\n"
             "Example:\n  bulwark seal && bulwark unseal --status",
    .options = seal_options, .option_count = BW_COUNT(seal_options), .run = seal_run};
