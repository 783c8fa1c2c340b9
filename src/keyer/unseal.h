/* How the root key is kept: a table of kinds, and the seal file, which says what a data folder is sealed with.
 *
 * The seal file lies in the data folder. Its facts (kind, parameters, the wrapped root key) can be read by whoever reads the
 * folder; they are the associated data of the keyring (keyring.h) behind them, so that a file of which one is changed is
 * opened by no root key. */
#pragma once

#include "keyer/keyring.h"
#include "store/record.h"

enum {
	BW_SEAL_FILE_MAX = 32 * 1024, /* the longest facts are 32 shares' digests and a wrapped key: some thousand bytes */
	BW_SEAL_WORDS_MAX = 32,       /* what people say to open one seal: a share each */
	BW_SEAL_WORD_MAX = 1024,      /* a passphrase; a share is some hundred bytes */
	BW_PASSPHRASE_MIN = 12,       /* with less of it even Argon2id buys little time */
};

/* What the kinds need to know, each its own part. */
struct bw_seal_facts {
	struct bw_str kind;
	struct bw_str wrapped;       /* passphrase, and whoever else wraps: the root key */
	struct bw_str salt;          /* passphrase */
	int64_t memory_kib, passes;
	int64_t threshold, shares;   /* shamir */
	struct bw_str key_name;      /* tells this root key's shares from another's; this TPM from another */
	struct bw_strs share_digests; /* so that a wrong share is told as soon as it is said */
	struct bw_str module, token, label, pin_file; /* pkcs11 (tpm2: pin_file): absolute paths, the token's label, the key's */
	struct bw_str endpoint, region, key_id, credentials_file, ca_file; /* kms */
	struct bw_str tpm; /* tpm2: how it is reached (crypto/tpm.h) */
	int64_t pcrs;      /* tpm2: a bit each */
};

/* A making: what was asked for, and what the people get. */
struct bw_seal_make {
	struct bw_arena *arena; /* wiped by the caller */
	const struct bw_secret *root;
	struct bw_str root_key_path; /* file */
	struct bw_str passphrase;    /* passphrase */
	int64_t memory_kib, passes;  /* 0: the usual cost */
	int64_t threshold, shares;   /* shamir */
	struct bw_seal_facts wanted; /* pkcs11, tpm2, kms: what they go by, as it will stand in the facts */
	struct bw_strs told;         /* shamir: the shares, to be shown once */
};

struct bw_unseal_kind {
	const char *name;
	const char *asks; /* what people are asked for: "passphrase"; NULL: it opens without people */
	/* Keeps the root key as the kind does, and fills the facts (not `kind`). BW_EINVAL: parameters out of their ranges. Others
	 * are logged. */
	enum bw_err (*make)(struct bw_seal_make *m, struct bw_seal_facts *facts);
	/* With people: the root key out of their words. BW_EAGAIN: right so far, more are wanted; BW_EPERM: wrong; BW_EINVAL: the
	 * last word is none of the kind; BW_EEXISTS: it was said already; BW_ECORRUPT: facts out of their ranges. Computes only. The
	 * owner frees `root`, of 32 bytes, allocated by the caller. */
	enum bw_err (*open)(const struct bw_seal_facts *facts, const struct bw_strs *words, struct bw_secret *root);
	/* Without: finds it, wherever that is. Opens files, sockets and libraries: never inside the keyer's sandbox. Logged. The
	 * caller frees `root`. */
	enum bw_err (*find)(const struct bw_seal_facts *facts, struct bw_str root_key_path, struct bw_secret *root);
	/* It reads one file of this machine's user and nothing else: no code of others, nothing from elsewhere. Then a starting keyer
	 * need not have another process find it. */
	bool near;
};
/* A kind that stands above keyer/ in the ranks, as a row gathered by the linker: BW_UNSEAL_KIND(kms, .name = "kms", ...); */
#define BW_UNSEAL_KIND(id, ...)                                                                                   \
	static const struct bw_unseal_kind id = {__VA_ARGS__};                                                    \
	static const struct bw_unseal_kind *const id##_kind_ref __attribute__((used, section("bw_unseal_kinds"))) = &id

/* NULL: there is no such kind. */
const struct bw_unseal_kind *bw_unseal_kind(struct bw_str name);
/* The names, for messages: "file, passphrase, ...". */
struct bw_str bw_unseal_names(struct bw_arena *a);
/* How many words people have to say. */
int64_t bw_unseal_wanted(const struct bw_seal_facts *facts);

/* The bytes of a seal file. */
void bw_seal_encode(const struct bw_seal_facts *facts, const struct bw_secret *root, const struct bw_keyring *ring, struct bw_buf *out);
/* The facts, which nobody has authenticated yet; lists live in the arena, texts point into the bytes. BW_ECORRUPT: it is no seal
 * file, or not of this version. */
BW_CHECKED enum bw_err bw_seal_decode(struct bw_str bytes, struct bw_arena *arena, struct bw_seal_facts *facts);
/* The keyring; the owner frees. BW_EPERM: another root key's, or some byte was changed. BW_ECORRUPT: it is no seal file. */
BW_CHECKED enum bw_err bw_seal_open_file(struct bw_str bytes, const struct bw_secret *root, struct bw_keyring *ring);
