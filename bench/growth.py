# SPDX-License-Identifier: Apache-2.0
"""How the cost of a knock grows with what the daemon has to hold: time to start, CPU for one knock,
resident memory."""

import time
from contextlib import contextmanager
from typing import ContextManager, Iterator, List, Optional, Tuple

from cases import KEYS, KINDS, Lab, Settings, run_directory_with, stanzas
from harness.failure import wait_for
from harness.programs import Server
from probes import resident_bytes, send_all

KNOCKS = 20
START_LIMIT = 120.0  # seconds
IN_ONE_PACKET = 8  # ports; Debian's client fails at longer ones


@contextmanager
def started(lab: Lab, access: str = "",
            run_directory: Optional[str] = None) -> Iterator[Tuple[Server, float]]:
    """The daemon, and the seconds until it was ready."""
    began = time.monotonic()
    with lab.serve(access, run_directory, START_LIMIT) as server:
        yield server, time.monotonic() - began


def with_stanzas(lab: Lab, count: int) -> "ContextManager[Tuple[Server, float]]":
    """All take packets from anywhere, and the last one's keys are right."""
    return started(lab, access=stanzas(count))


def with_replays(lab: Lab, count: int) -> "ContextManager[Tuple[Server, float]]":
    return started(lab, run_directory=run_directory_with(lab, count))


@contextmanager
def with_grants(lab: Lab, count: int) -> Iterator[Tuple[Server, float]]:
    with started(lab) as (server, seconds):
        for start in range(0, count, IN_ONE_PACKET):
            ports = range(start, min(start + IN_ONE_PACKET, count))
            access = ",".join(f"udp/{30000 + port}" for port in ports)
            send_all(lab.network.client, [lab.client.packet(KEYS, access)])
        wait_for("the grants", lambda: lab.grants() >= count, 60, pause=0.2)
        yield server, seconds


CURVES = {
    "stanzas": (with_stanzas, [1, 100, 1000, 5000, 50_000]),
    "replay entries": (with_replays, [0, 1000, 100_000, 1_000_000, 10_000_000]),
    "grants": (with_grants, [0, 100, 1000, 10_000]),
}


def growth(settings: Settings, kinds: List[str], root: str) -> None:
    for name, (grow, counts) in CURVES.items():
        for kind in kinds:
            print(f"\n{name + ', ' + kind:<30}\n{'':>12}{'to start':>14}{'CPU a knock':>15}"
                  f"{'memory':>15}")
            for count in counts:
                with Lab(KINDS[kind], settings, root) as lab, grow(lab, count) as (server, seconds):
                    cpu = lab.cpu_per_knock(server, KNOCKS)
                    print(f"{count:>12,}{seconds:>12.2f} s{cpu:>12.3f} ms"
                          f"{resident_bytes(server.pid) / 1e6:>12.1f} MB", flush=True)
