/* The root key as shares for people to keep: a copy that no single one of them can use. */
#include <stdio.h>

#include "base/sys.h"
#include "bin/options.h"
#include "bin/seal.h"
#include "keyer/root_key.h"
#include "keyer/share.h"

static const struct option root_key_options[] = {
    OPTION_DATA,
    OPTION_ROOT_KEY,
    {"shares", OPTION_VALUE, "N", "split: how many shares, 2 to 32 (default: 5)"},
    {"threshold", OPTION_VALUE, "K", "split: how many of them give the key back, 2 to N (default: 3)"},
};

static void share_show(const struct bw_share *s)
{
	struct bw_buf line;

	bw_buf_init(&line, BW_SHARE_TEXT_MAX);
	bw_share_print(s, &line);
	printf("%.*s\n", BW_FMT(bw_buf_str(&line)));
	bw_buf_free(&line);
}

static int number_of(const struct parsed *p, const char *name, int64_t usual, int64_t most, int64_t *out)
{
	const char *given = option_get(p, name);

	*out = usual;
	if (given && bw_str_to_i64(bw_str_c(given), 2, most, out) != BW_OK)
		return command_refuse(p, "--%s %s is not a number from 2 to %lld", name, given, (long long)most);
	return 0;
}

/* Wherever it is kept; without a data folder it is the file's. */
static bool root_read(struct place *place, struct bw_secret *root)
{
	struct bw_str file;

	if (seal_read(place, &place->arena, &file) == BW_OK)
		return seal_root(place, file, NULL, root);
	if (bw_root_key_read(place->root_key, root) == BW_OK)
		return true;
	fprintf(stderr, "bulwark: cannot read the root key %.*s\n", BW_FMT(place->root_key));
	return false;
}

static int split(const struct parsed *p, struct place *place)
{
	struct bw_share shares[BW_SHARES_OF_ROOT_MAX];
	struct bw_secret root;
	int64_t count, threshold;
	int refused = number_of(p, "shares", 5, BW_SHARES_OF_ROOT_MAX, &count);

	if (refused || (refused = number_of(p, "threshold", count < 3 ? count : 3, count, &threshold)))
		return refused;
	if (!root_read(place, &root))
		return 1;
	MUST(bw_shares_make(&root, threshold, count, shares) == BW_OK);
	for (int64_t i = 0; i < count; i++)
		share_show(&shares[i]);
	bw_wipe(shares, sizeof shares);
	bw_secret_free(&root);
	return 0;
}

/* Shares of one key, a line each, until there are enough. Says what is wrong. */
static bool shares_read(struct bw_share shares[BW_SHARES_OF_ROOT_MAX], unsigned *count)
{
	char line[BW_SHARE_TEXT_MAX];

	for (*count = 0; *count == 0 || *count < shares[0].threshold;) {
		struct bw_share *s = &shares[*count];
		struct bw_str text;

		if (!fgets(line, sizeof line, stdin)) {
			fprintf(stderr, "bulwark: %u shares are not enough\n", *count);
			return false;
		}
		text = bw_str_trim(bw_str_make(line, strcspn(line, "\r\n")));
		if (!text.n)
			continue;
		if (bw_share_parse(text, s) != BW_OK) {
			fprintf(stderr, "bulwark: share %u is not one, or has a slip in it\n", *count + 1);
			return false;
		}
		if (memcmp(s->key, shares[0].key, BW_SHARE_KEY) != 0 || s->threshold != shares[0].threshold) {
			fprintf(stderr, "bulwark: share %u belongs to another root key or splitting\n", *count + 1);
			return false;
		}
		++*count;
	}
	bw_wipe(line, sizeof line);
	return true;
}

static bool shares_join(const struct bw_share *shares, unsigned count, struct bw_secret *root)
{
	if (bw_shares_join(shares, count, root) == BW_OK)
		return true;
	fprintf(stderr, "bulwark: these shares do not give the root key back: one is there twice, or they are of different splittings\n");
	return false;
}

static int join(const struct parsed *p, struct place *place)
{
	struct bw_share shares[BW_SHARES_OF_ROOT_MAX];
	struct bw_secret root = bw_secret_new(BW_ROOT_KEY_BYTES);
	unsigned count;
	enum bw_err e = BW_EINVAL;

	(void)p;
	if (shares_read(shares, &count) && shares_join(shares, count, &root)) {
		e = bw_root_key_write(place->root_key, &root);
		if (e == BW_EEXISTS)
			fprintf(stderr, "bulwark: %.*s is there already: it is left as it is\n", BW_FMT(place->root_key));
	}
	if (e == BW_OK)
		printf("%.*s\n", BW_FMT(place->root_key));
	bw_wipe(shares, sizeof shares);
	bw_secret_free(&root);
	return e == BW_OK ? 0 : 1;
}

static int root_key_run(const struct parsed *p)
{
	static const struct {
		const char *name;
		int (*run)(const struct parsed *p, struct place *place);
	} verbs[] = {{"split", split}, {"join", join}};
	static struct place place;
	int status;

	if (p->rest_count != 1)
		return command_refuse(p, "one of split, join is wanted");
	for (size_t i = 0; i < BW_COUNT(verbs); i++) {
		if (strcmp(p->rest[0], verbs[i].name) != 0)
			continue;
		if (!place_find(p, false, &place))
			return 1;
		status = verbs[i].run(p, &place);
		bw_arena_free(&place.arena);
		return status;
	}
	return command_refuse(p, "'%s' is none of split, join", p->rest[0]);
}

const struct command command_root_key = {.name = "root-key", .arguments = "split | join",
    .summary = "the root key as shares that people keep",
    .about = "split prints shares of the root key, one a line; any --threshold of them give it back, fewer say nothing of it. join reads "
             "that many\nfrom standard input and writes the root key file, which must not be there.\n\nExamples:\n  bulwark root-key split "
             "--shares 5 --threshold 3\n  cat share-1 share-4 share-5 | bulwark root-key join",
    .options = root_key_options, .option_count = BW_COUNT(root_key_options), .run = root_key_run};
