#!/usr/bin/env python3
"""Memory of idle connections: how the edge's processes grow with connections that have been served one request and stay.

    bench/edge_idle.py [--connections N] [--secure N] [--only KIND] [--player build/release/tests/edge/edge-player]

Plain ones, then ones over TLS, then ones over HTTP/2, and at last ones that have said no more there than its preface. While all of them are there
a new client asks, on connections of its own: how long that takes with them and without. The loops are as many as the permitted number of descriptors asks for. The kernel's part
(its slabs) is that of both ends, because the clients are on the same machine, and whatever else runs there moves it.
"""
import argparse
import multiprocessing
import os
import pathlib
import resource
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time

import edge_peers as peers

A_PROCESS = 15000  # connections that one client holds, from an address of its own
BATCH = 100        # of them begun at one time
BIND_ADDRESS_NO_PORT = 24  # linux/in.h: the port is for connect to find, among so many
IDLE = 14          # seconds that all of them are idle before it is measured; after 2 to 12 of them an edge puts them away
ASKED = 200        # new requests whose time is taken, one after the other
SPARE = 600        # descriptors that a loop needs besides
CEILING = 1.5 * 2**30


def processes(player):
    lines = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(player.process.pid)], capture_output=True, text=True, check=True).stdout
    return [pid for pid, name in map(str.split, lines.splitlines()) if name.startswith("edge")]


def resident(player):
    """Private memory; what the loops share is theirs from the start."""
    return sum(int(line.split()[1]) * 1024 for pid in processes(player)
               for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines() if line.startswith("RssAnon:"))


def kernel():
    return sum(int(line.split()[1]) * 1024 for line in pathlib.Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
               if line.startswith("Slab:"))


def context_of(protocol):
    context = ssl._create_unverified_context()
    context.set_alpn_protocols([protocol])
    return context


def begin(lb, source, protocol, context=None, asks=True):
    """A connection with a request on its way, or over HTTP/2 one that has only begun."""
    import h2_case
    s = socket.socket()
    s.settimeout(60)
    s.setsockopt(socket.IPPROTO_IP, BIND_ADDRESS_NO_PORT, 1)
    s.bind((source, 0))
    s.connect((lb.address, lb.port))
    if protocol:
        s = (context or context_of(protocol)).wrap_socket(s, server_hostname="a.example.com")
    if protocol == "h2":
        s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + h2_case.Connection.make(h2_case.SETTINGS))
        if asks:
            s.sendall(h2_case.Connection.make(h2_case.HEADERS, h2_case.END_STREAM | h2_case.END_HEADERS, 1, h2_case.block(h2_case.GET)))
    else:
        s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: bench\r\n\r\n")
    return s


def answered(s, asks=True):
    """The answer has come, or what the edge says first."""
    got = b""
    while (b"ok" if asks else b"\0\0\0\4\1") not in got:
        more = s.recv(4096)
        assert more, "the connection was closed"
        got += more


def holder(lb, source, protocol, asks, count, done, end):
    held, context = 0, context_of(protocol) if protocol else None
    while held < count:
        some = [begin(lb, source, protocol, context, asks) for _ in range(min(BATCH, count - held))]
        for s in some:
            answered(s, asks)
            s.detach()  # the connection stays, and nothing of it here but its descriptor
        held += len(some)
        done.put(len(some))
    end.wait()


def quickness(lb, protocol):
    """Milliseconds of a new connection and a request on it: the median and the 99th percentile."""
    times, context = [], context_of(protocol) if protocol else None
    for _ in range(ASKED):
        at = time.perf_counter()
        with begin(lb, "127.0.0.1", protocol, context) as s:
            answered(s)
        times.append((time.perf_counter() - at) * 1000)
    times.sort()
    return times[len(times) // 2], times[len(times) * 99 // 100]


def grown(player, lb, protocol, asks, count):
    """(bytes of the edge, bytes of the kernel) a connection, and how quick the edge is without and with them; the connections are gone again."""
    alone = quickness(lb, protocol)
    before, before_kernel = resident(player), kernel()
    done, end, clients = multiprocessing.Queue(), multiprocessing.Event(), []
    for i in range(0, count, A_PROCESS):
        clients.append(multiprocessing.Process(target=holder, daemon=True, args=(
            lb, f"127.1.{i // A_PROCESS}.1", protocol, asks, min(A_PROCESS, count - i), done, end)))
        clients[-1].start()
    held = 0
    while held < count:
        held += done.get(timeout=120)
        print(f"\r{protocol or 'plain'}: {held} of {count}", end="", file=sys.stderr, flush=True)
    print("\r" + " " * 50 + "\r", end="", file=sys.stderr)
    time.sleep(IDLE)
    after, after_kernel, among = resident(player), kernel(), quickness(lb, protocol)
    end.set()
    for c in clients:
        c.join()
    return (after - before) / held, (after_kernel - before_kernel) / held, alone, among


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--connections", type=int, default=30000)
    options.add_argument("--secure", type=int, default=4000)
    options.add_argument("--only", type=int, help="one kind: 0 to 3")
    options.add_argument("--player", default=str(peers.PLAYER))
    given = options.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    import edge_case
    import h2_case
    edge_case.PLAYER = pathlib.Path(given.player)
    work = tempfile.mkdtemp(prefix="bulwark-bench-")
    back, ports = peers.backend(work)
    peers.wait(("127.0.0.1", ports["HTTP1"]))
    missed = False
    try:
        group = edge_case.group("idle", [ports["HTTP1"]], health_enabled=False)
        print(f"{'':24} {'connections':>11} {'bytes each':>11} {'MiB for 100,000':>16} {'kernel, both ends':>18}"
              "   ms of a new request, 50th and 99th: without, with them")
        kinds = (("plain HTTP", None, True, given.connections), ("HTTP/1.1 over TLS", "http/1.1", True, given.secure),
                 ("HTTP/2 over TLS", "h2", True, given.secure), ("HTTP/2, only begun", "h2", False, given.secure))
        for title, protocol, asks, count in kinds if given.only is None else kinds[given.only:given.only + 1]:
            # Each kind has processes of its own, because memory that was freed is used again. The loops do not fill evenly to the last: an
            # eighth is to spare.
            player = edge_case.Player(loops=max(1, -(-count * 9 // 8 // (hard - SPARE))))
            make = h2_case.https if protocol else edge_case.Balancer
            lb = make(player, group, attributes={"idle_timeout.timeout_seconds": "4000"})
            each, in_kernel, alone, among = grown(player, lb, protocol, asks, count)
            player.stop()
            missed = missed or each * 100000 >= CEILING
            print(f"{title:24} {count:11} {each:11.0f} {each * 100000 / 2**20:16.0f} {in_kernel:18.0f}   {alone[0]:.1f} {alone[1]:.1f}, {among[0]:.1f} {among[1]:.1f}", flush=True)
        print(f"100,000 connections of each kind in less than 1,536 MiB: {'MISSED' if missed else 'met'}")
    finally:
        back.terminate()
        shutil.rmtree(work, ignore_errors=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
