#include "bin/keyer.h"

#include <poll.h>
#include <unistd.h>

#include "base/sys.h"
#include "keyer/keyer.h"
#include "store/root_key.h"

/* A first start makes the root key here, because the keyer starts before the store is made; a store without
 * its key is for the store to refuse. */
static enum bw_err root_key_ready(struct place *place)
{
	struct bw_str store = bw_arena_printf(&place->arena, "%.*s/data.mdb", BW_FMT(place->data));
	struct bw_secret key = {0};
	enum bw_err e = bw_root_key_read(place->root_key, &key);

	if (e == BW_ENOTFOUND && access(store.p, F_OK) != 0) {
		bw_log(BW_LOG_INFO,
		    "root key %.*s: made; keep a copy apart from the data: without it nothing can be read",
		    BW_FMT(place->root_key));
		e = bw_root_key_make(place->root_key, &key);
	}
	bw_secret_free(&key);
	if (e == BW_ENOTFOUND) {
		bw_log(BW_LOG_ERROR,
		    "root key %.*s: no such file, and this store cannot be opened without it",
		    BW_FMT(place->root_key));
		return BW_EPERM;
	}
	return e;
}

enum bw_err keyer_prepare(struct keyer_process *k, struct place *place, bool ephemeral, size_t loops)
{
	*k = (struct keyer_process){.place = place, .count = loops};
	if (ephemeral) {
		k->ephemeral_key = bw_secret_new(BW_ROOT_KEY_BYTES);
		bw_random(k->ephemeral_key.p, k->ephemeral_key.n);
	} else {
		TRY(root_key_ready(place));
	}
	for (size_t i = 0; i < loops; i++)
		TRY(bw_keyer_channel(&k->keyer_ends[i], &k->api_ends[i]));
	return BW_OK;
}

/* Tells the parent that requests are answered from now on, and stays until it says drain, or is gone. */
static void parent_obey(void *ctx)
{
	const struct bw_proc_self *self = ctx;
	struct pollfd watched = {.fd = self->channel, .events = POLLIN};
	struct bw_proc_message m;
	enum bw_err e = bw_proc_send(self->channel, BW_PROC_READY, BW_STR(""));

	while (e == BW_OK) {
		(void)poll(&watched, 1, -1);
		e = bw_proc_receive(self->channel, 1u << BW_PROC_DRAIN | 1u << BW_PROC_RELOAD, &m);
		if (e == BW_EAGAIN)
			e = BW_OK;
		else if (e == BW_OK && m.type == BW_PROC_DRAIN)
			return;
		else if (e == BW_OK)
			e = bw_proc_send(
			    self->channel, BW_PROC_READY, BW_STR("")); /* there is nothing to read again */
	}
}

static enum bw_err root_key_take(struct keyer_process *k, struct bw_secret *key)
{
	if (!k->ephemeral_key.n)
		return bw_root_key_read(k->place->root_key, key);
	*key = k->ephemeral_key;
	k->ephemeral_key = (struct bw_secret){0};
	return BW_OK;
}

int keyer_run(const struct bw_proc_self *self)
{
	struct keyer_process *k = self->ctx;
	int keep[LOOPS_MAX + 1];
	struct bw_secret key = {0};
	enum bw_err e;

	memcpy(keep, k->keyer_ends, k->count * sizeof *keep);
	keep[k->count] = self->channel;
	bw_descriptors_keep(keep, k->count + 1);
	e = root_key_take(k, &key);
	if (e == BW_OK)
		e = bw_keyer_serve(key.p, k->keyer_ends, k->count, parent_obey, (void *)(uintptr_t)self);
	else
		bw_log(BW_LOG_ERROR, "the keyer has no root key: %s", bw_err_name(e));
	_exit(e == BW_OK ? 0 : 1);
}

void keyer_forget(struct keyer_process *k, bool asks)
{
	bw_secret_free(&k->ephemeral_key);
	for (size_t i = 0; i < k->count; i++) {
		close(k->keyer_ends[i]);
		if (!asks)
			close(k->api_ends[i]);
	}
}
