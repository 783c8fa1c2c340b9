/* Opening a data folder without serving: to make it, and to say that it is the one. */
#include <stdio.h>
#include <sys/stat.h>

#include "bin/anchor.h"
#include "bin/api.h"
#include "bin/seal.h"

/* The keys of the folder, which is sealed first when it is new. */
static int keyring_ready(const struct parsed *p, struct place *place, struct bw_keyring *ring)
{
	struct bw_secret root;
	struct bw_str file;
	int refused = seal_ready(p, place, &root);
	enum bw_err e;

	if (refused)
		return refused;
	if (!root.n)
		return seal_open_here(place, ring) ? 0 : 1;
	e = seal_read(place, &place->arena, &file);
	if (e == BW_OK)
		e = bw_seal_open_file(file, &root, ring);
	bw_secret_free(&root);
	return e == BW_OK ? 0 : 1;
}

/* Opens the folder as the first start does; `accept`: as the one that its anchor is bound to from now on. */
static int folder_open(const struct parsed *p, bool accept)
{
	struct api api;
	static struct place place;
	static struct anchor_process anchor;
	struct bw_core *core;
	struct bw_first_start first;
	struct bw_keyring ring;
	int refused = api_prepare(p, &api, &place);

	umask(077);
	if (refused || (refused = anchor_choose(p, &place, &anchor)) || (refused = keyring_ready(p, &place, &ring)))
		return refused;
	if (anchor_fork(&anchor) != BW_OK)
		return 1;
	api.core.anchor = anchor_of(&anchor);
	api.core.anchor_accept = accept;
	api.core.store_key = seal_store_key;
	api.core.store_key_ctx = &ring;
	api.listen[api.listen_count++] = BW_STR("127.0.0.1:4566");
	if (api_open(&api, &core, &first) != BW_OK)
		return 1;
	if (bw_store_checked(bw_core_store(core)) != BW_OK) {
		bw_core_close(core);
		return 1;
	}
	if (first.made)
		printf("Made account %.*s in %.*s.\nThe administrator's keys and the root user's one-time password: %.*s/credentials\n",
		    BW_FMT(first.account), BW_FMT(place.data), BW_FMT(place.data));
	if (first.made && !option_get(p, "seal"))
		printf("The root key: %.*s (keep a copy; without it the data cannot be read)\n", BW_FMT(place.root_key));
	if (!first.made && accept)
		printf("%.*s is the data folder from now on%s.\n", BW_FMT(place.data), api.core.anchor ? ", bound to its anchor" : ", bound to no anchor");
	else if (!first.made)
		printf("%.*s holds account %.*s already.\n", BW_FMT(place.data), BW_FMT(bw_core_account(core)));
	bw_core_close(core);
	bw_keyring_free(&ring);
	bw_arena_free(&place.arena);
	return 0;
}

int init_run(const struct parsed *p)
{
	return folder_open(p, false);
}

int accept_run(const struct parsed *p)
{
	return folder_open(p, true);
}
