# SPDX-License-Identifier: Apache-2.0
"""What is read of a daemon and of a network while a case runs."""

import contextlib
import os
import socket
import time
from typing import List, Optional, Sequence

from harness.namespaces import Namespace, Network
from harness.traffic import SPA_PORT

PROBE_PAUSE = 100e-6
ANSWER_LIMIT = 5.0  # seconds; a daemon that needs longer has not answered


def let_kernel_answer(gateway: Namespace) -> None:
    """Without it the kernel itself holds "port unreachable" back: to one host, and after a thousand
    a second to all, which it counts in steps of 20 ms. Junk for a closed port would use them up, and
    the probes would measure that."""
    for name, value in (("icmp_ratelimit", 0), ("icmp_msgs_per_sec", 100_000_000),
                        ("icmp_msgs_burst", 100_000_000)):
        gateway.sysctl(f"net.ipv4.{name}", str(value))


def knock_to_open(network: Network, packet: bytes, port: int,
                  limit: float = ANSWER_LIMIT) -> Optional[float]:
    """Seconds from sending the packet to the first answer of the port; None after the limit.

    The port is closed, so the kernel answers "port unreachable" as soon as the packet filter lets
    the probe in."""
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


def send_all(namespace: Namespace, packets: Sequence[bytes]) -> None:
    """Back to back, to where knocks go."""
    with namespace.entered():
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sender:
        for packet in packets:
            sender.sendto(packet, (Network.gateway4, SPA_PORT))


def percentile(values: Sequence[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def processes_of(pid: int) -> List[int]:
    """A daemon, and its helper if it has one."""
    found = [pid]
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        for child in map(int, file.read().split()):
            with contextlib.suppress(OSError), open(f"/proc/{child}/comm", encoding="ascii") as name:
                found += [child] if name.read().strip() == "fwknopd-helper" else []
    return found


def own_cpu(pid: int) -> float:
    """Seconds of the daemon itself and its helper, to the nanosecond (their CPU clocks, see
    clock_getcpuclockid)."""
    return sum(time.clock_gettime((~each << 3) | 2) for each in processes_of(pid))


def children_cpu(pid: int) -> float:
    """Seconds of their reaped children, in the kernel's ticks."""
    seconds = 0.0
    for each in processes_of(pid):
        with open(f"/proc/{each}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        seconds += (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
    return seconds


def status(pid: int, name: str) -> int:
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name + ":"))


def resident_bytes(pid: int) -> int:
    return 1024 * status(pid, "VmRSS")


def wake_ups(pid: int) -> int:
    return status(pid, "voluntary_ctxt_switches")


def own_elements(namespace: Namespace, table: str = "fwknop") -> int:
    """Grants in our nftables table."""
    lines: List[str] = namespace.run("nft", "list", "set", "inet", table, "grant4").splitlines()
    return sum(line.count(" expires ") for line in lines)
