"""What suites of secrets share: secrets, the spellings in which they are looked for, and what a process has in its memory."""
import base64
import bisect
import pathlib
import re
import subprocess
import tempfile
import urllib.parse
import uuid

MAP_MAX = 1 << 30  # larger ones are the store's file, which is sealed, and a sanitizer's shadow
WINDOW = 12        # bytes: as many of a secret in a row are as good as the secret, and are in nothing else by chance


def marker():
    return "planted-" + uuid.uuid4().hex


def forms(secret):
    """The bytes themselves, backwards as big numbers lie in memory, as digits, as text that was quoted, and as base64 at any place of a longer text."""
    yield secret
    yield secret[::-1]
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    yield urllib.parse.quote(secret, safe="").encode()
    for shift in range(3):
        text = base64.b64encode(bytes(shift) + secret)
        text = text[4 if shift else 0:len(text) // 4 * 4 - 4]
        yield text
        yield text.translate(bytes.maketrans(b"+/", b"-_"))
        yield urllib.parse.quote(text, safe="").encode()


def windows(secret):
    """Of each form its beginning, its middle and its end: what is left of a secret may be a part of it."""
    for form in forms(secret):
        for at in {0, (len(form) - WINDOW) // 2, len(form) - WINDOW}:
            part = form[max(at, 0):max(at, 0) + WINDOW]
            if len(part) == WINDOW and b"\n" not in part:
                yield part


def children(pid):
    """The process and all below it: name by pid."""
    found = {pid: pathlib.Path(f"/proc/{pid}/comm").read_text().strip()}
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parent = int(folder.joinpath("stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        if parent == pid:
            found.update(children(int(folder.name)))
    return found


def mappings(pid):
    """(from, to, what, flags) of what the process can write to."""
    found = []
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)", line)
        if head:
            place = (int(head[1], 16), int(head[2], 16), head[4], "w" in head[3])
        elif line.startswith("VmFlags:") and place[3] and place[1] - place[0] <= MAP_MAX:
            found.append((*place[:3], line.split()[1:]))
    return found


def pieces(pid):
    """(address, mapping's name, bytes) of all that is not zero."""
    with open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for start, end, what, _ in mappings(pid):
            for at in range(start, end, 1 << 20):
                try:
                    mem.seek(at)
                    data = mem.read(min(1 << 20, end - at))
                except OSError:
                    continue  # a fence
                if data.count(0) < len(data):
                    yield at, what, data


def look(secrets, chunks):
    """[(secret's name, address, where, the bytes around it)]: secrets are name -> bytes, chunks (address, where, bytes)."""
    names = {}
    for name, secret in secrets.items():
        for part in windows(secret):
            names.setdefault(part, name)
    with tempfile.NamedTemporaryFile() as patterns, tempfile.NamedTemporaryFile() as all_of_it:
        patterns.write(b"\n".join(names))
        patterns.flush()
        starts, places, at = [], [], 0
        for address, where, data in chunks:
            starts.append(at)
            places.append((address, where))
            all_of_it.write(data)
            at += len(data)
        all_of_it.flush()
        done = subprocess.run(["grep", "-aobF", "-f", patterns.name, all_of_it.name], capture_output=True, env={"LC_ALL": "C"})
        assert done.returncode in (0, 1), done.stderr
        found = []
        for line in done.stdout.split(b"\n"):
            offset, _, part = line.partition(b":")
            if part in names:
                i = bisect.bisect(starts, int(offset)) - 1
                all_of_it.seek(max(int(offset) - 64, starts[i]))
                found.append((names[part], hex(places[i][0] + int(offset) - starts[i]), places[i][1], all_of_it.read(160)))
        return found
