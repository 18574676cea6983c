# SPDX-License-Identifier: Apache-2.0
"""The cases: what is done to a daemon, and which figures come of it.

A new case is a function of a Lab with a line in CASES, and a row for each of its figures in ROWS
of report.py."""

import base64
import os
import statistics
import tempfile
import time
from typing import Callable, Dict, List, NamedTuple, Optional

from harness import firewall
from harness.failure import expect
from harness.namespaces import Network
from harness.processes import Process
from harness.programs import (DEBIAN, OURS, Client, Keys, Programs, Server, stanza)
from harness.traffic import SPA_PORT
from probes import (children_cpu, knock_to_open, let_kernel_answer, own_cpu, own_elements,
                    percentile, resident_bytes, send_all, wake_ups)

JUNK_LIMIT = 0.350  # seconds; what counts as answered inside a flood
GRANT_SECONDS = 250
FIRST_PORT = 20000
GRANTED = "Added access rule"  # in both daemons' logs
KEYS = Keys()
Figures = Dict[str, Optional[float]]


class Kind(NamedTuple):
    """A daemon and the packet filter it uses."""
    name: str
    who: str
    backend: str

    @property
    def config(self) -> Dict[str, object]:
        if self.backend == "nftables":
            return {"FIREWALL_BACKEND": "nftables",
                    "PROTECT_PORTS": "udp/1024-61000,tcp/22"}
        return {}


KINDS = {kind.name: kind for kind in (
    Kind("debian", DEBIAN, "iptables"),
    Kind("ours-iptables", OURS, "iptables"),
    Kind("ours-nftables", OURS, "nftables"))}


class Settings(NamedTuple):
    """How much is done."""
    programs: Programs
    sealer: str  # whose client makes the packets, for all daemons
    flood: str
    knocks: int
    idle: float
    burst: int
    stanzas: int
    replays: int
    grants: int


class Lab:
    """One kind of daemon in a network of its own, which goes with the lab."""

    def __init__(self, kind: Kind, settings: Settings, root: str):
        self.kind, self.settings = kind, settings
        self.root = tempfile.mkdtemp(prefix=kind.name, dir=root)
        # With nftables the daemon hides the ports itself.
        self.network = Network(hide=kind.backend == "iptables")
        let_kernel_answer(self.network.gateway)
        self.client = Client(settings.programs.path(settings.sealer, server=False), root=self.root,
                             namespace=self.network.client)

    def __enter__(self) -> "Lab":
        return self

    def __exit__(self, *_: object) -> None:
        self.network.__exit__()

    def serve(self, access: str = "", run_directory: Optional[str] = None,
              patience: float = 10.0) -> Server:
        access = access or stanza(KEYS, FW_ACCESS_TIMEOUT=GRANT_SECONDS)
        return Server(self.settings.programs.path(self.kind.who, server=True), access,
                      root=self.root, namespace=self.network.gateway, config=self.kind.config,
                      run_directory=run_directory, patience=patience)

    def packets(self, count: int, first: int = FIRST_PORT) -> List[bytes]:
        return [self.client.packet(KEYS, f"udp/{first + number}") for number in range(count)]

    def warm(self, server: Server) -> None:
        """The first knock after a start pays for what is set up late; it is not what is measured."""
        expect(knock_to_open(self.network, self.client.packet(KEYS, "udp/19999"), 19999) is not None,
               f"{self.kind.name} does not open at all:\n{server.log()}")
        time.sleep(0.5)  # the daemon may still write its log

    def knock(self, packets: List[bytes], limit: float = 5.0) -> List[float]:
        """Milliseconds to open of those that were answered."""
        times = [knock_to_open(self.network, packet, FIRST_PORT + number, limit)
                 for number, packet in enumerate(packets)]
        return [1000 * seconds for seconds in times if seconds is not None]

    def grants(self) -> int:
        if self.kind.backend == "nftables":
            return own_elements(self.network.gateway)
        return len(firewall.rules(self.network.gateway))

    def cpu_per_knock(self, server: Server, count: int) -> float:
        """Milliseconds of the daemon itself."""
        self.warm(server)
        packets = self.packets(count)
        before = own_cpu(server.pid)
        answered = self.knock(packets)
        time.sleep(0.3)
        expect(len(answered) == count, f"{len(answered)} of {count} answered")
        return 1000 * (own_cpu(server.pid) - before) / count


def knock(lab: Lab) -> Figures:
    """Knock to open, the CPU it takes, and what the daemon costs while nothing happens."""
    with lab.serve() as server:
        lab.warm(server)
        before = wake_ups(server.pid)
        time.sleep(lab.settings.idle)
        figures: Figures = {"idle": (wake_ups(server.pid) - before) / lab.settings.idle,
                            "memory": resident_bytes(server.pid) / 1e6}
        packets = lab.packets(lab.settings.knocks)
        own, children = own_cpu(server.pid), children_cpu(server.pid)
        answered = lab.knock(packets)
        time.sleep(0.5)  # children still being reaped would be missing
        own, children = own_cpu(server.pid) - own, children_cpu(server.pid) - children
        expect(len(answered) == len(packets),
               f"{lab.kind.name} answered {len(answered)} of {len(packets)} knocks")
    figures.update(p50=statistics.median(answered), p95=percentile(answered, 0.95),
                   cpu_own=1000 * own / len(packets), cpu=1000 * (own + children) / len(packets))
    return figures


def flood_with(lab: Lab, rate: int, access: str = "") -> Figures:
    """Ten knocks inside junk of `rate` packets a second; 0: as many as the sender can."""
    knocks = 10
    with lab.serve(access) as server:
        lab.warm(server)
        packets = lab.packets(knocks)
        seconds = int(knocks * JUNK_LIMIT) + 3  # long enough for ten that are never answered
        with Process("flood", [lab.settings.flood, Network.gateway4, str(SPA_PORT),
                               str(rate or 10_000_000), str(seconds)],
                     directory=server.directory, namespace=lab.network.other) as flood:
            time.sleep(0.5)  # the flood first
            answered = lab.knock(packets, JUNK_LIMIT)
            expect(flood.wait(seconds + 10) == 0, flood.log())
            sent, took = map(int, flood.log().split())
        # A second after the flood it must be as before.
        time.sleep(1.0)
        late = knock_to_open(lab.network, lab.client.packet(KEYS, "udp/30000"), 30000)
    return {"rate": sent / took, "answered": len(answered),
            "p50": statistics.median(answered) if answered else None,
            "after": None if late is None else 1000 * late}


def junk(lab: Lab) -> Figures:
    """Knocks inside a flood of 20,000 packets a second."""
    return {f"junk_{name}": value for name, value in flood_with(lab, 20_000).items()}


def junk_limit(lab: Lab) -> Figures:
    """Knocks inside the fiercest flood that the sender can make."""
    return {f"limit_{name}": value for name, value in flood_with(lab, 0).items()}


def costly_junk(lab: Lab) -> Figures:
    """The same where each packet that looks right is checked against thousands of keys: one
    source's junk would take more time than there is."""
    figures = flood_with(lab, 20_000, stanzas(lab.settings.stanzas))
    return {f"costly_{name}": figures[name] for name in ("rate", "answered", "p50")}


def burst(lab: Lab) -> Figures:
    """Valid knocks back to back; grants counted until they stop growing: in the log, which tells of
    them when they are open, for to list them costs the machine time that the daemon wants."""
    count = lab.settings.burst
    packets = [lab.client.packet(KEYS, "udp/20000", allow=f"192.0.{2 + n // 250}.{1 + n % 250}")
               for n in range(count)]
    with lab.serve() as server:
        lab.warm(server)
        present, told = lab.grants(), server.log().count(GRANTED)
        started = time.perf_counter()
        send_all(lab.network.client, packets)
        last, grown = 0, started
        while time.perf_counter() - grown < 1.0 and last < count:
            now = server.log().count(GRANTED) - told
            if now > last:
                last, grown = now, time.perf_counter()
            time.sleep(0.001)
        expect(server.running(), "the daemon did not survive the burst")
        open_now = lab.grants() - present
        expect(open_now == last, f"the log tells of {last} grants, {open_now} are open")
    return {"burst_grants": last, "burst": last / (grown - started)}


def stanzas(count: int) -> str:
    """They take packets from anywhere; the last one's keys are right."""
    others = (stanza(Keys(f"key-of-{n}", f"hmac-of-{n}")) for n in range(count - 1))
    return "".join(others) + stanza(KEYS, FW_ACCESS_TIMEOUT=GRANT_SECONDS)


def many_stanzas(lab: Lab) -> Figures:
    """What thousands of stanzas cost."""
    with lab.serve() as server:
        single = lab.cpu_per_knock(server, 20)
    with lab.serve(stanzas(lab.settings.stanzas)) as server:
        return {"stanzas": lab.cpu_per_knock(server, 20) - single}


def run_directory_with(lab: Lab, replays: int) -> str:
    """Its replay file has so many entries."""
    run = tempfile.mkdtemp(dir=lab.root)
    now = int(time.time())
    with open(os.path.join(run, "digest.cache"), "w", encoding="ascii") as file:
        file.write("# <digest> <proto> <src_ip> <src_port> <dst_ip> <dst_port> <time>\n")
        for number in range(replays):
            digest = base64.b64encode(number.to_bytes(4, "big") * 8).rstrip(b"=").decode()
            file.write(f"{digest} 17 10.73.0.2 40000 10.73.0.1 62201 {now}\n")
    os.chmod(file.name, 0o600)
    return run


def many_replays(lab: Lab) -> Figures:
    """A long memory: what a knock costs more, and how much memory it takes."""
    with lab.serve() as server:
        single = lab.cpu_per_knock(server, 20)
    with lab.serve(run_directory=run_directory_with(lab, lab.settings.replays)) as server:
        cost = lab.cpu_per_knock(server, 20) - single
        return {"replays": cost, "replays_memory": resident_bytes(server.pid) / 1e6}


def standing_grants(lab: Lab) -> Figures:
    """The CPU that grants cost while they stand."""
    with lab.serve() as server:
        lab.warm(server)
        packets = lab.packets(lab.settings.grants)
        for start in range(0, len(packets), 20):  # Debian's daemon keeps up with so many
            send_all(lab.network.client, packets[start:start + 20])
            time.sleep(0.4 if lab.kind.who == DEBIAN else 0.02)
        time.sleep(5.0 if lab.kind.who == DEBIAN else 1.0)  # what is late is none of this figure
        held = lab.grants()
        before, woken = own_cpu(server.pid) + children_cpu(server.pid), wake_ups(server.pid)
        time.sleep(2 * lab.settings.idle)
        used = own_cpu(server.pid) + children_cpu(server.pid) - before
        woken = wake_ups(server.pid) - woken
    return {"standing": held, "standing_cpu": 100 * used / (2 * lab.settings.idle),
            "standing_wake": woken / (2 * lab.settings.idle)}


CASES: Dict[str, Callable[[Lab], Figures]] = {
    function.__name__: function
    for function in (knock, burst, many_stanzas, many_replays, junk, junk_limit, costly_junk,
                     standing_grants)}
