// Cases of the AWS SDK for JavaScript v3, told in TAP. Endpoint, keys and ACCOUNT come from suite_sdk_js.py.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import http from "node:http";
import * as iamSdk from "@aws-sdk/client-iam";
import * as stsSdk from "@aws-sdk/client-sts";
import { fromTemporaryCredentials } from "@aws-sdk/credential-providers";
import { NodeHttpHandler } from "@smithy/node-http-handler";

const { ACCOUNT: account, AWS_ENDPOINT_URL: endpoint } = process.env;
const common = { region: "us-east-1", endpoint, maxAttempts: 1 };
const iam = new iamSdk.IAM(common);
const sts = new stsSdk.STS(common);
const name = (stem) => `${stem}-${randomUUID().slice(0, 8)}`;
const policyOf = (...statements) => JSON.stringify({ Version: "2012-10-17", Statement: statements });
const allow = (action) => ({ Effect: "Allow", Action: action, Resource: "*" });
const trust = policyOf({ Effect: "Allow", Principal: { AWS: `arn:aws:iam::${account}:root` }, Action: "sts:AssumeRole" });

const cases = [];
const test = (title, body) => cases.push([title, body]);

async function newUser(...statements) {
	const UserName = name("js");
	await iam.createUser({ UserName });
	if (statements.length)
		await iam.putUserPolicy({ UserName, PolicyName: "p", PolicyDocument: policyOf(...statements) });
	const { AccessKey: key } = await iam.createAccessKey({ UserName });
	return { UserName, credentials: { accessKeyId: key.AccessKeyId, secretAccessKey: key.SecretAccessKey } };
}

async function newRole(...statements) {
	const { Role } = await iam.createRole({ RoleName: name("js"), AssumeRolePolicyDocument: trust });
	if (statements.length)
		await iam.putRolePolicy({ RoleName: Role.RoleName, PolicyName: "p", PolicyDocument: policyOf(...statements) });
	return Role;
}

test("the caller is the administrator", async () => {
	const me = await sts.getCallerIdentity({});
	assert.equal(me.Account, account);
	assert.equal(me.Arn, `arn:aws:iam::${account}:user/admin`);
	assert.equal(me.$metadata.httpStatusCode, 200);
	assert.match(me.$metadata.requestId, /^[0-9a-f-]{36}$/);
});

test("NoSuchEntityException is typed", async () => {
	const UserName = name("absent");
	await assert.rejects(iam.getUser({ UserName }), (e) => {
		assert.ok(e instanceof iamSdk.NoSuchEntityException);
		assert.equal(e.message, `The user with name ${UserName} cannot be found.`);
		assert.equal(e.$metadata.httpStatusCode, 404);
		assert.equal(e.$fault, "client");
		return true;
	});
});

test("EntityAlreadyExistsException is typed", async () => {
	const { UserName } = await newUser();
	await assert.rejects(iam.createUser({ UserName }), (e) => e instanceof iamSdk.EntityAlreadyExistsException
		&& e.$metadata.httpStatusCode === 409 && e.message === `User with name ${UserName} already exists.`);
});

test("MalformedPolicyDocumentException, LimitExceededException and DeleteConflictException are typed", async () => {
	const PolicyName = name("p");
	await assert.rejects(iam.createPolicy({ PolicyName, PolicyDocument: "{" }), iamSdk.MalformedPolicyDocumentException);
	const { UserName } = await newUser();
	await iam.createAccessKey({ UserName });
	await assert.rejects(iam.createAccessKey({ UserName }), iamSdk.LimitExceededException);
	await assert.rejects(iam.deleteUser({ UserName }), iamSdk.DeleteConflictException);
});

test("AccessDenied names who, what and why", async () => {
	const { UserName, credentials } = await newUser();
	const theirs = new iamSdk.IAM({ ...common, credentials });
	await assert.rejects(theirs.listUsers({}), (e) => {
		assert.equal(e.name, "AccessDenied");
		assert.equal(e.$metadata.httpStatusCode, 403);
		assert.match(e.message, new RegExp(`^User: arn:aws:iam::${account}:user/${UserName} is not authorized to perform: iam:ListUsers on `));
		return true;
	});
});

test("a wrong secret is told from a wrong key", async () => {
	const { credentials } = await newUser();
	const signed = (more) => new stsSdk.STS({ ...common, credentials: { ...credentials, ...more } }).getCallerIdentity({});
	await assert.rejects(signed({ secretAccessKey: "x".repeat(40) }), { name: "SignatureDoesNotMatch" });
	await assert.rejects(signed({ accessKeyId: "AKIAAAAAAAAAAAAAAAAA" }), { name: "InvalidClientTokenId" });
});

test("dates are Date", async () => {
	const before = Math.floor(Date.now() / 1000) * 1000 - 1000;
	const { UserName } = await newUser();
	const { User } = await iam.getUser({ UserName });
	assert.ok(User.CreateDate instanceof Date);
	assert.ok(User.CreateDate.getTime() >= before && User.CreateDate.getTime() <= Date.now() + 1000);
	const { Credentials } = await sts.getSessionToken({ DurationSeconds: 900 });
	assert.ok(Math.abs(Credentials.Expiration.getTime() - Date.now() - 900_000) < 10_000);
});

test("numbers and booleans are typed", async () => {
	const { Role } = await iam.getRole({ RoleName: (await newRole()).RoleName });
	assert.equal(Role.MaxSessionDuration, 3600);
	const { SummaryMap } = await iam.getAccountSummary({});
	assert.equal(typeof SummaryMap.Users, "number");
	const { IsTruncated } = await iam.listUsers({ PathPrefix: "/nobody/here/" });
	assert.equal(IsTruncated, false);
});

test("paginators go through every page", async () => {
	const Path = `/${name("pages")}/`;
	const made = [];
	for (let i = 0; i < 7; i++)
		made.push((await iam.createUser({ UserName: name(`u${i}`), Path })).User.UserName);
	const sizes = [];
	const seen = [];
	for await (const page of iamSdk.paginateListUsers({ client: iam, pageSize: 3 }, { PathPrefix: Path })) {
		sizes.push(page.Users.length);
		seen.push(...page.Users.map((u) => u.UserName));
	}
	assert.deepEqual(sizes, [3, 3, 1]);
	assert.deepEqual(seen, made.toSorted());
});

test("policy documents come back URL-encoded and whole", async () => {
	const { UserName } = await newUser();
	const document = policyOf({ Sid: "A1", Effect: "Allow", Action: "s3:*", Resource: "arn:aws:s3:::b/${aws:username}/ü +%&=<>*" });
	await iam.putUserPolicy({ UserName, PolicyName: "odd", PolicyDocument: document });
	const got = await iam.getUserPolicy({ UserName, PolicyName: "odd" });
	assert.ok(!got.PolicyDocument.includes("{"));
	assert.ok(!got.PolicyDocument.includes("+"), "a blank is %20, never +");
	assert.equal(decodeURIComponent(got.PolicyDocument), document);
	const { Role } = await iam.getRole({ RoleName: (await newRole()).RoleName });
	assert.deepEqual(JSON.parse(decodeURIComponent(Role.AssumeRolePolicyDocument)), JSON.parse(trust));
});

test("names and values outside ASCII travel whole", async () => {
	const UserName = name("js");
	const Tags = [{ Key: "città", Value: "Zürich 東京 + b/c@d" }];
	await iam.createUser({ UserName, Tags });
	assert.deepEqual((await iam.listUserTags({ UserName })).Tags, Tags);
	const { Role } = await iam.createRole({ RoleName: name("js"), AssumeRolePolicyDocument: trust, Description: "a\tb\nc \u00e9 <&>" });
	assert.equal((await iam.getRole({ RoleName: Role.RoleName })).Role.Description, "a\tb\nc \u00e9 <&>");
});

test("assumed-role credentials are provided and used", async () => {
	const role = await newRole(allow("iam:ListUsers"));
	const credentials = fromTemporaryCredentials({
		params: { RoleArn: role.Arn, RoleSessionName: "provided", DurationSeconds: 900 }, clientConfig: common,
	});
	const me = await new stsSdk.STS({ ...common, credentials }).getCallerIdentity({});
	assert.equal(me.Arn, `arn:aws:sts::${account}:assumed-role/${role.RoleName}/provided`);
	const theirs = new iamSdk.IAM({ ...common, credentials });
	assert.ok((await theirs.listUsers({ MaxItems: 1 })).Users.length === 1);
	await assert.rejects(theirs.listRoles({}), { name: "AccessDenied" });
});

test("a role that does not trust gives no credentials", async () => {
	const { UserName, credentials } = await newUser(allow("sts:*"));
	const other = await newUser();
	const only = policyOf({ Effect: "Allow", Principal: { AWS: `arn:aws:iam::${account}:user/${other.UserName}` }, Action: "sts:AssumeRole" });
	const { Role } = await iam.createRole({ RoleName: name("js"), AssumeRolePolicyDocument: only });
	const asked = (with_) => new stsSdk.STS({ ...common, credentials: with_ }).assumeRole({ RoleArn: Role.Arn, RoleSessionName: "s1" });
	await assert.rejects(asked(credentials), (e) => e.name === "AccessDenied" && e.message.includes(`user/${UserName} is not authorized`));
	assert.match((await asked(other.credentials)).Credentials.AccessKeyId, /^ASIA/);
});

test("waiters see the entity", async () => {
	const { UserName } = await newUser();
	const result = await iamSdk.waitUntilUserExists({ client: iam, maxWaitTime: 20 }, { UserName });
	assert.equal(result.state, "SUCCESS");
});

test("50 calls at once share kept-alive connections", async () => {
	const agent = new http.Agent({ keepAlive: true, maxSockets: 5 });
	let opened = 0;
	const connect = agent.createConnection;
	agent.createConnection = function (...more) {
		opened++;
		return connect.apply(this, more);
	};
	const many = new iamSdk.IAM({ ...common, requestHandler: new NodeHttpHandler({ httpAgent: agent }) });
	const names = Array.from({ length: 50 }, () => name("many"));
	const made = await Promise.all(names.map((UserName) => many.createUser({ UserName })));
	assert.deepEqual(made.map((m) => m.User.UserName), names);
	assert.equal(new Set(made.map((m) => m.User.UserId)).size, 50);
	assert.equal(new Set(made.map((m) => m.$metadata.requestId)).size, 50);
	await Promise.all(names.map((UserName) => many.getUser({ UserName })));
	assert.ok(opened <= 5, `${opened} connections for 100 calls of 5 at once`);
	agent.destroy();
});

test("what is not implemented is said, not guessed", async () => {
	await assert.rejects(iam.listOrganizationsFeatures({}), (e) => {
		assert.equal(e.name, "NotImplemented");
		assert.equal(e.$metadata.httpStatusCode, 501);
		assert.match(e.message, /ListOrganizationsFeatures/);
		return true;
	});
});

const only = process.argv[2] ?? "";
const chosen = cases.filter(([title]) => title.includes(only));
let failed = 0;
for (const [i, [title, body]] of chosen.entries()) {
	try {
		await body();
		console.log(`ok ${i + 1} - ${title}`);
	} catch (e) {
		failed++;
		console.log(`not ok ${i + 1} - ${title}`);
		console.log(String(e.stack).replace(/^/gm, "# "));
	}
}
console.log(`1..${chosen.length}`);
process.exit(failed ? 1 : 0);
