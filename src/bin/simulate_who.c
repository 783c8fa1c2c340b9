#include "bin/simulate.h"

#include "codec/time.h"

bool simulation_principal(struct simulation *s, struct bw_str text)
{
	if (bw_policy_principal(text, &s->arena, &s->request) == BW_OK)
		return true;
	command_refuse(s->options,
	    "--principal %.*s is none of: the ARN of a user, role, session, root or identity provider; a "
	    "service "
	    "like ec2.amazonaws.com; anonymous",
	    BW_FMT(text));
	return false;
}

/* ---- Context keys ---- */

static struct bw_context_key *key_find(struct bw_context_key *keys, size_t n, struct bw_str name)
{
	for (size_t i = 0; i < n; i++)
		if (bw_str_eq_nocase(keys[i].name, name))
			return &keys[i];
	return NULL;
}

bool simulation_context(struct simulation *s)
{
	const char *const *words = option_all(s->options, "context");

	s->key_room = 2 * MANY_MAX;
	s->keys = BW_NEW_ARRAY(&s->arena, struct bw_context_key, s->key_room);
	for (size_t i = 0; words[i]; i++) {
		struct bw_str value = bw_str_c(words[i]), name = bw_str_cut(&value, '=');
		struct bw_context_key *key = key_find(s->keys, s->key_count, name);
		struct bw_str *values;

		if (!bw_str_set(value) || name.n == 0) {
			command_refuse(s->options, "--context %s is not KEY=VALUE", words[i]);
			return false;
		}
		if (!key) {
			key = &s->keys[s->key_count++];
			key->name = name;
		}
		values = BW_NEW_ARRAY(&s->arena, struct bw_str, key->count + 1);
		if (key->count)
			memcpy(values, key->values, key->count * sizeof *values);
		values[key->count++] = value;
		key->values = values;
		key->multi = key->count > 1;
	}
	return true;
}

struct filling {
	struct simulation *s;
	struct bw_context_key *keys;
	size_t count;
};

/* What was given stands. */
static void fill(struct filling *f, struct bw_str name, struct bw_str value)
{
	struct bw_str *one;

	if (!bw_str_set(value) || key_find(f->keys, f->count, name))
		return;
	one = BW_NEW(&f->s->arena, struct bw_str);
	*one = value;
	f->keys[f->count++] = (struct bw_context_key){.name = name, .values = one, .count = 1};
}

static struct bw_str now_text(struct simulation *s)
{
	struct bw_buf text;
	struct bw_str out;

	bw_buf_init(&text, 64);
	bw_time_put_iso8601(s->now_ms, &text);
	out = bw_arena_str(&s->arena, bw_buf_str(&text));
	bw_buf_free(&text);
	return out;
}

void simulation_request(
    struct simulation *s, struct bw_str action, struct bw_str resource, struct bw_policy_request *out)
{
	const char *account = option_get(s->options, "resource-account");
	struct bw_policy_implied *implied = BW_NEW(&s->arena, struct bw_policy_implied);
	struct filling f = {.s = s, .count = s->key_count};

	*out = s->request;
	out->action = action;
	out->resource = resource;
	out->resource_account = account ? bw_str_c(account) : bw_policy_resource_account(resource);
	f.keys = BW_NEW_ARRAY(&s->arena, struct bw_context_key, s->key_room);
	if (s->key_count)
		memcpy(f.keys, s->keys, s->key_count * sizeof *f.keys);
	bw_policy_imply(out, implied);
	for (size_t i = 0; i < implied->count; i++)
		fill(&f, implied->keys[i].name, implied->values[i]);
	fill(&f, BW_STR("aws:CurrentTime"), now_text(s));
	fill(&f, BW_STR("aws:EpochTime"), bw_arena_printf(&s->arena, "%lld", (long long)(s->now_ms / 1000)));
	out->context = f.keys;
	out->context_count = f.count;
}
