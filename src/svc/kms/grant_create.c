#include "svc/kms/grant.h"

#include "base/sys.h"

/* KMS API Reference, "CreateGrant", Constraints. */
enum { CONSTRAINT_PAIRS_MAX = 8, CONSTRAINT_VALUE_MAX = 384 };

/* ---- What the call says ---- */

static void constraint_keys(struct bw_call *call, const struct kms_GrantConstraints *c)
{
	static const struct bw_str equals = {"EncryptionContextEquals", 23}, subset = {"EncryptionContextSubset", 23};

	if (!c)
		return;
	if (c->EncryptionContextEquals.n)
		bw_call_context(call, BW_STR("kms:GrantConstraintType"), equals);
	else if (c->EncryptionContextSubset.n)
		bw_call_context(call, BW_STR("kms:GrantConstraintType"), subset);
	kms_context_keys(call, NULL, c->EncryptionContextEquals.n ? &c->EncryptionContextEquals : &c->EncryptionContextSubset);
}

static enum bw_err create_keys(struct bw_call *call)
{
	const IN_kms_CreateGrant *in = call->in;

	bw_call_context_list(call, BW_STR("kms:GrantOperations"), in->Operations.v, in->Operations.n);
	bw_call_context(call, BW_STR("kms:GranteePrincipal"), in->GranteePrincipal);
	bw_call_context(call, BW_STR("kms:RetiringPrincipal"), in->RetiringPrincipal);
	/* Grants that AWS's services make for their resources: no service of this server does. */
	bw_call_context(call, BW_STR("kms:GrantIsForAWSResource"), BW_STR("false"));
	constraint_keys(call, in->Constraints);
	return BW_OK;
}

/* ---- Which operations a key has (AWS KMS Developer Guide, "Grant operations") ---- */

enum { SYMMETRIC = 1, ASYMMETRIC_ENCRYPT = 2, SIGN = 4, MAC = 8, AGREE = 16, ANY = 31 };

static const struct {
	const char *name;
	unsigned of;
} operations[] = {
    {"Encrypt", SYMMETRIC | ASYMMETRIC_ENCRYPT},
    {"Decrypt", SYMMETRIC | ASYMMETRIC_ENCRYPT},
    {"ReEncryptFrom", SYMMETRIC | ASYMMETRIC_ENCRYPT},
    {"ReEncryptTo", SYMMETRIC | ASYMMETRIC_ENCRYPT},
    {"GenerateDataKey", SYMMETRIC},
    {"GenerateDataKeyWithoutPlaintext", SYMMETRIC},
    {"GenerateDataKeyPair", SYMMETRIC},
    {"GenerateDataKeyPairWithoutPlaintext", SYMMETRIC},
    {"Sign", SIGN},
    {"Verify", SIGN},
    {"GetPublicKey", ASYMMETRIC_ENCRYPT | SIGN | AGREE},
    {"GenerateMac", MAC},
    {"VerifyMac", MAC},
    {"DeriveSharedSecret", AGREE},
    {"CreateGrant", ANY},
    {"RetireGrant", ANY},
    {"DescribeKey", ANY},
};

static unsigned kind_of(const struct kms_key *k)
{
	switch (k->usage) {
	case KMS_SIGN_VERIFY:
		return SIGN;
	case KMS_GENERATE_VERIFY_MAC:
		return MAC;
	case KMS_KEY_AGREEMENT:
		return AGREE;
	default:
		return k->spec == BW_KEY_SYMMETRIC_DEFAULT ? SYMMETRIC : ASYMMETRIC_ENCRYPT;
	}
}

static enum bw_err operations_set(struct bw_call *call, const IN_kms_CreateGrant *in, const struct kms_key *k, struct kms_grant *g)
{
	if (in->Operations.n == 0)
		return bw_call_fail(call, "ValidationException", "%s", "Operations must not be empty.");
	/* In the table's order, each once: the same set is the same grant. */
	for (size_t i = 0; i < in->Operations.n; i++)
		for (size_t j = 0; j < BW_COUNT(operations); j++)
			if (bw_str_eq(in->Operations.v[i], bw_str_c(operations[j].name)) && !(operations[j].of & kind_of(k)))
				return bw_call_fail(call, "ValidationException",
				    "Operation %s is not supported for key spec %s and key usage %s.", operations[j].name,
				    kms_specs[k->spec].name, kms_usage_names[k->usage]);
	for (size_t j = 0; j < BW_COUNT(operations); j++)
		for (size_t i = 0; i < in->Operations.n; i++)
			if (bw_str_eq(in->Operations.v[i], bw_str_c(operations[j].name))) {
				bw_strs_add(&g->operations, call->arena, in->Operations.v[i]);
				break;
			}
	return BW_OK;
}

static enum bw_err constraint_check(struct bw_call *call, const struct kms_EncryptionContextType *c)
{
	if (c->n > CONSTRAINT_PAIRS_MAX)
		return bw_call_fail(call, "ValidationException", "A grant constraint can include up to %d encryption context pairs.",
		    CONSTRAINT_PAIRS_MAX);
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].n > CONSTRAINT_VALUE_MAX)
			return bw_call_fail(call, "ValidationException",
			    "The encryption context value in a grant constraint cannot exceed %d characters.", CONSTRAINT_VALUE_MAX);
	return BW_OK;
}

static enum bw_err constraints_set(struct bw_call *call, const struct kms_GrantConstraints *c, const struct kms_key *k,
    struct kms_grant *g)
{
	const struct kms_EncryptionContextType *from;
	struct bw_pairs *to;
	struct bw_str pairs;

	/* Clients send the one that is not meant as an empty one. */
	if (!c || (c->EncryptionContextEquals.n == 0 && c->EncryptionContextSubset.n == 0))
		return BW_OK;
	if (c->EncryptionContextEquals.n && c->EncryptionContextSubset.n)
		return bw_call_fail(call, "ValidationException", "%s",
		    "Only one of EncryptionContextEquals and EncryptionContextSubset may be specified.");
	if (k->spec != BW_KEY_SYMMETRIC_DEFAULT)
		return bw_call_fail(call, "ValidationException", "%s",
		    "Encryption context constraints are supported for symmetric encryption KMS keys only.");
	g->has_equals = c->EncryptionContextEquals.n > 0;
	g->has_subset = !g->has_equals;
	from = g->has_equals ? &c->EncryptionContextEquals : &c->EncryptionContextSubset;
	to = g->has_equals ? &g->equals : &g->subset;
	TRY(constraint_check(call, from));
	TRY(kms_context(call, from, BW_ALG_SYMMETRIC_DEFAULT, &pairs)); /* its size alone */
	for (size_t i = 0; i < from->n; i++)
		bw_pairs_set(to, call->arena, from->keys[i], from->v[i]);
	return BW_OK;
}

static struct bw_str grant_id_make(struct bw_call *call)
{
	unsigned char random[32];
	struct bw_buf text;
	struct bw_str out;

	bw_random(random, sizeof random);
	bw_buf_init(&text, 128);
	bw_buf_put_hex(&text, random, sizeof random);
	out = bw_arena_str(call->arena, bw_buf_str(&text));
	bw_buf_free(&text);
	return out;
}

/* A named grant that says the same is the same grant: its id is given again. */
static enum bw_err twin_find(struct bw_call *call, const struct kms_found *f, const struct kms_grant *g, struct bw_str *id)
{
	struct bw_str key = kms_grant_twin_key(call, f, g);
	struct kms_grant twin;
	enum bw_err e;

	*id = BW_STR_NONE;
	if (!bw_str_set(g->name))
		return BW_OK;
	e = bw_call_load(call, &kms_grant_record, key, &twin);
	if (e == BW_OK)
		*id = twin.id;
	return e == BW_ENOTFOUND ? BW_OK : e;
}

static void grant_save(struct bw_call *call, const struct kms_found *f, const struct kms_grant *g)
{
	bw_call_save(call, &kms_grant_record, kms_grant_key(call, f, g->id), g);
	bw_call_mark(call, kms_grantee_key(call, f, kms_grant_who(g->grantee, g->grantee_id), g->id));
	if (bw_str_set(g->retiring))
		bw_call_mark(call, kms_retiring_key(call, f, kms_grant_who(g->retiring, g->retiring_id), g->id));
	if (bw_str_set(g->name))
		bw_call_save(call, &kms_grant_record, kms_grant_twin_key(call, f, g), &(struct kms_grant){.id = g->id});
	bw_call_take(call, &kms_grants_quota, f->id, 1);
}

BW_OP(kms, CreateGrant, .effect = BW_WRITE, .resource = kms_managed_key, .keys = create_keys)
{
	struct kms_found *f;
	struct kms_grant g = {.name = in->Name, .grantee = in->GranteePrincipal, .retiring = in->RetiringPrincipal,
	    .issuer = bw_arena_printf(call->arena, "arn:aws:iam::%.*s:root", BW_FMT(call->account)), .created_ms = call->now_ms};

	TRY(kms_key_of(call, &f));
	TRY(kms_in_state(call, f, KMS_IN(ENABLED)));
	TRY(kms_grant_tokens_check(call, &in->GrantTokens));
	TRY(operations_set(call, in, &f->key, &g));
	TRY(constraints_set(call, in->Constraints, &f->key, &g));
	TRY(kms_grant_principal(call, g.grantee, &g.grantee_id));
	if (bw_str_set(g.retiring))
		TRY(kms_grant_principal(call, g.retiring, &g.retiring_id));
	TRY(kms_dry_run(call, in->DryRun));
	TRY(twin_find(call, f, &g, &g.id));
	if (!bw_str_set(g.id)) {
		g.id = grant_id_make(call);
		grant_save(call, f, &g);
	}
	out->GrantId = g.id;
	kms_grant_token_make(call, f, g.id, &out->GrantToken);
	return BW_OK;
}
