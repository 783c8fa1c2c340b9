#!/usr/bin/env python3
"""Tests of tools/: each check must find what it is there to find."""
import contextlib
import io
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[2] / "tools"
sys.path.insert(0, str(TOOLS))
sys.dont_write_bytecode = True

import check  # noqa: E402
from gen import names, patterns  # noqa: E402
from models import reduce  # noqa: E402
from models.services import EC2_KEPT, Service  # noqa: E402


class Tree(unittest.TestCase):
    """A source tree in a temporary folder, and a tool run over it."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def file(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def run_tool(self, tool, *args, stdin=None):
        return subprocess.run([sys.executable, "-B", TOOLS / tool, *map(str, args)], capture_output=True, text=True,
                              input=stdin)


class Layers(Tree):
    def faults(self):
        done = self.run_tool("layers.py", self.root)
        self.assertEqual(done.returncode, 0 if done.stdout.startswith("layers: ") else 1)
        return done.stdout

    def test_down_is_fine(self):
        self.file("core/a.c", '#include "aws/wire.h"\n#include "base/str.h"\n#include "core/b.h"\n#include <stdio.h>\n')
        self.file("svc/iam/user.c", '#include "core/op.h"\n#include "gen/iam.h"\n#include "svc/iam/iam.h"\n')
        self.assertEqual(self.faults(), "layers: every include points down\n")

    def test_up_fails(self):
        self.file("base/a.c", '#include "codec/json.h"\n')
        self.assertIn("base/a.c:1: base (rank 0) may not use codec (rank 1)", self.faults())

    def test_sibling_fails(self):
        self.file("codec/a.h", '\n  #  include "crypto/crypto.h"\n')
        self.assertIn("codec/a.h:2: codec (rank 1) may not use crypto (rank 1)", self.faults())

    def test_service_to_service_fails(self):
        self.file("svc/iam/a.c", '#include "svc/sts/sts.h"\n')
        self.assertIn("svc/iam (rank 6) may not use svc/sts (rank 6)", self.faults())

    def test_gen_belongs_to_aws(self):
        self.file("policy/a.c", '#include "gen/iam.h"\n')
        self.assertIn("policy (rank 2) may not use aws (rank 3)", self.faults())

    def test_climbing_private_and_unknown_fail(self):
        self.file("core/a.c", '#include "../base/x.h"\n')
        self.file("core/b.c", '#include "aws/wire/wire_internal.h"\n')
        self.file("core/c.c", '#include "odd/x.h"\n')
        self.file("core/d.c", '#include "nowhere.h"\n')
        self.file("odd/a.c", "\n")
        found = self.faults()
        for part in ("climbs", "is private to aws", "odd has no rank", "nowhere.h is not in this folder", "odd/a.c:1"):
            self.assertIn(part, found)


class Banned(Tree):
    def faults(self):
        done = self.run_tool("banned.py", self.root)
        self.assertEqual(done.returncode, 0 if done.stdout.startswith("banned: ") else 1)
        return done.stdout

    def test_comments_strings_and_members_are_not_calls(self):
        self.file("src/core/a.c", '/* sprintf(x) */\n// system(1)\nconst char *s = "strcpy(a)";\nx.free(1);\np->free(2);\n'
                                  "my_free(3);\ngoto out;\n")
        self.assertEqual(self.faults(), "banned: nothing banned is used\n")

    def test_calls(self):
        self.file("src/core/a.c", "/* two\nlines */\n\tsprintf(a, b);\n\tfree (p);\n\tgoto fail;\n")
        found = self.faults()
        self.assertIn("a.c:3: sprintf() is banned", found)
        self.assertIn("a.c:4: free() is banned", found)
        self.assertIn("a.c:5: goto fail: the one label is out", found)

    def test_memory_is_base_s_and_numbers_are_the_tests(self):
        self.file("src/base/mem.c", "free(p);\n")
        self.file("tests/core/a.c", "strtol(p); malloc(1);\n")
        self.assertEqual(self.faults(), "banned: nothing banned is used\n")
        self.file("src/base/str.c", "strtol(p);\n")
        self.file("tests/core/b.c", "system(p);\n")
        self.assertIn("strtol() is banned", self.faults())
        self.assertIn("system() is banned", self.faults())

    def test_pem_is_read_in_one_place(self):
        self.file("src/crypto/pem.c", "PEM_read_bio_X509(b);\n")
        self.assertEqual(self.faults(), "banned: nothing banned is used\n")
        self.file("src/crypto/pair.c", "PEM_read_bio_X509(b);\n")
        self.assertIn("PEM_read_bio_X509() is banned", self.faults())

    def test_sizes_at_and_above(self):
        self.file("src/core/a.c", "\n" * 500)
        self.file("src/core/b.c", "void f(void)\n{\n" + "\n" * 98 + "}\n")
        self.assertEqual(self.faults(), "banned: nothing banned is used\n")
        self.file("src/core/a.c", "\n" * 501)
        self.file("src/core/b.c", "void f(void)\n{\n" + "\n" * 99 + "}\n")
        self.assertIn("a file of 501 lines", self.faults())
        self.assertIn("b.c:2: a function of 101 lines", self.faults())


class Patterns(unittest.TestCase):
    def test_spellings(self):
        for java, pcre in (
                (r"[\w+=,.@-]+", r"\A(?:[\w+=,.@-]+)\z"),
                (r"[\u0020-\u00FF]*", r"\A(?:[\x{20}-\x{FF}]*)\z"),
                (r"a.b", r"\A(?:a[^\n\r\x{85}\x{2028}\x{2029}]b)\z"),
                (r"a\.b[.]", r"\A(?:a\.b[.])\z"),
                (r"(?s).*", r"\A(?s:.*)\z"),
                (r"[\u10000-\u10FFFF]", r"\A(?:[\x{10000}-\x{10FFFF}])\z"),
                (r"\p{L}\/", r"\A(?:\p{L}\/)\z")):
            self.assertEqual(patterns.to_pcre(java), pcre)

    def test_one_class(self):
        for java in (r"[\w+=,.@-]+", r"^[a-z\]]*$", r"[\u0020-\u00FF]+", r"\d+", r"[^x]*"):
            self.assertTrue(patterns.is_one_class(java), java)
        for java in (r"[ab]{1,3}", r"[a][b]+", r"[a]+|[b]+", r"a[b]+", r"[a]+b", r"(?s).*", r"[a]+?", r".*"):
            self.assertFalse(patterns.is_one_class(java), java)

    def test_what_the_languages_read_differently_is_refused(self):
        for java in (r"[a-z&&[^b]]", r"[a[b]]", r"\Qx\E", r"\h", r"[\uD800]", r"[abc", r"\G"):
            with self.assertRaises(patterns.PatternError):
                patterns.to_pcre(java)


class Names(unittest.TestCase):
    def test_literals(self):
        self.assertEqual(names.literal('a"\\\n??/'), '"a\\"\\\\\\n?""?/"')
        self.assertEqual(names.literal(None), "NULL")
        self.assertEqual(names.member("default"), "default_")


class Reduce(unittest.TestCase):
    MODEL = {
        "metadata": {"apiVersion": "1", "endpointPrefix": "x", "protocol": "json", "serviceId": "X"},
        "operations": {
            "Keep": {"name": "Keep", "http": {"method": "POST", "requestUri": "/"}, "input": {"shape": "In"},
                     "documentation": "prose"},
            "Drop": {"name": "Drop", "http": {"method": "POST", "requestUri": "/"}, "input": {"shape": "Other"}}},
        "shapes": {
            "In": {"type": "structure", "members": {"a": {"shape": "S", "documentation": "prose"}}, "documentation": "p"},
            "S": {"type": "string", "min": 0, "max": 3}, "Other": {"type": "structure", "members": {}}}}

    def test_only_reachable_facts_remain(self):
        import re
        facts = reduce.reduce_model(self.MODEL, Service("x", "x", "x.amazonaws.com", re.compile("Keep")))
        self.assertEqual(list(facts["operations"]), ["Keep"])
        self.assertEqual(facts["shapes"], {"In": {"type": "structure", "members": {"a": "S"}},
                                           "S": {"type": "string", "min": 0, "max": 3}})
        self.assertNotIn("prose", json.dumps(facts))

    def test_ec2_selection(self):
        for name in ("CreateSecurityGroup", "DescribeVpcs", "DeleteTags", "DescribeRegions", "ModifyVpcAttribute"):
            self.assertTrue(EC2_KEPT.fullmatch(name), name)
        for name in ("RunInstances", "CreateVpcEndpoint", "DescribeSecurityGroupsX"):
            self.assertFalse(EC2_KEPT.fullmatch(name), name)

    def test_models_hold_no_documentation(self):
        for path in (TOOLS.parent / "models").glob("*.json"):
            self.assertNotIn('"documentation"', path.read_text(encoding="utf-8"))


class Coverage(Tree):
    def test_counts_and_refuses_the_unknown(self):
        output = self.root / "coverage.md"
        listing = [{"service": "iam", "operations": ["CreateUser"]}, {"service": "sso_admin", "operations": ["TagResource"]}]
        done = self.run_tool("coverage.py", output, stdin=json.dumps(listing))
        self.assertEqual(done.returncode, 0, done.stderr)
        text = output.read_text(encoding="utf-8")
        self.assertIn("| all | 2 |", text)
        self.assertIn("Has: `CreateUser`.", text)
        done = self.run_tool("coverage.py", output, stdin='[{"service":"iam","operations":["Nope"]}]')
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("iam has operations that its model has not: Nope", done.stderr)


class Check(unittest.TestCase):
    """What ./check makes of programs that say this and end so."""

    def counted(self, script, judge=check.count_tap, core_seconds=0):
        count, said = check.Count(), io.StringIO()
        with contextlib.redirect_stdout(said):
            check.run_all(count, ([check.Job("it", ["sh", "-c", script], {}, judge, core_seconds)], 1))
            count.tell()
        return count.passed, count.failed, len(count.skips), said.getvalue()

    def test_cases_are_counted_and_skips_told(self):
        passed, failed, skipped, said = self.counted("printf 'ok 1 - a\\nok 2 - b # SKIP no legs\\n1..2\\n'")
        self.assertEqual((1, 0, 1), (passed, failed, skipped))
        self.assertIn("\nskipped: it: b # SKIP no legs\n", said)
        self.assertTrue(said.endswith("\n1 passed, 0 failed, 1 skipped\n"), said)

    def test_what_is_not_well_fails_and_says_why(self):
        for script, passed, why in (("printf 'ok 1\\nnot ok 2\\n1..2\\n'; exit 1", 1, "ended with status 1"),
                                    ("printf 'ok 1\\n1..1\\n'; exit 3", 1, "ended with status 3"),
                                    ("printf 'ok 1\\n1..1\\n'; kill -SEGV $$", 1, "killed by SIGSEGV"),
                                    ("true", 0, "no plan of TAP after 0 cases"), ("printf '1..0\\n'", 0, "no plan of TAP after 0 cases"),
                                    ("printf 'ok 1\\n'", 1, "no plan of TAP after 1 cases"), ("printf '1..3\\nok 1\\nok 2\\n'", 2, "2 cases of 3")):
            with self.subTest(script):
                got = self.counted(script)
                self.assertEqual((passed, 1), got[:2])
                self.assertIn(f"1 FAILED ({why})", got[3])
                self.assertIn("\nfailed: it\n", got[3])

    def test_what_hangs_is_stopped_with_its_children(self):
        limit, check.TIMEOUT_SECONDS = check.TIMEOUT_SECONDS, 1
        self.addCleanup(setattr, check, "TIMEOUT_SECONDS", limit)
        with tempfile.NamedTemporaryFile() as child:
            got = self.counted(f"echo ok 1; sleep 600 & echo $! >{child.name}; wait")
            self.assertEqual((1, 1), got[:2])
            self.assertIn("stopped after 1 s", got[3])
            # Gone, or a corpse that nobody has taken away yet.
            stat = Path("/proc", child.read().decode().strip(), "stat")
            self.assertTrue(not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z")

    def test_what_somebody_left_behind_is_not_waited_for(self):
        got = self.counted("printf 'ok 1\\n1..1\\n'; sleep 5 &")
        self.assertEqual((1, 0), got[:2])

    def test_a_fuzzer_is_asked_to_end_after_its_seconds_of_a_core(self):
        asked = self.counted("trap 'exit 0' USR1; while :; do :; done", check.count_exit, 0.2)
        self.assertEqual((1, 0), asked[:2])
        deaf = self.counted("while :; do :; done", check.count_exit, 0.2)
        self.assertEqual((0, 1), deaf[:2])
        self.assertIn("killed by SIGUSR1", deaf[3])

    def test_a_fuzzer_of_the_check_is_the_same_every_time(self):
        """The seeds stand in the order of their names, their number is not one of seconds, and nothing that lies about goes in."""
        program = check.BUILD / "fuzz" / "fuzz-hpack"
        said = check.steady(program)
        self.assertEqual(said, check.steady(program))
        seeds = next(word for word in said if word.startswith("-seed_inputs=")).partition("=")[2].split(",")
        self.assertEqual(sorted(seeds), seeds)
        self.assertGreater(len(seeds), 1)
        self.assertLessEqual({f"-seed={check.FUZZ_SEED}", f"-runs={check.FUZZ_RUNS_SLOW['fuzz-hpack']}", "-reload=0"}, set(said))
        self.assertEqual(bool(check.same_addresses()), "-use_cmp=0" not in said)
        self.assertEqual([], [word for word in said if "time" in word])

    def test_a_fuzzer_that_is_slow_is_one(self):
        """A name that no fuzzer has would be a number that nobody means."""
        known = {"fuzz-" + p.stem.replace("_", "-") for p in (check.ROOT / "fuzz").glob("*.c")}
        self.assertLessEqual(set(check.FUZZ_RUNS_SLOW), known)

    def test_an_order_is_no_list(self):
        jobs = [check.Job(name, [], {}, check.count_tap) for name in ("suite_a", "test-policy", "suite_terraform_kms.py")]
        self.assertEqual(["suite_terraform_kms.py", "test-policy", "suite_a"], [j.name for j in check.longest_first(jobs)])


if __name__ == "__main__":
    unittest.main()
