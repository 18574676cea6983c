#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures our daemon and Debian's in turn, in private namespaces, and prints both with the ratio.

    bench/knock.py --ours-server build/release/src/daemon/fwknopd \\
                   --ours-client build/release/src/client/fwknop --flood build/release/bench/bench_flood

Knock to open: a sealed packet is sent (made beforehand, so no program start is in the figure), then
the requested UDP port is probed every 100 µs; it is closed, so the kernel answers "port unreachable"
as soon as the packet filter lets the probe in. Junk: the same inside a flood. Burst: many knocks at
once, grants counted in the packet filter. Ratios count; absolute times belong to one machine.
"""

import argparse
import os
import shutil
import signal
import socket
import statistics
import sys
import tempfile
import time
from typing import Dict, List, Optional, Sequence

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests"))

# pylint: disable=wrong-import-position
from harness import firewall
from harness.failure import Failure, Missing, expect
from harness.namespaces import Network
from harness.processes import Process
from harness.programs import (DEBIAN, OURS, Client, Keys, Programs, Server, other_programs,
                              require_tools, stanza)
from harness.scenario import terminate
from harness.traffic import SPA_PORT

PROBE_PAUSE = 100e-6
ANSWER_LIMIT = 5.0  # seconds; a daemon that needs longer has not answered
JUNK_LIMIT = 0.350  # seconds; what counts as answered inside the flood
GRANT_SECONDS = 250
FIRST_PORT = 20000
KEYS = Keys()


def knock_to_open(network: Network, packet: bytes, port: int,
                  limit: float = ANSWER_LIMIT) -> Optional[float]:
    """Seconds from sending the packet to the first answer of the port; None after the limit."""
    with network.client.entered():
        knocker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with knocker, probe:
        probe.setblocking(False)
        probe.connect((Network.gateway4, port))
        started = time.perf_counter()
        knocker.sendto(packet, (Network.gateway4, SPA_PORT))
        due = started
        while (now := time.perf_counter()) - started < limit:
            try:
                if now >= due:
                    probe.send(b"?")
                    due = now + PROBE_PAUSE
                probe.recv(1)
            except BlockingIOError:
                continue
            except ConnectionRefusedError:
                return time.perf_counter() - started
    return None


def percentile(values: Sequence[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def own_cpu(pid: int) -> float:
    """Seconds of the process itself, to the nanosecond (its CPU clock, see clock_getcpuclockid)."""
    return time.clock_gettime((~pid << 3) | 2)


def children_cpu(pid: int) -> float:
    """Seconds of its reaped children, in the kernel's ticks."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def status(pid: int, name: str) -> int:
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name + ":"))


def wake_ups(pid: int) -> int:
    return status(pid, "voluntary_ctxt_switches")


class Measurement:
    """One daemon in one network, and everything measured of it."""

    def __init__(self, programs: Programs, kind: str, options: argparse.Namespace, root: str):
        self.programs, self.kind, self.options, self.root = programs, kind, options, root
        self.figures: Dict[str, Optional[float]] = {}
        nftables = kind == OURS and options.backend == "nftables"
        self.config: Dict[str, object] = (
            {"FIREWALL_BACKEND": "nftables", "PROTECT_PORTS": "udp/1024-61000,tcp/22"}
            if nftables else {})
        self.hide = not nftables

    def run(self) -> Dict[str, Optional[float]]:
        with Network(hide=self.hide) as network:
            # Else the kernel itself holds answers back.
            network.gateway.sysctl("net.ipv4.icmp_ratelimit", "0")
            self.network = network
            self.client = Client(self.programs.path(self.options.client, server=False),
                                 root=self.root, namespace=network.client)
            for part in (self.idle_and_knocks, self.junk, self.burst):
                access = stanza(KEYS, FW_ACCESS_TIMEOUT=GRANT_SECONDS)
                with Server(self.programs.path(self.kind, server=True), access, root=self.root,
                            namespace=network.gateway, config=self.config) as server:
                    part(server)
        return self.figures

    def packets(self, count: int) -> List[bytes]:
        return [self.client.packet(KEYS, f"udp/{FIRST_PORT + number}") for number in range(count)]

    def idle_and_knocks(self, server: Server) -> None:
        packets = self.packets(self.options.knocks)
        # The first knock after a start pays for what is set up late; it is not what is measured.
        warm = self.client.packet(KEYS, "udp/19999")
        expect(knock_to_open(self.network, warm, 19999) is not None,
               f"the {self.kind} daemon does not open at all:\n{server.log()}")
        # The daemon may still write its log.
        time.sleep(0.5)
        before = wake_ups(server.pid)
        time.sleep(self.options.idle)
        self.figures["idle"] = (wake_ups(server.pid) - before) / self.options.idle
        self.figures["memory"] = status(server.pid, "VmRSS") / 1024
        own, children = own_cpu(server.pid), children_cpu(server.pid)
        times = [knock_to_open(self.network, packet, FIRST_PORT + number)
                 for number, packet in enumerate(packets)]
        # Children still being reaped would be missing.
        time.sleep(0.5)
        self.figures["cpu"] = 1000 * (own_cpu(server.pid) - own) / len(packets)
        self.figures["children"] = 1000 * (children_cpu(server.pid) - children) / len(packets)
        answered = [1000 * seconds for seconds in times if seconds is not None]
        expect(len(answered) == len(packets),
               f"the {self.kind} daemon answered {len(answered)} of {len(packets)} knocks")
        self.figures["p50"] = statistics.median(answered)
        self.figures["p95"] = percentile(answered, 0.95)

    def junk(self, server: Server) -> None:
        knocks = 10
        packets = self.packets(knocks)
        # Long enough for ten knocks that are never answered.
        seconds = int(knocks * JUNK_LIMIT) + 3
        with Process("flood", [self.options.flood, Network.gateway4, str(SPA_PORT),
                               str(self.options.rate), str(seconds)],
                     directory=server.directory, namespace=self.network.other) as flood:
            time.sleep(0.5)  # the flood first
            times = [knock_to_open(self.network, packet, FIRST_PORT + number, JUNK_LIMIT)
                     for number, packet in enumerate(packets)]
            expect(flood.wait(seconds + 10) == 0, flood.log())
            sent, took = map(int, flood.log().split())
        self.figures["rate"] = sent / took
        answered = [1000 * seconds for seconds in times if seconds is not None]
        self.figures["answered"] = len(answered)
        self.figures["junk_p50"] = statistics.median(answered) if answered else None

    def burst(self, server: Server) -> None:
        if not self.hide:
            self.figures["burst"] = None  # counted with iptables only
            return
        count = self.options.burst
        packets = [self.client.packet(KEYS, "udp/20000", allow=f"192.0.{2 + n // 250}.{1 + n % 250}")
                   for n in range(count)]
        with self.network.client.entered():
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        started = time.perf_counter()
        with sender:
            for packet in packets:
                sender.sendto(packet, (Network.gateway4, SPA_PORT))
        last, grown = 0, started
        while time.perf_counter() - grown < 1.0 and last < count:
            now = len(firewall.rules(self.network.gateway))
            if now > last:
                last, grown = now, time.perf_counter()
            time.sleep(0.03)  # looking costs the machine time that the daemon wants
        self.figures["burst_grants"] = last
        self.figures["burst"] = last / (grown - started)
        expect(server.running(), "the daemon did not survive the burst")


def shown(value: Optional[float], unit: str, places: int) -> str:
    return "none" if value is None else f"{value:,.{places}f} {unit}".rstrip()


def ratio(ours: Optional[float], theirs: Optional[float]) -> str:
    if ours is None or theirs is None or not theirs:
        return "–"
    return f"{ours / theirs:.3f}"


def print_table(results: Dict[str, Dict[str, Optional[float]]],
                options: argparse.Namespace) -> None:
    rows = [("knock to open, p50", "p50", "ms", 2), ("knock to open, p95", "p95", "ms", 2),
            ("CPU per knock, daemon", "cpu", "ms", 3),
            ("CPU per knock, its children", "children", "ms", 2),
            ("idle wake-ups per second", "idle", "", 1), ("resident memory, idle", "memory", "MiB", 1),
            ("junk really sent per second", "rate", "", 0),
            (f"knocks answered in {1000 * JUNK_LIMIT:.0f} ms in junk, of 10", "answered", "", 0),
            ("knock to open in junk, p50", "junk_p50", "ms", 2),
            (f"burst of {options.burst}: grants", "burst_grants", "", 0),
            ("burst: grants per second", "burst", "", 0)]
    kinds = list(results)
    print("".join([f"{'':<44}"] + [f"{kind:>14}" for kind in kinds] + [f"{'ratio':>10}"]))
    for name, key, unit, places in rows:
        values = [results[kind].get(key) for kind in kinds]
        print("".join([f"{name:<44}"] + [f"{shown(value, unit, places):>14}" for value in values]
                      + [f"{ratio(values[0], values[-1]) if len(values) > 1 else '':>10}"]))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--ours-server", default=os.environ.get("FWKNOPD"))
    parser.add_argument("--ours-client", default=os.environ.get("FWKNOP"))
    parser.add_argument("--flood", help="path of bench_flood", required=True)
    parser.add_argument("--daemons", nargs="+", choices=(OURS, DEBIAN), default=[OURS, DEBIAN])
    parser.add_argument("--client", choices=(OURS, DEBIAN), default=DEBIAN,
                        help="who seals the packets, for both daemons")
    parser.add_argument("--backend", choices=("iptables", "nftables"), default="iptables",
                        help="of our daemon; Debian's always uses iptables")
    parser.add_argument("--knocks", type=int, default=40)
    parser.add_argument("--idle", type=float, default=3.0, help="seconds to count wake-ups")
    parser.add_argument("--rate", type=int, default=20000, help="junk packets per second")
    parser.add_argument("--burst", type=int, default=500)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, terminate)
    root = tempfile.mkdtemp(prefix="fwknop-bench-")
    try:
        require_tools(*other_programs())
        if not os.access(options.flood, os.X_OK):
            raise Missing(f"missing: {options.flood}: cmake --build … --target bench_flood")
        options.flood = os.path.abspath(options.flood)
        programs = Programs(options.ours_server, options.ours_client)
        results = {kind: Measurement(programs, kind, options, root).run()
                   for kind in options.daemons}
    except Failure as failure:
        print(f"not measured: {failure}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(root, ignore_errors=True)
    print_table(results, options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
