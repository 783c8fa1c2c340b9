#include "svc/kms/kms.h"

/* AWS managed keys (AWS KMS Developer Guide, "AWS managed keys"): a Region has the aliases from the
 * beginning; the key of one is made when somebody describes it (API Reference, "DescribeKey", "KeyId"). What
 * protects it from its own account is its policy: it lets the account look, and lets a service of AWS's use
 * it for somebody, by kms:ViaService. None of these services is here, so nobody uses it. */

enum { ROTATION_DAYS = 365 };

#define USE       "\"kms:Encrypt\", \"kms:Decrypt\", \"kms:ReEncrypt*\""
#define DATA_KEYS "\"kms:GenerateDataKey*\""
#define GRANT     "\"kms:CreateGrant\""
#define DESCRIBE  "\"kms:DescribeKey\""
#define LOOK      "\"kms:Describe*\", \"kms:Get*\", \"kms:List*\""

/* What a service may do for the account's principals. `like`: from any Region of its name. */
struct access {
	const char *sid, *actions, *via;
	bool like;
};

/* As AWS's own keys stand in accounts, by their names' order. */
static const struct managed {
	const char *name, *protects, *policy_id;
	struct access access[2];
	bool revocable;                    /* the account may end the service's grants */
	const char *service, *service_sid; /* who may look without anybody's permission */
} managed[] = {
    {"acm", "ACM private keys", "auto-acm-4"},
    {"backup", "Backup data", "auto-backup-1",
        {{"Allow access through Backup for all principals in the account that are authorized to use Backup "
          "Storage",
            GRANT ", \"kms:Decrypt\", " DATA_KEYS, "backup"}},
        true},
    {"dynamodb", "DynamoDB data", "auto-dynamodb-3",
        {{"Allow access through Amazon DynamoDB for all principals in the account that are authorized to use "
          "Amazon DynamoDB",
            USE ", " DATA_KEYS ", " GRANT ", " DESCRIBE, "dynamodb", true}},
        true, "dynamodb", "Allow DynamoDB to directly describe the key"},
    {"ebs", "EBS volumes", "auto-ebs-2",
        {{"Allow access through EBS for all principals in the account that are authorized to use EBS",
            USE ", " DATA_KEYS ", " GRANT ", " DESCRIBE, "ec2"}},
        true},
    {"elasticfilesystem", "EFS filesystems", "auto-elasticfilesystem-1",
        {{"Allow access to EFS for all principals in the account that are authorized to use EFS",
            USE ", " DATA_KEYS ", " GRANT ", " DESCRIBE, "elasticfilesystem"}},
        true},
    {"es", "Amazon OpenSearch Service (successor to Amazon Elasticsearch Service) data", "auto-es-2",
        {{"Allow access through OpenSearch Service for all principals in the account that are authorized to "
          "use OpenSearch Service",
            USE ", " DATA_KEYS ", " GRANT ", " DESCRIBE, "es"}},
        true, "es", "Allow OpenSearch service principals to describe the key directly"},
    {"kafka", "Kafka data", "auto-kafka-1",
        {{"Allow access through Kafka for all principals in the account that are authorized to use Kafka",
            USE ", " DATA_KEYS ", " GRANT ", \"kms:ListGrants\", " DESCRIBE, "kafka"}},
        true},
    {"lambda", "Lambda functions", "auto-awslambda",
        {{"Allow access through AWS Lambda for all principals in the account that are authorized to use AWS "
          "Lambda",
            USE ", " DATA_KEYS ", " GRANT ", " DESCRIBE, "lambda"}},
        true},
    {"rds", "RDS database volumes", "auto-rds-2",
        {{"Allow access through RDS for all principals in the account that are authorized to use RDS",
            USE ", " DATA_KEYS ", " GRANT ", \"kms:ListGrants\", " DESCRIBE, "rds"}},
        true},
    {"s3", "S3 objects", "auto-s3-2",
        {{"Allow access through S3 for all principals in the account that are authorized to use S3",
            USE ", " DATA_KEYS ", " DESCRIBE, "s3"}}},
    {"secretsmanager", "Secrets Manager data", "auto-secretsmanager-2",
        {{"Allow access through AWS Secrets Manager for all principals in the account that are authorized to "
          "use AWS Secrets Manager",
             USE ", " GRANT ", " DESCRIBE, "secretsmanager"},
            {"Allow access through AWS Secrets Manager for all principals in the account that are authorized "
             "to use AWS Secrets Manager",
                DATA_KEYS, "secretsmanager", true}},
        true},
    {"sns", "SNS data", "auto-sns-1",
        {{"Allow access through SNS for all principals in the account that are authorized to use SNS",
            "\"kms:Decrypt\", " DATA_KEYS ", " GRANT ", \"kms:ListGrants\", " DESCRIBE, "sns"}},
        true},
    {"ssm", "SSM parameters", "auto-ssm-1",
        {{"Allow access through SSM for all principals in the account that are authorized to use SSM",
            USE ", " DATA_KEYS ", " DESCRIBE, "ssm"}}},
};

static struct bw_str alias_of(struct bw_arena *a, const struct managed *m)
{
	return bw_arena_printf(a, "alias/aws/%s", m->name);
}

static const struct managed *managed_by_alias(struct bw_str alias)
{
	if (!bw_str_starts(alias, BW_STR("alias/aws/")))
		return NULL;
	for (size_t i = 0; i < BW_COUNT(managed); i++)
		if (bw_str_eq(bw_str_sub(alias, 10, alias.n), bw_str_c(managed[i].name)))
			return &managed[i];
	return NULL;
}

struct bw_str kms_managed_after(struct bw_arena *a, struct bw_str alias)
{
	for (size_t i = 0; i < BW_COUNT(managed); i++) {
		struct bw_str next = alias_of(a, &managed[i]);

		if (bw_str_cmp(next, alias) > 0)
			return next;
	}
	return BW_STR_NONE;
}

/* ---- Policies, as AWS writes them ---- */

struct writing {
	struct bw_buf *out;
	const struct kms_found *key;
	bool any;
};

static void statement_begin(struct writing *w, const char *sid, const char *effect, const char *principal)
{
	bw_buf_printf(w->out,
	    "%s {\n    \"Sid\" : \"%s\",\n    \"Effect\" : \"%s\",\n    \"Principal\" : {\n      %s\n    "
	    "},\n    \"Action\" : ",
	    w->any ? "," : "", sid, effect, principal);
	w->any = true;
}

/* `condition`: its operators; NULL: none. */
static void statement_end(struct writing *w, const char *actions, const char *condition)
{
	bool several = strchr(actions, ',') != NULL;

	bw_buf_printf(w->out, several ? "[ %s ]" : "%s", actions);
	bw_buf_put(w->out, BW_STR(",\n    \"Resource\" : \"*\""));
	if (condition)
		bw_buf_printf(w->out, ",\n    \"Condition\" : {\n%s\n    }", condition);
	bw_buf_put(w->out, BW_STR("\n  }"));
}

static const char everybody[] = "\"AWS\" : \"*\"";

/* Of one account, through one service; `like`: of any Region. */
static const char *through(struct writing *w, struct bw_arena *a, const char *via, bool like, const char *more)
{
	struct bw_str region = like ? BW_STR("*") : w->key->region;

	return bw_arena_printf(a,
	    "      \"StringEquals\" : {\n        \"kms:CallerAccount\" : \"%.*s\"%s\n        "
	    "\"kms:ViaService\" : "
	    "\"%s.%.*s.amazonaws.com\"\n      }%s",
	    BW_FMT(w->key->account), like ? "\n      },\n      \"StringLike\" : {" : ",", via, BW_FMT(region), more)
	    .p;
}

static void usual_policy(struct writing *w, struct bw_arena *a, const struct managed *m)
{
	for (size_t i = 0; i < BW_COUNT(m->access) && m->access[i].sid; i++) {
		const struct access *access = &m->access[i];

		statement_begin(w, access->sid, "Allow", everybody);
		statement_end(w, access->actions, through(w, a, access->via, access->like, ""));
	}
	statement_begin(w, "Allow direct access to key metadata to the account", "Allow",
	    bw_arena_printf(a, "\"AWS\" : \"arn:aws:iam::%.*s:root\"", BW_FMT(w->key->account)).p);
	statement_end(w, m->revocable ? LOOK ", \"kms:RevokeGrant\"" : LOOK, NULL);
	if (!m->service)
		return;
	statement_begin(w, m->service_sid, "Allow", bw_arena_printf(a, "\"Service\" : \"%s.amazonaws.com\"", m->service).p);
	statement_end(w, LOOK, NULL);
}

#define GRANTS_OF(operations)                                                                                                  \
	",\n      \"ForAllValues:StringEquals\" : {\n        \"kms:GrantOperations\" : " operations                            \
	"\n      },\n      \"Bool\" : {\n        \"kms:GrantIsForAWSResource\" : \"true\"\n      }"

/* ACM's services use its keys by grants. */
static void acm_policy(struct writing *w, struct bw_arena *a)
{
	struct bw_str account = w->key->account;

	statement_begin(w, "Allow creation of decryption grants", "Allow", everybody);
	statement_end(w, GRANT, through(w, a, "acm", false, GRANTS_OF("\"Decrypt\"")));
	statement_begin(w, "Allow creation of encryption grant", "Allow", everybody);
	statement_end(w, GRANT, through(w, a, "acm", false, GRANTS_OF("[ \"Encrypt\", \"ReEncryptFrom\", \"ReEncryptTo\" ]")));
	statement_begin(w, "Allowed operations for the key owner", "Allow", everybody);
	statement_end(w, DESCRIBE ", \"kms:ListGrants\", \"kms:RevokeGrant\", \"kms:GetKeyPolicy\"",
	    bw_arena_printf(a, "      \"StringEquals\" : {\n        \"kms:CallerAccount\" : \"%.*s\"\n      }", BW_FMT(account))
	        .p);
	statement_begin(w, "Deny re-encryption to any other key", "Deny", everybody);
	statement_end(w, "\"kms:ReEncrypt*\"", "      \"Bool\" : {\n        \"kms:ReEncryptOnSameKey\" : \"false\"\n      }");
	statement_begin(w, "Allow decrypt", "Allow", everybody);
	statement_end(w, "\"kms:Decrypt\"", through(w, a, "acm", false, ""));
}

static struct bw_str policy_of(struct bw_arena *a, const struct kms_found *f, const struct managed *m)
{
	struct bw_buf text;
	struct bw_str out;
	struct writing w = {&text, f, false};

	bw_buf_init(&text, KMS_POLICY_MAX);
	bw_buf_printf(&text, "{\n  \"Version\" : \"2012-10-17\",\n  \"Id\" : \"%s\",\n  \"Statement\" : [", m->policy_id);
	if (m->access[0].sid)
		usual_policy(&w, a, m);
	else
		acm_policy(&w, a);
	bw_buf_put(&text, BW_STR(" ]\n}"));
	MUST(!text.failed);
	out = bw_arena_str(a, bw_buf_str(&text));
	bw_buf_free(&text);
	return out;
}

/* ---- Making one ---- */

void kms_managed_plan(struct bw_call *call, struct kms_found *f)
{
	const struct managed *m = managed_by_alias(f->alias);

	if (f->as != KMS_NO_ALIAS || !m || !bw_str_eq(f->account, call->account))
		return;
	f->as = KMS_FOUND;
	f->planned = true;
	f->region = call->region;
	kms_key_id_make(call, f, false);
	f->key = (struct kms_key){.id = f->id,
	    .description =
	        bw_arena_printf(call->arena, "Default key that protects my %s when no other key is defined", m->protects),
	    .policy = policy_of(call->arena, f, m),
	    .created_ms = call->now_ms,
	    .spec = BW_KEY_SYMMETRIC_DEFAULT,
	    .usage = KMS_ENCRYPT_DECRYPT,
	    .origin = KMS_ORIGIN_AWS,
	    .state = KMS_ENABLED,
	    .rotation_days = ROTATION_DAYS,
	    .rotation_next_ms = call->now_ms + (int64_t)ROTATION_DAYS * KMS_DAY_MS,
	    .aws_managed = true};
	bw_strs_add(&f->key.aliases, call->arena, f->alias);
}

void kms_managed_save(struct bw_call *call, struct kms_found *f)
{
	struct kms_alias alias = {.name = f->alias, .key_id = f->id, .created_ms = call->now_ms, .updated_ms = call->now_ms};

	kms_key_due(call, f, f->key.rotation_next_ms);
	kms_key_save(call, f);
	bw_call_save(call, &kms_alias_record, kms_store_key(call->arena, f->account, f->region, "alias", f->alias), &alias);
}
