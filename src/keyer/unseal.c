/* The table of kinds, and the one that needs no file of its own: the root key in a file. */
#include "keyer/unseal_internal.h"

#include "keyer/root_key.h"

static enum bw_err file_make(struct bw_seal_make *m, struct bw_seal_facts *facts)
{
	enum bw_err e = bw_root_key_write(m->root_key_path, m->root);

	(void)facts;
	if (e == BW_EEXISTS)
		bw_log(BW_LOG_ERROR, "root key %.*s: is there already, and is left as it is", BW_FMT(m->root_key_path));
	return e;
}

static enum bw_err file_find(const struct bw_seal_facts *facts, struct bw_str root_key_path, struct bw_secret *root)
{
	enum bw_err e = bw_root_key_read(root_key_path, root);

	(void)facts;
	if (e == BW_ENOTFOUND)
		bw_log(BW_LOG_ERROR, "root key %.*s: no such file, and this data folder cannot be opened without it",
		    BW_FMT(root_key_path));
	return e == BW_ENOTFOUND ? BW_EPERM : e;
}

static const struct bw_unseal_kind kinds[] = {
    {.name = "file", .make = file_make, .find = file_find, .near = true},
    {.name = "passphrase", .asks = "passphrase", .make = passphrase_make, .open = passphrase_open},
    {.name = "shamir", .asks = "share", .make = shamir_make, .open = shamir_open},
    {.name = "pkcs11", .make = pkcs11_make, .find = pkcs11_find},
    {.name = "tpm2", .make = tpm2_make, .find = tpm2_find},
};

extern const struct bw_unseal_kind *const __start_bw_unseal_kinds[] __attribute__((weak));
extern const struct bw_unseal_kind *const __stop_bw_unseal_kinds[] __attribute__((weak));

const struct bw_unseal_kind *bw_unseal_kind(struct bw_str name)
{
	for (size_t i = 0; i < BW_COUNT(kinds); i++)
		if (bw_str_eq(name, bw_str_c(kinds[i].name)))
			return &kinds[i];
	for (const struct bw_unseal_kind *const *k = __start_bw_unseal_kinds; k && k < __stop_bw_unseal_kinds; k++)
		if (bw_str_eq(name, bw_str_c((*k)->name)))
			return *k;
	return NULL;
}

struct bw_str bw_unseal_names(struct bw_arena *a)
{
	struct bw_str names = BW_STR("");

	for (size_t i = 0; i < BW_COUNT(kinds); i++)
		names = bw_arena_printf(a, "%.*s%s%s", BW_FMT(names), i ? ", " : "", kinds[i].name);
	for (const struct bw_unseal_kind *const *k = __start_bw_unseal_kinds; k && k < __stop_bw_unseal_kinds; k++)
		names = bw_arena_printf(a, "%.*s, %s", BW_FMT(names), (*k)->name);
	return names;
}

int64_t bw_unseal_wanted(const struct bw_seal_facts *facts)
{
	return facts->threshold ? facts->threshold : 1;
}
