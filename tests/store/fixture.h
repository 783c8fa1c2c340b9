/* A store in a temporary folder, and short words for what the tests do with it. */
#pragma once

#include "test.h"
#include "store/store.h"

struct fixture {
	char folder[64], data[80], root_key[80];
	struct bw_store_config config;
	struct bw_store *store;
	struct bw_arena arena;
};

/* A fresh folder with an open store. */
void fixture_open(struct fixture *f);
/* Closes the store and removes the folder. */
void fixture_close(struct fixture *f);
void fixture_close_store(struct fixture *f);
void fixture_reopen(struct fixture *f);

enum bw_err put_one(struct fixture *f, struct bw_str key, struct bw_str value);
enum bw_err delete_one(struct fixture *f, struct bw_str key);
enum bw_err count_one(struct fixture *f, struct bw_str key, int64_t delta, int64_t max);
/* In a snapshot of its own; the value lives in the fixture's arena. */
enum bw_err get_one(struct fixture *f, struct bw_str key, struct bw_str *value, uint64_t *version);
uint64_t version_of(struct fixture *f, struct bw_str key);
int64_t count_of(struct fixture *f, struct bw_str key);
