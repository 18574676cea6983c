#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures our daemon: knock to open of symmetric knocks, idle and while it works on a burst of
packets for GnuPG (a valid HMAC around junk), in private namespaces.

    bench/gpg_burst.py --ours-server build/release/src/daemon/fwknopd \\
                       --ours-client build/release/src/client/fwknop

Ratios count; absolute times belong to one machine.
"""

import argparse
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests"))
sys.path.insert(2, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests",
                                "interop"))

# pylint: disable=wrong-import-position
from gpg import gpg_stanza
from gpg_server import junk, workers
from harness.failure import Failure, expect
from harness.gpg import GpgHome
from harness.namespaces import Network
from harness.programs import (OURS, Client, Keys, Programs, Server, other_programs, require_tools,
                              stanza)
from harness.scenario import terminate
from harness.traffic import send_udp
from cases import FIRST_PORT
from probes import knock_to_open, own_cpu, status

KEYS = Keys()


def measure(options: argparse.Namespace, root: str) -> None:
    programs = Programs(options.ours_server, options.ours_client)
    with Network() as network, GpgHome(root, "s") as home:
        network.gateway.sysctl("net.ipv4.icmp_ratelimit", "0")
        home.make_key("server@bench", "rsa2048", "rsa2048")
        client = Client(programs.path(OURS, server=False), root=root, namespace=network.client)
        access = gpg_stanza(home, "server@bench", "01234567") + stanza(KEYS, FW_ACCESS_TIMEOUT=250)
        with Server(programs.path(OURS, server=True), access, root=root,
                    namespace=network.gateway) as server:
            packets = [client.packet(KEYS, f"udp/{FIRST_PORT + number}")
                       for number in range(2 * options.knocks + 1)]
            knock_to_open(network, packets[0], FIRST_PORT)  # pays for what is set up late
            times = {"idle": [], "burst": []}
            most, memory, cpu = 0, status(server.pid, "VmRSS"), own_cpu(server.pid)
            for number, packet in list(enumerate(packets))[1:]:
                kind = "idle" if number <= options.knocks else "burst"
                if kind == "burst":
                    # Full again before each knock.
                    for _ in range(options.burst if number == options.knocks + 1 else 40):
                        send_udp(network.client, Network.gateway4, junk())
                    most = max(most, len(workers(server)))
                    expect(most > 0, "nothing is worked on")
                took = knock_to_open(network, packet, FIRST_PORT + number)
                expect(took is not None, f"a knock was not answered:\n{server.log()}")
                times[kind].append(1000 * took)
                time.sleep(0.05)
            idle, burst = (statistics.median(times[kind]) for kind in ("idle", "burst"))
            print(f"knock to open, idle, p50              {idle:8.2f} ms")
            print(f"knock to open, GPG at work, p50       {burst:8.2f} ms, {burst / idle:.2f} times")
            print(f"knock to open, GPG at work, slowest   {max(times['burst']):8.2f} ms")
            print(f"workers at the same time, at most     {most:8d}")
            print(f"daemon, resident memory before, after {memory / 1024:8.1f} MiB, "
                  f"{status(server.pid, 'VmRSS') / 1024:.1f} MiB")
            print(f"daemon's own CPU                      {1000 * (own_cpu(server.pid) - cpu):8.1f} ms")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split(":", maxsplit=1)[0])
    parser.add_argument("--ours-server", default=os.environ.get("FWKNOPD"))
    parser.add_argument("--ours-client", default=os.environ.get("FWKNOP"))
    parser.add_argument("--knocks", type=int, default=10)
    parser.add_argument("--burst", type=int, default=200)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, terminate)
    root = tempfile.mkdtemp(prefix="fwknop-bench-")
    try:
        require_tools(*other_programs())
        measure(options, root)
    except Failure as failure:
        print(f"not measured: {failure}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
