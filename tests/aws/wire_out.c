#include "wire_test.h"

#include "gen/ec2.h"
#include "gen/elbv2.h"
#include "gen/iam.h"
#include "gen/kms.h"
#include "gen/organizations.h"
#include "gen/ram.h"
#include "gen/rolesanywhere.h"
#include "gen/sts.h"

static struct bw_buf headers, body;
static int status;

static void answer(const struct bw_service *s, const char *operation, const void *out)
{
	bw_buf_init(&headers, 1 << 16);
	bw_buf_init(&body, 1 << 16);
	bw_output_encode(
	    bw_operation_find(s, bw_str_c(operation)), out, BW_STR("r-1"), &headers, &body, &status);
}

static void failure(const struct bw_service *s, const struct bw_error_text *e, const char *content_type)
{
	struct bw_http_request r = {.method = BW_STR("POST")};

	if (content_type)
		r.headers[r.header_count++] =
		    (struct bw_http_header){BW_STR("content-type"), bw_str_c(content_type)};
	bw_buf_init(&headers, 1 << 16);
	bw_buf_init(&body, 1 << 16);
	bw_error_encode(s, &r, e, BW_STR("r-1"), &headers, &body);
}

static void assert_sent(const char *want_headers, const char *want_body)
{
	assert_str(bw_buf_str(&headers), want_headers);
	assert_str(bw_buf_str(&body), want_body);
	bw_buf_free(&headers);
	bw_buf_free(&body);
}

#define XML  "x-amzn-RequestId: r-1\r\nContent-Type: text/xml\r\n"
#define EC2  "x-amzn-RequestId: r-1\r\nContent-Type: text/xml;charset=UTF-8\r\n"
#define JSON "x-amzn-RequestId: r-1\r\nContent-Type: application/x-amz-json-1.1\r\n"
#define REST "x-amzn-RequestId: r-1\r\nContent-Type: application/json\r\n"

TEST(out_query)
{
	struct iam_User user = {.UserName = BW_STR("a<b"), .CreateDate = BW_TIME(1700000000123)};
	OUT_iam_CreateUser out = {.User = &user};

	answer(&bw_service_iam, "CreateUser", &out);
	assert_int_equal(status, 200);
	assert_sent(XML,
	    "<CreateUserResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><CreateUserResult><User>"
	    "<UserName>a&lt;b</UserName><CreateDate>2023-11-14T22:13:20Z</CreateDate></User></"
	    "CreateUserResult>"
	    "<ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></CreateUserResponse>");
	answer(&bw_service_iam, "DeleteUser", &(struct bw_empty){0});
	assert_sent(XML,
	    "<DeleteUserResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><ResponseMetadata>"
	    "<RequestId>r-1</RequestId></ResponseMetadata></DeleteUserResponse>");
}

TEST(out_query_lists_and_maps)
{
	struct iam_Tag tags[] = {
	    {.Key = BW_STR("k"), .Value = BW_STR("")}, {.Key = BW_STR("l"), .Value = BW_STR("v")}};
	OUT_iam_ListUserTags out = {.Tags = {.set = true, .n = 2, .v = tags}, .IsTruncated = BW_BOOL(false)};
	OUT_iam_ListUserTags none = {.Tags = {.set = true}};
	struct bw_str keys[] = {BW_STR("Users")};
	struct bw_opt_int counts[] = {BW_INT(3)};
	OUT_iam_GetAccountSummary summary = {.SummaryMap = {.set = true, .n = 1, .keys = keys, .v = counts}};

	answer(&bw_service_iam, "ListUserTags", &out);
	assert_true(bw_str_has(
	    bw_buf_str(&body), BW_STR("<Tags><member><Key>k</Key><Value></Value></member><member><Key>l</Key>"
	                              "<Value>v</Value></member></Tags><IsTruncated>false</IsTruncated>")));
	bw_buf_free(&headers);
	bw_buf_free(&body);
	answer(&bw_service_iam, "ListUserTags", &none);
	assert_true(
	    bw_str_has(bw_buf_str(&body), BW_STR("<ListUserTagsResult><Tags></Tags></ListUserTagsResult>")));
	bw_buf_free(&headers);
	bw_buf_free(&body);
	answer(&bw_service_iam, "GetAccountSummary", &summary);
	assert_true(bw_str_has(bw_buf_str(&body),
	    BW_STR("<SummaryMap><entry><key>Users</key><value>3</value></entry></SummaryMap>")));
	bw_buf_free(&headers);
	bw_buf_free(&body);
}

TEST(out_ec2)
{
	struct ec2_Vpc vpcs[] = {{.VpcId = BW_STR("vpc-1"), .IsDefault = BW_BOOL(true)}};
	OUT_ec2_DescribeVpcs out = {.Vpcs = {.set = true, .n = 1, .v = vpcs}};

	answer(&bw_service_ec2, "DescribeVpcs", &out);
	assert_sent(EC2, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	                 "<DescribeVpcsResponse "
	                 "xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r-1</requestId>"
	                 "<vpcSet><item><isDefault>true</isDefault><vpcId>vpc-1</vpcId></item></vpcSet></"
	                 "DescribeVpcsResponse>");
	answer(&bw_service_ec2, "DeleteVpc", &(struct bw_empty){0});
	assert_sent(EC2, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DeleteVpcResponse "
	                 "xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r-1</"
	                 "requestId><return>true</return>"
	                 "</DeleteVpcResponse>");
}

TEST(out_json)
{
	struct kms_KeyMetadata key = {
	    .KeyId = BW_STR("k\"\n"), .CreationDate = BW_TIME(1700000000123), .Enabled = BW_BOOL(true)};
	OUT_kms_CreateKey out = {.KeyMetadata = &key};
	OUT_kms_Encrypt cipher = {.CiphertextBlob = BW_STR("\x01\xff")};

	answer(&bw_service_kms, "CreateKey", &out);
	assert_sent(JSON,
	    "{\"KeyMetadata\":{\"KeyId\":\"k\\\"\\n\",\"CreationDate\":1700000000.123,\"Enabled\":true}}");
	answer(&bw_service_kms, "Encrypt", &cipher);
	assert_sent(JSON, "{\"CiphertextBlob\":\"Af8=\"}");
	answer(&bw_service_kms, "EnableKey", &(struct bw_empty){0});
	assert_sent(JSON, "");
}

TEST(out_rest_json)
{
	struct rolesanywhere_TrustAnchorDetail anchor = {
	    .name = BW_STR("n"), .createdAt = BW_TIME(1700000000000)};
	OUT_rolesanywhere_CreateTrustAnchor out = {.trustAnchor = &anchor};

	answer(&bw_service_rolesanywhere, "CreateTrustAnchor", &out);
	assert_int_equal(status, 201);
	assert_sent(REST, "{\"trustAnchor\":{\"name\":\"n\",\"createdAt\":\"2023-11-14T22:13:20.000Z\"}}");
}

TEST(out_errors_query_and_ec2)
{
	struct bw_error_text e = {
	    .code = BW_STR("NoSuchEntity"), .message = BW_STR("a & b"), .status = 404, .sender = true};

	failure(&bw_service_iam, &e, NULL);
	assert_sent(XML,
	    "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>Sender</Type>"
	    "<Code>NoSuchEntity</Code><Message>a &amp; "
	    "b</Message></Error><RequestId>r-1</RequestId></ErrorResponse>");
	e.sender = false;
	failure(NULL, &e, NULL);
	assert_sent(XML,
	    "<ErrorResponse><Error><Type>Receiver</Type><Code>NoSuchEntity</Code><Message>a &amp; b</Message>"
	    "</Error><RequestId>r-1</RequestId></ErrorResponse>");
	failure(&bw_service_ec2, &e, NULL);
	assert_sent(EC2,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>NoSuchEntity</Code>"
	    "<Message>a &amp; b</Message></Error></Errors><RequestID>r-1</RequestID></Response>");
}

TEST(out_errors_json)
{
	struct bw_error_text e = {.code = BW_STR("NotFoundException"), .message = BW_STR("x"), .status = 400};

	failure(&bw_service_kms, &e, NULL);
	assert_sent(JSON, "{\"__type\":\"NotFoundException\",\"message\":\"x\"}");
	e.code = BW_STR("AccountNotFoundException");
	failure(&bw_service_organizations, &e, NULL);
	assert_sent(JSON, "{\"__type\":\"AccountNotFoundException\",\"Message\":\"x\"}");
	e.code = BW_STR("AccessDeniedException");
	failure(&bw_service_kms, &e, NULL);
	assert_sent(JSON, "{\"__type\":\"AccessDeniedException\",\"Message\":\"x\"}");
	e = (struct bw_error_text){.code = BW_STR("InvalidCiphertextException")};
	failure(&bw_service_kms, &e, NULL);
	assert_sent(JSON, "{\"__type\":\"InvalidCiphertextException\"}");
	e = (struct bw_error_text){.code = BW_STR("InvalidInputException"),
	    .message = BW_STR("m"),
	    .members = {{BW_STR("Reason"), BW_STR("INVALID_PATTERN")}},
	    .member_count = 1};
	failure(&bw_service_organizations, &e, NULL);
	assert_sent(
	    JSON, "{\"__type\":\"InvalidInputException\",\"Message\":\"m\",\"Reason\":\"INVALID_PATTERN\"}");
	failure(NULL, &e, "application/x-amz-json-1.0");
	assert_sent("x-amzn-RequestId: r-1\r\nContent-Type: application/x-amz-json-1.0\r\n",
	    "{\"__type\":\"InvalidInputException\",\"message\":\"m\",\"Reason\":\"INVALID_PATTERN\"}");
	e = (struct bw_error_text){.code = BW_STR("UnknownResourceException"), .message = BW_STR("m")};
	failure(&bw_service_ram, &e, NULL);
	assert_sent("x-amzn-RequestId: r-1\r\nContent-Type: application/json\r\nx-amzn-ErrorType: "
	            "UnknownResourceException\r\n",
	    "{\"message\":\"m\"}");
}

TEST(out_numbers)
{
	OUT_elbv2_DescribeAccountLimits none = {0};

	answer(&bw_service_elbv2, "DescribeAccountLimits", &none);
	assert_true(bw_str_has(
	    bw_buf_str(&body), BW_STR("<DescribeAccountLimitsResult></DescribeAccountLimitsResult>")));
	bw_buf_free(&headers);
	bw_buf_free(&body);
}

/* ---- Audit ---- */

static void assert_audit(const struct bw_shape *s, const void *value, const char *want)
{
	bw_buf_init(&body, 1 << 16);
	bw_shape_audit(s, value, &body);
	assert_str(bw_buf_str(&body), want);
	bw_buf_free(&body);
}

TEST(audit_hides_what_is_sensitive)
{
	const struct bw_operation *op = bw_operation_find(&bw_service_iam, BW_STR("CreateAccessKey"));
	struct iam_AccessKey key = {.UserName = BW_STR("u"),
	    .AccessKeyId = BW_STR("AKIA"),
	    .Status = BW_STR("Active"),
	    .SecretAccessKey = BW_STR("never"),
	    .CreateDate = BW_TIME(1700000000000)};
	OUT_iam_CreateAccessKey out = {.AccessKey = &key};
	IN_iam_CreateLoginProfile profile = {
	    .UserName = BW_STR("u"), .Password = BW_STR("never"), .PasswordResetRequired = BW_BOOL(true)};

	assert_audit(bw_at(op->output), &out,
	    "{\"accessKey\":{\"userName\":\"u\",\"accessKeyId\":\"AKIA\",\"status\":\"Active\","
	    "\"createDate\":"
	    "\"Nov 14, 2023, 10:13:20 PM\"}}");
	assert_audit(bw_at(bw_operation_find(&bw_service_iam, BW_STR("CreateLoginProfile"))->input), &profile,
	    "{\"userName\":\"u\",\"passwordResetRequired\":true}");
}

TEST(audit_of_lists_maps_and_nothing)
{
	struct bw_str keys[] = {BW_STR("a\"")}, values[] = {BW_STR("b")}, tokens[] = {BW_STR("t")};
	IN_kms_Encrypt in = {.KeyId = BW_STR("k"),
	    .Plaintext = BW_STR("never"),
	    .GrantTokens = {true, 1, tokens},
	    .EncryptionContext = {true, 1, keys, values}};
	const struct bw_operation *op = bw_operation_find(&bw_service_kms, BW_STR("Encrypt"));

	assert_audit(bw_at(op->input), &in,
	    "{\"keyId\":\"k\",\"encryptionContext\":{\"a\\\"\":\"b\"},\"grantTokens\":[\"t\"]}");
	assert_audit(bw_at(op->input), &(IN_kms_Encrypt){0}, "null");
	assert_audit(bw_at(op->input), NULL, "null");
	assert_audit(NULL, &in, "null");
}
