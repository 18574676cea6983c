# SPDX-License-Identifier: Apache-2.0
"""One daemon with one packet filter, for as long as it is asked for: knocks, noise, trouble.

Everything happens in one thread, one after the other, so that whatever goes wrong can be put down
to what was done last; the daemon itself is never waited for longer than its bounds."""

import os
import re
import signal
import socket
import time
from typing import Callable, Dict, List, Optional, Tuple

from harness import vitals
from harness.backends import BACKENDS
from harness.failure import Failure, expect, wait_for
from harness.namespaces import Network
from harness.programs import OURS, Client, Server, write_private
from harness.scenario import Lab
from harness.traffic import SPA_PORT, family_of, send_udp

from rules import Opening, openings
from traffic_mix import KNOCKERS4, KNOCKERS6, MODES, SECONDS, Mode, Noise, access, keys_of

OPEN_BOUND = 5.0  # seconds from the packet to the open door; typical is a hundredth
CLOSE_SLACK = 3.0  # seconds that a rule may outlive its time, on a busy machine
BACK_BOUND = 20.0  # seconds until a lost interface is watched again
PORTS = range(20000, 60000)
KEPT = 200  # packets that are sent once more later


class Tail:
    """New lines of a growing file."""

    def __init__(self, path: str):
        self.file_ = open(path, encoding="utf-8", errors="replace")  # pylint: disable=consider-using-with
        self.seen = ""

    def text(self) -> str:
        """What came since `forget`."""
        self.seen += self.file_.read()
        return self.seen

    def forget(self) -> None:
        self.text()
        self.seen = ""


class Lane:
    """The run of one backend."""

    def __init__(self, lab: Lab, backend: str, seconds: float, growth: int):
        self.lab, self.seconds, self.growth = lab, seconds, growth
        self.backend = next(each for each in BACKENDS if each.name == backend)
        self.debian = Client(lab.programs.path("debian", server=False), root=lab.root,
                             namespace=lab.net.client)
        self.port = 0
        self.granted: Dict[Opening, float] = {}  # until when, by our clock
        self.packets: List[Tuple[Mode, bytes]] = []
        self.latencies: List[Tuple[float, float]] = []
        self.samples: List[Dict[str, float]] = []
        self.counts: Dict[str, int] = {}
        self.windows: Dict[str, List[float]] = {}
        self.lost_in: Dict[str, int] = {}
        self.prepare_network()

    def count(self, what: str, number: int = 1) -> None:
        self.counts[what] = self.counts.get(what, 0) + number

    # The network.

    def prepare_network(self) -> None:
        net = self.lab.net
        self.backend.close_host(net)
        for name in ("net.ipv4.icmp_ratelimit", "net.ipv6.icmp.ratelimit"):
            net.gateway.sysctl(name, "0")
        for address in KNOCKERS4:
            net.client.run("ip", "addr", "add", f"{address}/24", "dev", "eth0")
        for address in KNOCKERS6:
            net.client.run("ip", "-6", "addr", "add", f"{address}/64", "dev", "eth0", "nodad")
        if self.backend.name == "iptables":
            self.let_tcp_in()
        # The same one whenever the interface is made anew, for frames made by hand.
        net.gateway.run("ip", "link", "set", Network.interface, "address", "02:00:00:00:73:01")
        self.noise = Noise(net.client, bytes.fromhex("020000007301"), seed=73)

    def let_tcp_in(self) -> None:
        for tool in ("iptables", "ip6tables"):
            self.lab.net.gateway.run(tool, "-A", "INPUT", "-p", "tcp", "--dport", "62201", "-j",
                                     "ACCEPT")

    def make_interface(self) -> None:
        net = self.lab.net
        run = net.gateway.run
        run("ip", "link", "add", Network.interface, "address", "02:00:00:00:73:01", "type",
            "bridge", "forward_delay", "0", "mcast_snooping", "0")
        run("ip", "link", "set", Network.interface, "up")
        for port in ("to_client", "to_other"):
            run("ip", "link", "set", port, "master", Network.interface, "up")
        net.address(net.gateway, Network.interface, Network.gateway4, Network.gateway6)

    # Knocks.

    def next_port(self) -> int:
        self.port = (self.port + 1) % len(PORTS)
        return PORTS[self.port]

    def seal(self, mode: Mode, port: int, knocker: str) -> bytes:
        client = self.lab.client if mode.program == OURS else self.debian
        return client.packet(mode.keys, f"udp/{port}", *mode.arguments,
                             allow="source" if mode.by_source else knocker)

    def send(self, mode: Mode, packet: bytes, knocker: str) -> None:
        """From the knocker's own address."""
        to = Network.gateway6 if mode.v6 else Network.gateway4
        kind = socket.SOCK_STREAM if mode.transport == "tcp" else socket.SOCK_DGRAM
        with self.lab.net.client.entered():
            sender = socket.socket(family_of(to), kind)
        with sender:
            sender.settimeout(OPEN_BOUND)
            sender.bind((knocker, 0))
            sender.connect((to, SPA_PORT))
            sender.sendall(packet)
            if mode.transport == "tcp":
                sender.shutdown(socket.SHUT_WR)
                expect(sender.recv(1) == b"", "the daemon answers")

    def knocker_of(self, mode: Mode, number: int) -> str:
        return (KNOCKERS6 if mode.v6 else KNOCKERS4)[number % len(KNOCKERS4)]

    def probe(self, source: str, port: int) -> socket.socket:
        """A fresh flow to a closed port: refused is let in, silence is kept out."""
        with self.lab.net.client.entered():
            made = socket.socket(family_of(source), socket.SOCK_DGRAM)
        made.bind((source, 0))
        made.setblocking(False)
        made.connect((Network.gateway6 if ":" in source else Network.gateway4, port))
        return made

    def opened(self, probe: socket.socket, bound: float) -> Optional[float]:
        started = time.perf_counter()
        while (now := time.perf_counter()) - started < bound:
            try:
                probe.send(b"?")
                time.sleep(0.002)
                probe.recv(1)
            except BlockingIOError:
                continue
            except ConnectionRefusedError:
                return now - started
            except OSError:
                time.sleep(0.01)  # no route while the link is away
        return None

    def knock(self, number: int, window: str = "") -> None:
        """A valid one. In a `window` it may be lost, which is counted under that name."""
        mode = MODES[number % len(MODES)]
        port, knocker = self.next_port(), self.knocker_of(mode, number)
        packet = self.seal(mode, port, knocker)
        with self.probe(knocker, port) as probe:
            expect(self.opened(probe, 0.01) is None, f"udp/{port} is open for {knocker} before "
                                                     "anybody asked for it")
            started = time.time()
            self.granted[Opening(knocker, "udp", port)] = started + OPEN_BOUND + SECONDS
            try:
                self.send(mode, packet, knocker)
                took = self.opened(probe, 0.5 if window else OPEN_BOUND)
            except (OSError, Failure):
                if not window:
                    raise
                took = None
        if took is None and not window:
            raise Failure(f"a valid knock ({mode.name}, {knocker}, udp/{port}) opened nothing "
                          f"within {OPEN_BOUND:g} s; rules: {openings(self.lab.net.gateway, self.backend.name)}")
        self.granted[Opening(knocker, "udp", port)] = time.time() + SECONDS
        if window:
            self.count(f"knocks in '{window}'")
            if took is None:
                self.lost_in[window] = self.lost_in.get(window, 0) + 1
            return
        assert took is not None
        self.count("valid knocks")
        self.latencies.append((time.monotonic() - self.began, took))
        self.packets = self.packets[-KEPT + 1:] + [(mode, packet)]

    # What must have no effect, whether a rule is there is seen by `check`.

    def replay(self, number: int) -> None:
        for back in (1, number % KEPT):
            if len(self.packets) > back:
                send_udp(self.lab.net.other, Network.gateway4, self.packets[-back - 1][1])
                self.count("replayed packets")

    def forge(self) -> None:
        net, client = self.lab.net, self.lab.client
        port = self.next_port()
        for packet in (client.packet(keys_of("stranger"), f"udp/{port}"),
                       client.packet(keys_of("ours"), f"udp/{port}", "--time-offset-minus", "10min"),
                       client.packet(keys_of("extra"), f"udp/{port}")):
            send_udp(net.client, Network.gateway4, packet)
            self.count("forged, stale or misplaced packets")

    # Trouble.

    def window(self, name: str, do: Callable[[], None]) -> None:
        started = time.monotonic()
        do()
        self.windows.setdefault(name, []).append(time.monotonic() - started)

    def reload(self) -> None:
        self.extra = not self.extra
        write_private(self.server.access, access(self.extra))
        self.tail.forget()
        self.server.send(signal.SIGHUP)
        wait_for("the new configuration", lambda: "is in force" in self.tail.text(), 10)
        self.count("reloads")

    def bad_reload(self) -> None:
        write_private(self.server.access, "SOURCE nonsense\n")
        self.tail.forget()
        self.server.send(signal.SIGHUP)
        wait_for("the old configuration", lambda: "stays in force" in self.tail.text(), 10)
        write_private(self.server.access, access(self.extra))
        self.count("reloads of a bad file")

    def lose_interface(self, name: str, lose: Callable[[], object],
                       bring_back: Callable[[], object], number: int) -> None:
        def do() -> None:
            self.tail.forget()
            lose()
            wait_for("the loss to be seen", lambda: "is lost: " in self.tail.text(), 10)
            self.knock(number, name)
            bring_back()
            wait_for("the interface to be watched again",
                     lambda: "Sniffing interface: " in self.tail.text(), BACK_BOUND)
        self.window(name, do)

    def flap(self, number: int) -> None:
        run, link = self.lab.net.gateway.run, ("ip", "link", "set", Network.interface)

        def up() -> None:
            run(*link, "up")
            # IPv6 addresses go with the link.
            run("ip", "-6", "addr", "replace", f"{Network.gateway6}/64", "dev", Network.interface,
                "nodad")
        self.lose_interface("interface down", lambda: run(*link, "down"), up, number)

    def replace_interface(self, number: int) -> None:
        self.lose_interface(
            "interface deleted",
            lambda: self.lab.net.gateway.run("ip", "link", "delete", Network.interface),
            self.make_interface, number)

    def flush(self) -> None:
        """By somebody else. What was open may be shut by that; the next knock opens all the same."""
        self.backend.flush_all(self.lab.net.gateway)
        self.count("flushes by others")

    # The checks.

    def check(self) -> None:
        now = time.time()
        found = openings(self.lab.net.gateway, self.backend.name)
        for each in found:
            until = self.granted.get(each)
            expect(until is not None, f"{each} is open, and nobody asked for it")
            expect(now <= until + CLOSE_SLACK, f"{each} is open {now - until:.1f} s after its time")
        expect(len(found) == len(set(found)), f"the same grant more than once: {sorted(found)}")
        self.granted = {each: until for each, until in self.granted.items()
                        if now <= until + 60}
        pid = self.server.pid
        expect(self.server.running(), "the daemon has ended")
        wait_for("the children to end", lambda: not vitals.children(pid), 5)
        fds = vitals.descriptors(pid)
        if self.fds == 0:
            self.fds = len(fds)
        # One that is about to be closed may still be there.
        wait_for(f"the descriptors to be {self.fds} again, not {len(vitals.descriptors(pid))}: "
                 f"{sorted(vitals.descriptors(pid).values())}",
                 lambda: len(vitals.descriptors(pid)) == self.fds, 5)
        self.samples.append({"at": time.monotonic() - self.began, "rules": len(found),
                             "rss": vitals.status(pid, "VmRSS")})

    def closed_again(self) -> None:
        """On the wire: the latest grant whose time is over keeps a new flow out."""
        over = [each for each, until in self.granted.items()
                if until + CLOSE_SLACK < time.time()]
        if over:
            with self.probe(over[-1].source, over[-1].port) as probe:
                expect(self.opened(probe, 0.05) is None, f"{over[-1]} is still open")
            self.count("doors seen shut again")

    def run(self, pause: float) -> None:
        config = {**self.backend.config([f"udp/{PORTS[0]}-{PORTS[-1]}"]),
                  "EXIT_AT_INTF_DOWN": "N", "ENABLE_TCP_SERVER": "Y"}
        with self.lab.serve(access(False), config=config) as self.server:
            self.tail = Tail(os.path.join(self.server.directory, "fwknopd.err"))
            self.extra, self.fds = False, 0
            self.began = time.monotonic()
            number = 0
            while time.monotonic() - self.began < self.seconds:
                number += 1
                self.step(number)
                self.tail.forget()
                time.sleep(pause)
            self.daemon_cpu = vitals.own_cpu(self.server.pid)
            self.children_cpu = vitals.children_cpu(self.server.pid)
            wait_for("the last grants to end",
                     lambda: not openings(self.lab.net.gateway, self.backend.name),
                     SECONDS + OPEN_BOUND + CLOSE_SLACK)
            self.check()
            self.server.send(signal.SIGUSR1)
            self.server.wait_log(r"Packets on record")
            self.status = re.findall(r"^Packets: .*$", self.server.log(), re.MULTILINE)[-1]
            self.add_up()
            self.log_lines = len(self.server.lines())
            self.server.stop()
        left = self.backend.ours(self.lab.net.gateway)
        expect(not left, f"left behind: {left}")
        self.flat()

    def add_up(self) -> None:
        """Each valid knock was granted, once, and nothing else was."""
        granted = int(re.findall(r"(\d+) granted", self.status)[0])
        valid = self.counts.get("valid knocks", 0)
        perhaps = sum(number for name, number in self.counts.items() if name.startswith("knocks in"))
        expect(valid <= granted <= valid + perhaps,
               f"{granted} granted, of {valid} valid knocks and {perhaps} while there was trouble")

    def step(self, number: int) -> None:
        self.knock(number)
        self.noise.burst(25)
        for every, at, action in (
                (3, 0, lambda: self.replay(number)), (20, 5, self.forge), (5, 2, self.check),
                (10, 3, self.closed_again), (17, 8, self.reload), (61, 30, self.bad_reload),
                (23, 11, self.flush), (41, 20, lambda: self.flap(number)),
                (83, 50, lambda: self.replace_interface(number))):
            if number % every == at:
                action()

    def flat(self) -> None:
        """Memory and rules do not creep: the last third holds no more than the first."""
        samples = [each for each in self.samples if each["at"] > self.seconds / 10]
        third = max(1, len(samples) // 3)
        for name, allowance in (("rss", self.growth), ("rules", 20)):
            first = max(each[name] for each in samples[:third])
            last = max(each[name] for each in samples[-third:])
            self.counts[f"most {name}, first third"] = int(first)
            self.counts[f"most {name}, last third"] = int(last)
            expect(last <= first + allowance, f"{name} grew from {first} to {last}")
