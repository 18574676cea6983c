#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures many grants at once, in private namespaces: all in one burst and one after the other,
one more while they are there, their listing and their end; time, and the daemon's own memory and
CPU beside that of the programs it starts.

    bench/many_grants.py --backend iptables --grants 2000 \\
                         --ours-server build/release/src/daemon/fwknopd \\
                         --ours-client build/release/src/client/fwknop

Ratios count; absolute times belong to one machine.
"""

import argparse
import os
import re
import shutil
import signal
import statistics
import sys
import tempfile
import time
from typing import Callable, List

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests"))

# pylint: disable=wrong-import-position
from harness.failure import Failure, wait_for
from harness.namespaces import Network
from harness.processes import run
from harness.programs import (OURS, Client, Keys, Programs, Server, other_programs, require_tools,
                              stanza)
from harness.scenario import terminate
from probes import children_cpu, own_cpu, resident_bytes, send_all, status

KEYS = Keys()
DOORS = 15  # ports in one packet, with five digits each


class Stopwatch:
    """Tells what each step took, of the clock and of the processor."""

    def __init__(self, server: Server):
        self.server = server

    def time(self, name: str, step: Callable[[], object]) -> None:
        pid = self.server.pid
        own, children = own_cpu(pid), children_cpu(pid)
        start = time.monotonic()
        step()
        seconds = time.monotonic() - start
        print(f"  {name:<34} {seconds:8.3f} s   daemon {own_cpu(pid) - own:6.3f} s   "
              f"children {children_cpu(pid) - children:6.2f} s   "
              f"memory {resident_bytes(pid) / 2**20:5.1f} MiB", flush=True)


def count(server: Server, pattern: str) -> int:
    return len(re.findall(pattern, server.log()))


def packets_for(client: Client, first: int, grants: int, doors: int, seconds: int) -> List[bytes]:
    return [client.packet(KEYS, ",".join(f"tcp/{port}" for port in range(start, start + doors)),
                          "-f", str(seconds))
            for start in range(first, first + grants, doors)]


def measure(options: argparse.Namespace, root: str) -> None:
    programs = Programs(options.ours_server, options.ours_client)
    config = {"FIREWALL_BACKEND": options.backend}
    if options.backend == "nftables":
        config["PROTECT_PORTS"] = "tcp/1000-60000"
    if options.exe:
        config["FIREWALL_EXE"] = options.exe
    with Network() as network:
        client = Client(programs.path(OURS, server=False), root=root, namespace=network.client)
        burst = packets_for(client, 1000, options.grants, DOORS, options.seconds)
        single = packets_for(client, 40000, options.singles, 1, 200)
        with Server(programs.path(OURS, server=True), stanza(KEYS, FW_ACCESS_TIMEOUT=250),
                    root=root, namespace=network.gateway, config=config) as server:
            watch = Stopwatch(server)
            added = r"Added access rule"

            def one_by_one() -> None:
                times = []
                for packet in single[:options.singles // 2]:
                    before, start = count(server, added), time.monotonic()
                    send_all(network.client, [packet])
                    wait_for("it", lambda then=before: count(server, added) > then, 30, pause=0.001)
                    times.append(time.monotonic() - start)
                del single[:options.singles // 2]
                print(f"  {'':<34} median {statistics.median(times) * 1000:.1f} ms")

            def all_at_once() -> None:
                before = count(server, added)
                send_all(network.client, burst)
                wait_for("all", lambda: count(server, added) >= before + len(burst), 300, pause=0.02)

            def listed() -> None:
                run([programs.path(OURS, server=True), "-c", server.config, "-a", server.access,
                     "-r", server.run_directory, "--fw-list"], home=root,
                    namespace=network.gateway, timeout=300).succeeded()

            def ended() -> None:
                wait_for("the end of all", lambda: count(server, "Removed rule") >= options.grants,
                         options.seconds + 300, pause=0.05)
            print(f"{options.backend}, {options.grants} grants")
            watch.time(f"{options.singles // 2} alone", one_by_one)
            start = time.monotonic()
            watch.time(f"{options.grants} in a burst", all_at_once)
            watch.time(f"{options.singles - options.singles // 2} more beside them", one_by_one)
            watch.time("listing", listed)
            time.sleep(max(0.0, start + options.seconds - 1 - time.monotonic()))
            watch.time("the end of all (from 1 s before)", ended)
            print(f"  the most memory {status(server.pid, 'VmHWM') / 1024:.1f} MiB")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", choices=("iptables", "nftables"), default="iptables")
    parser.add_argument("--exe", help="FIREWALL_EXE, e.g. /usr/sbin/iptables-legacy")
    parser.add_argument("--grants", type=int, default=2000)
    parser.add_argument("--singles", type=int, default=20, help="one after the other, in two halves")
    parser.add_argument("--seconds", type=int, default=15, help="how long the grants last")
    parser.add_argument("--ours-server", default=os.environ.get("FWKNOPD"))
    parser.add_argument("--ours-client", default=os.environ.get("FWKNOP"))
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, terminate)
    root = tempfile.mkdtemp(prefix="fwknop-bench-")
    try:
        require_tools(*other_programs())
        measure(options, root)
    except Failure as failure:
        print(f"FAILED: {failure}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
