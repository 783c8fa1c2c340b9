#include "wire_test.h"

#include "base/limits.h"
#include <stdio.h>
#include "gen/kms.h"
#include "gen/wafv2.h"

#define KMS(op) "kms", "TrentService." op
#define NO      "' failed to satisfy constraint: Member must "

static struct wire_case c;

TEST(wire_json_decodes_all_kinds)
{
	const IN_kms_Encrypt *in;

	assert_ok(json_call(&c, KMS("Encrypt"),
	    " {\"KeyId\":\"alias/\\u0061\", \"Plaintext\" : "
	    "\"aGk=\",\"EncryptionContext\":{\"a\":\"b\",\"\":\"\"},\"GrantTokens\":"
	    "[\"x\"],\"DryRun\":false,\"Unknown\":{\"deep\":[1,{\"x\":null}]}} "));
	in = c.in;
	assert_str(in->KeyId, "alias/a");
	assert_str(in->Plaintext, "hi");
	assert_int_equal(in->EncryptionContext.n, 2);
	assert_str(in->EncryptionContext.keys[0], "a");
	assert_str(in->EncryptionContext.v[0], "b");
	assert_true(in->DryRun.set && !in->DryRun.v);
	assert_false(bw_str_set(in->EncryptionAlgorithm));
	case_end(&c);
	assert_ok(json_call(&c, KMS("ListKeys"), "{\"Limit\":7,\"Marker\":null}"));
	assert_int_equal(((const IN_kms_ListKeys *)c.in)->Limit.v, 7);
	assert_false(bw_str_set(((const IN_kms_ListKeys *)c.in)->Marker));
	case_end(&c);
}

TEST(wire_json_words_for_wrong_kinds)
{
	static const struct {
		const char *body, *message;
	} wrong[] = {
	    {"{\"Limit\":\"1\"}", "STRING_VALUE can not be converted to an Integer"},
	    {"{\"Limit\":true}", "TRUE_VALUE can not be converted to an Integer"},
	    {"{\"Limit\":[1]}", "Start of list found where not expected"},
	    {"{\"Limit\":{\"a\":1}}", "Start of structure or map found where not expected."},
	    {"{\"Marker\":1}", "NUMBER_VALUE can not be converted to a String"},
	    {"{\"Marker\":false}", "FALSE_VALUE can not be converted to a String"},
	    {"{\"Marker\":[\"x\"]}", "Start of list found where not expected"},
	    {"[]", "Start of list found where not expected"},
	    {"{\"Limit\":1.5}", ""},
	    {"{\"Limit\":1e2}", ""},
	    {"{\"Limit\":1,\"Limit\":1}", "Duplicate field 'Limit'"},
	    {"{\"Marker\":null,\"Marker\":\"a\"}", "Duplicate field 'Marker'"},
	    {"{", ""},
	    {"", ""},
	    {"null", ""},
	    {"\"x\"", ""},
	    {"{\"Limit\":1,}", ""},
	    {"{} {}", ""},
	    {"{}x", ""},
	    {"{\"Marker\":\"\xff\"}", ""},
	    {"{\"Marker\":\"\\ud800\"}", ""},
	    {"{\"Marker\":\"a\\u0000b\"}", "A string holds bytes that are not text in UTF-8"},
	};

	for (size_t i = 0; i < BW_COUNT(wrong); i++) {
		assert_int_equal(json_call(&c, KMS("ListKeys"), wrong[i].body), BW_EINVAL);
		assert_faults(&c, "SerializationException", wrong[i].message);
	}
}

TEST(wire_json_words_for_wrong_aggregates)
{
	static const struct {
		const char *body, *message;
	} wrong[] = {
	    {"{\"GrantTokens\":\"x\"}", "Expected list or null"},
	    {"{\"GrantTokens\":[1]}", "NUMBER_VALUE can not be converted to a String"},
	    {"{\"EncryptionContext\":\"x\"}", "Expected null"},
	    {"{\"EncryptionContext\":[]}", "Start of list found where not expected"},
	    {"{\"EncryptionContext\":{\"a\":\"1\",\"a\":\"2\"}}", "Duplicate field 'a'"},
	    {"{\"EncryptionContext\":{\"a\":1}}", "NUMBER_VALUE can not be converted to a String"},
	    {"{\"Plaintext\":\"aGk\"}", ""},
	    {"{\"Plaintext\":\"a Gk\"}", ""},
	    {"{\"Plaintext\":\"aGl=\"}", ""},
	    {"{\"Plaintext\":1}", "NUMBER_VALUE can not be converted to a Blob"},
	    {"{\"DryRun\":\"true\"}", "STRING_VALUE can not be converted to a Boolean"},
	};

	for (size_t i = 0; i < BW_COUNT(wrong); i++) {
		assert_int_equal(json_call(&c, KMS("Encrypt"), wrong[i].body), BW_EINVAL);
		assert_faults(&c, "SerializationException", wrong[i].message);
	}
}

TEST(wire_json_states_failed_constraints)
{
	assert_int_equal(json_call(&c, KMS("DescribeKey"), "{}"), BW_EINVAL);
	assert_faults(
	    &c, "ValidationException", "1 validation error detected: Value null at 'keyId" NO "not be null");
	assert_int_equal(json_call(&c, KMS("DescribeKey"), "{\"KeyId\":\"\"}"), BW_EINVAL);
	assert_faults(&c, "ValidationException",
	    "1 validation error detected: Value '' at 'keyId" NO "have length greater than or equal to 1");
	assert_int_equal(json_call(&c, KMS("Encrypt"), "{\"KeyId\":\"k\",\"Plaintext\":\"\"}"), BW_EINVAL);
	assert_faults(&c, "ValidationException",
	    "1 validation error detected: Value at 'plaintext" NO "have length greater than or equal to 1");
	assert_int_equal(json_call(&c, KMS("ListKeys"), "{\"Limit\":99999999999}"), BW_EINVAL);
	assert_faults(&c, "ValidationException",
	    "1 validation error detected: Value '2147483647' at 'limit" NO
	    "have value less than or equal to 1000");
	assert_int_equal(json_call(&c, KMS("TagResource"),
	                     "{\"KeyId\":\"k\",\"Tags\":[{\"TagKey\":\"a\",\"TagValue\":\"\"},{}]}"),
	    BW_EINVAL);
	assert_faults(&c, "ValidationException",
	    "2 validation errors detected: Value null at 'tags.2.member.tagKey" NO
	    "not be null; Value null at "
	    "'tags.2.member.tagValue" NO "not be null");
}

/* A value is said up to a length, so that an answer's length is not its asker's choice; what is sensitive is
 * never. */
TEST(wire_json_says_values_up_to_a_length)
{
	enum { SAID = 10 * 1024 };
	static char body[SAID + 128], want[SAID + 256];

	for (int n = SAID - 1; n <= SAID + 1; n++) {
		snprintf(body, sizeof body, "{\"Description\":\"%0*d\"}", n, 1);
		assert_int_equal(json_call(&c, KMS("CreateKey"), body), BW_EINVAL);
		snprintf(want, sizeof want,
		    "1 validation error detected: Value %s%.*s%sat 'description" NO
		    "have length less than or equal to 8192",
		    n > SAID ? "" : "'", n > SAID ? 0 : n, body + strlen("{\"Description\":\""),
		    n > SAID ? "" : "' ");
		assert_faults(&c, "ValidationException", want);
	}
	assert_int_equal(
	    json_call(&c, KMS("ConnectCustomKeyStore"), "{\"CustomKeyStoreId\":\"\"}"), BW_EINVAL);
	assert_faults(&c, "ValidationException",
	    "1 validation error detected: Value '' at 'customKeyStoreId" NO
	    "have length greater than or equal to 1");
	assert_int_equal(json_call(&c, KMS("UpdateCustomKeyStore"),
	                     "{\"CustomKeyStoreId\":\"c\",\"KeyStorePassword\":\"secret\"}"),
	    BW_EINVAL);
	assert_faults(&c, "ValidationException",
	    "1 validation error detected: Value at 'keyStorePassword" NO
	    "have length greater than or equal to 7");
}

TEST(wire_json_blob_at_its_limit)
{
	static char body[16384];
	size_t n;

	/* 4,096 bytes are 5,464 characters of base64; one byte more is refused. */
	n = (size_t)snprintf(body, sizeof body, "{\"KeyId\":\"k\",\"Plaintext\":\"");
	memset(body + n, 'A', 5461);
	snprintf(body + n + 5461, sizeof body - n - 5461, "A==\"}");
	assert_ok(json_call(&c, KMS("Encrypt"), body));
	assert_int_equal(((const IN_kms_Encrypt *)c.in)->Plaintext.n, 4096);
	case_end(&c);
	snprintf(body + n + 5461, sizeof body - n - 5461, "AA=\"}");
	assert_int_equal(json_call(&c, KMS("Encrypt"), body), BW_EINVAL);
	assert_faults(&c, "ValidationException",
	    "1 validation error detected: Value at 'plaintext" NO "have length less than or equal to 4096");
}

/* WAF's statements nest without end in the model: {"Statement":{"NotStatement":{"Statement":...}}} */
static enum bw_err nested(struct wire_case *k, int depth)
{
	static char body[1 << 16];
	size_t n = (size_t)snprintf(body, sizeof body, "{\"Name\":\"n\",\"Rules\":[{\"Statement\":");

	for (int i = 0; i < depth; i++)
		n += (size_t)snprintf(body + n, sizeof body - n, "{\"NotStatement\":{\"Statement\":");
	n += (size_t)snprintf(body + n, sizeof body - n, "{}");
	for (int i = 0; i < depth; i++)
		n += (size_t)snprintf(body + n, sizeof body - n, "}}");
	snprintf(body + n, sizeof body - n, "}]}");
	return json_call(k, "wafv2", "AWSWAF_20190729.CreateWebACL", body);
}

TEST(wire_json_depth_has_a_ceiling)
{
	assert_int_equal(nested(&c, (BW_SHAPE_DEPTH_MAX - 4) / 2), BW_EINVAL);
	assert_false(c.faults.malformed);
	case_end(&c);
	assert_int_equal(nested(&c, BW_SHAPE_DEPTH_MAX / 2), BW_EINVAL);
	assert_faults(&c, "SerializationException", "The input is nested too deeply");
	assert_int_equal(nested(&c, 1000), BW_EINVAL);
	assert_true(c.faults.malformed);
	case_end(&c);
}

static enum bw_err long_list(struct wire_case *k, size_t items)
{
	static char body[1 << 20];
	size_t n =
	    (size_t)snprintf(body, sizeof body, "{\"KeyId\":\"k\",\"Plaintext\":\"aGk=\",\"GrantTokens\":[");

	for (size_t i = 0; i < items; i++)
		n += (size_t)snprintf(body + n, sizeof body - n, "%s\"t\"", i ? "," : "");
	snprintf(body + n, sizeof body - n, "]}");
	return json_call(k, KMS("Encrypt"), body);
}

TEST(wire_json_lists_have_ceilings)
{
	assert_ok(long_list(&c, 10));
	case_end(&c);
	assert_int_equal(long_list(&c, 11), BW_EINVAL);
	assert_faults(&c, "ValidationException",
	    "1 validation error detected: Value '[t, t, t, t, t, t, t, t, t, t, t]' at 'grantTokens" NO
	    "have length less than or equal to 10");
	assert_int_equal(long_list(&c, BW_LIST_ITEMS_MAX), BW_EINVAL);
	assert_false(c.faults.malformed);
	case_end(&c);
	assert_int_equal(long_list(&c, BW_LIST_ITEMS_MAX + 1), BW_EINVAL);
	assert_faults(&c, "SerializationException", "A list has more than 10000 elements");
}

TEST(wire_json_null_elements_are_refused)
{
	assert_int_equal(
	    json_call(&c, KMS("Encrypt"), "{\"KeyId\":\"k\",\"Plaintext\":\"aGk=\",\"GrantTokens\":[null]}"),
	    BW_EINVAL);
	assert_false(c.faults.malformed);
	case_end(&c);
	assert_int_equal(json_call(&c, KMS("TagResource"), "{\"KeyId\":\"k\",\"Tags\":[null]}"), BW_EINVAL);
	assert_faults(&c, "SerializationException", "Expected null");
}
