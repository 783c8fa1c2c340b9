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
import typing

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "check"
FUZZ_SECONDS = 5
TIMEOUT_SECONDS = 900
CORES = os.cpu_count() or 1
# Suites wait for timers and for their own servers: one more than there are cores keeps these busy.
AT_ONCE = CORES + 1


class Job(typing.NamedTuple):
    name: str
    command: list
    env: dict
    judge: typing.Callable  # of the count, the name, status, output, seconds


def run_all(count, jobs, at_once):
    """Begins the jobs in their order, so many at once, and counts each as it ends."""
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        running = {pool.submit(run, j.command, j.env): j for j in jobs}
        for done in concurrent.futures.as_completed(running):
            job = running[done]
            job.judge(count, job.name, *done.result())


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


def run(command, env, timeout=TIMEOUT_SECONDS):
    """(exit status, output, seconds)"""
    began = time.monotonic()
    try:
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, **env}, stdin=subprocess.DEVNULL,
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


def count_exit(count, name, status, output, seconds):
    count.add(name, int(status == 0), int(status != 0), detail=output, seconds=seconds)


def programs(folder, pattern):
    found = sorted(p for p in folder.glob(pattern) if p.is_file() and os.access(p, os.X_OK))
    if not found:
        raise SystemExit(f"no {folder.relative_to(ROOT)}/{pattern}: nothing would be tested")
    return found


def units():
    vectors = [sys.executable, "-B", str(ROOT / "tests/aws/wire_vectors.py"), str(BUILD / "tests/aws/wire-echo")]
    return [Job(p.name, [str(p)], {"CMOCKA_MESSAGE_OUTPUT": "TAP"}, count_tap) for p in programs(BUILD / "tests", "*/test-*")] + [
        Job("wire_vectors.py", vectors, {}, count_tap)]


def sources():
    return [Job(tool, [sys.executable, "-B", str(ROOT / tool)], {}, count_exit)
            for tool in ("tools/layers.py", "tools/banned.py", "tests/tools/test_tools.py")]


def uncompiled():
    """Sources that no meson.build names: tests that nobody runs. What is included (*.inc.c) and what a suite compiles (tests/library) is left out."""
    commands = json.loads((BUILD / "compile_commands.json").read_text())
    compiled = {(pathlib.Path(c["directory"]) / c["file"]).resolve() for c in commands}
    sources = [p for folder in ("src", "tests", "fuzz") for p in sorted((ROOT / folder).rglob("*.c"))]
    return [str(p.relative_to(ROOT)) for p in sources
            if p not in compiled and not p.name.endswith(".inc.c") and p.parent != ROOT / "tests" / "library"]


def unrun():
    """Suites that may not be executed, which nobody would miss."""
    return [p.name for p in sorted((ROOT / "tests" / "clients").glob("suite_*.py")) if not os.access(p, os.X_OK)]


def fuzz_command(program):
    work = BUILD / "corpus" / program.name
    work.mkdir(parents=True, exist_ok=True)
    seeds = ROOT / "fuzz" / "corpus" / program.name.removeprefix("fuzz-")
    return [str(program), f"-max_total_time={FUZZ_SECONDS}", "-rss_limit_mb=3000", "-timeout=10", f"-artifact_prefix={work}/",
            str(work)] + ([str(seeds)] if seeds.is_dir() else [])


def fuzzers():
    return [Job(p.name, fuzz_command(p), {}, count_exit) for p in programs(BUILD / "fuzz", "fuzz-*")]


def clients():
    """Those that take minutes first, so that none is left to run alone at the end."""
    env = {"BULWARK": str(BUILD / "src" / "bin" / "bulwark")}
    suites = sorted(programs(ROOT / "tests" / "clients", "suite_*"), key=lambda p: (not p.name.startswith("suite_terraform"), p.name))
    return [Job(p.name, [str(p)], env, count_tap) for p in suites]


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="without the fuzzers and the stock clients")
    o = options.parse_args()
    count = Count()
    for name, forgotten in (("every source is compiled", uncompiled()), ("every suite is run", unrun())):
        count.add(name, int(not forgotten), len(forgotten), detail="\n".join(forgotten))
    run_all(count, ([] if o.quick else clients()) + units() + sources(), AT_ONCE)
    if not o.quick:
        # Each has its seconds of a core of its own.
        run_all(count, fuzzers(), CORES)
    print(f"{count.passed} passed, {count.failed} failed" + (f", {count.skipped} skipped" if count.skipped else ""))
    return 1 if count.failed or not count.passed else 0


if __name__ == "__main__":
    sys.exit(main())
