#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs built fuzz targets, each until it has used so much processor time, and says what came of it.

    fuzz/campaign.py --build DIR --cpu SECONDS [--json FILE] TARGET...

Processor time and not time on the clock: on a machine that others use as well the two are far
apart, and only the first says how much was tried. script/fuzz builds the targets and calls this.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
from typing import Dict, List, Optional, Union

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TICKS = os.sysconf("SC_CLK_TCK")
# On the clock, in multiples of what was asked for: who gets less of the processor says so.
PATIENCE = 6
LOOK_EVERY = 1.0
# For one input, on the clock, which is how libFuzzer measures: a target that the machine leaves
# waiting is not slow. The figures tell how long the slowest took.
HANGS_AFTER = 120
WORTH_SHOWING = re.compile(r"promise|disagree|ERROR|SUMMARY|runtime error")

Outcome = Dict[str, Union[str, int, float, bool]]


def cpu_seconds_so_far(pid: int) -> float:
    """User and system time of a process that runs. Its name may hold blanks."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        words = file.read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / TICKS


def last_number(pattern: str, log: str) -> int:
    found = re.findall(pattern, log)
    return int(found[-1]) if found else 0


def run(build: str, target: str, cpu: float) -> Outcome:
    finds = os.path.join(build, "finds")
    grown = os.path.join(build, "grown", target)
    for folder in (finds, grown):
        os.makedirs(folder, exist_ok=True)
    log_path = os.path.join(finds, target + ".log")
    began = time.monotonic()
    asked_to_end = False
    with open(log_path, "wb") as log_file:
        child = subprocess.Popen(
            [os.path.join(build, "fuzz", "fuzz_" + target), f"-timeout={HANGS_AFTER}", "-rss_limit_mb=2048",
             "-print_final_stats=1", f"-artifact_prefix={finds}/{target}-",
             f"-max_total_time={int(cpu * PATIENCE) + 1}", grown,
             os.path.join(ROOT, "fuzz", "corpus", target)],
            stdout=log_file, stderr=subprocess.STDOUT)
        while True:
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid != 0:
                break
            if not asked_to_end and cpu_seconds_so_far(child.pid) >= cpu:
                child.send_signal(signal.SIGUSR1)  # ends after the input at hand, with its figures
                asked_to_end = True
            time.sleep(LOOK_EVERY)
        child.returncode = os.waitstatus_to_exitcode(status)
    with open(log_path, encoding="utf-8", errors="replace") as file:
        log = file.read()
    used = usage.ru_utime + usage.ru_stime
    executions = last_number(r"number_of_executed_units:\s*(\d+)", log)
    return {
        "target": target,
        "executions": executions,
        "executions_per_cpu_second": round(executions / used) if used else 0,
        "cpu_seconds": round(used, 1),
        "clock_seconds": round(time.monotonic() - began, 1),
        "edges": last_number(r" cov: (\d+)", log),
        "features": last_number(r" ft: (\d+)", log),
        "slowest_clock_seconds": last_number(r"slowest_unit_time_sec:\s*(\d+)", log),
        "peak_rss_mb": last_number(r"peak_rss_mb:\s*(\d+)", log),
        "found_something": child.returncode != 0,
        "log": os.path.relpath(log_path, ROOT),
    }


def show(outcome: Outcome) -> None:
    print("{target:<16} {executions:>12} {executions_per_cpu_second:>10} {cpu_seconds:>9}"
          " {edges:>7}".format(**outcome), flush=True)
    if outcome["found_something"]:
        path = os.path.join(ROOT, str(outcome["log"]))
        print(f"{outcome['target']}: FOUND SOMETHING, see {path}:", flush=True)
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in [line for line in file if WORTH_SHOWING.search(line)][:5]:
                print("    " + line.rstrip())


def main(arguments: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="the fuzz preset's build folder")
    parser.add_argument("--cpu", required=True, type=float, help="processor seconds for each")
    parser.add_argument("--json", help="where to write the figures")
    parser.add_argument("targets", nargs="+")
    options = parser.parse_args(arguments)

    print(f"{'target':<16} {'executions':>12} {'per CPU s':>10} {'CPU s':>9} {'edges':>7}",
          flush=True)
    outcomes = []
    for target in options.targets:
        outcomes.append(run(os.path.abspath(options.build), target, options.cpu))
        show(outcomes[-1])
        if options.json:  # after each: a campaign of hours that is interrupted keeps its figures
            with open(options.json, "w", encoding="ascii") as file:
                json.dump(outcomes, file, indent=2)
                file.write("\n")
    found = [str(each["target"]) for each in outcomes if each["found_something"]]
    short = [str(each["target"]) for each in outcomes
             if float(each["cpu_seconds"]) < options.cpu and not each["found_something"]]
    if short:
        print("less processor time than asked for: " + " ".join(short))
    return 1 if found or short else 0


if __name__ == "__main__":
    sys.exit(main())
