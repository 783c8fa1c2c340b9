#!/usr/bin/env python3
"""The stock aws CLI, every one that PATH finds: pages, output formats, what it prints when refused; `bulwark exec` and `env`."""
import json
import os
import pathlib
import subprocess
import unittest
import uuid

import harness

TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
LIST_USERS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"}]}
HERE = pathlib.Path(__file__).resolve().parent
TIMEOUT_SECONDS = 120


def run(command, env=None):
    return subprocess.run(command, env=env or os.environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)


def clis():
    """{version: path}, each version once."""
    found = {}
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        path = os.path.join(folder, "aws")
        if os.path.isfile(path) and os.access(path, os.X_OK):
            said = run([path, "--version"])
            if said.returncode == 0 and (said.stdout or said.stderr).startswith("aws-cli/"):
                found.setdefault((said.stdout or said.stderr).split()[0], path)
    return found


def bulwark(word, *rest, env=None):
    """The clients' variables are not inherited: the command is to set them."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    clean.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull, AWS_EC2_METADATA_DISABLED="true", AWS_PAGER="")
    return run([harness.BINARY, word, "--data", harness.SERVER.data, "--root-key", harness.SERVER.data + ".key", *rest],
               {**clean, **(env or {})})


def script_of(path):
    """The script of Python's that `path` is, or is pyenv's word for; with its interpreter. None: it is something else."""
    if b"pyenv" in pathlib.Path(path).read_bytes()[:4096]:
        path = run(["pyenv", "which", "aws"]).stdout.strip()
    with open(path, "rb") as script:
        first = script.readline(256).decode(errors="replace").strip()
    interpreter = first.removeprefix("#!")
    return (interpreter, path) if first != interpreter and os.path.basename(interpreter).startswith("python") else None


class Warm:
    """A CLI that has been started, and does one command after the other (cli_warm.py)."""

    def __init__(self, interpreter, script):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        self.process = subprocess.Popen([interpreter, str(HERE / "cli_warm.py"), script], env=clean, text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)

    def run(self, words, env):
        print(json.dumps([words, dict(env)]), file=self.process.stdin, flush=True)
        return subprocess.CompletedProcess(words, *json.loads(self.process.stdout.readline()))

    def stop(self):
        self.process.communicate()


class Cli:
    """The cases; one class a CLI is made of them below."""
    path = None
    warm = None
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        script = script_of(cls.path)
        if script:
            cls.warm = Warm(*script)
            cls.addClassCleanup(cls.warm.stop)

    def command(self, *words, env):
        return self.warm.run(words, env) if self.warm else run([self.path, *words], env)

    def aws(self, *words, env=None):
        return self.command("--endpoint-url", harness.SERVER.endpoint, *words, env={**os.environ, **(env or {})})

    def text(self, *words, env=None):
        done = self.aws(*words, env=env)
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        return done.stdout

    def json(self, *words, env=None):
        said = self.text(*words, "--output", "json", env=env)
        return json.loads(said) if said.strip() else None

    def fails(self, code, operation, *words, env=None):
        done = self.aws(*words, env=env)
        self.assertNotEqual(0, done.returncode, done.stdout)
        self.assertEqual("", done.stdout)
        self.assertIn(f"An error occurred ({code}) when calling the {operation} operation: ", done.stderr)
        return done.stderr.strip()

    def name(self, stem="cli"):
        return f"{stem}-{uuid.uuid4().hex[:10]}"

    # What a case only needs to stand on is made with boto3: each command of a CLI takes half a second.
    def user(self, path="/"):
        name = self.name()
        harness.client("iam").create_user(UserName=name, Path=path)
        return name

    def key_of(self, user):
        key = harness.client("iam").create_access_key(UserName=user)["AccessKey"]
        return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}

    def account(self):
        return harness.SERVER.health["account"]

    def test_create_user_with_tags(self):
        name = self.name()
        made = self.json("iam", "create-user", "--user-name", name, "--path", "/eng/", "--tags", "Key=team,Value=blue + green", "Key=a,Value=")
        self.assertEqual(f"arn:aws:iam::{self.account()}:user/eng/{name}", made["User"]["Arn"])
        self.assertRegex(made["User"]["CreateDate"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\+00:00|Z)$")
        tags = self.json("iam", "get-user", "--user-name", name)["User"]["Tags"]
        self.assertEqual({"team": "blue + green", "a": ""}, {t["Key"]: t["Value"] for t in tags})
        message = self.fails("EntityAlreadyExists", "CreateUser", "iam", "create-user", "--user-name", name)
        self.assertTrue(message.endswith(f"User with name {name} already exists."), message)

    def test_pages(self):
        path = f"/{self.name('pages')}/"
        names = sorted(self.user(path) for _ in range(5))
        listed = self.json("iam", "list-users", "--path-prefix", path, "--page-size", "2")
        self.assertEqual(names, [u["UserName"] for u in listed["Users"]])
        first = self.json("iam", "list-users", "--path-prefix", path, "--max-items", "3", "--page-size", "2")
        self.assertEqual(names[:3], [u["UserName"] for u in first["Users"]])
        rest = self.json("iam", "list-users", "--path-prefix", path, "--starting-token", first["NextToken"])
        self.assertEqual(names[3:], [u["UserName"] for u in rest["Users"]])
        one = self.json("iam", "list-users", "--path-prefix", path, "--max-items", "1", "--no-paginate")
        self.assertEqual((1, True), (len(one["Users"]), one["IsTruncated"]))

    def test_text_table_and_query(self):
        name = self.user()
        asked = ("iam", "get-user", "--user-name", name)
        self.assertEqual(f"arn:aws:iam::{self.account()}:user/{name}\t{name}\n",
                         self.text(*asked, "--output", "text", "--query", "User.[Arn,UserName]"))
        self.assertTrue(self.text(*asked, "--output", "text").startswith("USER\tarn:aws:iam::"))
        self.assertIn(name, self.text(*asked, "--output", "table"))
        self.assertEqual(f'"{name}"\n', self.text(*asked, "--output", "json", "--query", "User.UserName"))

    def test_a_denied_call_says_why(self):
        name = self.user()
        keys = self.key_of(name)
        message = self.fails("AccessDenied", "ListRoles", "iam", "list-roles", env=keys)
        who = f"arn:aws:iam::{self.account()}:user/{name}"
        self.assertIn(f"User: {who} is not authorized to perform: iam:ListRoles on resource: ", message)
        self.assertTrue(message.endswith("because no identity-based policy allows the iam:ListRoles action"), message)
        deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "iam:*", "Resource": "*"}]}
        self.text("iam", "put-user-policy", "--user-name", name, "--policy-name", "no", "--policy-document", json.dumps(deny))
        message = self.fails("AccessDenied", "ListRoles", "iam", "list-roles", env=keys)
        self.assertIn("with an explicit deny in an identity-based policy", message)

    def test_absent_and_wrong(self):
        absent = self.name("absent")
        message = self.fails("NoSuchEntity", "GetUser", "iam", "get-user", "--user-name", absent)
        self.assertTrue(message.endswith(f"The user with name {absent} cannot be found."), message)
        message = self.fails("ValidationError", "ListUsers", "iam", "list-users", "--no-paginate", "--max-items", "1001")
        self.assertIn("Member must have value less than or equal to 1000", message)
        done = self.aws("iam", "create-user", "--no-such-option", "x")
        self.assertNotEqual(0, done.returncode)

    def test_a_name_of_other_characters(self):
        """IAM has words of its own for names and paths, instead of the framework's pattern."""
        message = self.fails("ValidationError", "CreateUser", "iam", "create-user", "--user-name", "not/a name")
        self.assertIn("The specified value for userName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-", message)
        message = self.fails("ValidationError", "CreateUser", "iam", "create-user", "--user-name", self.name("pathless"), "--path", "nope")
        self.assertTrue(message.endswith("The specified value for path is invalid. It must begin and end with / and contain only "
                                         "alphanumeric characters and/or / characters."), message)
        message = self.fails("ValidationError", "ListUsers", "iam", "list-users", "--path-prefix", "nope")
        self.assertTrue(message.endswith("The specified value for pathPrefix is invalid. It must begin with the / character and contain only "
                                         "alphanumeric characters and/or / characters."), message)
        message = self.fails("ValidationError", "PutUserPolicy", "iam", "put-user-policy", "--user-name", "x", "--policy-name", "p",
                             "--policy-document", "\u20ac")
        self.assertTrue(message.endswith("The specified value for policyDocument is invalid. It must contain only printable ASCII characters."), message)
        message = self.fails("ValidationError", "GetAccessKeyLastUsed", "iam", "get-access-key-last-used", "--access-key-id", "AKIAAAAAAAAAAAAA-AAA")
        self.assertTrue(message.endswith("The specified value for accessKeyId is invalid. It must contain only alphanumeric characters."), message)

    def test_wrong_keys(self):
        self.fails("InvalidClientTokenId", "GetCallerIdentity", "sts", "get-caller-identity",
                   env={"AWS_ACCESS_KEY_ID": "AKIAAAAAAAAAAAAAAAAA", "AWS_SECRET_ACCESS_KEY": "x" * 40})
        self.fails("SignatureDoesNotMatch", "GetCallerIdentity", "sts", "get-caller-identity", env={"AWS_SECRET_ACCESS_KEY": "x" * 40})

    def test_policy_from_a_file(self):
        name, file = self.name("policy"), os.path.join(harness.SERVER.work, self.name("file"))
        with open(file, "w", encoding="utf-8") as out:
            json.dump(LIST_USERS, out, indent=4)
        arn = self.json("iam", "create-policy", "--policy-name", name, "--policy-document", "file://" + file,
                        "--description", "what it is for + more")["Policy"]["Arn"]
        shown = self.json("iam", "get-policy-version", "--policy-arn", arn, "--version-id", "v1")["PolicyVersion"]
        self.assertEqual(LIST_USERS, shown["Document"])
        self.assertEqual("what it is for + more", self.json("iam", "get-policy", "--policy-arn", arn)["Policy"]["Description"])
        user = self.user()
        keys = self.key_of(user)
        self.fails("AccessDenied", "ListUsers", "iam", "list-users", env=keys)
        self.assertEqual("", self.text("iam", "attach-user-policy", "--user-name", user, "--policy-arn", arn))
        self.assertIn(user, [u["UserName"] for u in self.json("iam", "list-users", env=keys)["Users"]])
        message = self.fails("DeleteConflict", "DeletePolicy", "iam", "delete-policy", "--policy-arn", arn)
        self.assertTrue(message.endswith("Cannot delete a policy attached to entities."), message)

    def test_assume_role(self):
        name = self.name("role")
        role = self.json("iam", "create-role", "--role-name", name, "--assume-role-policy-document", json.dumps(TRUST))["Role"]
        self.assertEqual(TRUST, role["AssumeRolePolicyDocument"])
        got = self.json("sts", "assume-role", "--role-arn", role["Arn"], "--role-session-name", "cli", "--duration-seconds", "900")
        keys = {"AWS_ACCESS_KEY_ID": got["Credentials"]["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": got["Credentials"]["SecretAccessKey"],
                "AWS_SESSION_TOKEN": got["Credentials"]["SessionToken"]}
        me = self.json("sts", "get-caller-identity", env=keys)
        self.assertEqual(f"arn:aws:sts::{self.account()}:assumed-role/{name}/cli", me["Arn"])
        self.fails("AccessDenied", "ListUsers", "iam", "list-users", env=keys)

    def test_wait(self):
        name = self.user()
        self.assertEqual("", self.text("iam", "wait", "user-exists", "--user-name", name))

    def test_profile_assumes_the_role(self):
        """A profile of role_arn and source_profile, as people keep them in ~/.aws/config."""
        if self.old():
            self.skipTest("this CLI knows no endpoint for the credentials of a profile")
        name, file = self.name("role"), os.path.join(harness.SERVER.work, self.name("config"))
        role = harness.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
        server = harness.SERVER
        with open(file, "w", encoding="utf-8") as out:
            out.write(f"[profile base]\naws_access_key_id = {server.key_id}\naws_secret_access_key = {server.secret}\n"
                      f"[profile it]\nrole_arn = {role['Arn']}\nsource_profile = base\nrole_session_name = kept\n")
        env = {k: v for k, v in os.environ.items() if k not in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
        env["AWS_CONFIG_FILE"] = file
        done = self.command("--profile", "it", "sts", "get-caller-identity", "--output", "json", env=env)
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertTrue(json.loads(done.stdout)["Arn"].endswith(f":assumed-role/{name}/kept"))

    def test_summary_and_report(self):
        self.assertIn("Users", self.json("iam", "get-account-summary")["SummaryMap"])
        who = self.json("iam", "list-users", "--query", "Users[?UserName=='admin'].Arn")
        self.assertEqual([f"arn:aws:iam::{self.account()}:user/admin"], who)

    def old(self):
        version = tuple(int(n) for n in self.version.split("/")[1].split("."))
        return version < ((1, 29) if version[0] == 1 else (2, 13))

    def test_bulwark_exec(self):
        """Of the same `aws`, old or new, without a word of the endpoint."""
        first = os.path.dirname(self.path) + os.pathsep + os.environ["PATH"]
        done = bulwark("exec", "--endpoint", harness.SERVER.endpoint, "--", "aws", "sts", "get-caller-identity", "--output", "json",
                       env={"PATH": first, "AWS_SESSION_TOKEN": "stale", "AWS_PROFILE": "stale"})
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertEqual(f"arn:aws:iam::{self.account()}:user/admin", json.loads(done.stdout)["Arn"])
        script = "aws iam get-user --user-name admin --query User.UserName --output text"
        done = bulwark("exec", "--endpoint", harness.SERVER.endpoint, "--", "sh", "-c", script, env={"PATH": first})
        self.assertEqual((0, "admin\n", ""), (done.returncode, done.stdout, done.stderr))


class Env(unittest.TestCase):
    def test_exec_passes_the_status(self):
        done = bulwark("exec", "--", "sh", "-c", 'test -n "$AWS_SECRET_ACCESS_KEY" && exit 7')
        self.assertEqual((7, "", ""), (done.returncode, done.stdout, done.stderr))
        self.assertEqual(127, bulwark("exec", "--", "no-such-program-anywhere").returncode)
        self.assertNotEqual(0, bulwark("exec").returncode)

    def test_env_sets_what_clients_need(self):
        done = bulwark("env")
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        script = done.stdout + 'printf "%s\\n" "$AWS_ENDPOINT_URL" "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" "$AWS_REGION" "${AWS_SESSION_TOKEN-gone}"'
        shown = run(["sh", "-eu", "-c", script], {"PATH": os.environ["PATH"], "AWS_SESSION_TOKEN": "stale"})
        server = harness.SERVER
        self.assertEqual([server.endpoint, server.key_id, server.secret, harness.REGION, "gone"], shown.stdout.splitlines())

    def test_env_of_no_server(self):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        done = run([harness.BINARY, "env", "--data", os.path.join(harness.SERVER.work, "nowhere")], clean)
        self.assertEqual((1, ""), (done.returncode, done.stdout))
        self.assertNotEqual("", done.stderr)


class NoCli(unittest.TestCase):
    def test_aws(self):
        self.skipTest("no aws CLI on this machine")


FOUND = clis()
for version, path in FOUND.items():
    # The TAP lines tell the CLIs apart by the class's name: aws-cli/2.9.19 is Cli_2_9_19.
    title = "Cli_" + version.split("/")[1].replace(".", "_")
    globals()[title] = type(title, (Cli, unittest.TestCase), {"path": path, "version": version, "__module__": __name__})
if FOUND:
    del NoCli

if __name__ == "__main__":
    harness.serve()
    harness.main()
