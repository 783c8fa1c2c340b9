/* Condition operators, set tests and variables, a row a rule. IAM User Guide pages: (O) "Condition
 * operators", (M) "Conditions with multiple context keys or values", (S) "Set operators for multivalued
 * context keys", (V) "Variables and tags", (K) "AWS global condition context keys". */
#include "asking.h"

#include <stdio.h>

struct row {
	const char *condition, *context;
	bool match;
};

static const struct row strings[] = {
    /* (O) exact, with case; without; with wildcards */
    {"{'StringEquals':{'aws:username':'bob'}}", "aws:username=bob", true},
    {"{'StringEquals':{'aws:username':'bob'}}", "aws:username=Bob", false},
    {"{'StringEquals':{'aws:username':'bob'}}", "aws:username=bobb", false},
    {"{'StringEquals':{'aws:username':'b*'}}", "aws:username=bob", false},
    {"{'StringEquals':{'aws:username':'b*'}}", "aws:username=b*", true},
    {"{'StringEquals':{'aws:username':['x','bob']}}", "aws:username=bob", true},
    {"{'StringEquals':{'aws:username':[]}}", "aws:username=bob", false},
    {"{'StringNotEquals':{'aws:username':[]}}", "aws:username=bob", true},
    {"{'StringEquals':{'aws:n':7}}", "aws:n=7", true},
    {"{'StringEquals':{'aws:n':true}}", "aws:n=true", true},
    {"{'StringNotEquals':{'aws:username':'bob'}}", "aws:username=Bob", true},
    {"{'StringNotEquals':{'aws:username':'bob'}}", "aws:username=bob", false},
    {"{'StringEqualsIgnoreCase':{'aws:username':'BOB'}}", "aws:username=bob", true},
    {"{'StringEqualsIgnoreCase':{'aws:username':'BO*'}}", "aws:username=bob", false},
    {"{'StringNotEqualsIgnoreCase':{'aws:username':'BOB'}}", "aws:username=bob", false},
    {"{'StringLike':{'aws:username':'b?b'}}", "aws:username=bob", true},
    {"{'StringLike':{'aws:username':'B*'}}", "aws:username=bob", false},
    {"{'StringLike':{'aws:username':'*'}}", "aws:username=", true},
    {"{'StringLike':{'aws:username':''}}", "aws:username=", true},
    {"{'StringNotLike':{'aws:username':['a*','b*']}}", "aws:username=bob", false},
    {"{'StringNotLike':{'aws:username':['a*','c*']}}", "aws:username=bob", true},
    /* (M) a negated operator with several values: none of them */
    {"{'StringNotEquals':{'aws:username':['bob','x']}}", "aws:username=bob", false},
    {"{'StringNotEquals':{'aws:username':['x','y']}}", "aws:username=bob", true},
    /* (M) operators and keys are ANDed */
    {"{'StringEquals':{'aws:a':'1','aws:b':'2'}}", "aws:a=1;aws:b=2", true},
    {"{'StringEquals':{'aws:a':'1','aws:b':'2'}}", "aws:a=1;aws:b=3", false},
    {"{'StringEquals':{'aws:a':'1'},'StringLike':{'aws:a':'2*'}}", "aws:a=1", false},
    {"{}", "", true},
    {"{'StringEquals':{}}", "", true},
    {"{'NoSuchOperator':{}}", "", true},
    /* (K) key names have no case, tag keys neither; values do */
    {"{'StringEquals':{'AWS:UserName':'bob'}}", "aws:username=bob", true},
    {"{'StringEquals':{'aws:RequestTag/TEAM':'x'}}", "aws:RequestTag/team=x", true},
    {"{'StringEquals':{'aws:RequestTag/team':'X'}}", "aws:RequestTag/team=x", false},
    {"{'StringEquals':{'aws:RequestTag/tea':'x'}}", "aws:RequestTag/team=x", false},
};

static const struct row absent[] = {
    /* (O) absent: positive operators fail, negated ones pass, IfExists passes */
    {"{'StringEquals':{'aws:a':'1'}}", "", false},
    {"{'StringLike':{'aws:a':'*'}}", "", false},
    {"{'StringNotEquals':{'aws:a':'1'}}", "", true},
    {"{'StringNotLike':{'aws:a':'*'}}", "", true},
    {"{'NumericNotEquals':{'aws:a':'1'}}", "", true},
    {"{'NumericLessThan':{'aws:a':'1'}}", "", false},
    {"{'DateNotEquals':{'aws:a':'2020'}}", "", true},
    {"{'DateGreaterThan':{'aws:a':'2020'}}", "", false},
    {"{'Bool':{'aws:a':'false'}}", "", false},
    {"{'IpAddress':{'aws:a':'0.0.0.0/0'}}", "", false},
    {"{'NotIpAddress':{'aws:a':'0.0.0.0/0'}}", "", true},
    {"{'ArnLike':{'aws:a':'*'}}", "", false},
    {"{'ArnNotLike':{'aws:a':'*'}}", "", true},
    {"{'BinaryEquals':{'aws:a':'QQ=='}}", "", false},
    {"{'StringEqualsIfExists':{'aws:a':'1'}}", "", true},
    {"{'StringEqualsIfExists':{'aws:a':'1'}}", "aws:a=2", false},
    {"{'StringNotEqualsIfExists':{'aws:a':'1'}}", "", true},
    {"{'BoolIfExists':{'aws:a':'false'}}", "", true},
    {"{'boolifexists':{'aws:a':'false'}}", "aws:a=true", false},
    {"{'StringEqualsIfExists':{'aws:a':'1'}}", "aws:a@", true},
    {"{'StringEquals':{'aws:a':'1'}}", "aws:a@", false},
    {"{'StringNotEquals':{'aws:a':'1'}}", "aws:a@", true},
    /* (O) Null: true when the key is not there */
    {"{'Null':{'aws:a':'true'}}", "", true},
    {"{'Null':{'aws:a':'false'}}", "", false},
    {"{'Null':{'aws:a':true}}", "aws:a=", false},
    {"{'Null':{'aws:a':false}}", "aws:a=", true},
    {"{'Null':{'aws:a':'true'}}", "aws:a@", true},
    {"{'Null':{'aws:a':['true','false']}}", "aws:a=1", true},
    {"{'Null':{'aws:a':'maybe'}}", "aws:a=1", false},
    {"{'Null':{'aws:a':'true'}}", "aws:A=1", false},
    {"{'ForAllValues:Null':{'aws:a':'true'}}", "", true},
};

static const struct row sets[] = {
    /* (S) ForAllValues: true on an absent or empty set; every value must pass */
    {"{'ForAllValues:StringEquals':{'aws:TagKeys':['a','b']}}", "aws:TagKeys@=a|b", true},
    {"{'ForAllValues:StringEquals':{'aws:TagKeys':['a','b']}}", "aws:TagKeys@=a", true},
    {"{'ForAllValues:StringEquals':{'aws:TagKeys':['a','b']}}", "aws:TagKeys@=a|c", false},
    {"{'ForAllValues:StringEquals':{'aws:TagKeys':['a','b']}}", "", true},
    {"{'ForAllValues:StringEquals':{'aws:TagKeys':['a','b']}}", "aws:TagKeys@", true},
    {"{'ForAllValues:StringEquals':{'aws:TagKeys':['a','b']}}", "aws:TagKeys@=", true},
    {"{'ForAllValues:StringEquals':{'aws:TagKeys':['a','b']}}", "aws:TagKeys@=a|", false},
    {"{'ForAllValues:StringEquals':{'aws:TagKeys':[]}}", "aws:TagKeys@=a", false},
    {"{'ForAllValues:StringNotEquals':{'aws:TagKeys':['a','b']}}", "aws:TagKeys@=c|d", true},
    {"{'ForAllValues:StringNotEquals':{'aws:TagKeys':['a','b']}}", "aws:TagKeys@=c|b", false},
    {"{'ForAllValues:StringNotEquals':{'aws:TagKeys':['a','b']}}", "aws:TagKeys@=", true},
    {"{'ForAllValues:StringLike':{'aws:TagKeys':'x-*'}}", "aws:TagKeys@=x-1|x-2", true},
    {"{'forallvalues:stringlike':{'aws:TagKeys':'x-*'}}", "aws:TagKeys@=x-1|y-2", false},
    /* (S) ForAnyValue: false on an absent or empty set; some value must pass */
    {"{'ForAnyValue:StringEquals':{'aws:TagKeys':['a','b']}}", "aws:TagKeys@=c|b", true},
    {"{'ForAnyValue:StringEquals':{'aws:TagKeys':['a','b']}}", "aws:TagKeys@=c|d", false},
    {"{'ForAnyValue:StringEquals':{'aws:TagKeys':['a','']}}", "aws:TagKeys@=", false},
    {"{'ForAnyValue:StringEquals':{'aws:TagKeys':['a','b']}}", "", false},
    {"{'ForAnyValue:StringEquals':{'aws:TagKeys':['a','b']}}", "aws:TagKeys@", false},
    {"{'ForAnyValue:StringNotEquals':{'aws:TagKeys':['a','b']}}", "", false},
    {"{'ForAnyValue:StringNotEquals':{'aws:TagKeys':['a','b']}}", "aws:TagKeys@=a|c", true},
    {"{'ForAnyValue:StringNotEquals':{'aws:TagKeys':['a','b']}}", "aws:TagKeys@=a|b", false},
    {"{'ForAnyValue:StringEqualsIfExists':{'aws:TagKeys':'a'}}", "", true},
    {"{'ForAnyValue:StringEqualsIfExists':{'aws:TagKeys':'a'}}", "aws:TagKeys@=b", false},
    {"{'ForAllValues:NumericLessThan':{'aws:n':'5'}}", "aws:n@=1|2", true},
    {"{'ForAllValues:NumericLessThan':{'aws:n':'5'}}", "aws:n@=1|x", false},
    /* without a set test some value must match, or for a negated operator none */
    {"{'StringEquals':{'aws:TagKeys':'a'}}", "aws:TagKeys@=a|b", true},
    {"{'StringNotEquals':{'aws:TagKeys':'a'}}", "aws:TagKeys@=a|b", false},
    {"{'StringNotEquals':{'aws:TagKeys':'a'}}", "aws:TagKeys@=c|b", true},
};

static const struct row numbers[] = {
    {"{'NumericEquals':{'aws:n':'10'}}", "aws:n=10", true},
    {"{'NumericEquals':{'aws:n':'10'}}", "aws:n=10.0", true},
    {"{'NumericEquals':{'aws:n':'10'}}", "aws:n=010", true},
    {"{'NumericEquals':{'aws:n':10}}", "aws:n=10", true},
    {"{'NumericEquals':{'aws:n':'0'}}", "aws:n=-0", true},
    {"{'NumericEquals':{'aws:n':'10'}}", "aws:n=10abc", false},
    {"{'NumericEquals':{'aws:n':'10abc'}}", "aws:n=10", false},
    {"{'NumericEquals':{'aws:n':'10abc'}}", "aws:n=10abc", false},
    {"{'NumericNotEquals':{'aws:n':'10abc'}}", "aws:n=10", true},
    {"{'NumericNotEquals':{'aws:n':'10'}}", "aws:n=10.00", false},
    {"{'NumericLessThan':{'aws:n':'10'}}", "aws:n=9.99999999999999999999", true},
    {"{'NumericLessThan':{'aws:n':'10'}}", "aws:n=10", false},
    {"{'NumericLessThan':{'aws:n':'10'}}", "aws:n=", false},
    {"{'NumericLessThan':{'aws:n':'10'}}", "aws:n=.5", false},
    {"{'NumericLessThan':{'aws:n':'10'}}", "aws:n=5.", false},
    {"{'NumericLessThan':{'aws:n':'10'}}", "aws:n=+5", false},
    {"{'NumericLessThan':{'aws:n':'10'}}", "aws:n= 5", false},
    {"{'NumericLessThan':{'aws:n':'10'}}", "aws:n=-11", true},
    {"{'NumericLessThan':{'aws:n':'-10'}}", "aws:n=-11", true},
    {"{'NumericLessThan':{'aws:n':'-10'}}", "aws:n=-9", false},
    {"{'NumericLessThanEquals':{'aws:n':'10'}}", "aws:n=10", true},
    {"{'NumericLessThanEquals':{'aws:n':'10'}}", "aws:n=10.1", false},
    {"{'NumericGreaterThan':{'aws:n':'99999999999999999999999999'}}", "aws:n=100000000000000000000000000",
        true},
    {"{'NumericGreaterThan':{'aws:n':'1.5'}}", "aws:n=1.45", false},
    {"{'NumericGreaterThanEquals':{'aws:n':'1.5'}}", "aws:n=1.5", true},
    {"{'NumericGreaterThanEquals':{'aws:n':['5','3']}}", "aws:n=4", true},
    /* (V) no variables here */
    {"{'NumericEquals':{'aws:n':'${aws:n}'}}", "aws:n=1", false},
};

static const struct row dates[] = {
    {"{'DateEquals':{'aws:t':'2020-01-01T00:00:00Z'}}", "aws:t=1577836800", true},
    {"{'DateEquals':{'aws:t':1577836800}}", "aws:t=2020-01-01T00:00:00.000Z", true},
    {"{'DateEquals':{'aws:t':'2020-01-01T01:00:00+01:00'}}", "aws:t=2019-12-31T19:00:00-05:00", true},
    {"{'DateEquals':{'aws:t':'2020'}}", "aws:t=2020-01-01", true},
    {"{'DateEquals':{'aws:t':'2020-02'}}", "aws:t=2020-02-01T00:00", true},
    {"{'DateEquals':{'aws:t':'2020-02-29'}}", "aws:t=2020-02-29T00:00Z", true},
    {"{'DateEquals':{'aws:t':'2000-02-29'}}", "aws:t=951782400", true},
    {"{'DateEquals':{'aws:t':'1969-12-31T23:59:59Z'}}", "aws:t=-1", true},
    {"{'DateNotEquals':{'aws:t':'2020'}}", "aws:t=2020-01-01T00:00:00.001Z", true},
    {"{'DateLessThan':{'aws:t':'2020'}}", "aws:t=2019-12-31T23:59:59.999Z", true},
    {"{'DateLessThan':{'aws:t':'2020'}}", "aws:t=2020-01-01T00:00:00Z", false},
    {"{'DateLessThanEquals':{'aws:t':'2020'}}", "aws:t=2020-01-01T00:00:00Z", true},
    {"{'DateGreaterThan':{'aws:t':'2020'}}", "aws:t=2020-01-01T00:00:00.1Z", true},
    {"{'DateGreaterThanEquals':{'aws:t':'2020'}}", "aws:t=1577836800", true},
    /* what is no date matches nothing */
    {"{'DateLessThan':{'aws:t':'2030'}}", "aws:t=2021-02-29", false},
    {"{'DateLessThan':{'aws:t':'2030'}}", "aws:t=2021-13-01", false},
    {"{'DateLessThan':{'aws:t':'2030'}}", "aws:t=2021-00-01", false},
    {"{'DateLessThan':{'aws:t':'2030'}}", "aws:t=2021-01-01T24:00:00Z", false},
    {"{'DateLessThan':{'aws:t':'2030'}}", "aws:t=2021-01-01T00:60:00Z", false},
    {"{'DateLessThan':{'aws:t':'2030'}}", "aws:t=2021-01-01T00:00:60Z", false},
    {"{'DateLessThan':{'aws:t':'2030'}}", "aws:t=2021-01-01T00:00:00.Z", false},
    {"{'DateLessThan':{'aws:t':'2030'}}", "aws:t=2021-01-01T00:00:00+24:00", false},
    {"{'DateLessThan':{'aws:t':'2030'}}", "aws:t=2021-01-01T00:00:00Zx", false},
    {"{'DateLessThan':{'aws:t':'2030'}}", "aws:t=2021-1-1", false},
    {"{'DateLessThan':{'aws:t':'2030'}}", "aws:t=", false},
    {"{'DateLessThan':{'aws:t':'2030'}}", "aws:t=yesterday", false},
    {"{'DateNotEquals':{'aws:t':'2030'}}", "aws:t=yesterday", true},
};

static const struct row others[] = {
    {"{'Bool':{'aws:SecureTransport':'true'}}", "aws:SecureTransport=true", true},
    {"{'Bool':{'aws:SecureTransport':'True'}}", "aws:SecureTransport=true", true},
    {"{'Bool':{'aws:SecureTransport':true}}", "aws:SecureTransport=true", true},
    {"{'Bool':{'aws:SecureTransport':false}}", "aws:SecureTransport=true", false},
    {"{'Bool':{'aws:SecureTransport':'false'}}", "aws:SecureTransport=false", true},
    {"{'Bool':{'aws:SecureTransport':'no'}}", "aws:SecureTransport=false", false},
    {"{'Bool':{'aws:SecureTransport':'false'}}", "aws:SecureTransport=no", false},
    {"{'Bool':{'aws:SecureTransport':['true','false']}}", "aws:SecureTransport=false", true},
    {"{'Bool':{'aws:a':'${aws:b}'}}", "aws:a=true;aws:b=true", false},
    {"{'BinaryEquals':{'aws:b':'QmluYXJ5'}}", "aws:b=Binary", true},
    {"{'BinaryEquals':{'aws:b':'QmluYXJ5'}}", "aws:b=QmluYXJ5", false},
    {"{'BinaryEquals':{'aws:b':'QUI='}}", "aws:b=AB", true},
    {"{'BinaryEquals':{'aws:b':'QUJ='}}", "aws:b=AB", false},
    {"{'BinaryEquals':{'aws:b':'QQ=='}}", "aws:b=A", true},
    {"{'BinaryEquals':{'aws:b':'QQ'}}", "aws:b=A", false},
    {"{'BinaryEquals':{'aws:b':'Q==='}}", "aws:b=A", false},
    {"{'BinaryEquals':{'aws:b':'Q!=='}}", "aws:b=A", false},
    {"{'BinaryEquals':{'aws:b':''}}", "aws:b=", true},
};

static const struct row addresses[] = {
    {"{'IpAddress':{'aws:SourceIp':'203.0.113.0/24'}}", "aws:SourceIp=203.0.113.255", true},
    {"{'IpAddress':{'aws:SourceIp':'203.0.113.0/24'}}", "aws:SourceIp=203.0.114.0", false},
    {"{'IpAddress':{'aws:SourceIp':'203.0.113.9/24'}}", "aws:SourceIp=203.0.113.1", true},
    {"{'IpAddress':{'aws:SourceIp':'203.0.113.9'}}", "aws:SourceIp=203.0.113.9", true},
    {"{'IpAddress':{'aws:SourceIp':'203.0.113.9'}}", "aws:SourceIp=203.0.113.8", false},
    {"{'IpAddress':{'aws:SourceIp':'0.0.0.0/0'}}", "aws:SourceIp=203.0.113.9", true},
    {"{'IpAddress':{'aws:SourceIp':'0.0.0.0/0'}}", "aws:SourceIp=2001:db8::1", false},
    {"{'IpAddress':{'aws:SourceIp':'::/0'}}", "aws:SourceIp=2001:db8::1", true},
    {"{'IpAddress':{'aws:SourceIp':'10.0.0.0/12'}}", "aws:SourceIp=10.15.255.255", true},
    {"{'IpAddress':{'aws:SourceIp':'10.0.0.0/12'}}", "aws:SourceIp=10.16.0.0", false},
    {"{'IpAddress':{'aws:SourceIp':'10.0.0.0/31'}}", "aws:SourceIp=10.0.0.1", true},
    {"{'IpAddress':{'aws:SourceIp':'10.0.0.0/32'}}", "aws:SourceIp=10.0.0.1", false},
    {"{'IpAddress':{'aws:SourceIp':'2001:DB8:1234:5678::/64'}}", "aws:SourceIp=2001:db8:1234:5678:0:0:0:9",
        true},
    {"{'IpAddress':{'aws:SourceIp':'2001:db8::1'}}", "aws:SourceIp=2001:0db8:0::0001", true},
    {"{'IpAddress':{'aws:SourceIp':'2001:db8::/33'}}", "aws:SourceIp=2001:db8:8000::", false},
    {"{'IpAddress':{'aws:SourceIp':'2001:db8::/33'}}", "aws:SourceIp=2001:db8:7fff::", true},
    {"{'IpAddress':{'aws:SourceIp':'10.0.0.0/8'}}", "aws:SourceIp=::ffff:10.1.2.3", true},
    {"{'IpAddress':{'aws:SourceIp':'::ffff:10.0.0.0/104'}}", "aws:SourceIp=10.1.2.3", true},
    {"{'NotIpAddress':{'aws:SourceIp':['10.0.0.0/8','192.168.0.0/16']}}", "aws:SourceIp=192.168.1.1", false},
    {"{'NotIpAddress':{'aws:SourceIp':['10.0.0.0/8','192.168.0.0/16']}}", "aws:SourceIp=8.8.8.8", true},
    /* (V) no variables here */
    {"{'IpAddress':{'aws:SourceIp':'${aws:n}'}}", "aws:SourceIp=10.0.0.1;aws:n=10.0.0.1", false},
    {"{'NotIpAddress':{'aws:SourceIp':'${aws:n}'}}", "aws:SourceIp=10.0.0.1;aws:n=10.0.0.1", true},
    /* what is no address matches nothing */
    {"{'IpAddress':{'aws:SourceIp':'0.0.0.0/0'}}", "aws:SourceIp=10.0.0", false},
    {"{'IpAddress':{'aws:SourceIp':'0.0.0.0/0'}}", "aws:SourceIp=10.0.0.256", false},
    {"{'IpAddress':{'aws:SourceIp':'0.0.0.0/0'}}", "aws:SourceIp=10.0.0.01", false},
    {"{'IpAddress':{'aws:SourceIp':'0.0.0.0/0'}}", "aws:SourceIp=10.0.0.1.1", false},
    {"{'IpAddress':{'aws:SourceIp':'0.0.0.0/0'}}", "aws:SourceIp=10.0.0.0/8", false},
    {"{'IpAddress':{'aws:SourceIp':'0.0.0.0/0'}}", "aws:SourceIp=", false},
    {"{'IpAddress':{'aws:SourceIp':'10.0.0.0/33'}}", "aws:SourceIp=10.0.0.0", false},
    {"{'IpAddress':{'aws:SourceIp':'10.0.0.0/08'}}", "aws:SourceIp=10.0.0.0", false},
    {"{'IpAddress':{'aws:SourceIp':'10.0.0.0/'}}", "aws:SourceIp=10.0.0.0", false},
    {"{'IpAddress':{'aws:SourceIp':'::/129'}}", "aws:SourceIp=::", false},
    {"{'IpAddress':{'aws:SourceIp':'10.0.0.*'}}", "aws:SourceIp=10.0.0.1", false},
};

#define TOPIC "aws:SourceArn=arn:aws:sns:us-east-1:123456789012:topic"

static const struct row arns[] = {
    /* (O) six parts, each checked by itself; ArnEquals is ArnLike */
    {"{'ArnLike':{'aws:SourceArn':'arn:aws:sns:*:123456789012:to*'}}", TOPIC, true},
    {"{'ArnEquals':{'aws:SourceArn':'arn:aws:sns:*:123456789012:to*'}}", TOPIC, true},
    {"{'ArnEquals':{'aws:SourceArn':'arn:aws:sns:us-east-1:123456789012:topic'}}", TOPIC, true},
    {"{'ArnEquals':{'aws:SourceArn':'arn:aws:sns:us-east-1:123456789012:Topic'}}", TOPIC, false},
    {"{'ArnNotEquals':{'aws:SourceArn':'arn:aws:sns:*:*:*'}}", TOPIC, false},
    {"{'ArnNotLike':{'aws:SourceArn':'arn:aws:sqs:*:*:*'}}", TOPIC, true},
    {"{'ArnLike':{'aws:SourceArn':'arn:aws:someservice:*:111122223333:finance/*'}}",
        "aws:SourceArn=arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/"
        "document.txt",
        false},
    {"{'StringLike':{'aws:SourceArn':'arn:aws:someservice:*:111122223333:finance/*'}}",
        "aws:SourceArn=arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/"
        "document.txt",
        true},
    {"{'ArnLike':{'aws:SourceArn':'arn:aws:logs:*:*:log-group:*:x'}}",
        "aws:SourceArn=arn:aws:logs:r:1:log-group:a:b:x", true},
    {"{'ArnLike':{'aws:SourceArn':'*'}}", TOPIC, true},
    {"{'ArnLike':{'aws:SourceArn':'arn:aws:sns:*'}}", TOPIC, true},
    {"{'ArnLike':{'aws:SourceArn':'arn:aws:sns'}}", TOPIC, false},
    {"{'ArnLike':{'aws:SourceArn':'arn:aws:sns:us-east-1:123456789012:*'}}", "aws:SourceArn=topic", false},
    {"{'ArnLike':{'aws:SourceArn':'*:*:*:*:*:*'}}", "aws:SourceArn=a:b:c:d:e", false},
    {"{'ArnLike':{'aws:SourceArn':'*:*:*:*:*:*'}}", "aws:SourceArn=a:b:c:d:e:", true},
    {"{'ArnLike':{'aws:SourceArn':'arn:aws:s3:::b'}}", "aws:SourceArn=arn:aws:s3:::b", true},
    {"{'ArnLike':{'aws:SourceArn':'arn:aws:s?:::b*'}}", "aws:SourceArn=arn:aws:s3:::bucket:x", true},
};

static const struct row variables[] = {
    /* (V) in String and ARN operators; escapes; defaults */
    {"{'StringEquals':{'aws:a':'${aws:b}'}}", "aws:a=x;aws:b=x", true},
    {"{'StringEquals':{'aws:a':'${aws:b}'}}", "aws:a=${aws:b};aws:b=x", false},
    {"{'StringLike':{'aws:a':'home/${aws:b}/*'}}", "aws:a=home/bob/f;aws:b=bob", true},
    {"{'StringLike':{'aws:a':'home/${aws:b}/*'}}", "aws:a=home/x/f;aws:b=bob", false},
    {"{'StringLike':{'aws:a':'*${aws:b}*'}}", "aws:a=home/bob/f;aws:b=bob", true},
    {"{'StringEqualsIgnoreCase':{'aws:a':'X${aws:b}'}}", "aws:a=xBOB;aws:b=bob", true},
    {"{'ArnLike':{'aws:a':'arn:aws:iam::1:user/${aws:b}'}}", "aws:a=arn:aws:iam::1:user/bob;aws:b=bob", true},
    /* a substituted wildcard, variable or colon is only text */
    {"{'StringLike':{'aws:a':'${aws:b}'}}", "aws:a=bob;aws:b=*", false},
    {"{'StringLike':{'aws:a':'${aws:b}'}}", "aws:a=*;aws:b=*", true},
    {"{'StringEquals':{'aws:a':'${aws:b}'}}", "aws:a=x;aws:b=${aws:c};aws:c=x", false},
    {"{'ArnLike':{'aws:a':'arn:aws:iam::1:${aws:b}'}}", "aws:a=arn:aws:iam::1:x:y;aws:b=x:y", true},
    {"{'ArnLike':{'aws:a':'arn:aws:iam::${aws:b}:x'}}", "aws:a=arn:aws:iam::1:2:x;aws:b=1:2", false},
    /* the colon of a name or default does not cut the ARN */
    {"{'ArnLike':{'aws:a':'arn:aws:iam::${aws:b, `1:2`}:x'}}", "aws:a=arn:aws:iam::7:x;aws:b=7", true},
    /* without a value: positive operators fail, negated ones pass */
    {"{'StringEquals':{'aws:a':'${aws:b}'}}", "aws:a=", false},
    {"{'StringNotEquals':{'aws:a':'${aws:b}'}}", "aws:a=x", true},
    {"{'StringLike':{'aws:a':['${aws:b}','x']}}", "aws:a=x", true},
    {"{'StringEquals':{'aws:a':'${aws:b}'}}", "aws:a=;aws:b=", true},
    {"{'StringEquals':{'aws:a':'${aws:b, `nobody`}'}}", "aws:a=nobody", true},
    {"{'StringEquals':{'aws:a':'${aws:b, `nobody`}'}}", "aws:a=x;aws:b=x", true},
    {"{'StringEquals':{'aws:a':'${aws:b, `nobody`}'}}", "aws:a=nobody;aws:b=x", false},
    {"{'StringEquals':{'aws:a':'${aws:b, ``}'}}", "aws:a=", true},
    /* multivalued keys cannot be variables */
    {"{'StringEquals':{'aws:a':'${aws:b}'}}", "aws:a=x;aws:b@=x", false},
    {"{'StringEquals':{'aws:a':'${aws:b, `d`}'}}", "aws:a=d;aws:b@=x", true},
    /* names have no case */
    {"{'StringEquals':{'aws:a':'${AWS:PrincipalTag/Team}'}}", "aws:a=x;aws:principaltag/team=x", true},
    /* escapes */
    {"{'StringLike':{'aws:a':'${*}'}}", "aws:a=x", false},
    {"{'StringLike':{'aws:a':'a${*}${?}${$}*'}}", "aws:a=a*?$rest", true},
    {"{'StringEquals':{'aws:a':'${$}{aws:b}'}}", "aws:a=${aws:b};aws:b=x", true},
};

static const struct row without_variables[] = {
    {"{'StringEquals':{'aws:a':'${aws:b}'}}", "aws:a=x;aws:b=x", false},
    {"{'StringEquals':{'aws:a':'${aws:b}'}}", "aws:a=${aws:b};aws:b=x", true},
    {"{'StringLike':{'aws:a':'${*}'}}", "aws:a=${anything}", true},
};

static void rows_check(const struct row *rows, size_t n, const char *version)
{
	for (size_t i = 0; i < n; i++) {
		struct asking a;
		char text[1024];
		bool match;

		asking_begin(&a);
		snprintf(text, sizeof text,
		    "{%s'Statement':{'Effect':'Allow','Action':'*','Resource':'*','Condition':%s}}", version,
		    rows[i].condition);
		a.layers.identity = list_of(&a, BW_POLICY_SESSION, "p", text);
		context_of(&a, rows[i].context);
		match = ask(&a).decision == BW_ALLOWED;
		if (match != rows[i].match)
			fail_msg("%s with %s: %d", rows[i].condition, rows[i].context, match);
		asking_end(&a);
	}
}

#define ROWS(test, rows)                                                                                     \
	TEST(test)                                                                                           \
	{                                                                                                    \
		rows_check(rows, BW_COUNT(rows), "'Version':'2012-10-17',");                                 \
	}

ROWS(policy_condition_strings, strings)
ROWS(policy_condition_absent_keys, absent)
ROWS(policy_condition_sets, sets)
ROWS(policy_condition_numbers, numbers)
ROWS(policy_condition_dates, dates)
ROWS(policy_condition_booleans_and_bytes, others)
ROWS(policy_condition_addresses, addresses)
ROWS(policy_condition_arns, arns)
ROWS(policy_condition_variables, variables)

TEST(policy_condition_variables_need_the_version)
{
	rows_check(without_variables, BW_COUNT(without_variables), "'Version':'2008-10-17',");
	rows_check(without_variables, BW_COUNT(without_variables), "");
}

/* The first of two keys of one name counts; a name is compared whole. */
TEST(policy_condition_finds_keys_by_name)
{
	static const struct row rows[] = {
	    {"{'StringEquals':{'aws:a':'1'}}", "aws:A=1;aws:a=2", true},
	    {"{'StringEquals':{'aws:ab':'1'}}", "aws:a=1;aws:abc=1", false},
	    {"{'StringEquals':{'aws:a[':'1'}}", "aws:a{=1", false},
	};

	rows_check(rows, BW_COUNT(rows), "");
}
