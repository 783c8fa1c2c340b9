#!/usr/bin/env python3
"""Runs every test of a finished build and counts them: unit programs, source checks, fuzzers, client suites.

Nothing is listed by hand: unit programs are build/check/tests/*/test-*, fuzzers build/check/fuzz/fuzz-*, suites
tests/clients/suite_*. A program that crashes, hangs, says nothing, ends before its plan or exits otherwise than its cases tell counts
as a failure.
"""
import argparse
import concurrent.futures
import functools
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import typing

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "check"
# Any seed would do, and any number of inputs, but always the same: one commit gets one verdict, on any machine, however busy. What new seeds
# find, --fuzz looks for.
FUZZ_SEED = 1
FUZZ_RUNS = 20000
# Those of which an input takes long, so that none takes more than some seconds.
FUZZ_RUNS_SLOW = {"fuzz-csr": 8000, "fuzz-edge-h2": 2000, "fuzz-h2-differential": 4000, "fuzz-hpack": 10000, "fuzz-keyer-ring": 8000,
                  "fuzz-kms-ciphertext": 10000, "fuzz-pair": 4000, "fuzz-policy-differential": 500, "fuzz-policy-evaluate": 5000,
                  "fuzz-policy-pattern": 8000}
TIMEOUT_SECONDS = 900
CORES = os.cpu_count() or 1
# Suites wait for timers and for their own servers: two more than there are cores keep these busy.
AT_ONCE = CORES + 2
TICKS = os.sysconf("SC_CLK_TCK")
# What takes longest begins first, so that none is left to run alone at the end. An order only: what is not named comes after.
LONG = ("suite_terraform_kms", "suite_terraform_elbv2", "suite_cli", "suite_upgrade.", "suite_terraform", "test-policy", "suite_edge_http",
        "suite_memory", "suite_program", "suite_seal_keys")


class Job(typing.NamedTuple):
    name: str
    command: list
    env: dict
    judge: typing.Callable  # of the count, the name, what Run says
    core_seconds: float = 0  # after which it is asked to end; 0: it ends by itself


class Run(typing.NamedTuple):
    status: int
    output: str
    seconds: float
    late: bool = False

    def ending(self):
        """How it ended, when not well."""
        if self.late:
            return f"stopped after {TIMEOUT_SECONDS} s"
        if self.status < 0:
            return f"killed by {signal.Signals(-self.status).name}"
        return f"ended with status {self.status}" if self.status else ""


class Count:
    def __init__(self):
        self.passed = self.failed = 0
        self.skips, self.failures = [], []

    def add(self, name, passed, failed, skips=(), detail="", seconds=0.0, why=""):
        self.passed += passed
        self.failed += failed
        self.skips += [f"{name}: {skip}" for skip in skips]
        verdict = f"{failed} FAILED{why and f' ({why})'}, " if failed else ""
        print(f"  {name:<36} {verdict}{passed} passed" + (f", {len(skips)} skipped" if skips else "") + f"  ({seconds:.1f} s)", flush=True)
        if failed:
            self.failures.append(name)
            print("\n".join("    | " + line for line in detail.splitlines()[-60:]), flush=True)

    def tell(self):
        """Once more at the end what nobody should have to look for."""
        for word, names in (("skipped", self.skips), ("failed", self.failures)):
            for name in names:
                print(f"{word}: {name}")
        print(f"{self.passed} passed, {self.failed} failed" + (f", {len(self.skips)} skipped" if self.skips else ""))


RUNNING = set()


def end_all(*_):
    """Whoever ends the check ends what it has begun: each is the first of a process group of its own."""
    for process in list(RUNNING):
        end(process, signal.SIGTERM)
    os._exit(130)


def end(process, how):
    try:
        os.killpg(process.pid, how)
    except ProcessLookupError:
        pass


def spent(process):
    """Seconds of a core that it has had; 0 when it is gone."""
    try:
        fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return (int(fields[11]) + int(fields[12])) / TICKS


def wait(process, core_seconds):
    """True when it took too long and was stopped."""
    deadline = time.monotonic() + TIMEOUT_SECONDS + 10 * core_seconds
    asked = core_seconds == 0
    while time.monotonic() < deadline:
        try:
            process.wait(TIMEOUT_SECONDS if core_seconds == 0 else 0.1)
            return False
        except subprocess.TimeoutExpired:
            if not asked and spent(process) >= core_seconds:
                asked = True
                process.send_signal(signal.SIGUSR1)
    # A suite takes its servers along when it is asked; the rest is killed.
    end(process, signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        pass
    end(process, signal.SIGKILL)
    process.wait()
    return True


def run(job):
    began = time.monotonic()
    # A file, not a pipe: what a program has left behind may hold it, and nobody waits for that.
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(job.command, cwd=ROOT, env={**os.environ, **job.env}, stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=subprocess.STDOUT, process_group=0)
        RUNNING.add(process)
        late = wait(process, job.core_seconds)
        RUNNING.discard(process)
        out.seek(0)
        return Run(process.returncode, out.read().decode(errors="replace"), time.monotonic() - began, late)


def run_all(count, *queues):
    """Each queue is (jobs, so many at once); its jobs begin in their order. Counts each as it ends."""
    pools = [concurrent.futures.ThreadPoolExecutor(at_once) for _, at_once in queues]
    running = {pool.submit(run, job): job for pool, (jobs, _) in zip(pools, queues) for job in jobs}
    for done in concurrent.futures.as_completed(running):
        job = running[done]
        job.judge(count, job.name, done.result())


def count_tap(count, name, ran):
    passed = len(re.findall(r"^ok\b(?!.*# SKIP)", ran.output, re.M))
    skips = re.findall(r"^ok\b[\s\d-]*(.*# SKIP.*)$", ran.output, re.M)
    failed = len(re.findall(r"^not ok\b", ran.output, re.M))
    said, planned = passed + len(skips) + failed, re.findall(r"^1\.\.(\d+)", ran.output, re.M)
    why = ran.ending()
    if not planned or not said:
        why = ", ".join(filter(None, (why, f"no plan of TAP after {said} cases")))
    elif said < sum(map(int, planned)):
        why = ", ".join(filter(None, (why, f"{said} cases of {sum(map(int, planned))}")))
    count.add(name, passed, failed or int(why != ""), skips, ran.output, ran.seconds, why)


def count_exit(count, name, ran):
    why = ran.ending()
    count.add(name, int(not why), int(why != ""), detail=ran.output, seconds=ran.seconds, why=why)


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


def fuzz_command(program, work, *more):
    """At a tenth of the others' weight: it takes what the suites leave, so its clock for one input is a slow one."""
    work.mkdir(parents=True, exist_ok=True)
    return ["nice", *same_addresses(), str(program), "-rss_limit_mb=3000", "-timeout=300", f"-artifact_prefix={work}/", str(work), *more]


def seeds_of(program):
    """The inputs that are committed, in the order of their names: a folder's own is its file system's."""
    return sorted(map(str, (ROOT / "fuzz" / "corpus" / program.name.removeprefix("fuzz-")).glob("*")))


@functools.cache
def same_addresses():
    """libFuzzer tries numbers that it saw compared, and some are addresses. Where none may ask for the same addresses in every process (some
    containers), it does without (steady)."""
    return ["setarch", "-R"] if subprocess.run(["setarch", "-R", "true"], capture_output=True).returncode == 0 else []


def seeded(program, seed, *more):
    seeds = seeds_of(program)
    return [f"-seed={seed}", *([f"-seed_inputs={','.join(seeds)}"] if seeds else []), *more]


def steady(program):
    """What makes two runs the same; their clocks and randomness are already (fuzz/steady.c)."""
    runs = FUZZ_RUNS_SLOW.get(program.name, FUZZ_RUNS)
    return seeded(program, FUZZ_SEED, f"-runs={runs}", "-reload=0", *([] if same_addresses() else ["-use_cmp=0"]))


def count_fuzz(program, work, count, name, ran):
    """libFuzzer looks for leaks after every input, or once at its end when it saw too often that memory only grows. That one search is
    left out by a fuzzer that is asked to end, and made up for here, over the inputs that it kept."""
    if not ran.ending() and "disabled leak detection" in ran.output:
        ran = run(Job(name, fuzz_command(program, work, "-runs=0"), {}, count_exit))
    count_exit(count, name, ran)


def fuzz_job(program, work, words, core_seconds=0):
    return Job(program.name, fuzz_command(program, work, *words), {}, functools.partial(count_fuzz, program, work), core_seconds)


def fuzzers():
    """From what is committed alone: what an earlier run has kept is nobody else's."""
    shutil.rmtree(BUILD / "fuzzed", ignore_errors=True)
    return [fuzz_job(p, BUILD / "fuzzed" / p.name, steady(p)) for p in programs(BUILD / "fuzz", "fuzz-*")]


def explorers(core_seconds, names):
    """Fuzzers with a seed that nobody has tried (libFuzzer makes one of 0), which go on from what earlier ones kept."""
    found = [p for p in programs(BUILD / "fuzz", "fuzz-*") if not names or p.name in names]
    unknown = sorted(set(names) - {p.name for p in found})
    if unknown:
        raise SystemExit(f"no such fuzzer: {', '.join(unknown)}")
    return [fuzz_job(p, BUILD / "corpus" / p.name, seeded(p, 0), core_seconds) for p in found]


def clients():
    env = {"BULWARK": str(BUILD / "src" / "bin" / "bulwark")}
    return [Job(p.name, [str(p)], env, count_tap) for p in programs(ROOT / "tests" / "clients", "suite_*")]


def longest_first(jobs):
    return sorted(jobs, key=lambda job: next((i for i, name in enumerate(LONG) if job.name.startswith(name)), len(LONG)))


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="without the fuzzers and the stock clients")
    options.add_argument("--fuzz", type=float, metavar="SECONDS", help="only fuzzers, from new seeds, each so many seconds of a core")
    options.add_argument("fuzzers", nargs="*", metavar="FUZZER", help="with --fuzz: these alone (fuzz-json ...)")
    o = options.parse_args()
    signal.signal(signal.SIGINT, end_all)
    signal.signal(signal.SIGTERM, end_all)
    count = Count()
    if o.fuzz:
        run_all(count, (explorers(o.fuzz, o.fuzzers), CORES))
        return finish(count)
    for name, forgotten in (("every source is compiled", uncompiled()), ("every suite is run", unrun())):
        count.add(name, int(not forgotten), len(forgotten), detail="\n".join(forgotten))
    if o.quick:
        run_all(count, (longest_first(units() + sources()), AT_ONCE))
    else:
        run_all(count, (longest_first(clients() + units() + sources()), AT_ONCE), (fuzzers(), CORES))
    return finish(count)


def finish(count):
    count.tell()
    return 1 if count.failed or not count.passed else 0


if __name__ == "__main__":
    sys.exit(main())
