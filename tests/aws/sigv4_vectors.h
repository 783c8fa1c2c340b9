/* Signed requests as they stand on the wire, all of 2026-11-23T10:00:00Z, key AKIDBULWARKEXAMPLE01, secret as below.
 * Made by an independent implementation of the IAM User Guide's page, "Create a signed AWS API request" (Python's hmac
 * and hashlib); those that botocore can send were compared with its signatures. */
#pragma once

#define KEY_ID "AKIDBULWARKEXAMPLE01"
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define NOW_MS INT64_C(1795428000000)

struct vector {
	const char *name, *head, *body;
};

/* clang-format off */
static const struct vector vectors[] = {
	{"form",
		"POST / HTTP/1.1\r\n"
		"Host: localhost:9911\r\n"
		"Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
		"X-Amz-Date: 20261123T100000Z\r\n"
		"Authorization: AWS4-HMAC-SHA256 Credential=AKIDBULWARKEXAMPLE01/20261123/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=1a81bafc015f6c8be8f376de8fdcfa24dfeb314a01cdfeb8d3bdc0a2a2fb16c9\r\n"
		"Content-Length: 33\r\n"
		"\r\n",
		"Action=GetUser&Version=2010-05-08"},
	{"token",
		"POST / HTTP/1.1\r\n"
		"Host: localhost:9911\r\n"
		"Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
		"X-Amz-Date: 20261123T100000Z\r\n"
		"X-Amz-Security-Token: IQoJb3JpZ2luX2VjEXAMPLE//////////wEaCXVzLWVhc3QtMSJ=\r\n"
		"Authorization: AWS4-HMAC-SHA256 Credential=AKIDBULWARKEXAMPLE01/20261123/eu-west-1/sts/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature=521625b7873412374212d2ce8f33f92ed86a83079c9c6251a66c1d1f0867c61f\r\n"
		"Content-Length: 43\r\n"
		"\r\n",
		"Action=GetCallerIdentity&Version=2011-06-15"},
	{"json",
		"POST / HTTP/1.1\r\n"
		"Host: localhost:9911\r\n"
		"Content-Type: application/x-amz-json-1.1\r\n"
		"X-Amz-Target: TrentService.ListKeys\r\n"
		"X-Amz-Date: 20261123T100000Z\r\n"
		"Authorization: AWS4-HMAC-SHA256 Credential=AKIDBULWARKEXAMPLE01/20261123/us-east-1/kms/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=98b8cb1dffcf106b66f11e046674acfa148c29a53bc3ae74e7d181c044f64cd5\r\n"
		"Content-Length: 2\r\n"
		"\r\n",
		"{}"},
	{"query",
		"GET /?Version=2010-05-08&Action=ListUsers&PathPrefix=%2Fa%20b%2F&Marker= HTTP/1.1\r\n"
		"Host: localhost:9911\r\n"
		"X-Amz-Date: 20261123T100000Z\r\n"
		"Authorization: AWS4-HMAC-SHA256 Credential=AKIDBULWARKEXAMPLE01/20261123/us-east-1/iam/aws4_request, SignedHeaders=host;x-amz-date, Signature=e052b1d246fafb600eecb6e69d9b0cc0c0c003076156ed7596f06ac0cd83da30\r\n"
		"\r\n",
		""},
	{"query_plus",
		"GET /?b=2&a=x+y&a=%2B&A=1&%C3%A9=%7e~&a-b=0&a= HTTP/1.1\r\n"
		"Host: localhost:9911\r\n"
		"X-Amz-Date: 20261123T100000Z\r\n"
		"Authorization: AWS4-HMAC-SHA256 Credential=AKIDBULWARKEXAMPLE01/20261123/us-east-1/iam/aws4_request, SignedHeaders=host;x-amz-date, Signature=825de65da9cf37f1dab6481af8e8059aa845e3e5213d9a351ead8c4979fd2d14\r\n"
		"\r\n",
		""},
	{"path_encoded",
		"GET /analyzer/my%20analyzer/archive-rule/a%2Fb%3Ac HTTP/1.1\r\n"
		"Host: localhost:9911\r\n"
		"X-Amz-Date: 20261123T100000Z\r\n"
		"Authorization: AWS4-HMAC-SHA256 Credential=AKIDBULWARKEXAMPLE01/20261123/eu-central-1/access-analyzer/aws4_request, SignedHeaders=host;x-amz-date, Signature=708217fb97e567682c61f7173be4f0edde7ba8079b102e23a432e683e300214d\r\n"
		"\r\n",
		""},
	{"path_plain",
		"PUT /policy/generation/0a1b-2c HTTP/1.1\r\n"
		"Host: localhost:9911\r\n"
		"Content-Type: application/json\r\n"
		"X-Amz-Date: 20261123T100000Z\r\n"
		"Authorization: AWS4-HMAC-SHA256 Credential=AKIDBULWARKEXAMPLE01/20261123/eu-central-1/access-analyzer/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=820722f693da071b3b4dae22d2978809517a3c9986c11cbc3825f97f1193d40e\r\n"
		"Content-Length: 7\r\n"
		"\r\n",
		"{\"a\":1}"},
	{"path_dots",
		"GET /a/./b//../c/../../d//e/ HTTP/1.1\r\n"
		"Host: localhost:9911\r\n"
		"X-Amz-Date: 20261123T100000Z\r\n"
		"Authorization: AWS4-HMAC-SHA256 Credential=AKIDBULWARKEXAMPLE01/20261123/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=750bde4468eda697ae02794d766836b873f49fbc0d2b84b4a87d5faa5713068c\r\n"
		"\r\n",
		""},
	{"path_up",
		"GET /../../a/.. HTTP/1.1\r\n"
		"Host: localhost:9911\r\n"
		"X-Amz-Date: 20261123T100000Z\r\n"
		"Authorization: AWS4-HMAC-SHA256 Credential=AKIDBULWARKEXAMPLE01/20261123/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=dc78574a2c6f0e51b2a01cae2d83e2a8ed9a53a26f06604e1c15fcbd81e9f87b\r\n"
		"\r\n",
		""},
	{"path_raw",
		"GET /a:b@c!$&'()*+,;=d HTTP/1.1\r\n"
		"Host: localhost:9911\r\n"
		"X-Amz-Date: 20261123T100000Z\r\n"
		"Authorization: AWS4-HMAC-SHA256 Credential=AKIDBULWARKEXAMPLE01/20261123/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=a28b5df76d1b3dbe933d4440c2d9f8ae2d50511d6c8a08e635a0b36130fe948d\r\n"
		"\r\n",
		""},
	{"spaces",
		"POST / HTTP/1.1\r\n"
		"Host: localhost:9911\r\n"
		"Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
		"X-Amz-Meta:   a    b  \"c   d\"  e \r\n"
		"X-Amz-Date: 20261123T100000Z\r\n"
		"Authorization: AWS4-HMAC-SHA256 Credential=AKIDBULWARKEXAMPLE01/20261123/us-east-1/service/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-meta, Signature=b5a3a3255687d405c2ad0657e92b695125a97e1ee96b688c16cddbde28077ebb\r\n"
		"Content-Length: 3\r\n"
		"\r\n",
		"x=1"},
	{"doubled",
		"POST / HTTP/1.1\r\n"
		"Host: localhost:9911\r\n"
		"Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
		"X-Amz-Meta: one\r\n"
		"x-amz-META: two  three\r\n"
		"X-Amz-Meta: \r\n"
		"X-Amz-Date: 20261123T100000Z\r\n"
		"Authorization: AWS4-HMAC-SHA256 Credential=AKIDBULWARKEXAMPLE01/20261123/us-east-1/service/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-meta, Signature=4de0ad103ab153287768c5202870bb7c634277761dfc2d063af6f061d64d0b34\r\n"
		"Content-Length: 3\r\n"
		"\r\n",
		"x=1"},
	{"compact",
		"POST / HTTP/1.1\r\n"
		"Host: localhost:9911\r\n"
		"Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
		"X-Amz-Date: 20261123T100000Z\r\n"
		"Authorization: AWS4-HMAC-SHA256 Credential=AKIDBULWARKEXAMPLE01/20261123/us-east-1/iam/aws4_request,SignedHeaders=content-type;host;x-amz-date,Signature=1a81bafc015f6c8be8f376de8fdcfa24dfeb314a01cdfeb8d3bdc0a2a2fb16c9\r\n"
		"Content-Length: 33\r\n"
		"\r\n",
		"Action=GetUser&Version=2010-05-08"},
	{"content",
		"POST / HTTP/1.1\r\n"
		"Host: localhost:9911\r\n"
		"Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
		"X-Amz-Content-Sha256: 1f206b11c23e28cc250ded7fc0098d3823a8467a54340f1ac4e535cb8544493f\r\n"
		"X-Amz-Date: 20261123T100000Z\r\n"
		"Authorization: AWS4-HMAC-SHA256 Credential=AKIDBULWARKEXAMPLE01/20261123/us-east-1/service/aws4_request, SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date, Signature=2d214b2917642312f9639f1cc2a38637cf0d74948581cf03cbb7b27d93be95b3\r\n"
		"Content-Length: 3\r\n"
		"\r\n",
		"x=1"},
	{"content_empty",
		"GET / HTTP/1.1\r\n"
		"Host: localhost:9911\r\n"
		"X-Amz-Content-Sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\r\n"
		"X-Amz-Date: 20261123T100000Z\r\n"
		"Authorization: AWS4-HMAC-SHA256 Credential=AKIDBULWARKEXAMPLE01/20261123/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=b73ada37faa01d46c3e9d90102023f4e205755c2c4503858106479d58cb3924c\r\n"
		"\r\n",
		""},
	{"unsigned_payload",
		"POST / HTTP/1.1\r\n"
		"Host: localhost:9911\r\n"
		"Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
		"X-Amz-Content-Sha256: UNSIGNED-PAYLOAD\r\n"
		"X-Amz-Date: 20261123T100000Z\r\n"
		"Authorization: AWS4-HMAC-SHA256 Credential=AKIDBULWARKEXAMPLE01/20261123/us-east-1/s3/aws4_request, SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date, Signature=cf15d9c0a8895b71391b90077d78743fa17c64e6916c66284de4f0045847df15\r\n"
		"Content-Length: 3\r\n"
		"\r\n",
		"x=1"},
	{"date_http",
		"POST / HTTP/1.1\r\n"
		"Host: localhost:9911\r\n"
		"Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
		"Date: Mon, 23 Nov 2026 10:00:00 GMT\r\n"
		"Authorization: AWS4-HMAC-SHA256 Credential=AKIDBULWARKEXAMPLE01/20261123/us-east-1/iam/aws4_request, SignedHeaders=content-type;date;host, Signature=ac6f1f28d479e78f13f8d2dc99a7289ade3db095c43d402ffc2ca0d9026f0ea0\r\n"
		"Content-Length: 3\r\n"
		"\r\n",
		"x=1"},
	{"date_basic",
		"POST / HTTP/1.1\r\n"
		"Host: localhost:9911\r\n"
		"Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
		"Date: 20261123T100000Z\r\n"
		"Authorization: AWS4-HMAC-SHA256 Credential=AKIDBULWARKEXAMPLE01/20261123/us-east-1/iam/aws4_request, SignedHeaders=content-type;date;host, Signature=055b4a0c6bd17e08ce82bd1751497cf40e2423290d4cbd3026d8b600e6a9340a\r\n"
		"Content-Length: 3\r\n"
		"\r\n",
		"x=1"},
	{"streaming",
		"POST / HTTP/1.1\r\n"
		"Host: localhost:9911\r\n"
		"Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
		"X-Amz-Content-Sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\r\n"
		"X-Amz-Date: 20261123T100000Z\r\n"
		"Authorization: AWS4-HMAC-SHA256 Credential=AKIDBULWARKEXAMPLE01/20261123/us-east-1/s3/aws4_request, SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date, Signature=c5b3b9dec041f4a01eee697727e3a819d310abdd0246bf79a4518c023c6a71d0\r\n"
		"Content-Length: 3\r\n"
		"\r\n",
		"x=1"},
	{"foreign_hash",
		"POST / HTTP/1.1\r\n"
		"Host: localhost:9911\r\n"
		"Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
		"X-Amz-Content-Sha256: 93188956c3adf4e6fbd1517046217e27229b7889d4bd6337e9464b664bad8172\r\n"
		"X-Amz-Date: 20261123T100000Z\r\n"
		"Authorization: AWS4-HMAC-SHA256 Credential=AKIDBULWARKEXAMPLE01/20261123/us-east-1/s3/aws4_request, SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date, Signature=2dd17ec4df65ceb70db1e1f6c7c363625f16c835f7470e231752fec84ee87d10\r\n"
		"Content-Length: 3\r\n"
		"\r\n",
		"x=1"},
	{"foreign_header",
		"POST / HTTP/1.1\r\n"
		"Host: localhost:9911\r\n"
		"Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
		"X-Amz-Content-Sha256: 93188956c3adf4e6fbd1517046217e27229b7889d4bd6337e9464b664bad8172\r\n"
		"X-Amz-Date: 20261123T100000Z\r\n"
		"Authorization: AWS4-HMAC-SHA256 Credential=AKIDBULWARKEXAMPLE01/20261123/us-east-1/s3/aws4_request, SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date, Signature=23df83041a0987f3f2f6989b154c82a21a46e63c59467b0bbebb2fc671551ba5\r\n"
		"Content-Length: 3\r\n"
		"\r\n",
		"x=1"},
	{"presigned",
		"GET /?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDBULWARKEXAMPLE01%2F20261123%2Fus-east-1%2Fsts%2Faws4_request&X-Amz-Date=20261123T100000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=8dc0ddd0959a81fb4adbc86c9dc1a3767c3377d0cfd2f3f027392ce8371f12ca HTTP/1.1\r\n"
		"Host: localhost:9911\r\n"
		"\r\n",
		""},
	{"presigned_token",
		"GET /?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDBULWARKEXAMPLE01%2F20261123%2Fus-east-1%2Fsts%2Faws4_request&X-Amz-Date=20261123T100000Z&X-Amz-Expires=604800&X-Amz-SignedHeaders=host&X-Amz-Security-Token=Fwo%2B%2F%3DGZX%2F%2FEXAMPLE%3D%3D&X-Amz-Signature=b9442865bf99f904709224737688c903c751074ae8630179a2ded1ba4f975528 HTTP/1.1\r\n"
		"Host: localhost:9911\r\n"
		"\r\n",
		""},
	{"presigned_headers",
		"GET /?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDBULWARKEXAMPLE01%2F20261123%2Fus-east-1%2Fsts%2Faws4_request&X-Amz-Date=20261123T100000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-amz-k8s-id&X-Amz-Signature=7eaf00475163b606a434785620766ed31b340c2787c9cbfc83d46f150abc030e HTTP/1.1\r\n"
		"Host: localhost:9911\r\n"
		"x-amz-k8s-id: cluster\r\n"
		"\r\n",
		""},
	{"presigned_post",
		"POST /?Action=GetUser&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDBULWARKEXAMPLE01%2F20261123%2Fus-east-1%2Fiam%2Faws4_request&X-Amz-Date=20261123T100000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=d232903f6f720638e2eb588faf502dcf637ed5ceb97ba1be4563dc9044b709dd HTTP/1.1\r\n"
		"Host: localhost:9911\r\n"
		"\r\n",
		"x=1"},
	{"presigned_forever",
		"GET /?Action=GetCallerIdentity&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDBULWARKEXAMPLE01%2F20261123%2Fus-east-1%2Fsts%2Faws4_request&X-Amz-Date=20261123T100000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=38d7776a0b90a4dfd2a84b235b0bff715e8bd8f97934ee72cfcc17da27654b69 HTTP/1.1\r\n"
		"Host: localhost:9911\r\n"
		"\r\n",
		""},
};
/* clang-format on */
