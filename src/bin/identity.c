#include "bin/identity.h"

#include <errno.h>
#include <string.h>

#include "base/sys.h"
#include "bin/place.h"
#include "crypto/crypto.h"
#include "store/record.h"

/* bw_ca_issue's certificates hold 397 days. */
static const int64_t renew_after_ms = (INT64_C(397) - 30) * 24 * 3600 * 1000;

enum { PEM_FILE_MAX = 65536 };

struct tls_record {
	struct bw_str ca_cert, ca_key, cert, key;
	struct bw_strs names;
	int64_t issued_ms;
};

static const struct bw_field tls_fields[] = {
    BW_FIELD(1, STR, struct tls_record, ca_cert),
    BW_FIELD(2, STR, struct tls_record, ca_key),
    BW_FIELD(3, STR, struct tls_record, cert),
    BW_FIELD(4, STR, struct tls_record, key),
    BW_FIELD(5, STRS, struct tls_record, names),
    BW_FIELD(6, I64, struct tls_record, issued_ms),
};
static const struct bw_record tls_record = BW_RECORD("tls", struct tls_record, tls_fields);

#define TLS_KEY BW_STR("-/global/core/tls/api")

static enum bw_err record_load(struct bw_store *store, struct bw_arena *arena, struct tls_record *r)
{
	struct bw_snapshot *view;
	struct bw_str bytes;
	enum bw_err e;

	TRY(bw_snapshot_begin(store, &view));
	e = bw_snapshot_get(view, TLS_KEY, arena, &bytes, NULL);
	bw_snapshot_end(view);
	if (e == BW_ENOTFOUND) {
		*r = (struct tls_record){0};
		return BW_OK;
	}
	TRY(e);
	return bw_record_decode(&tls_record, bytes, arena, r);
}

static enum bw_err record_save(struct bw_store *store, struct bw_arena *arena, const struct tls_record *r)
{
	struct bw_batch batch;
	struct bw_buf bytes;

	bw_buf_init(&bytes, BW_STORE_VALUE_MAX);
	bw_record_encode(&tls_record, r, &bytes);
	bw_batch_init(&batch, arena);
	bw_batch_put(&batch, TLS_KEY, bw_arena_str(arena, bw_buf_str(&bytes)));
	bw_buf_free(&bytes);
	return bw_store_commit_wait(store, &batch);
}

static bool same_names(const struct bw_strs *held, const struct bw_str *names, size_t n)
{
	if (held->n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!bw_str_eq(held->v[i], names[i]))
			return false;
	return true;
}

static struct bw_str taken(struct bw_arena *arena, struct bw_buf *b)
{
	struct bw_str s = bw_arena_str(arena, bw_buf_str(b));

	bw_buf_free(b);
	return s;
}

static enum bw_err renew(struct bw_arena *arena, const struct bw_str *names, size_t n, int64_t now_ms, struct tls_record *r)
{
	struct bw_buf cert, key;

	bw_buf_init(&cert, 65536);
	bw_buf_init(&key, 65536);
	if (!bw_str_set(r->ca_cert)) {
		TRY(bw_ca_make(BW_STR("Bulwark private CA"), now_ms, &cert, &key));
		r->ca_cert = taken(arena, &cert);
		r->ca_key = taken(arena, &key);
	}
	TRY(bw_ca_issue(r->ca_cert, r->ca_key, names, n, now_ms, &cert, &key));
	r->cert = taken(arena, &cert);
	r->key = taken(arena, &key);
	r->issued_ms = now_ms;
	r->names = (struct bw_strs){0};
	for (size_t i = 0; i < n; i++)
		bw_strs_add(&r->names, arena, names[i]);
	return BW_OK;
}

enum bw_err identity_load(struct bw_store *store, struct bw_str data, const struct bw_str *names, size_t name_count,
    int64_t now_ms, struct bw_arena *arena, struct identity *out)
{
	struct tls_record r;

	TRY(record_load(store, arena, &r));
	if (!bw_str_set(r.cert) || !same_names(&r.names, names, name_count) || now_ms - r.issued_ms > renew_after_ms) {
		TRY(renew(arena, names, name_count, now_ms, &r));
		TRY(record_save(store, arena, &r));
	}
	TRY(file_keep(bw_arena_printf(arena, "%.*s/ca.pem", BW_FMT(data)).p, r.ca_cert, 0644));
	*out = (struct identity){r.ca_cert, r.cert, r.key};
	return BW_OK;
}

static enum bw_err pem_read(const char *option, const char *path, struct bw_arena *arena, struct bw_str *out)
{
	enum bw_err e = file_read(path, PEM_FILE_MAX, arena, out);

	if (e != BW_OK)
		bw_log(BW_LOG_ERROR, "--%s %s: cannot be read (%s)", option, path,
		    e == BW_ETOOBIG ? bw_err_name(e) : strerror(errno));
	return e;
}

enum bw_err identity_read(const char *cert, const char *key, struct bw_arena *arena, struct identity *out)
{
	TRY(pem_read("tls-cert", cert, arena, &out->cert));
	return pem_read("tls-key", key, arena, &out->key);
}
