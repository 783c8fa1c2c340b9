/* A store in a temporary folder, and short words for what the tests do with it. */
#pragma once

#include "test.h"
#include "store/store.h"

struct fixture {
	char folder[64], data[80];
	unsigned char main_key[32]; /* the store's key is derived of */
	struct bw_store_config config;
	struct bw_store *store;
	struct bw_arena arena;
};

/* For a store's config: what derives its key of a main key, which differs by generation. ctx: 32 bytes. */
enum bw_err key_of_main(void *ctx, struct bw_str salt, uint32_t *generation, unsigned char out[32]);
/* A fresh folder with an open store. */
void fixture_open(struct fixture *f);
/* Closes the store and removes the folder. */
void fixture_close(struct fixture *f);
void fixture_close_store(struct fixture *f);
void fixture_reopen(struct fixture *f);

/* Opens a store that was tampered with: it can be read, nothing is written, and whoever asks is told; each time anew. */
void fixture_open_tampered(struct fixture *f);

enum bw_err put_one(struct fixture *f, struct bw_str key, struct bw_str value);
enum bw_err delete_one(struct fixture *f, struct bw_str key);
enum bw_err count_one(struct fixture *f, struct bw_str key, int64_t delta, int64_t max);
/* In a snapshot of its own; the value lives in the fixture's arena. */
enum bw_err get_one(struct fixture *f, struct bw_str key, struct bw_str *value, uint64_t *version);
uint64_t version_of(struct fixture *f, struct bw_str key);
int64_t count_of(struct fixture *f, struct bw_str key);
