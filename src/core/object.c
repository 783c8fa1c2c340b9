#include "core/object.h"

#include "core/internal.h"
#include "crypto/crypto.h"

static const struct bw_str prefix = {"/_bulwark/object/", 17};

extern const struct bw_object_keeper *const __start_bw_object_keepers[] __attribute__((weak));
extern const struct bw_object_keeper *const __stop_bw_object_keepers[] __attribute__((weak));

static const struct bw_object_keeper *keeper_find(struct bw_str service)
{
	size_t n =
	    __start_bw_object_keepers ? (size_t)(__stop_bw_object_keepers - __start_bw_object_keepers) : 0;

	for (size_t i = 0; i < n; i++)
		if (bw_str_eq(service, bw_str_c(__start_bw_object_keepers[i]->service)))
			return __start_bw_object_keepers[i];
	return NULL;
}

/* Over the path and the time: neither can be another's. */
static struct bw_str sign(
    struct bw_core *core, struct bw_str path, struct bw_str expires, struct bw_arena *arena)
{
	struct bw_str text = bw_arena_printf(arena, "%.*s\n%.*s", BW_FMT(path), BW_FMT(expires)), out;
	unsigned char key[32], mac[32];
	struct bw_hmac_key keyed;
	struct bw_buf hex;

	bw_store_derive(core->store, BW_STR("object-urls"), key);
	bw_hmac_key(&keyed, bw_str_make(key, sizeof key));
	bw_hmac(&keyed, text, mac);
	bw_wipe(key, sizeof key);
	bw_wipe(&keyed, sizeof keyed);
	bw_buf_init(&hex, 2 * sizeof mac);
	bw_buf_put_hex(&hex, mac, sizeof mac);
	out = bw_arena_str(arena, bw_buf_str(&hex));
	bw_buf_free(&hex);
	return out;
}

struct bw_str bw_object_url(struct bw_call *call, struct bw_str name, int64_t seconds)
{
	struct bw_str path = bw_arena_printf(call->arena, "%.*s%s/%.*s/%.*s/%.*s", BW_FMT(prefix),
	    call->service->name, BW_FMT(call->account), BW_FMT(call->region), BW_FMT(name));
	struct bw_str expires =
	    bw_arena_printf(call->arena, "%lld", (long long)(call->now_ms / 1000 + seconds));
	struct bw_str signature = sign(call->core, path, expires, call->arena);

	return bw_arena_printf(call->arena, "%s://%.*s%.*s?expires=%.*s&signature=%.*s",
	    call->exchange->tls ? "https" : "http", BW_FMT(call->exchange->request->host), BW_FMT(path),
	    BW_FMT(expires), BW_FMT(signature));
}

/* "expires=N&signature=HEX", in this one spelling. */
static bool permitted(struct bw_core *core, const struct bw_http_request *r, struct bw_arena *arena)
{
	struct bw_str signature = r->query, expires = bw_str_cut(&signature, '&');
	int64_t until_s;

	if (!bw_str_starts(expires, BW_STR("expires=")) || !bw_str_starts(signature, BW_STR("signature=")))
		return false;
	expires = bw_str_sub(expires, strlen("expires="), expires.n);
	signature = bw_str_sub(signature, strlen("signature="), signature.n);
	if (!bw_str_eq_secret(signature, sign(core, r->path, expires, arena)))
		return false;
	return bw_str_to_i64(expires, 0, INT64_MAX / 1000, &until_s) == BW_OK &&
	       bw_clock_wall_ms() < until_s * 1000;
}

static enum bw_err object_read(struct bw_core *core, struct bw_str path, struct bw_arena *arena,
    struct bw_str *bytes, const struct bw_object_keeper **keeper)
{
	struct bw_str name = bw_str_sub(path, prefix.n, path.n), service = bw_str_cut(&name, '/');
	struct bw_str account = bw_str_cut(&name, '/'), region = bw_str_cut(&name, '/');
	struct bw_snapshot *view;
	enum bw_err e;

	*keeper = keeper_find(service);
	CHECK(*keeper && bw_str_set(name), BW_ENOTFOUND);
	TRY(bw_snapshot_begin(core->store, &view));
	e = (*keeper)->read(core, view, arena, account, region, name, bytes);
	bw_snapshot_end(view);
	return e;
}

static void refuse(struct bw_http_exchange *x, int status, struct bw_str words)
{
	bw_http_respond(
	    x, status, BW_STR("Content-Type: application/json\r\nCache-Control: no-store\r\n"), words, false);
}

bool object_request(struct bw_lane *lane, struct bw_http_exchange *x)
{
	const struct bw_object_keeper *keeper;
	struct bw_arena arena;
	struct bw_str bytes;
	enum bw_err e;

	if (!bw_str_starts(x->request->path, prefix))
		return false;
	bw_arena_init(&arena, BW_CALL_ARENA_MAX);
	if (!bw_str_eq(x->request->method, BW_STR("GET"))) {
		refuse(x, 405, BW_STR("{\"message\":\"GET fetches an object.\"}\n"));
	} else if (!permitted(lane->core, x->request, &arena)) {
		refuse(x, 403,
		    BW_STR("{\"message\":\"The URL is not signed by this server, or has expired.\"}\n"));
	} else if ((e = object_read(lane->core, x->request->path, &arena, &bytes, &keeper)) != BW_OK) {
		refuse(
		    x, e == BW_ENOTFOUND ? 404 : 500, BW_STR("{\"message\":\"There is no such object.\"}\n"));
	} else {
		struct bw_str headers = bw_arena_printf(&arena,
		    "Content-Type: %s\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n",
		    keeper->content_type);

		bw_http_respond(x, 200, headers, bytes, false);
	}
	bw_arena_free(&arena);
	return true;
}
