"""Runs a stock aws CLI many times: `python cli_warm.py SCRIPT`, by the interpreter that the CLI's first line names. What it imports is imported
once, and each command is a fork of that, in which its own script is run: most of a command is Python's start.

A line of stdin is JSON: words and environment. A line of stdout is what came of it: status, stdout, stderr.
"""
import gc
import json
import os
import runpy
import signal
import sys
import tempfile

# A command that hangs is killed.
TIMEOUT_SECONDS = 120


def run(script, words, environment):
    """In the child. It ends as it is: what Python clears away at its end is most of what fork had spared. An exception is Python's to tell."""
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [script, *words]
    status = 0
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        status = end.code or 0
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def command(script, words, environment):
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            signal.alarm(TIMEOUT_SECONDS)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            run(script, words, environment)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read().decode())
        return [status, *said]


def main():
    script = sys.argv[1]
    # A script's own folder is where Python looks first.
    sys.path[0] = os.path.dirname(script)
    began = dict(os.environ)
    import awscli.clidriver
    awscli.clidriver.create_clidriver()
    # By a variable of its own it finds its models.
    told = dict(os.environ.items() - began.items())
    # Garbage is not looked for where it would copy what is shared.
    gc.disable()
    gc.freeze()
    for line in sys.stdin:
        words, environment = json.loads(line)
        print(json.dumps(command(script, words, {**environment, **told})), flush=True)


if __name__ == "__main__":
    main()
