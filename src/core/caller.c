#include "core/internal.h"

#include "aws/managed.h"

/* A principal's records, gathered while its entry is made. */
struct resolving {
	struct bw_core *core;
	struct bw_snapshot *view;
	struct caller_entry *entry;
};

static void policies_release(struct caller_entry *e)
{
	for (size_t i = 0; i < e->policy_count; i++)
		bw_policy_release(e->policies[i]);
	bw_free(e->policies);
}

void caller_entry_release(struct caller_entry *e)
{
	if (!e || atomic_fetch_sub(&e->references, 1) > 1)
		return;
	caller_entry_release(e->former);
	policies_release(e);
	bw_free(e->dependencies);
	bw_arena_free(&e->arena); /* the secret lies in its memory, and the records it was read from */
	bw_free(e);
}

bool caller_entry_same(const struct caller_entry *e, struct bw_snapshot *view)
{
	for (size_t i = 0; i < e->dependency_count; i++)
		if (bw_snapshot_version(view, e->dependencies[i].key) != e->dependencies[i].version)
			return false;
	return true;
}

bool caller_entry_fresh(struct caller_entry *e, struct bw_snapshot *view)
{
	uint64_t seq = bw_snapshot_seq(view);

	if (e->seq == seq)
		return true;
	if (!caller_entry_same(e, view))
		return false;
	e->seq = seq;
	return true;
}

void caller_entry_guard(const struct caller_entry *e, struct bw_batch *batch)
{
	for (size_t i = 0; i < e->dependency_count; i++)
		bw_batch_read(batch, e->dependencies[i].key, e->dependencies[i].version);
}

static enum bw_err load(struct resolving *r, const struct bw_record *record, struct bw_str key, void *to)
{
	struct caller_entry *e = r->entry;
	struct bw_str bytes;
	uint64_t version = 0;
	enum bw_err got = bw_snapshot_get(r->view, key, &e->arena, &bytes, &version);

	if (e->dependency_count == e->dependency_room) {
		e->dependency_room = e->dependency_room ? e->dependency_room * 2 : 8;
		e->dependencies = bw_realloc(e->dependencies, e->dependency_room * sizeof *e->dependencies);
	}
	e->dependencies[e->dependency_count++] = (struct dependency){key, version};
	TRY(got);
	return bw_record_decode(record, bytes, &e->arena, to);
}

static enum bw_err policy_add(struct resolving *r, struct bw_str document, enum bw_policy_kind kind, struct bw_str id,
    struct bw_policy_list *list)
{
	struct caller_entry *e = r->entry;
	struct bw_policy_ref *refs = BW_NEW_ARRAY(&e->arena, struct bw_policy_ref, list->n + 1);
	struct bw_policy *policy;
	struct bw_policy_error error;

	if (policy_cache_get(r->core->policies, document, kind, &policy, &error) != BW_OK) {
		/* It was valid when it was stored. Failing closed: a caller whose denials cannot be read may do nothing. */
		bw_log(BW_LOG_ERROR, "stored policy %.*s of %.*s does not compile: %s", BW_FMT(id), BW_FMT(e->caller.arn),
		    error.text);
		return BW_EINTERNAL;
	}
	if (e->policy_count == e->policy_room) {
		e->policy_room = e->policy_room ? e->policy_room * 2 : 8;
		e->policies = bw_realloc(e->policies, e->policy_room * sizeof(void *));
	}
	e->policies[e->policy_count++] = policy;
	if (list->n)
		memcpy(refs, list->v, list->n * sizeof *refs);
	refs[list->n] = (struct bw_policy_ref){policy, id};
	list->v = refs;
	list->n++;
	return BW_OK;
}

/* Adds a managed policy by its ARN. One that is gone, or stands at another path by now, adds nothing: for a boundary that means nothing
 * is allowed. */
static enum bw_err managed_add(struct resolving *r, struct bw_str arn, enum bw_policy_kind kind, struct bw_policy_list *list)
{
	struct bw_arena *a = &r->entry->arena;
	struct bw_managed_policy own;
	struct bw_managed aws;
	struct bw_str name;
	struct bw_arn parts;
	struct bw_pair *version;
	enum bw_err e;

	CHECK(bw_arn_parse(arn, &parts) == BW_OK, BW_EINTERNAL);
	if (bw_str_eq(parts.account, BW_STR("aws"))) {
		e = bw_managed_find(arn, &aws);
		if (e == BW_ENOTFOUND)
			return BW_OK;
		TRY(e);
		return policy_add(r, bw_managed_document(&aws, a), kind, arn, list);
	}
	name = parts.resource;
	for (ptrdiff_t at; (at = bw_str_find(name, '/', 0)) >= 0;)
		name = bw_str_sub(name, (size_t)at + 1, name.n);
	e = load(r, &bw_managed_policy_record, bw_entity_key(a, parts.account, "policy", name), &own);
	if (e == BW_ENOTFOUND)
		return BW_OK;
	TRY(e);
	if (!bw_str_eq(arn, bw_iam_arn(a, parts.account, "policy", own.path, own.name)))
		return BW_OK;
	version = bw_pairs_find(&own.versions, bw_arena_printf(a, "v%lld", (long long)own.default_version));
	CHECK(version != NULL, BW_EINTERNAL);
	return policy_add(r, version->value, kind, arn, list);
}

static enum bw_err identity_add(struct resolving *r, const struct bw_strs *attached, const struct bw_pairs *inline_policies)
{
	struct bw_policy_list *list = &r->entry->caller.identity;

	for (size_t i = 0; i < attached->n; i++)
		TRY(managed_add(r, attached->v[i], BW_POLICY_IDENTITY, list));
	for (size_t i = 0; i < inline_policies->n; i++)
		TRY(policy_add(r, inline_policies->v[i].value, BW_POLICY_IDENTITY, inline_policies->v[i].key, list));
	return BW_OK;
}

static enum bw_err boundary_add(struct resolving *r, struct bw_str arn)
{
	struct bw_caller *c = &r->entry->caller;

	if (!bw_str_set(arn))
		return BW_OK;
	c->has_boundary = true;
	return managed_add(r, arn, BW_POLICY_BOUNDARY, &c->boundary);
}

static enum bw_err user_fill(struct resolving *r, struct bw_str name, struct bw_str wanted_id)
{
	struct bw_caller *c = &r->entry->caller;
	struct bw_arena *a = &r->entry->arena;
	struct bw_user u;

	TRY(load(r, &bw_user_record, bw_entity_key(a, c->account, "user", name), &u));
	CHECK(!bw_str_set(wanted_id) || bw_str_eq(u.id, wanted_id), BW_ENOTFOUND);
	c->kind = BW_PRINCIPAL_USER;
	c->name = u.name;
	c->id = c->entity_id = u.id;
	c->arn = bw_iam_arn(a, c->account, "user", u.path, u.name);
	c->tags = u.tags;
	TRY(identity_add(r, &u.attached, &u.inline_policies));
	for (size_t i = 0; i < u.groups.n; i++) {
		struct bw_group g;

		TRY(load(r, &bw_group_record, bw_entity_key(a, c->account, "group", u.groups.v[i]), &g));
		TRY(identity_add(r, &g.attached, &g.inline_policies));
	}
	return boundary_add(r, u.boundary);
}

/* Of a session: its user may have another name by now. */
static enum bw_err session_user_fill(struct resolving *r, const struct bw_session *s)
{
	struct bw_arena *a = &r->entry->arena;
	struct bw_moved_user now;
	enum bw_err e = user_fill(r, s->name, s->entity_id);

	if (e != BW_ENOTFOUND)
		return e;
	TRY(load(r, &bw_moved_user_record, bw_moved_user_key(a, s->account, s->entity_id), &now));
	return user_fill(r, now.name, s->entity_id);
}

static void root_fill(struct bw_caller *c, struct bw_arena *a)
{
	c->kind = BW_PRINCIPAL_ROOT;
	c->arn = bw_arena_printf(a, "arn:aws:iam::%.*s:root", BW_FMT(c->account));
	c->id = c->entity_id = c->account;
}

/* What the root user may, before the session policy: everything. STS API Reference, "GetFederationToken". */
static enum bw_err root_lend(struct resolving *r)
{
	static const struct bw_str all =
	    BW_STR("{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}}");

	return policy_add(r, all, BW_POLICY_IDENTITY, BW_STR("root"), &r->entry->caller.identity);
}

/* Of a session: an ephemeral server's account can be begun anew, and what the root user of the one before has is not the new one's. Of users
 * and roles their ids tell. */
static enum bw_err session_root_fill(struct resolving *r, const struct bw_session *s)
{
	struct bw_caller *c = &r->entry->caller;
	struct bw_account account;

	root_fill(c, &r->entry->arena);
	if (!r->core->ephemeral)
		return BW_OK;
	TRY(load(r, &bw_account_record, bw_account_key(&r->entry->arena, c->account), &account));
	return s->issued_ms < account.created_ms ? BW_ENOTFOUND : BW_OK;
}

static enum bw_err role_fill(struct resolving *r, const struct bw_session *s)
{
	struct bw_caller *c = &r->entry->caller;
	struct bw_arena *a = &r->entry->arena;
	struct bw_role role;

	TRY(load(r, &bw_role_record, bw_entity_key(a, c->account, "role", s->name), &role));
	CHECK(bw_str_eq(role.id, s->entity_id), BW_ENOTFOUND);
	c->kind = BW_PRINCIPAL_ROLE;
	c->name = role.name;
	c->entity_id = role.id;
	c->session_name = s->session_name;
	c->id = bw_arena_printf(a, "%.*s:%.*s", BW_FMT(role.id), BW_FMT(s->session_name));
	c->arn = bw_arena_printf(a, "arn:aws:sts::%.*s:assumed-role/%.*s/%.*s", BW_FMT(c->account), BW_FMT(role.name),
	    BW_FMT(s->session_name));
	c->issuer_arn = bw_iam_arn(a, c->account, "role", role.path, role.name);
	c->service_linked_role = bw_str_set(role.service);
	c->tags = role.tags;
	TRY(identity_add(r, &role.attached, &role.inline_policies));
	return boundary_add(r, role.boundary);
}

static enum bw_err federated_fill(struct resolving *r, const struct bw_session *s)
{
	struct bw_caller *c = &r->entry->caller;
	struct bw_arena *a = &r->entry->arena;

	if (bw_str_set(s->name)) {
		TRY(session_user_fill(r, s));
		c->issuer_arn = c->arn;
	} else {
		TRY(session_root_fill(r, s));
		TRY(root_lend(r));
	}
	c->kind = BW_PRINCIPAL_FEDERATED;
	c->federation_token = true;
	c->session_name = s->session_name;
	c->arn = bw_arena_printf(a, "arn:aws:sts::%.*s:federated-user/%.*s", BW_FMT(c->account), BW_FMT(s->session_name));
	c->id = bw_arena_printf(a, "%.*s:%.*s", BW_FMT(c->account), BW_FMT(s->session_name));
	/* A federated user without a session policy may do nothing of its own. */
	c->has_session = true;
	return BW_OK;
}

static enum bw_err session_fill(struct resolving *r, const struct bw_session *s)
{
	struct bw_caller *c = &r->entry->caller;
	struct bw_arena *a = &r->entry->arena;

	switch (s->kind) {
	case BW_PRINCIPAL_ROLE:
		TRY(role_fill(r, s));
		break;
	case BW_PRINCIPAL_FEDERATED:
		TRY(federated_fill(r, s));
		break;
	case BW_PRINCIPAL_USER:
		TRY(session_user_fill(r, s));
		break;
	case BW_PRINCIPAL_ROOT:
		TRY(session_root_fill(r, s));
		break;
	default:
		return BW_ECORRUPT;
	}
	c->temporary = true;
	c->session_token = s->kind == BW_PRINCIPAL_USER || s->kind == BW_PRINCIPAL_ROOT;
	c->chained = s->kind == BW_PRINCIPAL_ROLE;
	c->mfa = s->mfa;
	c->mfa_ms = s->mfa_ms;
	c->issued_ms = s->issued_ms;
	c->expires_ms = s->expires_ms;
	c->source_identity = s->source_identity;
	c->provider = s->provider;
	c->claims = s->claims;
	c->amr = s->amr;
	c->session_tags = s->tags;
	c->transitive = s->transitive;
	for (size_t i = 0; i < s->tags.n; i++) {
		struct bw_pair *same = bw_pairs_find_nocase(&c->tags, s->tags.v[i].key);

		if (same)
			*same = s->tags.v[i];
		else
			bw_pairs_set(&c->tags, a, s->tags.v[i].key, s->tags.v[i].value);
	}
	for (size_t i = 0; i < s->policy_arns.n; i++) {
		c->has_session = true;
		TRY(managed_add(r, s->policy_arns.v[i], BW_POLICY_SESSION, &c->session));
	}
	if (bw_str_set(s->policy)) {
		c->has_session = true;
		TRY(policy_add(r, s->policy, BW_POLICY_SESSION, BW_STR("session"), &c->session));
	}
	return BW_OK;
}

static enum bw_err key_fill(struct resolving *r, struct bw_str key_id)
{
	struct caller_entry *e = r->entry;
	struct bw_access_key key;

	TRY(load(r, &bw_access_key_record, bw_access_key_key(&e->arena, key_id), &key));
	CHECK(key.active, BW_ENOTFOUND);
	e->caller.account = key.account;
	e->caller.key_id = key.id;
	e->secret = key.secret;
	if (bw_str_set(key.user))
		return user_fill(r, key.user, BW_STR_NONE);
	root_fill(&e->caller, &e->arena);
	return BW_OK;
}

static enum bw_err token_fill(struct resolving *r, struct bw_str key_id, struct bw_str token)
{
	struct caller_entry *e = r->entry;
	struct bw_session s;

	CHECK(bw_session_open(r->core->sessions, key_id, token, &e->arena, &s) == BW_OK, BW_ENOTFOUND);
	e->token = bw_arena_str(&e->arena, token);
	e->secret = s.secret;
	e->caller.account = s.account;
	e->caller.key_id = s.key_id;
	return session_fill(r, &s);
}

enum bw_err caller_resolve(struct bw_core *core, struct bw_snapshot *view, struct bw_str key_id, struct bw_str token,
    struct caller_entry **out)
{
	struct caller_entry *entry = bw_alloc(sizeof *entry);
	struct resolving r = {core, view, entry};
	enum bw_err e;

	bw_arena_init(&entry->arena, BW_CALL_ARENA_MAX);
	atomic_store(&entry->references, 1);
	entry->seq = bw_snapshot_seq(view);
	entry->generation = atomic_load(&core->generation);
	e = bw_str_set(token) ? token_fill(&r, key_id, token) : key_fill(&r, key_id);
	if (e != BW_OK) {
		caller_entry_release(entry);
		return e;
	}
	*out = entry;
	return BW_OK;
}
