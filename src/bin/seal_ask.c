/* How a root key is to be kept: what options say, and what people are asked and told. */
#include "bin/seal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "bin/words.h"
#include "crypto/crypto.h"
#include "crypto/tpm.h"

/* Secure Boot's state and what it trusts: the one that tells another system from this one, and stays over updates of it. */
#define PCRS_USUAL "7"

static int number_of(const struct parsed *p, const char *name, int64_t usual, int64_t least, int64_t most, int64_t *out)
{
	const char *given = option_get(p, name);

	*out = usual;
	if (given && bw_str_to_i64(bw_str_c(given), least, most, out) != BW_OK)
		return command_refuse(p, "--%s %s is not a number from %lld to %lld", name, given, (long long)least, (long long)most);
	return 0;
}

static int passphrase_ask(struct place *place, struct bw_seal_make *m)
{
	struct bw_secret word;

	if (!word_ask_twice("New passphrase", &word)) {
		fprintf(stderr, "bulwark: a passphrase is wanted, on the terminal or as a line of standard input\n");
		return 1;
	}
	m->passphrase = bw_arena_str(&place->arena, bw_secret_bytes(&word));
	bw_secret_free(&word);
	if (m->passphrase.n >= BW_PASSPHRASE_MIN)
		return 0;
	fprintf(stderr, "bulwark: a passphrase has at least %d characters\n", BW_PASSPHRASE_MIN);
	return 1;
}

/* What goes with which kind, and where it stands; files by their whole paths, as a server may be started from elsewhere. */
static const struct {
	const char *option, *kind;
	size_t at;
	bool needed, file;
	const char *usual;
} wants[] = {
    {"seal-module", "pkcs11", offsetof(struct bw_seal_facts, module), true, true, NULL},
    {"seal-token", "pkcs11", offsetof(struct bw_seal_facts, token), true, false, NULL},
    {"seal-label", "pkcs11", offsetof(struct bw_seal_facts, label), false, false, "bulwark-root"},
    {"seal-pin-file", "pkcs11", offsetof(struct bw_seal_facts, pin_file), true, true, NULL},
    {"seal-tpm", "tpm2", offsetof(struct bw_seal_facts, tpm), false, false, "device:/dev/tpmrm0"},
    {"seal-auth-file", "tpm2", offsetof(struct bw_seal_facts, pin_file), false, true, NULL},
    {"seal-endpoint", "kms", offsetof(struct bw_seal_facts, endpoint), true, false, NULL},
    {"seal-region", "kms", offsetof(struct bw_seal_facts, region), false, false, "us-east-1"},
    {"seal-key-id", "kms", offsetof(struct bw_seal_facts, key_id), true, false, NULL},
    {"seal-credentials", "kms", offsetof(struct bw_seal_facts, credentials_file), true, true, NULL},
    {"seal-ca", "kms", offsetof(struct bw_seal_facts, ca_file), false, true, NULL},
};

static int wants_take(const struct parsed *p, struct place *place, const char *kind, struct bw_seal_make *m)
{
	for (size_t i = 0; i < BW_COUNT(wants); i++) {
		const char *given = option_get(p, wants[i].option);
		bool mine = strcmp(kind, wants[i].kind) == 0;
		char real[PATH_MAX];

		if (given && !mine)
			return command_refuse(p, "--%s goes with --seal %s", wants[i].option, wants[i].kind);
		if (mine && wants[i].needed && !given)
			return command_refuse(p, "--seal %s wants --%s", kind, wants[i].option);
		given = given ? given : wants[i].usual;
		if (!mine || !given)
			continue;
		if (strlen(given) >= BW_SEAL_WORD_MAX)
			return command_refuse(p, "--%s is too long", wants[i].option);
		if (wants[i].file && !realpath(given, real))
			return command_refuse(p, "--%s %s: %s", wants[i].option, given, strerror(errno));
		*(struct bw_str *)(void *)((char *)&m->wanted + wants[i].at) =
		    bw_arena_str(&place->arena, bw_str_c(wants[i].file ? real : given));
	}
	return 0;
}

/* "0,2,7" or "none". */
static bool pcrs_parse(struct bw_str list, int64_t *pcrs)
{
	*pcrs = 0;
	if (bw_str_eq(list, BW_STR("none")))
		return true;
	while (bw_str_set(list)) {
		int64_t n;

		if (bw_str_to_i64(bw_str_cut(&list, ','), 0, BW_TPM_PCRS - 1, &n) != BW_OK || *pcrs & 1 << n)
			return false;
		*pcrs |= 1 << n;
	}
	return *pcrs != 0;
}

static int tpm_choose(const struct parsed *p, const char *kind, struct bw_seal_make *m)
{
	const char *pcrs = option_get(p, "seal-pcrs");
	bool mine = strcmp(kind, "tpm2") == 0;

	if (pcrs && !mine)
		return command_refuse(p, "--seal-pcrs goes with --seal tpm2");
	if (mine && !pcrs_parse(bw_str_c(pcrs ? pcrs : PCRS_USUAL), &m->wanted.pcrs))
		return command_refuse(p, "--seal-pcrs %s is neither none nor numbers from 0 to %d, each once", pcrs, BW_TPM_PCRS - 1);
	if (mine && !bw_tpm_reach_valid(m->wanted.tpm))
		return command_refuse(
		    p, "--seal-tpm %.*s is not device:FILE, swtpm:..., mssim:... or tabrmd:...", BW_FMT(m->wanted.tpm));
	return 0;
}

int seal_ask(const struct parsed *p, struct place *place, const struct bw_unseal_kind *kind, struct bw_seal_make *m)
{
	bool shamir = strcmp(kind->name, "shamir") == 0;
	int refused = wants_take(p, place, kind->name, m);

	if (refused || (refused = tpm_choose(p, kind->name, m)))
		return refused;
	if (!shamir && (option_get(p, "shares") || option_get(p, "threshold")))
		return command_refuse(p, "--shares and --threshold go with --seal shamir");
	if (shamir && (refused = number_of(p, "shares", 5, 2, BW_SEAL_WORDS_MAX, &m->shares)))
		return refused;
	if (shamir && (refused = number_of(p, "threshold", m->shares < 3 ? m->shares : 3, 2, m->shares, &m->threshold)))
		return refused;
	if (strcmp(kind->name, "passphrase") != 0)
		return option_get(p, "seal-memory") ? command_refuse(p, "--seal-memory goes with --seal passphrase") : 0;
	if ((refused = number_of(p, "seal-memory", 0, BW_PASSPHRASE_KIB_MIN / 1024, BW_PASSPHRASE_KIB_MAX / 1024, &m->memory_kib)))
		return refused;
	m->memory_kib *= 1024;
	return passphrase_ask(place, m);
}

void seal_tell(const struct bw_seal_make *m)
{
	if (!m->told.n)
		return;
	printf("The shares, shown once: give each to another person. Any %lld of them unseal this server; nobody has a copy.\n",
	    (long long)m->threshold);
	for (size_t i = 0; i < m->told.n; i++)
		printf("%.*s\n", BW_FMT(m->told.v[i]));
	fflush(stdout);
}
