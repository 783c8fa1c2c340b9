#include "core/trail_format.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/sys.h"

static const char segment_magic[16] = "BULWARK TRAIL 1\n";
enum {
	BLOCK_MAGIC = 0x314b4c42,
};

static unsigned char *put_u32(unsigned char *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, 4);
	return p + 4;
}

static unsigned char *put_u64(unsigned char *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, 8);
	return p + 8;
}

static uint32_t get_u32(const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return le32toh(v);
}

static uint64_t get_u64(const unsigned char *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return le64toh(v);
}

static void chain_add(unsigned char chain[32], struct bw_str a, struct bw_str b)
{
	struct bw_sha256_ctx c;

	bw_sha256_begin(&c);
	bw_sha256_add(&c, bw_str_make(chain, 32));
	bw_sha256_add(&c, a);
	bw_sha256_add(&c, b);
	bw_sha256_end(&c, chain);
}

static void place_enter(
    struct trail_place *at, uint64_t segment, const unsigned char header[TRAIL_HEADER_BYTES])
{
	at->segment = segment;
	at->offset = TRAIL_HEADER_BYTES;
	chain_add(at->chain, bw_str_make(header, TRAIL_HEADER_BYTES), BW_STR_NONE);
}

void trail_header_encode(struct trail_place *at, int64_t made_ms, unsigned char out[TRAIL_HEADER_BYTES])
{
	unsigned char *p = out;

	memcpy(p, segment_magic, sizeof segment_magic);
	p = put_u64(p + sizeof segment_magic, at->segment + 1);
	p = put_u64(p, (uint64_t)made_ms);
	p = put_u64(p, at->blocks);
	p = put_u64(p, at->records);
	memcpy(p, at->chain, sizeof at->chain);
	place_enter(at, at->segment + 1, out);
}

enum bw_err trail_header_decode(
    const unsigned char in[TRAIL_HEADER_BYTES], struct trail_place *before, int64_t *made_ms)
{
	uint64_t number = get_u64(in + 16);

	CHECK(memcmp(in, segment_magic, sizeof segment_magic) == 0 && number > 0, BW_ECORRUPT);
	*made_ms = (int64_t)get_u64(in + 24);
	*before = (struct trail_place){.segment = number - 1,
	    .time_ms = *made_ms,
	    .blocks = get_u64(in + 32),
	    .records = get_u64(in + 40)};
	memcpy(before->chain, in + 48, sizeof before->chain);
	return BW_OK;
}

void trail_block_encode(const struct trail_block *b, unsigned char out[TRAIL_BLOCK_HEADER_BYTES])
{
	unsigned char *p = put_u32(out, b->sealed_n);

	p = put_u32(p, b->plain_n);
	p = put_u32(p, b->records);
	p = put_u32(p, BLOCK_MAGIC);
	p = put_u64(p, (uint64_t)b->time_ms);
	put_u64(p, b->first_record);
}

enum bw_err trail_block_decode(const unsigned char in[TRAIL_BLOCK_HEADER_BYTES], struct trail_block *b)
{
	*b = (struct trail_block){.sealed_n = get_u32(in),
	    .plain_n = get_u32(in + 4),
	    .records = get_u32(in + 8),
	    .time_ms = (int64_t)get_u64(in + 16),
	    .first_record = get_u64(in + 24)};
	CHECK(get_u32(in + 12) == BLOCK_MAGIC, BW_ECORRUPT);
	CHECK(b->sealed_n > BW_AEAD_OVERHEAD && b->sealed_n <= TRAIL_SEALED_MAX, BW_ECORRUPT);
	CHECK(b->plain_n > 0 && b->plain_n <= TRAIL_PLAIN_MAX, BW_ECORRUPT);
	CHECK(b->records > 0 && b->records <= b->plain_n / 4, BW_ECORRUPT);
	return BW_OK;
}

enum { AAD_BYTES = 16 + 32 + TRAIL_BLOCK_HEADER_BYTES };

static struct bw_str block_aad(
    const struct trail_place *at, const unsigned char *header, unsigned char aad[AAD_BYTES])
{
	unsigned char *p = put_u64(put_u64(aad, at->segment), at->offset);

	memcpy(p, at->chain, 32);
	memcpy(p + 32, header, TRAIL_BLOCK_HEADER_BYTES);
	return bw_str_make(aad, AAD_BYTES);
}

void trail_block_seal(struct bw_aead_key *key, const struct trail_place *at,
    const unsigned char header[TRAIL_BLOCK_HEADER_BYTES], struct bw_str frame, struct bw_buf *out)
{
	unsigned char aad[AAD_BYTES];

	bw_buf_put(out, bw_str_make(header, TRAIL_BLOCK_HEADER_BYTES));
	bw_aead_seal(key, block_aad(at, header, aad), frame, out);
}

enum bw_err trail_block_open(struct bw_aead_key *key, const struct trail_place *at,
    const unsigned char header[TRAIL_BLOCK_HEADER_BYTES], struct bw_str sealed, struct bw_arena *arena,
    struct bw_str *frame)
{
	unsigned char aad[AAD_BYTES];

	return bw_aead_open(key, block_aad(at, header, aad), sealed, arena, frame);
}

void trail_place_pass(struct trail_place *at, const struct trail_block *b,
    const unsigned char header[TRAIL_BLOCK_HEADER_BYTES], struct bw_str sealed)
{
	chain_add(at->chain, bw_str_make(header, TRAIL_BLOCK_HEADER_BYTES), sealed);
	at->offset += TRAIL_BLOCK_HEADER_BYTES + sealed.n;
	at->blocks++;
	at->records += b->records;
	at->time_ms = b->time_ms;
}

void trail_segment_name(uint64_t number, char out[TRAIL_NAME_BYTES])
{
	snprintf(out, TRAIL_NAME_BYTES, "%012llu.trail", (unsigned long long)number);
}

/* Zero when the name is not exactly that of a segment. */
static uint64_t segment_number(const char *name)
{
	char same[TRAIL_NAME_BYTES];
	struct bw_str digits = bw_str_c(name);
	int64_t number;

	if (!bw_str_ends(digits, BW_STR(".trail")))
		return 0;
	if (bw_str_to_i64(bw_str_sub(digits, 0, digits.n - 6), 1, INT64_MAX, &number) != BW_OK)
		return 0;
	trail_segment_name((uint64_t)number, same);
	return strcmp(name, same) == 0 ? (uint64_t)number : 0;
}

enum bw_err trail_segments_find(int dir_fd, uint64_t *first, uint64_t *last)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	*first = *last = 0;
	if (!dir) {
		bw_log(BW_LOG_ERROR, "audit trail: cannot list its folder: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return BW_EIO;
	}
	while ((e = readdir(dir)) != NULL) {
		uint64_t n = segment_number(e->d_name);

		if (n && (*first == 0 || n < *first))
			*first = n;
		if (n > *last)
			*last = n;
	}
	closedir(dir);
	return BW_OK;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The kernel's random id of this boot; zeros, which equal no promise, where there is none to read. */
void trail_boot_read(unsigned char boot[TRAIL_BOOT_BYTES])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	char text[64] = "";
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
	size_t digits = 0;

	memset(boot, 0, TRAIL_BOOT_BYTES);
	if (fd >= 0)
		close(fd);
	for (ssize_t i = 0; i < n && digits < 2 * TRAIL_BOOT_BYTES; i++) {
		int v = hex_value(text[i]);

		if (v < 0)
			continue;
		boot[digits / 2] = (unsigned char)(boot[digits / 2] << 4 | v);
		digits++;
	}
	if (digits < 2 * TRAIL_BOOT_BYTES)
		memset(boot, 0, TRAIL_BOOT_BYTES);
}

static struct bw_str slot_aad(enum trail_slot slot)
{
	if (slot == TRAIL_REMOVED)
		return BW_STR("trail head removed");
	return slot == TRAIL_DURABLE ? BW_STR("trail head durable") : BW_STR("trail head written");
}

enum bw_err trail_mark_write(
    int head_fd, struct bw_aead_key *key, enum trail_slot slot, const struct trail_mark *mark)
{
	unsigned char plain[TRAIL_MARK_BYTES], *p = plain;
	struct bw_buf sealed;
	enum bw_err err;

	p = put_u64(put_u64(p, mark->at.segment), mark->at.offset);
	p = put_u64(put_u64(p, mark->at.blocks), mark->at.records);
	p = put_u64(p, (uint64_t)mark->at.time_ms);
	memcpy(p, mark->at.chain, 32);
	memcpy(p + 32, mark->boot, TRAIL_BOOT_BYTES);
	bw_buf_init(&sealed, TRAIL_SLOT_BYTES);
	bw_aead_seal(key, slot_aad(slot), bw_str_make(plain, sizeof plain), &sealed);
	MUST(!sealed.failed && sealed.n == TRAIL_SLOT_BYTES);
	err = trail_pwrite(head_fd, sealed.p, sealed.n, (uint64_t)slot * TRAIL_SLOT_BYTES);
	bw_buf_free(&sealed);
	return err;
}

static enum bw_err mark_read_once(
    int head_fd, struct bw_aead_key *key, enum trail_slot slot, struct trail_mark *mark)
{
	unsigned char sealed[TRAIL_SLOT_BYTES];
	struct bw_arena arena;
	struct bw_str plain;
	enum bw_err err = trail_pread(head_fd, sealed, sizeof sealed, (uint64_t)slot * TRAIL_SLOT_BYTES);
	const unsigned char *p;

	CHECK(err != BW_EAGAIN, BW_ECORRUPT);
	TRY(err);
	bw_arena_init(&arena, 4096);
	err = bw_aead_open(key, slot_aad(slot), bw_str_make(sealed, sizeof sealed), &arena, &plain);
	if (err == BW_OK) {
		p = (const unsigned char *)plain.p;
		mark->at = (struct trail_place){.segment = get_u64(p),
		    .offset = get_u64(p + 8),
		    .blocks = get_u64(p + 16),
		    .records = get_u64(p + 24),
		    .time_ms = (int64_t)get_u64(p + 32)};
		memcpy(mark->at.chain, p + 40, 32);
		memcpy(mark->boot, p + 72, TRAIL_BOOT_BYTES);
	}
	bw_arena_free(&arena);
	return err;
}

enum bw_err trail_mark_read(
    int head_fd, struct bw_aead_key *key, enum trail_slot slot, struct trail_mark *mark)
{
	enum bw_err err = BW_ECORRUPT;

	for (int tries = 0; tries < 6 && err == BW_ECORRUPT; tries++) {
		if (tries)
			nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
		err = mark_read_once(head_fd, key, slot, mark);
	}
	return err;
}

enum bw_err trail_pread_most(int fd, void *to, size_t n, uint64_t offset, size_t *got)
{
	ssize_t r = 1;

	for (*got = 0; *got < n && r != 0; *got += r > 0 ? (size_t)r : 0) {
		r = pread(fd, (char *)to + *got, n - *got, (off_t)(offset + *got));
		if (r >= 0 || errno == EINTR)
			continue;
		bw_log(BW_LOG_ERROR, "audit trail: reading: %s", strerror(errno));
		return BW_EIO;
	}
	return BW_OK;
}

enum bw_err trail_pread(int fd, void *to, size_t n, uint64_t offset)
{
	size_t got;

	TRY(trail_pread_most(fd, to, n, offset, &got));
	return got == n ? BW_OK : BW_EAGAIN;
}

enum bw_err trail_pwrite(int fd, const void *from, size_t n, uint64_t offset)
{
	for (size_t put = 0; put < n;) {
		ssize_t r = pwrite(fd, (const char *)from + put, n - put, (off_t)(offset + put));

		if (r < 0 && errno == EINTR)
			continue;
		CHECK(r >= 0, BW_EIO);
		put += (size_t)r;
	}
	return BW_OK;
}
