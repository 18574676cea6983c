# SPDX-License-Identifier: Apache-2.0
"""What a running process holds and has used, as the kernel tells it."""

import os
import time
from typing import Dict, List


def descriptors(pid: int) -> Dict[str, str]:
    """What each open descriptor leads to."""
    found = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[name] = os.readlink(f"/proc/{pid}/fd/{name}")
        except FileNotFoundError:
            continue  # closed meanwhile
    return found


def started_by(pid: int) -> List[str]:
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return file.read().split()


def is_helper(pid: str) -> bool:
    try:
        with open(f"/proc/{pid}/comm", encoding="ascii") as file:
            return file.read() == "fwknopd-helper\n"
    except OSError:
        return False  # has ended meanwhile


def children(pid: int) -> List[str]:
    """The programs that it has running. It has them started by its helper, which is none."""
    found: List[str] = []
    for child in started_by(pid):
        found += started_by(int(child)) if is_helper(child) else [child]
    return found


def family(pid: int) -> List[int]:
    """The process and all that it started and they did."""
    found = [pid]
    for child in started_by(pid):
        try:
            found += family(int(child))
        except FileNotFoundError:
            continue  # has ended meanwhile
    return found


def status(pid: int, name: str) -> int:
    """A number of /proc/<pid>/status; memory is in KiB there."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name + ":"))


def own_cpu(pid: int) -> float:
    """Seconds of the process itself, to the nanosecond (its CPU clock, see clock_getcpuclockid)."""
    return time.clock_gettime((~pid << 3) | 2)


def children_cpu(pid: int) -> float:
    """Seconds of its reaped children, in the kernel's ticks."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
