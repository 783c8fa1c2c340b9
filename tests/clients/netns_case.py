"""What suites in network namespaces of their own share."""
import subprocess

import harness


def run(*command, space=None, check=True):
    """What a command printed, within a namespace."""
    words = [*(["ip", "netns", "exec", space] if space else []), *command]
    done = subprocess.run(words, capture_output=True, text=True, timeout=harness.PATIENCE_SECONDS)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(words)}: {done.stderr}")
    return done.stdout
