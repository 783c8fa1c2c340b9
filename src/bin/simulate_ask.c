#include "bin/simulate.h"

#include "aws/managed.h"
#include "bin/place.h"

/* ---- Documents ---- */

/* A file, a document in the word itself, or the ARN of an AWS-managed policy. */
static bool document_read(struct simulation *s, struct bw_str given, struct document *out)
{
	struct bw_managed managed;
	enum bw_err e;

	*out = (struct document){.name = given};
	if (bw_str_starts(given, BW_STR("{"))) {
		*out = (struct document){BW_STR("(given)"), given};
		return true;
	}
	if (bw_str_starts(given, BW_STR("arn:"))) {
		if (bw_managed_find(given, &managed) == BW_OK) {
			out->text = bw_managed_document(&managed, &s->arena);
			return true;
		}
		command_refuse(
		    s->options, "%.*s: AWS has no such managed policy; give others as files", BW_FMT(given));
		return false;
	}
	e = file_read(bw_arena_str(&s->arena, given).p, BW_POLICY_TEXT_MAX, &s->arena, &out->text);
	if (e == BW_OK)
		return true;
	command_refuse(s->options, "%.*s: %s", BW_FMT(given),
	    e == BW_ENOTFOUND ? "there is no such file"
	    : e == BW_ETOOBIG ? "it is too large for a policy"
	                      : "it cannot be read");
	return false;
}

static bool document_compile(
    struct simulation *s, const struct document *d, enum bw_policy_kind kind, struct bw_policy_ref *out)
{
	struct compiled *c = BW_NEW(&s->arena, struct compiled);
	struct bw_policy_error error;

	if (bw_policy_compile(d->text, kind, &c->policy, &error) != BW_OK) {
		fprintf(stderr, "bulwark: simulate: %.*s:%u:%u: %s\n", BW_FMT(d->name), error.line,
		    error.column, error.text);
		return false;
	}
	c->next = s->compiled;
	s->compiled = c;
	*out = (struct bw_policy_ref){c->policy, d->name};
	return true;
}

static bool ref_add(
    struct simulation *s, struct bw_str given, enum bw_policy_kind kind, struct bw_policy_list *list)
{
	struct bw_policy_ref *refs = BW_NEW_ARRAY(&s->arena, struct bw_policy_ref, list->n + 1);
	struct document d;

	if (list->n)
		memcpy(refs, list->v, list->n * sizeof *refs);
	if (!document_read(s, given, &d) || !document_compile(s, &d, kind, &refs[list->n]))
		return false;
	list->v = refs;
	list->n++;
	return true;
}

/* ---- Layers ---- */

static bool list_read(
    struct simulation *s, const char *option, enum bw_policy_kind kind, struct bw_policy_list *list)
{
	const char *const *values = option_all(s->options, option);

	for (size_t i = 0; values[i]; i++)
		if (!ref_add(s, bw_str_c(values[i]), kind, list))
			return false;
	return true;
}

/* A level is a word: one document, or the names of several files with commas between them. */
static bool levels_read(struct simulation *s, const char *option, enum bw_policy_kind kind,
    const struct bw_policy_list **levels, size_t *count)
{
	const char *const *values = option_all(s->options, option);
	struct bw_policy_list *lists = BW_NEW_ARRAY(&s->arena, struct bw_policy_list, MANY_MAX);

	for (*count = 0; values[*count]; ++*count) {
		struct bw_str rest = bw_str_c(values[*count]);
		bool one = bw_str_starts(rest, BW_STR("{"));

		while (bw_str_set(rest)) {
			struct bw_str given = rest;

			if (one)
				rest = BW_STR_NONE;
			else
				given = bw_str_cut(&rest, ',');
			if (!ref_add(s, given, kind, &lists[*count]))
				return false;
		}
	}
	*levels = lists;
	return true;
}

bool simulation_read(struct simulation *s)
{
	struct bw_policy_layers *l = &s->layers;
	const char *resource = option_get(s->options, "resource-policy");

	if (!list_read(s, "identity", BW_POLICY_IDENTITY, &l->identity) ||
	    !list_read(s, "boundary", BW_POLICY_BOUNDARY, &l->boundary) ||
	    !list_read(s, "session", BW_POLICY_SESSION, &l->session) ||
	    !list_read(s, "vpce", BW_POLICY_VPCE, &l->vpce) ||
	    !levels_read(s, "scp", BW_POLICY_SCP, &l->scps, &l->scp_levels) ||
	    !levels_read(s, "rcp", BW_POLICY_RCP, &l->rcps, &l->rcp_levels))
		return false;
	return !resource || document_read(s, bw_str_c(resource), &s->resource_policy);
}

bool simulation_layers(
    struct simulation *s, struct bw_str action, struct bw_str resource, struct bw_policy_layers *out)
{
	bool must_exist;
	enum bw_policy_kind kind = bw_policy_resource_kind(action, resource, &must_exist);
	struct bw_policy_ref *ref = BW_NEW(&s->arena, struct bw_policy_ref);

	*out = s->layers;
	if (!bw_str_set(s->resource_policy.text)) {
		/* An answer without it would be a guess: nobody assumes a role that does not trust him. */
		if (kind == BW_POLICY_TRUST)
			command_refuse(s->options,
			    "%.*s depends on the role's trust policy: give it with --resource-policy",
			    BW_FMT(action));
		return kind != BW_POLICY_TRUST;
	}
	if (!document_compile(s, &s->resource_policy, kind, ref))
		return false;
	out->resource = (struct bw_policy_list){ref, 1};
	out->resource_must_allow = kind != BW_POLICY_RESOURCE;
	return true;
}

void simulation_free(struct simulation *s)
{
	for (struct compiled *c = s->compiled; c; c = c->next)
		bw_policy_release(c->policy);
	bw_arena_free(&s->arena);
}
