/* The seal file: a line that says what it is, the length of the facts (4 bytes, big-endian), the facts, the sealed keyring. */
#include "keyer/unseal.h"

enum { LENGTH = 4 };
static const struct bw_str magic = {"bulwark seal 1\n", 15};

static const struct bw_field fields[] = {
    BW_FIELD(1, STR, struct bw_seal_facts, kind),
    BW_FIELD(2, STR, struct bw_seal_facts, wrapped),
    BW_FIELD(3, STR, struct bw_seal_facts, salt),
    BW_FIELD(4, I64, struct bw_seal_facts, memory_kib),
    BW_FIELD(5, I64, struct bw_seal_facts, passes),
    BW_FIELD(6, I64, struct bw_seal_facts, threshold),
    BW_FIELD(7, I64, struct bw_seal_facts, shares),
    BW_FIELD(8, STR, struct bw_seal_facts, key_name),
    BW_FIELD(9, STRS, struct bw_seal_facts, share_digests),
    BW_FIELD(10, STR, struct bw_seal_facts, module),
    BW_FIELD(11, STR, struct bw_seal_facts, token),
    BW_FIELD(12, STR, struct bw_seal_facts, label),
    BW_FIELD(13, STR, struct bw_seal_facts, pin_file),
    BW_FIELD(14, STR, struct bw_seal_facts, endpoint),
    BW_FIELD(15, STR, struct bw_seal_facts, region),
    BW_FIELD(16, STR, struct bw_seal_facts, key_id),
    BW_FIELD(17, STR, struct bw_seal_facts, credentials_file),
    BW_FIELD(18, STR, struct bw_seal_facts, ca_file),
    BW_FIELD(19, STR, struct bw_seal_facts, tpm),
    BW_FIELD(20, I64, struct bw_seal_facts, pcrs),
};
static const struct bw_record facts_record = BW_RECORD("seal", struct bw_seal_facts, fields);

void bw_seal_encode(const struct bw_seal_facts *facts, const struct bw_secret *root, const struct bw_keyring *ring, struct bw_buf *out)
{
	struct bw_buf text;

	bw_buf_init(&text, BW_SEAL_FILE_MAX);
	bw_record_encode(&facts_record, facts, &text);
	MUST(!text.failed);
	bw_buf_put(out, magic);
	for (size_t i = 0; i < LENGTH; i++)
		bw_buf_put_c(out, (char)(text.n >> 8 * (LENGTH - 1 - i) & 255));
	bw_buf_put(out, bw_buf_str(&text));
	bw_keyring_seal(ring, root, bw_buf_str(&text), out);
	bw_buf_free(&text);
}

static enum bw_err split(struct bw_str bytes, struct bw_str *facts, struct bw_str *keyring)
{
	struct bw_str left = bw_str_sub(bytes, magic.n, bytes.n);
	size_t n = 0;

	CHECK(bytes.n <= BW_SEAL_FILE_MAX && bw_str_starts(bytes, magic) && left.n >= LENGTH, BW_ECORRUPT);
	for (size_t i = 0; i < LENGTH; i++)
		n = n << 8 | (unsigned char)left.p[i];
	left = bw_str_sub(left, LENGTH, left.n);
	CHECK(n <= left.n, BW_ECORRUPT);
	*facts = bw_str_sub(left, 0, n);
	*keyring = bw_str_sub(left, n, left.n);
	return BW_OK;
}

enum bw_err bw_seal_decode(struct bw_str bytes, struct bw_arena *arena, struct bw_seal_facts *facts)
{
	struct bw_str text, keyring;

	TRY(split(bytes, &text, &keyring));
	TRY(bw_record_decode(&facts_record, text, arena, facts));
	return bw_unseal_kind(facts->kind) ? BW_OK : BW_ECORRUPT;
}

enum bw_err bw_seal_open_file(struct bw_str bytes, const struct bw_secret *root, struct bw_keyring *ring)
{
	struct bw_str text, keyring;

	*ring = (struct bw_keyring){0};
	TRY(split(bytes, &text, &keyring));
	return bw_keyring_open(keyring, root, text, ring);
}
