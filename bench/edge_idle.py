#!/usr/bin/env python3
"""Memory of the edge per idle connection: how its resident size grows with connections that have sent one request and stay.

    bench/edge_idle.py [--connections N] [--player build/release/tests/edge/edge-player]
"""
import argparse
import pathlib
import resource
import socket
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/clients"))


def resident(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--connections", type=int, default=8000)
    options.add_argument("--player", default=str(ROOT / "build/release/tests/edge/edge-player"))
    given = options.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    n = min(given.connections, hard - 100)
    import edge_case
    edge_case.PLAYER = pathlib.Path(given.player)
    player = edge_case.Player()
    backend = edge_case.Backend()
    lb = edge_case.Balancer(player, edge_case.group("idle", [backend]), attributes={"idle_timeout.timeout_seconds": "4000"})
    lb.get()
    before, held = resident(player.edge_pid()), []
    for _ in range(n):
        s = socket.create_connection((lb.address, lb.port))
        s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert s.recv(4096).startswith(b"HTTP/1.1 200")
        held.append(s)
    each = (resident(player.edge_pid()) - before) / n
    print(f"{n} idle connections: {each:.0f} bytes each; 100,000 take {each * 100000 / 2**20:.0f} MiB of the process")
    for s in held:
        s.close()
    player.stop()


if __name__ == "__main__":
    main()
