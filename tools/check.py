#!/usr/bin/env python3
"""Runs every test of a finished build and counts them: unit programs, source checks, fuzzers, client suites.

Nothing is listed by hand: unit programs are build/check/tests/*/test-*, fuzzers build/check/fuzz/fuzz-*, suites
tests/clients/suite_*. A program that crashes, says nothing or exits otherwise than its cases tell counts as a failure.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "check"
FUZZ_SECONDS = 5
TIMEOUT_SECONDS = 900


AT_ONCE = os.cpu_count() or 1


def each(programs, command_of):
    """Runs the command of every program, as many at once as there are cores: (program, run's answer) in the order given."""
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        yield from zip(programs, pool.map(lambda p: run(*command_of(p)), programs))


class Count:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, name, passed, failed, skipped=0, detail="", seconds=0.0):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped
        verdict = f"{failed} FAILED, " if failed else ""
        print(f"  {name:<36} {verdict}{passed} passed" + (f", {skipped} skipped" if skipped else "") + f"  ({seconds:.1f} s)", flush=True)
        if failed and detail:
            print("\n".join("    | " + line for line in detail.splitlines()[-60:]), flush=True)


def run(command, env=None, timeout=TIMEOUT_SECONDS):
    """(exit status, output, seconds)"""
    began = time.monotonic()
    try:
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)
        status, output = done.returncode, done.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as late:
        status, output = 124, (late.stdout or b"").decode(errors="replace") + f"\nstopped after {timeout} s"
    return status, output, time.monotonic() - began


def count_tap(count, name, status, output, seconds):
    passed = len(re.findall(r"^ok\b(?!.*# SKIP)", output, re.M))
    skipped = len(re.findall(r"^ok\b.*# SKIP", output, re.M))
    failed = len(re.findall(r"^not ok\b", output, re.M))
    for reason in re.findall(r"^ok\b.*# SKIP.*$", output, re.M):
        print(f"    {reason}")
    if failed == 0 and (status != 0 or passed + skipped == 0):
        failed = 1
    count.add(name, passed, failed, skipped, output, seconds)


def units(count):
    print("Unit tests")
    programs = sorted(p for p in (BUILD / "tests").glob("*/test-*") if p.is_file() and os.access(p, os.X_OK))
    if not programs:
        count.add("no unit test program was built", 0, 1)
    for program, answer in each(programs, lambda p: ([str(p)], {"CMOCKA_MESSAGE_OUTPUT": "TAP"})):
        count_tap(count, program.name, *answer)
    count_tap(count, "wire_vectors.py", *run([sys.executable, "-B", str(ROOT / "tests/aws/wire_vectors.py"),
                                              str(BUILD / "tests/aws/wire-echo")]))


def sources(count):
    print("Source checks")
    for tool in ("tools/layers.py", "tools/banned.py", "tests/tools/test_tools.py"):
        status, output, seconds = run([sys.executable, "-B", str(ROOT / tool)])
        count.add(tool, int(status == 0), int(status != 0), detail=output, seconds=seconds)
    forgotten = uncompiled()
    count.add("every source is compiled", int(not forgotten), len(forgotten), detail="\n".join(forgotten))


def uncompiled():
    """Sources that no meson.build names: tests that nobody runs. What is included (*.inc.c) and what a suite compiles (tests/library) is left out."""
    commands = json.loads((BUILD / "compile_commands.json").read_text())
    compiled = {(pathlib.Path(c["directory"]) / c["file"]).resolve() for c in commands}
    sources = [p for folder in ("src", "tests", "fuzz") for p in sorted((ROOT / folder).rglob("*.c"))]
    return [str(p.relative_to(ROOT)) for p in sources
            if p not in compiled and not p.name.endswith(".inc.c") and p.parent != ROOT / "tests" / "library"]


def fuzz_command(program):
    work = BUILD / "corpus" / program.name
    work.mkdir(parents=True, exist_ok=True)
    seeds = ROOT / "fuzz" / "corpus" / program.name.removeprefix("fuzz-")
    return [[str(program), f"-max_total_time={FUZZ_SECONDS}", "-rss_limit_mb=3000", "-timeout=10", f"-artifact_prefix={work}/",
             str(work)] + ([str(seeds)] if seeds.is_dir() else [])]


def fuzzers(count):
    print(f"Fuzzers, {FUZZ_SECONDS} s each")
    programs = sorted(p for p in (BUILD / "fuzz").glob("fuzz-*") if p.is_file() and os.access(p, os.X_OK))
    for program, (status, output, seconds) in each(programs, fuzz_command):
        count.add(program.name, int(status == 0), int(status != 0), detail=output, seconds=seconds)


def clients(count):
    print("Stock clients")
    env = {"BULWARK": str(BUILD / "src" / "bin" / "bulwark")}
    suites = sorted(p for p in (ROOT / "tests" / "clients").glob("suite_*") if os.access(p, os.X_OK))
    if not suites:
        count.add("no client suite", 0, 1)
    for suite, answer in each(suites, lambda s: ([str(s)], env)):
        count_tap(count, suite.name, *answer)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="without the fuzzers and the stock clients")
    o = options.parse_args()
    count = Count()
    units(count)
    sources(count)
    if not o.quick:
        fuzzers(count)
        clients(count)
    print(f"{count.passed} passed, {count.failed} failed" + (f", {count.skipped} skipped" if count.skipped else ""))
    return 1 if count.failed or not count.passed else 0


if __name__ == "__main__":
    sys.exit(main())
