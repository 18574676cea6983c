# SPDX-License-Identifier: Apache-2.0
"""Figures as a table, as JSON, and as a picture."""

import json
import os
import platform
import subprocess
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from cases import JUNK_LIMIT, Figures, Settings

Results = Dict[str, Figures]  # by the daemon's kind


class Row(NamedTuple):
    """One line of the table, and what ours must reach: `at_most` or at least, by backend."""
    key: str
    title: str
    unit: str = ""
    places: int = 2
    iptables: Optional[float] = None
    nftables: Optional[float] = None
    at_most: bool = True

    def target(self, kind: str) -> Optional[float]:
        return {"ours-iptables": self.iptables, "ours-nftables": self.nftables}.get(kind)

    def meets(self, kind: str, value: Optional[float]) -> bool:
        target = self.target(kind)
        if target is None:
            return True
        return value is not None and (value <= target if self.at_most else value >= target)


def rows(settings: Settings) -> List[Row]:
    limit = f"{1000 * JUNK_LIMIT:.0f} ms"
    return [
        Row("p50", "knock to open, p50", "ms", 2, 5, 1),
        Row("p95", "knock to open, p95", "ms", 2),
        Row("cpu", "CPU per knock, daemon and children", "ms", 2, 3, 0.2),
        Row("cpu_own", "CPU per knock, daemon alone", "ms", 3),
        Row("burst_grants", f"burst of {settings.burst}: grants", "", 0),
        Row("burst", f"burst of {settings.burst}: grants per second", "", 0, 2000, 10_000, False),
        Row("stanzas", f"{settings.stanzas:,} stanzas: more CPU per knock", "ms", 2, 2, 2),
        Row("replays", f"{settings.replays:,} replay entries: more CPU per knock", "ms", 2, 0.1,
            0.1),
        Row("replays_memory", f"{settings.replays:,} replay entries: resident memory", "MB", 0, 80,
            80),
        Row("junk_rate", "junk: packets per second", "", 0),
        Row("junk_answered", f"junk: knocks answered in {limit}, of 10", "", 0, 10, 10, False),
        Row("junk_p50", "junk: knock to open, p50", "ms", 2, 3, 3),
        Row("limit_rate", "junk at the sender's limit: packets per second", "", 0),
        Row("limit_answered", f"at the limit: knocks answered in {limit}, of 10", "", 0, 10, 10,
            False),
        Row("limit_p50", "at the limit: knock to open, p50", "ms", 2, 10, 10),
        Row("limit_after", "a second after it: knock to open", "ms", 2, 10, 10),
        Row("costly_rate", f"junk beside {settings.stanzas:,} stanzas: packets per second", "", 0),
        Row("costly_answered", f"beside the stanzas: knocks answered in {limit}, of 10", "", 0, 10,
            10, False),
        Row("costly_p50", "beside the stanzas: knock to open, p50", "ms"),
        Row("standing", "grants that stand", "", 0),
        Row("standing_cpu", "while they stand: CPU", "%", 2, 0.05, 0.05),
        Row("idle", "idle: wake-ups per second", "", 1, 0, 0),
        Row("memory", "idle: resident memory", "MB", 1, 12, 12),
    ]


def shown(value: Optional[float], row: Row) -> str:
    return "none" if value is None else f"{value:,.{row.places}f} {row.unit}".rstrip()


def ratio(row: Row, ours: Optional[float], theirs: Optional[float]) -> str:
    """How many times better; no figure where there is nothing to divide by."""
    if ours is None or theirs is None:
        return ""
    better, worse = (ours, theirs) if row.at_most else (theirs, ours)
    return f"{worse / better:,.1f}x" if better > 0 and worse > 0 else ""


def table(results: Results, settings: Settings) -> Tuple[str, List[str]]:
    """The text, and the rows that miss their target."""
    kinds = list(results)
    theirs = results.get("debian", {})
    lines = ["".join([f"{'':<52}"] + [f"{kind:>16}" + ("" if kind == "debian" else f"{'':>10}")
                                     for kind in kinds])]
    missed = []
    for row in rows(settings):
        if not any(row.key in figures for figures in results.values()):
            continue
        line = f"{row.title:<52}"
        for kind in kinds:
            value = results[kind].get(row.key)
            line += f"{shown(value, row):>16}"
            if kind == "debian":
                continue
            good = row.meets(kind, value)
            line += f"{ratio(row, value, theirs.get(row.key)):>8}" + ("  " if good else " !")
            if not good:
                missed.append(f"{kind}: {row.title}: {shown(value, row)}, must be "
                              f"{'at most' if row.at_most else 'at least'} {row.target(kind):g}")
        lines.append(line.rstrip())
    return "\n".join(lines), missed


def machine() -> Dict[str, object]:
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        model = next((line.partition(":")[2].strip() for line in file
                      if line.startswith("model name")), "unknown")
    return {"kernel": platform.release(), "processor": model, "processors": os.cpu_count()}


def write_json(path: str, runs: Sequence[Results], medians: Results) -> None:
    with open(path, "w", encoding="ascii") as file:
        json.dump({"machine": machine(), "runs": list(runs), "medians": medians}, file, indent=2)
        file.write("\n")


def draw(path: str, curves: Dict[str, List[Tuple[float, Optional[float], int]]]) -> None:
    """Knock to open over junk rate, for each daemon: (packets per second, p50 in ms, answered)."""
    script = ["set terminal svg size 960,480 font 'sans-serif,14' background '#ffffff'",
              f"set output '{path}'", "set logscale xy", "set grid", "set key outside right",
              "set title 'Knock to open while junk arrives'",
              "set xlabel 'junk packets per second'", "set ylabel 'milliseconds (median)'",
              "set yrange [*:1000]", "set xrange [*:*] noextend",
              "set format x '%.0s%c'"]
    plots = []
    for name, points in curves.items():
        block = f"${name.replace('-', '_')}"
        script.append(f"{block} << EOD")
        script += [f"{rate:.0f} {p50:.3f}" for rate, p50, _ in points if p50 is not None]
        lost = [rate for rate, p50, _ in points if p50 is None]
        script += ["EOD", f"{block}_lost << EOD"] + [f"{rate:.0f} {1000 * JUNK_LIMIT:.0f}"
                                                      for rate in lost] + ["EOD"]
        if any(p50 is not None for _, p50, _ in points):
            plots.append(f"{block} using 1:2 with linespoints linewidth 2 title '{name}'")
        if lost:
            plots.append(f"{block}_lost using 1:2 with points pointtype 2 pointsize 1.5 "
                         f"title '{name}: none answered'")
    script.append("plot " + ", ".join(plots))
    subprocess.run(["gnuplot"], input="\n".join(script) + "\n", text=True, check=True, timeout=60)
