#include "aws/sigv4_canonical.h"

#include "codec/form.h"
#include "codec/hex.h"
#include "codec/sort.h"
#include "codec/uri.h"

/* ---- Bytes on their way into the hash ---- */

/* Gathers short pieces, because a digest is fastest on long ones. */
struct sink {
	struct bw_sha256_ctx sha;
	size_t n;
	char bytes[512];
};

static void flush(struct sink *s)
{
	bw_sha256_add(&s->sha, bw_str_make(s->bytes, s->n));
	s->n = 0;
}

static void put(struct sink *s, struct bw_str piece)
{
	if (piece.n > sizeof s->bytes - s->n)
		flush(s);
	if (piece.n > sizeof s->bytes) {
		bw_sha256_add(&s->sha, piece);
	} else if (piece.n) {
		memcpy(s->bytes + s->n, piece.p, piece.n);
		s->n += piece.n;
	}
}

static void put_c(struct sink *s, char c)
{
	put(s, bw_str_make(&c, 1));
}

/* ---- Path ---- */

static void put_encoded_path(struct sink *s, struct bw_str path)
{
	char piece[3 * 64];

	for (size_t at = 0; at < path.n; at += sizeof piece / 3)
		put(s, bw_str_make(
		           piece, bw_uri_encode_to(bw_str_sub(path, at, sizeof piece / 3), true, piece)));
}

/* RFC 3986, section 5.2.4, without empty segments too; a slash at the end stays. */
static struct bw_str path_normalise(struct bw_str path, struct bw_arena *arena)
{
	char *out = bw_arena_alloc(arena, path.n + 2);
	struct bw_str rest = path;
	size_t n = 0;

	while (bw_str_set(rest)) {
		struct bw_str segment = bw_str_cut(&rest, '/');

		if (segment.n == 0 || bw_str_eq(segment, BW_STR(".")))
			continue;
		if (bw_str_eq(segment, BW_STR(".."))) {
			while (n > 0 && out[--n] != '/')
				;
			continue;
		}
		out[n++] = '/';
		memcpy(out + n, segment.p, segment.n);
		n += segment.n;
	}
	if (n == 0 || bw_str_ends(path, BW_STR("/")))
		out[n++] = '/';
	return bw_str_make(out, n);
}

static void put_path(struct sink *s, struct bw_str path, struct bw_arena *arena)
{
	if (bw_str_eq(path, BW_STR("/")))
		put_c(s, '/');
	else
		put_encoded_path(s, path_normalise(path, arena));
	put_c(s, '\n');
}

/* ---- Query ---- */

struct pair {
	struct bw_str name, value; /* encoded */
};

static int pair_order(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	int names = bw_str_cmp(x->name, y->name);

	return names ? names : bw_str_cmp(x->value, y->value);
}

static struct bw_str encode(struct bw_str s, struct bw_arena *arena)
{
	char *out = bw_arena_alloc(arena, 3 * s.n);

	return bw_str_make(out, bw_uri_encode_to(s, false, out));
}

/* Every parameter is decoded as the router will decode it and encoded the one way, so that what is signed is
 * what will be read. */
static enum bw_err put_query(struct sink *s, const struct sigv4_canonical *c, struct bw_arena *arena)
{
	size_t room = 1, n = 0;
	struct bw_form_reader f;
	struct pair *pairs, p;
	enum bw_err err;

	for (size_t i = 0; i < c->query.n; i++)
		room += c->query.p[i] == '&';
	if (room > BW_FORM_FIELDS_MAX)
		room = BW_FORM_FIELDS_MAX;
	pairs = BW_NEW_ARRAY(arena, struct pair, room);
	bw_form_init(&f, c->query, arena);
	while ((err = bw_form_next(&f, &p.name, &p.value)) == BW_OK)
		if (!c->presigned || !bw_str_eq(p.name, BW_STR("X-Amz-Signature")))
			pairs[n++] = (struct pair){encode(p.name, arena), encode(p.value, arena)};
	CHECK(err == BW_ENOTFOUND, err);
	bw_sort(pairs, n, sizeof *pairs, pair_order);
	for (size_t i = 0; i < n; i++) {
		if (i)
			put_c(s, '&');
		put(s, pairs[i].name);
		put_c(s, '=');
		put(s, pairs[i].value);
	}
	return BW_OK;
}

/* ---- Headers ---- */

/* Trimmed, with each run of spaces as one. */
static void put_folded(struct sink *s, struct bw_str value)
{
	value = bw_str_trim(value);
	while (bw_str_has(value, BW_STR("  "))) {
		size_t space = 0;

		while (value.p[space] != ' ' || value.p[space + 1] != ' ')
			space++;
		put(s, bw_str_sub(value, 0, space + 1));
		while (value.p[space] == ' ')
			space++;
		value = bw_str_sub(value, space, value.n);
	}
	put(s, value);
}

/* One line: "name:value,value\n", the values of all headers of that name in the order sent. */
static enum bw_err put_header(struct sink *s, const struct sigv4_canonical *c, struct bw_str name)
{
	char before = ':';

	put(s, name);
	for (size_t i = 0; i < c->header_count; i++) {
		if (!bw_str_eq_nocase(c->headers[i].name, name))
			continue;
		put_c(s, before);
		put_folded(s, c->headers[i].value);
		before = ',';
	}
	put_c(s, '\n');
	return before == ',' ? BW_OK : BW_ENOTFOUND;
}

enum bw_err sigv4_canonical_hash(const struct sigv4_canonical *c, struct bw_arena *arena, char hex[64])
{
	struct bw_str names = c->signed_headers, name;
	unsigned char digest[32];
	struct sink s;

	s.n = 0;
	bw_sha256_begin(&s.sha);
	put(&s, c->method);
	put_c(&s, '\n');
	put_path(&s, c->path, arena);
	if (c->query.n)
		TRY(put_query(&s, c, arena));
	put_c(&s, '\n');
	while (sigv4_name_next(&names, &name))
		TRY(put_header(&s, c, name));
	put_c(&s, '\n');
	put(&s, c->signed_headers);
	put_c(&s, '\n');
	put(&s, c->payload);
	flush(&s);
	bw_sha256_end(&s.sha, digest);
	bw_hex_encode(digest, sizeof digest, hex);
	return BW_OK;
}
