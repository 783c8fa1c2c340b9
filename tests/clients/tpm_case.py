"""A TPM for suites: swtpm stands in for the chip."""
import atexit
import shutil
import socket
import struct
import subprocess

import harness
from seal_case import WORK, until

SWTPM = shutil.which("swtpm")


class Chip:
    """A TPM of the test's own, on two ports of loopback."""

    def __init__(self, name):
        self.folder = WORK / f"tpm-{name}"
        self.folder.mkdir()
        self.process = None
        atexit.register(self.stop)
        self.start()

    def start(self, port=None):
        for _ in range(5):
            self.port = port or harness.free_port()
            place = "bindaddr=127.0.0.1,port="
            self.process = subprocess.Popen(
                [SWTPM, "socket", "--tpm2", "--tpmstate", f"dir={self.folder}", "--server", f"type=tcp,{place}{self.port}",
                 "--ctrl", f"type=tcp,{place}{self.port + 1}", "--flags", "not-need-init,startup-clear"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if until(lambda: self.process.poll() is not None or self.listens(), 10) and self.process.poll() is None:
                return
        raise SystemExit("swtpm does not start")

    def listens(self):
        return self.say(bytes.fromhex("80010000000c0000017b0001")) is not None

    def stop(self):
        """As a machine that is switched off: what is not kept in non-volatile memory is gone."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()

    def again_there(self, port=None):
        """Switched on again, where it was or elsewhere."""
        self.stop()
        self.start(port or self.port)

    @property
    def way(self):
        return f"swtpm:host=127.0.0.1,port={self.port}"

    def say(self, command):
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as s:
            s.sendall(command)
            return s.recv(4096)

    def extend(self, pcr):
        """TPM2_PCR_Extend (TPM 2.0 Library part 3, 22.2) with 32 zeros."""
        auth = struct.pack(">IHBH", 0x40000009, 0, 1, 0)
        body = struct.pack(">II", pcr, len(auth)) + auth + struct.pack(">IH", 1, 0x000b) + bytes(32)
        answer = self.say(struct.pack(">HII", 0x8002, 10 + len(body), 0x182) + body)
        assert answer[6:10] == bytes(4), answer.hex()
