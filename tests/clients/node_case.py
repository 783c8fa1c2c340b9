"""What the suites that run node share: which node, and the packages that package-lock.json pins."""
import fcntl
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
MODULES = HERE / "node_modules"
OLDEST_NODE = 20


def node_command():
    """The node to use: the machine's, or npm's own when that one is too old for the packages; None: there is none."""
    if not shutil.which("npm") or not shutil.which("node"):
        return None
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    if int(said.removeprefix("v").split(".")[0]) >= OLDEST_NODE:
        return ["node"]
    return ["npx", "--yes", f"--package=node@{OLDEST_NODE}", "--", "node"]


def install():
    """What npm says when it fails, else None. Its lock file is what it leaves behind last: a half-finished installation is done again.
    One suite at a time installs."""
    lock, done = HERE / "package-lock.json", MODULES / ".package-lock.json"
    with open(lock, encoding="utf-8") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if done.exists() and done.stat().st_mtime >= lock.stat().st_mtime:
            return None
        made = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"], cwd=HERE,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return made.stdout if made.returncode else None
