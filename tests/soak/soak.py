#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A long run: mixed traffic and trouble on both packet filters, checked all the while.

    sudo tests/soak/soak.py --seconds 3600 --ours-server …/fwknopd --ours-client …/fwknop

Each packet filter has a process and a network of its own. A knock that opens nothing, a rule that
nobody asked for or that outlives its time, memory, descriptors or children that stay: each ends the
run as failed. Times are printed; only gross bounds on them are checked."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from typing import List, Sequence, Tuple

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from harness.failure import Failure
from harness.namespaces import die_with_parent
from harness.processes import indented
from harness.programs import OURS, Programs, require_tools
from harness.scenario import Lab, other_programs, terminate
from lane import Lane

PACE = 0.9  # seconds between two knocks of a lane: a few per cent of a core
# KiB that the resident memory may grow between the first and the last third: the replay table takes
# about 100 bytes for each of the knocks, and the allocator has its ways.
GROWTH = 2048


def percentiles(values: Sequence[float]) -> str:
    ordered = sorted(values)
    if not ordered:
        return "none"
    return ", ".join(f"{name} {1000 * ordered[min(len(ordered) - 1, int(part * len(ordered)))]:.1f}"
                     for name, part in (("50 %", .5), ("90 %", .9), ("99 %", .99), ("most", 1))
                     ) + f" ms of {len(ordered)}"


def report(lane: Lane) -> None:
    times: List[Tuple[float, float]] = lane.latencies
    print(f"== {lane.backend.name}, {lane.seconds:g} s")
    print(f"  {lane.status}; {lane.noise.sent} pieces of noise sent; {lane.log_lines} lines in the log")
    for name, number in sorted(lane.counts.items()):
        print(f"  {name}: {number}")
    for name, lengths in lane.windows.items():
        print(f"  window '{name}': {len(lengths)} times, {sum(lengths):.1f} s, the longest "
              f"{max(lengths):.1f} s, {lane.lost_in.get(name, 0)} knocks lost in it")
    print(f"  descriptors: {lane.fds}, always; children: none, always")
    print(f"  CPU: {lane.daemon_cpu:.1f} s, its children {lane.children_cpu:.1f} s")
    print("  knock to open, first third: "
          + percentiles([took for at, took in times if at < lane.seconds / 3]))
    print("  knock to open, last third:  "
          + percentiles([took for at, took in times if at > lane.seconds * 2 / 3]), flush=True)


def run_lane(options: argparse.Namespace) -> int:
    root = tempfile.mkdtemp(prefix="fwknop-soak-")
    try:
        require_tools(*other_programs(), "nft")
        lab = Lab(Programs(options.ours_server, options.ours_client), OURS, OURS, root)
        try:
            lane = Lane(lab, options.lane, options.seconds, options.growth)
            try:
                lane.run(PACE)
            except Exception:
                print(f"{options.lane}: after {lane.counts}\n"
                      + indented(lane.server.log() if hasattr(lane, "server") else "", 40))
                raise
            report(lane)
        finally:
            lab.close()
    except Failure as failure:
        print(f"FAILED {options.lane}: {failure}", flush=True)
        return 1
    except Exception:  # pylint: disable=broad-except
        print(f"FAILED {options.lane}:\n{traceback.format_exc()}", flush=True)
        return 1
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--growth", type=int, default=GROWTH,
                        help="KiB of growth that are allowed; a sanitizer keeps what was freed")
    parser.add_argument("--ours-server", default=os.environ.get("FWKNOPD"))
    parser.add_argument("--ours-client", default=os.environ.get("FWKNOP"))
    parser.add_argument("--lane", choices=("iptables", "nftables"), help="only this one")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, terminate)
    signal.signal(signal.SIGHUP, terminate)
    if options.lane:
        return run_lane(options)
    command = [sys.executable, os.path.abspath(__file__), *sys.argv[1:]]
    lanes = [subprocess.Popen([*command, "--lane", name], preexec_fn=die_with_parent)
             for name in ("iptables", "nftables")]
    try:
        failed = [each for each in lanes if each.wait() != 0]
    finally:
        for each in lanes:
            each.terminate()
            each.wait()
    print("FAILED" if failed else "passed: both packet filters")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
