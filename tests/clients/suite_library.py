#!/usr/bin/env python3
"""libbulwark-policy as others get it: installed into a folder, found with pkg-config, shared and static. No server."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import harness

BUILD = pathlib.Path(harness.BINARY).resolve().parents[2]
ROOT = pathlib.Path(__file__).resolve().parents[2]
NAMES = re.findall(r"^\t(\w+);", (ROOT / "src/policy/library.map").read_text(), re.M)


def run(*words, **more):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=120, **more)
    return done.returncode, done.stdout, done.stderr


class Library(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.work = pathlib.Path(tempfile.mkdtemp(prefix="bulwark-library-"))
        status, _, err = run("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", cls.work)
        assert status == 0, err
        cls.pc = next(cls.work.rglob("bulwark-policy.pc"))
        sanitized = "__asan_init" in run("nm", "-D", cls.shared())[1]
        cls.flags = ["-fsanitize=address,undefined"] if sanitized else []

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.work)

    @classmethod
    def shared(cls):
        return next(cls.work.rglob("libbulwark-policy.so.1.0.0"))

    def compile(self, source, *libraries):
        env = {**os.environ, "PKG_CONFIG_PATH": str(self.pc.parent), "PKG_CONFIG_SYSROOT_DIR": str(self.work)}
        status, flags, err = run("pkg-config", "--cflags", "--libs", "bulwark-policy", env=env)
        self.assertEqual(0, status, err)
        words = flags.split()
        if libraries:
            words = [w for w in words if not w.startswith("-l")] + list(libraries)
        out = self.work / "program"
        status, _, err = run("clang" if self.flags else "cc", "-Wall", "-Werror", *self.flags, "-o", out, ROOT / "tests/library" / source, *words,
                             "-lpthread")
        self.assertEqual(0, status, err)
        return out

    def program(self, out, *words):
        return run(out, *words, env={**os.environ, "LD_LIBRARY_PATH": str(self.shared().parent)})

    def example(self, out):
        self.assertEqual((0, "yes\n", ""), self.program(out, "shop:PlaceOrder", "arn:aws:shop:::order/alice/1"))
        self.assertEqual((1, "no\n", ""), self.program(out, "shop:PlaceOrder", "arn:aws:shop:::order/bob/1"))
        self.assertEqual((1, "no\n", ""), self.program(out, "shop:CancelOrder", "arn:aws:shop:::order/alice/1"))

    def test_the_example_authorises_itself(self):
        self.example(self.compile("example.c"))

    def test_the_static_library_does_the_same(self):
        self.example(self.compile("example.c", next(self.work.rglob("libbulwark-policy.a"))))

    def test_memory_is_the_callers(self):
        status, out, err = self.program(self.compile("memory.c"))
        self.assertEqual((0, "good\n"), (status, out), err)

    def test_exports_exactly_the_names_of_its_map(self):
        table = run("nm", "-D", "--defined-only", self.shared())[1]
        names = {line.split()[-1].split("@")[0] for line in table.splitlines()} - {"BULWARK_POLICY_1"}
        self.assertEqual(sorted(NAMES), sorted(names))
        table = run("nm", "-g", "--defined-only", next(self.work.rglob("libbulwark-policy.a")))[1]
        names = {line.split()[-1] for line in table.splitlines() if re.match(r"\w+ \w ", line)}
        self.assertEqual(sorted(NAMES), sorted(names))

    def test_keeps_no_state(self):
        """No byte of its own that can be written, once it is loaded, nor any that a thread has. Sanitizers bring theirs."""
        if self.flags:
            out = self.work / "plain.so"
            objects = self.work / "objects"
            objects.mkdir()
            sources = [p for folder in ("base", "codec", "policy") for p in (ROOT / "src" / folder).glob("*.c")]
            words = ["-fPIC", "-D_GNU_SOURCE", '-DBW_VERSION="0"', f"-I{ROOT}/src", f"-I{ROOT}/include", *sources]
            self.assertEqual((0, "", ""), run("cc", "-c", *words, cwd=objects))
            self.assertEqual((0, "", ""), run("ar", "rcs", "all.a", *(p.name for p in objects.glob("*.o")), cwd=objects))
            self.assertEqual((0, "", ""), run("cc", "-shared", "-Wl,-z,relro,-z,now", "-o", out, "library.o", "all.a", cwd=objects))
        else:
            out = self.shared()
        sections = dict(re.findall(r"\] (\S+) +\S+ +\w+ +\w+ (\w+)", run("readelf", "-SW", out)[1]))
        self.assertIn(".text", sections)
        self.assertFalse({".tdata", ".tbss"} & set(sections))
        # What the compiler's runtime keeps: whether it is done, and a handle.
        self.assertLessEqual(sum(int(sections.get(name, "0"), 16) for name in (".data", ".bss")), 16)

    def test_the_header_stands_alone_in_c_and_cpp(self):
        header = next(self.work.rglob("bulwark/policy.h"))
        for compiler in (["cc", "-xc", "-std=c99"], ["c++", "-xc++"]):
            if shutil.which(compiler[0]):
                self.assertEqual((0, "", ""), run(*compiler, "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only", header))


if __name__ == "__main__":
    harness.main()
