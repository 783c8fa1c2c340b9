// IAM and STS through the AWS SDK for JavaScript v3, as an application would use it: nothing but the endpoint is set.
import test from "node:test";
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import {
  AttachUserPolicyCommand, CreateAccessKeyCommand, CreatePolicyCommand, CreateRoleCommand, CreateUserCommand, DeleteAccessKeyCommand,
  DeleteUserCommand, GetRoleCommand, GetUserCommand, IAMClient, ListUserTagsCommand, PutRolePolicyCommand, PutUserPolicyCommand,
  TagUserCommand, UpdateAccessKeyCommand, paginateListUsers, waitUntilUserExists,
} from "@aws-sdk/client-iam";
import { AssumeRoleCommand, GetCallerIdentityCommand, GetSessionTokenCommand, STSClient } from "@aws-sdk/client-sts";

const once = { maxAttempts: 1 };
const iam = new IAMClient(once), sts = new STSClient(once);
const name = (stem) => `${stem}-${randomBytes(5).toString("hex")}`;
const document = (...statements) => JSON.stringify({ Version: "2012-10-17", Statement: statements });
const allow = (Action, Resource = "*") => ({ Effect: "Allow", Action, Resource });

async function user(...statements) {
  const UserName = name("js");
  const { User } = await iam.send(new CreateUserCommand({ UserName }));
  if (statements.length) await iam.send(new PutUserPolicyCommand({ UserName, PolicyName: "p", PolicyDocument: document(...statements) }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }));
  const credentials = { accessKeyId: AccessKey.AccessKeyId, secretAccessKey: AccessKey.SecretAccessKey };
  return { UserName, Arn: User.Arn, credentials, iam: new IAMClient({ ...once, credentials }), sts: new STSClient({ ...once, credentials }) };
}

test("who am I", async () => {
  const me = await sts.send(new GetCallerIdentityCommand({}));
  assert.match(me.Account, /^\d{12}$/);
  assert.equal(me.Arn, `arn:aws:iam::${me.Account}:user/admin`);
  assert.match(me.UserId, /^AIDA[A-Z0-9]{17}$/);
});

test("a user is made, read back as it was made, and gone when deleted", async () => {
  const UserName = name("js");
  const Tags = [{ Key: "team", Value: "blue" }, { Key: "ünïcode", Value: "a b/c=d" }];
  const made = await iam.send(new CreateUserCommand({ UserName, Path: "/js/", Tags }));
  assert.ok(made.User.CreateDate instanceof Date && Math.abs(made.User.CreateDate - Date.now()) < 60000);
  assert.equal(made.User.Path, "/js/");
  await waitUntilUserExists({ client: iam, maxWaitTime: 5 }, { UserName });
  const got = await iam.send(new GetUserCommand({ UserName }));
  assert.deepEqual(got.User.Tags, Tags);
  assert.equal(got.User.UserId, made.User.UserId);
  await iam.send(new TagUserCommand({ UserName, Tags: [{ Key: "team", Value: "red" }] }));
  const tags = await iam.send(new ListUserTagsCommand({ UserName }));
  assert.deepEqual(tags.Tags.find((t) => t.Key === "team").Value, "red");
  await iam.send(new DeleteUserCommand({ UserName }));
  await assert.rejects(iam.send(new GetUserCommand({ UserName })),
    (e) => e.name === "NoSuchEntityException" && e.$metadata.httpStatusCode === 404 && /[0-9a-f-]{36}/.test(e.$metadata.requestId));
});

test("the same user twice is refused by name", async () => {
  const UserName = name("js");
  await iam.send(new CreateUserCommand({ UserName }));
  await assert.rejects(iam.send(new CreateUserCommand({ UserName: UserName.toUpperCase() })),
    (e) => e.name === "EntityAlreadyExistsException" && e.$metadata.httpStatusCode === 409);
});

test("a denial names the caller, the action and the resource", async () => {
  const u = await user();
  await assert.rejects(u.iam.send(new CreateUserCommand({ UserName: "nobody" })), (e) => {
    assert.equal(e.name, "AccessDenied");
    assert.equal(e.$metadata.httpStatusCode, 403);
    assert.match(e.message, new RegExp(`^User: ${u.Arn} is not authorized to perform: iam:CreateUser on resource: arn:aws:iam::\\d{12}:user/nobody because no identity-based policy allows the iam:CreateUser action`));
    return true;
  });
});

test("a policy allows what it says and no more", async () => {
  const u = await user(allow("iam:GetUser", "arn:aws:iam::*:user/js-*"));
  assert.equal((await u.iam.send(new GetUserCommand({ UserName: u.UserName }))).User.Arn, u.Arn);
  await assert.rejects(u.iam.send(new GetUserCommand({ UserName: "admin" })), { name: "AccessDenied" });
});

test("a managed policy counts from its attachment on", async () => {
  const u = await user();
  const { Policy } = await iam.send(new CreatePolicyCommand({ PolicyName: name("js"), PolicyDocument: document(allow("iam:ListUserTags")) }));
  await assert.rejects(u.iam.send(new ListUserTagsCommand({ UserName: u.UserName })), { name: "AccessDenied" });
  await iam.send(new AttachUserPolicyCommand({ UserName: u.UserName, PolicyArn: Policy.Arn }));
  assert.deepEqual((await u.iam.send(new ListUserTagsCommand({ UserName: u.UserName }))).Tags, []);
});

test("an explicit denial wins", async () => {
  const u = await user(allow("*"), { Effect: "Deny", Action: "iam:DeleteUser", Resource: "*" });
  await assert.rejects(u.iam.send(new DeleteUserCommand({ UserName: "admin" })),
    (e) => e.name === "AccessDenied" && /with an explicit deny in an identity-based policy/.test(e.message));
});

test("a role is assumed, and its session has the role's permissions", async () => {
  const { Account } = await sts.send(new GetCallerIdentityCommand({}));
  const u = await user(allow("sts:AssumeRole"));
  const RoleName = name("js");
  const trust = document({ Effect: "Allow", Principal: { AWS: u.Arn }, Action: "sts:AssumeRole" });
  const { Role } = await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trust, Description: "for tests" }));
  assert.equal(Role.MaxSessionDuration, undefined);
  assert.equal((await iam.send(new GetRoleCommand({ RoleName }))).Role.MaxSessionDuration, 3600);
  await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: "p", PolicyDocument: document(allow("iam:GetRole")) }));
  const { Credentials: c, AssumedRoleUser } = await u.sts.send(new AssumeRoleCommand({ RoleArn: Role.Arn, RoleSessionName: "js", DurationSeconds: 900 }));
  assert.equal(AssumedRoleUser.Arn, `arn:aws:sts::${Account}:assumed-role/${RoleName}/js`);
  assert.ok(c.Expiration - Date.now() > 880000 && c.Expiration - Date.now() < 901000);
  const session = { ...once, credentials: { accessKeyId: c.AccessKeyId, secretAccessKey: c.SecretAccessKey, sessionToken: c.SessionToken } };
  assert.equal((await new STSClient(session).send(new GetCallerIdentityCommand({}))).Arn, AssumedRoleUser.Arn);
  assert.equal((await new IAMClient(session).send(new GetRoleCommand({ RoleName }))).Role.Arn, Role.Arn);
  await assert.rejects(new IAMClient(session).send(new GetUserCommand({ UserName: "admin" })), { name: "AccessDenied" });
  const other = await user(allow("sts:AssumeRole"));
  await assert.rejects(other.sts.send(new AssumeRoleCommand({ RoleArn: Role.Arn, RoleSessionName: "js" })), { name: "AccessDenied" });
});

test("a session token does not work with another's key", async () => {
  const u = await user(allow("*"));
  const { Credentials: c } = await u.sts.send(new GetSessionTokenCommand({ DurationSeconds: 900 }));
  const mixed = new STSClient({ ...once, credentials: { ...u.credentials, sessionToken: c.SessionToken } });
  await assert.rejects(mixed.send(new GetCallerIdentityCommand({})), { name: "InvalidClientTokenId" });
});

test("an inactive or deleted key authenticates nobody", async () => {
  const u = await user();
  const key = { UserName: u.UserName, AccessKeyId: u.credentials.accessKeyId };
  await u.sts.send(new GetCallerIdentityCommand({}));
  await iam.send(new UpdateAccessKeyCommand({ ...key, Status: "Inactive" }));
  await assert.rejects(u.sts.send(new GetCallerIdentityCommand({})), { name: "InvalidClientTokenId" });
  await iam.send(new UpdateAccessKeyCommand({ ...key, Status: "Active" }));
  await u.sts.send(new GetCallerIdentityCommand({}));
  await iam.send(new DeleteAccessKeyCommand(key));
  await assert.rejects(u.sts.send(new GetCallerIdentityCommand({})), { name: "InvalidClientTokenId" });
});

test("a wrong secret is told from an unknown key", async () => {
  const u = await user();
  const wrong = new STSClient({ ...once, credentials: { ...u.credentials, secretAccessKey: "x".repeat(40) } });
  await assert.rejects(wrong.send(new GetCallerIdentityCommand({})), { name: "SignatureDoesNotMatch" });
  const unknown = new STSClient({ ...once, credentials: { accessKeyId: "AKIAZZZZZZZZZZZZZZZZ", secretAccessKey: "x".repeat(40) } });
  await assert.rejects(unknown.send(new GetCallerIdentityCommand({})), { name: "InvalidClientTokenId" });
});

test("the root key of the environment is the root user", async () => {
  const root = new STSClient({ ...once, credentials: { accessKeyId: process.env.BULWARK_ROOT_KEY, secretAccessKey: process.env.BULWARK_ROOT_SECRET } });
  const me = await root.send(new GetCallerIdentityCommand({}));
  assert.equal(me.Arn, `arn:aws:iam::${me.Account}:root`);
});

test("the SDK's paginator sees every user once", async () => {
  const mine = new Set();
  const PathPrefix = `/${name("page")}/`;
  for (let i = 0; i < 23; i++) {
    const UserName = name("js");
    mine.add(UserName);
    await iam.send(new CreateUserCommand({ UserName, Path: PathPrefix }));
  }
  const seen = [];
  let pages = 0;
  for await (const page of paginateListUsers({ client: iam, pageSize: 5 }, { PathPrefix })) {
    pages++;
    seen.push(...page.Users.map((u) => u.UserName));
  }
  assert.equal(seen.length, 23);
  assert.deepEqual(new Set(seen), mine);
  assert.ok(pages >= 5);
});

test("a hundred calls at once are all answered", async () => {
  const answers = await Promise.all(Array.from({ length: 100 }, () => sts.send(new GetCallerIdentityCommand({}))));
  assert.equal(new Set(answers.map((a) => a.Arn)).size, 1);
});
