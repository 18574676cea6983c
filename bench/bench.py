#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures our daemon and Debian's in turn, in private namespaces, and prints them side by side.

    script/bench                      builds what is needed and runs this
    script/bench --cases knock burst  some cases only
    script/bench --curve docs/flood.svg   knock to open over junk rate, as a picture
    script/bench --growth --kinds ours-nftables   what a knock costs beside ever more of everything

The packets are sealed beforehand, so no program start is in a figure. Ratios count; absolute times
belong to one machine. A line that ends in ! misses what it must reach.
"""

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Dict, List

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests"))

# pylint: disable=wrong-import-position
from cases import CASES, KINDS, Figures, Lab, Settings, flood_with
from growth import growth
from harness.failure import Failure, Missing
from harness.programs import DEBIAN, OURS, Programs, other_programs, require_tools
from harness.scenario import terminate
from report import Results, draw, machine, table, write_json

CURVE_RATES = [100, 1000, 3000, 10_000, 20_000, 50_000, 100_000, 0]


def in_memory(directory: str) -> bool:
    """Whether what is written there never waits for a disk."""
    found = subprocess.run(["stat", "-f", "-c", "%T", directory], stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, text=True, check=False)
    return found.stdout.strip() in ("tmpfs", "ramfs") and os.access(directory, os.W_OK)


def parse(arguments: List[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--ours-server", default=os.environ.get("FWKNOPD"))
    parser.add_argument("--ours-client", default=os.environ.get("FWKNOP"))
    parser.add_argument("--flood", help="path of bench_flood", required=True)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--runs", type=int, default=1, help="the table shows medians")
    parser.add_argument("--json", metavar="FILE", help="write all figures there, too")
    parser.add_argument("--curve", metavar="FILE.svg", help="draw knock to open over junk rate")
    parser.add_argument("--growth", action="store_true",
                        help="how a knock's cost grows with stanzas, replay entries and grants")
    parser.add_argument("--client", choices=(OURS, DEBIAN), default=DEBIAN,
                        help="who seals the packets, for all daemons")
    parser.add_argument("--knocks", type=int, default=40)
    parser.add_argument("--idle", type=float, default=3.0, help="seconds to count wake-ups")
    parser.add_argument("--burst", type=int, default=500, help="knocks in the burst")
    parser.add_argument("--stanzas", type=int, default=5000)
    parser.add_argument("--replays", type=int, default=1_000_000)
    parser.add_argument("--grants", type=int, default=300)
    return parser.parse_args(arguments)


def measure(settings: Settings, options: argparse.Namespace, root: str) -> Results:
    results: Results = {kind: {} for kind in options.kinds}
    for name in options.cases:
        for kind in options.kinds:
            began = time.monotonic()
            print(f"  {name}, {kind} …", end="", flush=True, file=sys.stderr)
            with Lab(KINDS[kind], settings, root) as lab:
                results[kind].update(CASES[name](lab))
            print(f" {time.monotonic() - began:.0f} s", file=sys.stderr)
    return results


def medians(runs: List[Results]) -> Results:
    result: Results = {}
    for kind in runs[0]:
        figures: Figures = {}
        for key in runs[0][kind]:
            values = [run[kind].get(key) for run in runs]
            known = [value for value in values if value is not None]
            # Of three runs with one answer there is no median.
            figures[key] = (statistics.median(known) if 2 * len(known) > len(values) else None)
        result[kind] = figures
    return result


def curve(settings: Settings, options: argparse.Namespace, root: str) -> None:
    curves: Dict[str, list] = {}
    for kind in options.kinds:
        points = []
        for rate in CURVE_RATES:
            with Lab(KINDS[kind], settings, root) as lab:
                figures = flood_with(lab, rate)
            points.append((figures["rate"], figures["p50"], figures["answered"]))
            p50 = "none" if figures["p50"] is None else f"{figures['p50']:.2f} ms"
            print(f"{kind:<16}{figures['rate']:>10,.0f} junk/s  answered {figures['answered']:>2.0f}"
                  f" of 10, p50 {p50}", flush=True)
        curves[kind] = points
    draw(options.curve, curves)
    print(f"drawn: {options.curve}")


def main() -> int:
    options = parse(sys.argv[1:])
    signal.signal(signal.SIGTERM, terminate)
    # As on a real machine the run directory is in memory, where there is such a place: a container's
    # /run may be on its disk.
    memory = next(filter(in_memory, ("/run", "/dev/shm")), None)
    if memory is None:
        print("no place in memory: figures contain what the disk takes", file=sys.stderr)
    root = tempfile.mkdtemp(prefix="fwknop-bench-", dir=memory)
    try:
        require_tools(*other_programs(), "nft")
        if not os.access(options.flood, os.X_OK):
            raise Missing(f"missing: {options.flood}: cmake --build … --target bench_flood")
        settings = Settings(Programs(options.ours_server, options.ours_client), options.client,
                            os.path.abspath(options.flood), options.knocks, options.idle,
                            options.burst, options.stanzas, options.replays, options.grants)
        if options.growth:
            growth(settings, options.kinds, root)
            return 0
        if options.curve:
            curve(settings, options, root)
            return 0
        runs = []
        for number in range(options.runs):
            print(f"run {number + 1} of {options.runs}", file=sys.stderr)
            runs.append(measure(settings, options, root))
    except Failure as failure:
        print(f"not measured: {failure}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(root, ignore_errors=True)
    result = medians(runs)
    text, missed = table(result, settings)
    print(", ".join(f"{name} {value}" for name, value in machine().items())
          + f"; {options.runs} runs, medians\n\n{text}")
    if options.json:
        write_json(options.json, runs, result)
    for line in missed:
        print(f"! {line}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
