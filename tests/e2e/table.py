#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One table of behaviours, each row with every packet filter, judged by real connections.

A scenario is a part of the rows and a packet filter, like `opening_nftables`."""

import contextlib
import os
import sys
import time
from typing import Callable, Dict, List, NamedTuple, Sequence, Tuple

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from harness.backends import BACKENDS, Backend
from harness.failure import expect, wait_for
from harness.inside import EXTRA4, INSIDE4, INSIDE6, NEAR4
from harness.namespaces import Namespace, Network
from harness.processes import run
from harness.programs import Keys, Server, stanza
from harness.scenario import EXPIRY_SLACK, Lab, Scenario, main
from harness.traffic import echo_service, echoes, flow, udp_echo_service

KEYS = Keys()
SECONDS = 3
Door = Tuple[str, int]  # protocol and port
SSH: Door = ("tcp", 22)
NAMES: Door = ("udp", 53)
OUTSIDE: Door = ("tcp", 8022)


def words(doors: Sequence[Door]) -> str:
    return ",".join(f"{protocol}/{port}" for protocol, port in doors)


class Row(NamedTuple):
    """One knock, from closed to closed."""
    title: str
    doors: List[Door] = [SSH]  # what opens, as the client sees it
    v6: bool = False
    ask: str = ""  # for -A, if it is not `doors`
    request: Sequence[str] = ()
    hidden: Sequence[str] = ()  # for the daemon, if it is not `doors`
    config: Dict[str, str] = {}
    access: Dict[str, str] = {}
    neighbour_too: bool = False  # the other host gets in as well
    inside: bool = False  # the service is behind the gateway
    way_back: bool = True
    service: int = 0  # its port, if it is another one
    seen_as: str = ""


OPENING = [
    Row("tcp, IPv4"),
    Row("tcp, IPv6", v6=True),
    Row("udp, IPv4", [NAMES]),
    Row("udp, IPv6", [NAMES], v6=True),
    Row("several ports in one knock", [SSH, NAMES, ("tcp", 80)]),
    Row("a network around the address", access={"SOURCE_WIDEN": "/24"}, neighbour_too=True),
    Row("a network around the address, IPv6", v6=True, access={"SOURCE_WIDEN": "/24,/64"},
        neighbour_too=True),
    Row("one port out of a hidden range", [("udp", 5050)], hidden=["tcp/22", "udp/5000-5100"]),
    Row("one destination", config={"ENABLE_DESTINATION_RULE": "Y"}),
]
FORWARD = {"ENABLE_IPT_FORWARDING": "Y"}
TRANSLATE = {**FORWARD, "ENABLE_IPT_SNAT": "Y"}
TO_INSIDE = ["-N", f"{INSIDE4}:22"]
NAT = [
    Row("DNAT", [OUTSIDE], request=TO_INSIDE, config=FORWARD, inside=True, service=22),
    Row("DNAT, IPv6", [OUTSIDE], v6=True, config=FORWARD, inside=True, service=22,
        access={"FORCE_NAT": f"{INSIDE6} 22"}),
    Row("SNAT", [OUTSIDE], request=TO_INSIDE, inside=True, way_back=False, service=22,
        config={**TRANSLATE, "SNAT_TRANSLATE_IP": EXTRA4}, seen_as=EXTRA4),
    Row("MASQUERADE", [OUTSIDE], request=TO_INSIDE, config=TRANSLATE, inside=True,
        way_back=False, service=22, seen_as=NEAR4),
    Row("local NAT", [OUTSIDE], ask="tcp/22", request=["--nat-local", "--nat-port", "8022"],
        hidden=["tcp/22", "tcp/8022"], config={"ENABLE_IPT_LOCAL_NAT": "Y"}, service=22),
    Row("FORWARD_ALL", [("tcp", 80), ("tcp", 81)], ask="tcp/1", request=TO_INSIDE,
        config=TRANSLATE, access={"FORWARD_ALL": "Y"}, inside=True, way_back=False,
        seen_as=NEAR4),
]


def open_for(space: Namespace, address: str, door: Door, timeout: float = 0.4) -> bool:
    made = flow(space, *(door[0], address, door[1]), timeout)
    if made is not None:
        made.close()
    return made is not None


@contextlib.contextmanager
def services(stack: contextlib.ExitStack, host: Namespace, doors: Sequence[Door]):
    yield [stack.enter_context((udp_echo_service if door[0] == "udp" else echo_service)
                               (host, door[1])) for door in doors]


def knock(lab: Lab, row: Row, *more: str) -> None:
    client, gateway = addresses(row.v6)
    lab.client.run(KEYS, "-A", row.ask or words(row.doors), "-a", client, *row.request, *more,
                   destination=gateway).succeeded()


def addresses(v6: bool) -> Tuple[str, str]:
    return (Network.client6, Network.gateway6) if v6 else (Network.client4, Network.gateway4)


def story(lab: Lab, backend: Backend, row: Row) -> None:
    net = lab.net
    client, gateway = addresses(row.v6)
    backend.close_host(net)
    with contextlib.ExitStack() as stack:
        host = stack.enter_context(backend.inside(net, row.way_back)) if row.inside \
            else net.gateway
        before = backend.policy(net.gateway)
        doors = [(door[0], row.service or door[1]) for door in row.doors]
        peers = stack.enter_context(services(stack, host, doors))
        config = {**backend.config(row.hidden or [words([door]) for door in row.doors]),
                  **row.config}
        with lab.serve(stanza(KEYS, FW_ACCESS_TIMEOUT=SECONDS, **row.access),
                       config=config) as server:
            for door in row.doors:
                expect(not open_for(net.client, gateway, door), f"{door} is open before the knock")
            knock(lab, row)
            flows = []
            for door in row.doors:
                made = wait_for(f"{door} to open", lambda each=door:
                                flow(net.client, each[0], gateway, each[1]), SECONDS)
                flows.append(made)
            for seen in peers:
                expect(set(seen) == {row.seen_as or client}, f"the service saw {seen}")
            for door in row.doors:
                expect(open_for(net.other, gateway, door) == row.neighbour_too,
                       f"the other host: {door} is {'shut' if row.neighbour_too else 'open'}")
            for door in row.doors:
                wait_for(f"{door} to close", lambda each=door:
                         not open_for(net.client, gateway, each), SECONDS + EXPIRY_SLACK + 1)
            for door, made in zip(row.doors, flows):
                expect(echoes(made), f"{door}: what was established is cut")
                made.close()
            server.stop()
        after = backend.policy(net.gateway)
        expect(before == after, f"left behind:\n{after}")


def serve(lab: Lab, backend: Backend, doors: Sequence[Door] = (SSH,), keys: Keys = KEYS,
          second: bool = False, earlier: str = "", **config: str) -> Server:
    return lab.serve(stanza(keys, FW_ACCESS_TIMEOUT=SECONDS),
                     config={**backend.config([words([door]) for door in doors], second),
                             **config}, run_directory=earlier or None)


def gets_in(lab: Lab, door: Door = SSH) -> bool:
    return open_for(lab.net.client, Network.gateway4, door)


def wait_open(lab: Lab, door: Door = SSH) -> None:
    wait_for(f"{door} to open", lambda: gets_in(lab, door), SECONDS)


def wait_shut(lab: Lab, seconds: float) -> None:
    wait_for("the port to close", lambda: not gets_in(lab), seconds + EXPIRY_SLACK + 1)


def open_long(lab: Lab, door: Door = SSH, keys: Keys = KEYS) -> None:
    lab.client.knock(keys, words([door]), "-f", "60")
    wait_open(lab, door)


def extended(lab: Lab, backend: Backend) -> None:
    """a second knock extends"""
    with serve(lab, backend) as server:
        lab.client.knock(KEYS, "tcp/22")
        first = time.monotonic()
        wait_open(lab)
        lab.client.knock(KEYS, "tcp/22", "-f", "9")
        server.wait_log("Extended access rule ")
        time.sleep(max(0.0, first + SECONDS + 1.5 - time.monotonic()))
        expect(gets_in(lab), "it is closed when the first grant would have been over")
        wait_shut(lab, 9)
        server.wait_log("Removed rule 1 from ")
        expect(server.log().count("Removed rule") == 1, server.log())


def flushed_at_exit(lab: Lab, backend: Backend) -> None:
    """the end of the daemon takes what is open away"""
    with serve(lab, backend) as server:
        open_long(lab)
        server.stop()
    expect(not backend.ours(lab.net.gateway), backend.policy(lab.net.gateway))


def kept_at_exit(lab: Lab, backend: Backend) -> None:
    """or leaves it open, with FLUSH_IPT_AT_EXIT N, for the next one"""
    with serve(lab, backend, FLUSH_IPT_AT_EXIT="N") as server:
        open_long(lab)
        server.stop()
    expect(gets_in(lab), "it is closed")
    with serve(lab, backend, earlier=server.run_directory, FLUSH_IPT_AT_INIT="N") as again:
        again.wait_log(f"Took over a rule of an earlier run for {Network.client4} tcp/22")
        expect(gets_in(lab), "it is closed")


def flushed_at_start(lab: Lab, backend: Backend) -> None:
    """after kill -9 the next start closes what was open"""
    with serve(lab, backend) as server:
        open_long(lab)
        server.kill()
    expect(gets_in(lab), "it was closed already")
    with serve(lab, backend, earlier=server.run_directory):
        expect(not gets_in(lab), "it is open still")


def adopted(lab: Lab, backend: Backend) -> None:
    """or, with FLUSH_IPT_AT_INIT N, closes it in time"""
    with serve(lab, backend) as server:
        lab.client.knock(KEYS, "tcp/22", "-f", "5")
        wait_open(lab)
        server.kill()
    with serve(lab, backend, earlier=server.run_directory, FLUSH_IPT_AT_INIT="N") as again:
        again.wait_log(f"Took over a rule of an earlier run for {Network.client4} tcp/22")
        wait_shut(lab, 5)
        again.wait_log("Removed rule 1 from ")


def dead(lab: Lab, backend: Backend) -> None:
    """after kill -9, and nobody starts it again"""
    with serve(lab, backend) as server:
        lab.client.knock(KEYS, "tcp/22", "-f", "4")
        wait_open(lab)
        server.kill()
    if backend.kernel_ends_grants:
        wait_shut(lab, 4)
        return
    expect(gets_in(lab), "it is closed though nobody is there to do so")
    with serve(lab, backend, earlier=server.run_directory):
        pass


def removed_by_others(lab: Lab, backend: Backend) -> None:
    """somebody removes what is ours: it comes back, at once or with the next grant"""
    with serve(lab, backend, [SSH, ("tcp", 80)]):
        open_long(lab)
        backend.flush_all(lab.net.gateway)
        if not backend.restores_at_once:
            open_long(lab, ("tcp", 80))
        else:
            wait_for("the protection", lambda: not open_for(lab.net.other, Network.gateway4, SSH),
                     3)
        wait_open(lab)
        expect(not open_for(lab.net.other, Network.gateway4, SSH), "the other host gets in")


def two_daemons(lab: Lab, backend: Backend) -> None:
    """two daemons do not meet"""
    web: Door = ("tcp", 80)
    other_keys = Keys(key="another-key-of-the-test", hmac="another-hmac-key-of-the-test")
    with serve(lab, backend) as first:
        with serve(lab, backend, [web], other_keys, second=True) as second:
            open_long(lab)
            open_long(lab, web, other_keys)
            listed = backend.policy(lab.net.gateway).lower()
            expect("second_fwknop" in listed, listed)
            second.stop()
        expect(gets_in(lab), "the end of one closes what the other has opened")
        listed = backend.policy(lab.net.gateway).lower()
        expect("second_fwknop" not in listed, listed)
        first.stop()
    expect(not backend.ours(lab.net.gateway), backend.policy(lab.net.gateway))


def listed_and_flushed(lab: Lab, backend: Backend) -> None:
    """--fw-list shows what is left of a grant, --fw-flush ends it, the next knock opens again"""
    with serve(lab, backend) as server:
        open_long(lab)
        program = lab.programs.path(lab.server_kind, server=True)
        tool = [program, "-c", server.config, "-a", server.access, "-r", server.run_directory]
        out = run([*tool, "--fw-list"], home=lab.root, namespace=lab.net.gateway).succeeded().out
        left = backend.seconds_left(out)
        expect(left is not None and 40 < left <= 62, f"{left} seconds in\n{out}")
        expect(Network.client4 in out, out)
        run([*tool, "--fw-flush"], home=lab.root, namespace=lab.net.gateway).succeeded()
        if not backend.restores_at_once:
            expect(not gets_in(lab), "it is open still")
            lab.client.knock(KEYS, "tcp/22", "-f", "70")
        wait_open(lab)
        server.stop()
    with lab.serve(stanza(KEYS), config={**backend.config(["tcp/22"]),
                                         "FLUSH_IPT_AT_EXIT": "N"}) as server:
        open_long(lab)
        server.stop()
    tool = [program, "-c", server.config, "-a", server.access, "-r", server.run_directory]
    run([*tool, "--fw-flush"], home=lab.root, namespace=lab.net.gateway).succeeded()
    expect(not backend.ours(lab.net.gateway), backend.policy(lab.net.gateway))


LIFE = [extended, flushed_at_exit, kept_at_exit, flushed_at_start, adopted, dead,
        removed_by_others, two_daemons, listed_and_flushed]


def live(lab: Lab, backend: Backend) -> None:
    with echo_service(lab.net.gateway, 22), echo_service(lab.net.gateway, 80):
        for row in LIFE:
            with lab.case(row.__doc__ or ""):
                backend.close_host(lab.net)
                row(lab, backend)


def tell(rows: Sequence[Row]) -> Callable[[Lab, Backend], None]:
    def part(lab: Lab, backend: Backend) -> None:
        for row in rows:
            with lab.case(row.title):
                story(lab, backend, row)
    return part


def scenario(name: str, part: Callable[[Lab, Backend], None], backend: Backend) -> Scenario:
    def run_part(lab: Lab) -> None:
        part(lab, backend)
    run_part.__name__ = f"{name}_{backend.name}"
    run_part.__doc__ = f"The rows of {name} with {backend.name}."
    return run_part


PARTS = {"opening": tell(OPENING), "nat": tell(NAT), "life": live}

if __name__ == "__main__":
    sys.exit(main([scenario(name, part, backend) for name, part in PARTS.items()
                   for backend in BACKENDS]))
