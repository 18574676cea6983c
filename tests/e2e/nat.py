#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A service on a host behind the gateway, and on another port of the gateway itself: packets that
really arrive there through NAT, for whom, from which address, and how long."""

import contextlib
import os
import socket
import sys
from typing import Dict, Iterator, List, Optional, Sequence

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from harness import firewall
from harness.failure import expect, wait_for
from harness.inside import EXTRA4, INSIDE4, INSIDE6, NEAR4, NEAR6, inside_host
from harness.namespaces import Namespace, Network
from harness.processes import indented, run
from harness.programs import Keys, Server, stanza
from harness.scenario import EXPIRY_SLACK, Lab, main
from harness.traffic import connect, echo_service, echoes, reachable

KEYS = Keys()
OUTSIDE, INSIDE = 8022, 22
SECONDS = 3
CHAINS = {"filter": ["FWKNOP_INPUT", "FWKNOP_FORWARD"],
          "nat": ["FWKNOP_PREROUTING", "FWKNOP_POSTROUTING", "FWKNOP_MASQUERADE"]}
FORWARDING = {"ENABLE_IPT_FORWARDING": "Y"}
ASK = ["-N", f"{INSIDE4}:{INSIDE}"]


def our_rules(lab: Lab, v6: bool = False) -> Dict[str, List[firewall.Rule]]:
    """By chain; chains without rules are left out."""
    found = {chain: firewall.rules(lab.net.gateway, v6, chain, table)
             for table, chains in CHAINS.items() for chain in chains}
    return {chain: rules for chain, rules in found.items() if rules}


def shown(lab: Lab, v6: bool = False) -> str:
    return indented("\n".join(rule.text for rules in our_rules(lab, v6).values()
                              for rule in rules) or "no rules")


def wait_opened(lab: Lab, server: Server, last: str, v6: bool = False) -> None:
    """`last` is the name of the last rule that the log tells of."""
    source = Network.client6 if v6 else Network.client4
    server.wait_log(rf"(Added|Extended) {last} rule (to|in) \w+ for {source} ")


def story(lab: Lab, service: Namespace, *, config: Dict[str, str], access: Dict[str, str],
          request: Sequence[str], last: str, seen_as: Optional[str] = None, port: int = OUTSIDE,
          service_port: int = INSIDE, v6: bool = False, title: str = "") -> None:
    """One knock, from closed to closed."""
    net = lab.net
    address = Network.gateway6 if v6 else Network.gateway4
    client = Network.client6 if v6 else Network.client4
    head = f"{title}: " if title else ""
    with echo_service(service, service_port) as peers, \
            lab.serve(stanza(KEYS, FW_ACCESS_TIMEOUT=SECONDS, **access), config=config) as server:
        with lab.case(f"{head}closed before the knock"):
            expect(connect(net.client, address, port, 0.4) is None, "the client gets in")
        lab.client.run(KEYS, *request, "-a", client, destination=address).succeeded()
        wait_opened(lab, server, last, v6)
        made = connect(net.client, address, port)
        with lab.case(f"{head}open for the client"):
            expect(made is not None and echoes(made), "the client does not get in:\n"
                   + shown(lab, v6))
            expect(peers[:1] == [seen_as or client],
                   f"the service saw {peers}, not {seen_as or client}")
        with lab.case(f"{head}closed for another host"):
            expect(connect(net.other, address, port, 0.4) is None, "the other host gets in")
        with lab.case(f"{head}closed again after the time"):
            wait_for("the rules to go", lambda: not our_rules(lab, v6), SECONDS + EXPIRY_SLACK + 1)
            expect(connect(net.client, address, port, 0.4) is None, "the client still gets in")
        with lab.case(f"{head}the connection made meanwhile lives on"):
            expect(made is not None and echoes(made), "the connection is cut")
        if made is not None:
            made.close()
    with lab.case(f"{head}nothing is left at the end"):
        left = firewall.ours_in(firewall.saved(net.gateway) + firewall.saved(net.gateway, True))
        expect(not left, "left behind:\n" + indented("\n".join(left)))


def destination(lab: Lab) -> None:
    """DNAT, asked for by the client and forced by the stanza."""
    with inside_host(lab.net) as inside:
        story(lab, inside, title="asked for", config=FORWARDING, access={},
              request=["-A", f"tcp/{OUTSIDE}", *ASK], last="DNAT")
        story(lab, inside, title="forced", config=FORWARDING,
              access={"FORCE_NAT": f"{INSIDE4} {INSIDE}"}, request=["-A", f"tcp/{OUTSIDE}"],
              last="DNAT")


def source(lab: Lab) -> None:
    """SNAT and MASQUERADE: the host inside has no way back but to the gateway's own address."""
    request = ["-A", f"tcp/{OUTSIDE}", *ASK]
    forced = {"FORCE_NAT": f"{INSIDE4} {INSIDE}"}
    translate = {**FORWARDING, "ENABLE_IPT_SNAT": "Y"}
    with inside_host(lab.net, way_back=False) as inside:
        story(lab, inside, title="masqueraded", config=translate, access={}, request=request,
              last="SNAT", seen_as=NEAR4)
        story(lab, inside, title="SNAT_TRANSLATE_IP",
              config={**translate, "SNAT_TRANSLATE_IP": EXTRA4}, access={}, request=request,
              last="SNAT", seen_as=EXTRA4)
        story(lab, inside, title="FORCE_SNAT", config=FORWARDING,
              access={**forced, "FORCE_SNAT": EXTRA4}, request=request, last="SNAT",
              seen_as=EXTRA4)


def source_forced(lab: Lab) -> None:
    """FORCE_MASQUERADE, and FORWARD_ALL with SNAT."""
    with inside_host(lab.net, way_back=False) as inside:
        story(lab, inside, title="FORCE_MASQUERADE", config=FORWARDING,
              access={"FORCE_NAT": f"{INSIDE4} {INSIDE}", "FORCE_MASQUERADE": "Y"},
              request=["-A", f"tcp/{OUTSIDE}"], last="SNAT", seen_as=NEAR4)
        story(lab, inside, title="FORWARD_ALL", config={**FORWARDING, "ENABLE_IPT_SNAT": "Y"},
              access={"FORWARD_ALL": "Y"}, request=["-A", "tcp/1", *ASK], last="SNAT ALL",
              port=80, service_port=80, seen_as=NEAR4)


def router(lab: Lab) -> None:
    """FORWARD_ALL without DNAT: the client reaches the inside network by its own addresses."""
    net = lab.net
    net.client.run("ip", "route", "add", "10.74.0.0/24", "via", Network.gateway4)
    net.other.run("ip", "route", "add", "10.74.0.0/24", "via", Network.gateway4)
    access = {"FORWARD_ALL": "Y", "FORCE_SNAT": EXTRA4}
    with inside_host(lab.net, way_back=False) as inside, echo_service(inside, 80) as peers, \
            lab.serve(stanza(KEYS, FW_ACCESS_TIMEOUT=SECONDS, **access),
                      config=FORWARDING) as server:
        with lab.case("closed before the knock"):
            expect(not reachable(net.client, INSIDE4, 80), "the client gets in")
        lab.client.knock(KEYS, "tcp/1")
        wait_opened(lab, server, "SNAT ALL")
        with lab.case("open for the client, by another address"):
            expect(reachable(net.client, INSIDE4, 80, 1.0), "no way in:\n" + shown(lab))
            expect(peers[:1] == [EXTRA4], f"the service saw {peers}")
        with lab.case("closed for another host"):
            expect(not reachable(net.other, INSIDE4, 80), "the other host gets in")
        with lab.case("closed again after the time"):
            wait_for("the rules to go", lambda: not our_rules(lab), SECONDS + EXPIRY_SLACK + 1)
            expect(not reachable(net.client, INSIDE4, 80), "the client still gets in")


def local(lab: Lab) -> None:
    """Local NAT: a port of the gateway under another number."""
    story(lab, lab.net.gateway, config={"ENABLE_IPT_LOCAL_NAT": "Y"}, access={},
          request=["-A", f"tcp/{INSIDE}", "--nat-local", "--nat-port", str(OUTSIDE)], last="DNAT")


def ipv6(lab: Lab) -> None:
    """DNAT and MASQUERADE by ip6tables."""
    forced = {"FORCE_NAT": f"{INSIDE6} {INSIDE}"}
    with inside_host(lab.net) as inside:
        story(lab, inside, title="DNAT", config=FORWARDING, access=forced,
              request=["-A", f"tcp/{OUTSIDE}"], last="DNAT", v6=True)
    with inside_host_again(lab) as inside:
        story(lab, inside, title="MASQUERADE", config={**FORWARDING, "ENABLE_IPT_SNAT": "Y"},
              access=forced, request=["-A", f"tcp/{OUTSIDE}"], last="SNAT", v6=True,
              seen_as=NEAR6)


@contextlib.contextmanager
def inside_host_again(lab: Lab) -> Iterator[Namespace]:
    # The interface goes with the namespace, a moment later.
    wait_for("the old interface to go",
             lambda: "to_inside" not in lab.net.gateway.run("ip", "link"), 5)
    with inside_host(lab.net, way_back=False) as inside:
        yield inside


def expiries(lab: Lab) -> List[Optional[int]]:
    return [rule.expires for rules in our_rules(lab).values() for rule in rules]


def lifetime(lab: Lab) -> None:
    """A grant with NAT is extended, restored, adopted after a crash, flushed and removed."""
    net = lab.net
    config = {**FORWARDING, "ENABLE_IPT_SNAT": "Y", "FLUSH_IPT_AT_INIT": "N"}
    access = stanza(KEYS, FW_ACCESS_TIMEOUT=60)
    request = ["-A", f"tcp/{OUTSIDE}", *ASK, "-a", Network.client4]

    def knock(seconds: int) -> None:
        lab.client.run(KEYS, *request, "-f", str(seconds), destination=Network.gateway4)

    def wait_one_grant(after: Sequence[Optional[int]] = ()) -> List[Optional[int]]:
        """Three rules, one in each chain, with one expiry that is another than before."""
        def probe() -> Optional[List[Optional[int]]]:
            found = expiries(lab)
            return found if len(found) == 3 and len(set(found)) == 1 \
                and set(found) != set(after) else None
        try:
            return wait_for("one rule in each of three chains", probe, 4)
        except AssertionError as failure:
            expect(False, f"{failure}; there are\n{shown(lab)}")
            raise
    program = lab.programs.path(lab.server_kind, server=True)
    server = lab.serve(access, config=config)
    with server:
        knock(20)
        first = wait_one_grant()
        with lab.case("a second knock extends it"):
            knock(40)
            second = wait_one_grant(first)
            expect((second[0] or 0) >= (first[0] or 0) + 18, f"from {first} to {second}")
        with lab.case("what somebody removed is there again after the next knock"):
            net.gateway.run("iptables", "-t", "nat", "-F")
            net.gateway.run("iptables", "-t", "nat", "-X")
            net.gateway.run("iptables", "-F", "FWKNOP_FORWARD")
            knock(60)
            third = wait_one_grant(second)
            table = firewall.listing(net.gateway, table="nat")
            for jump in ("-A PREROUTING -j FWKNOP_PREROUTING",
                         "-A POSTROUTING -j FWKNOP_POSTROUTING",
                         "-A POSTROUTING -j FWKNOP_MASQUERADE"):
                expect(table.count(jump) == 1, f"{jump}:\n" + "\n".join(table))
        server.kill()
    with lab.case("kill -9 leaves it"):
        expect(expiries(lab) == third, shown(lab))
    server = Server(program, access, root=lab.root, namespace=net.gateway, config=config,
                    run_directory=server.run_directory)
    with server:
        with lab.case("a start without flush takes it over"):
            expect(expiries(lab) == third, shown(lab))
            server.wait_log(rf"Took over a rule of an earlier run for {Network.client4} "
                            rf"tcp/{OUTSIDE}, expires at {third[0]}$")
        with lab.case("and a knock extends it"):
            knock(80)
            wait_one_grant(third)
        server.kill()
    for chain, rules in our_rules(lab).items():  # what is left shall end soon
        table = "filter" if chain == "FWKNOP_FORWARD" else "nat"
        for rule in rules:
            words = rule.text.replace(f"_exp_{rule.expires}", f"_exp_{int(rule.expires or 0) - 76}")
            net.gateway.run("iptables", "-t", table, "-R", chain, "1", *words.split()[2:])
    server = Server(program, access, root=lab.root, namespace=net.gateway, config=config,
                    run_directory=server.run_directory)
    with server:
        with lab.case("what was taken over goes in time, from each chain"):
            wait_for("it to go", lambda: not our_rules(lab), 10)
            for chain in ("FWKNOP_FORWARD", "FWKNOP_PREROUTING", "FWKNOP_MASQUERADE"):
                server.wait_log(rf"Removed rule 1 from {chain} with expire time of \d+$")
        knock(60)
        wait_one_grant()
        with lab.case("--fw-list shows all chains, --fw-flush empties them beside the daemon"):
            tool = [program, "-c", server.config, "-a", server.access, "-r", server.run_directory]
            listed = run([*tool, "--fw-list"], home=lab.root, namespace=net.gateway).succeeded()
            for part in (f"to:{INSIDE4}:{INSIDE}", "masq ports: 8022", "Chain FWKNOP_FORWARD",
                         "Chain FWKNOP_POSTROUTING"):
                expect(part in listed.out, f"no {part} in\n{indented(listed.out)}")
            run([*tool, "--fw-flush"], home=lab.root, namespace=net.gateway).succeeded()
            expect(not firewall.ours_in(firewall.saved(net.gateway)), shown(lab))
        with lab.case("and the next knock opens again"):
            knock(70)
            wait_one_grant()
    with lab.case("nothing is left at the end"):
        expect(not firewall.ours_in(firewall.saved(net.gateway)), shown(lab))


def names(lab: Lab) -> None:
    """A name server that does not answer delays nobody else's packet, nor the end."""
    net = lab.net
    with net.gateway.entered():
        silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 53))
    resolver = os.path.join(lab.root, "resolv.conf")
    with open(resolver, "w", encoding="ascii") as file:
        file.write("nameserver 127.0.0.1\n")
    # The daemon gets a file system of its own, with another resolv.conf.
    wrapper = os.path.join(lab.root, "with-silent-server")
    with open(wrapper, "w", encoding="ascii") as file:
        file.write("#!/bin/sh\n[ -n \"$ALONE\" ] || ALONE=1 exec unshare --mount \"$0\" \"$@\"\n"
                   f"mount --bind {resolver} \"$(readlink -f /etc/resolv.conf)\" || exit 9\n"
                   f"exec {lab.programs.path(lab.server_kind, server=True)} \"$@\"\n")
    os.chmod(wrapper, 0o700)
    unknown = ["-A", f"tcp/{OUTSIDE}", "-a", Network.client4, "-N", "slow.example:22"]
    with silent, Server(wrapper, stanza(KEYS, FW_ACCESS_TIMEOUT=60), root=lab.root,
                        namespace=net.gateway, config=FORWARDING) as server:
        with lab.case("a plain knock is granted while a look-up waits"):
            lab.client.run(KEYS, *unknown, destination=Network.gateway4).succeeded()
            lab.fence(server, KEYS, 22)
            expect("Unable to resolve" not in server.log(), "the look-up was over before:\n"
                   + indented(server.log()))
        with lab.case("as is NAT to a name that is known"):
            lab.client.run(KEYS, "-A", "tcp/8023", "-a", Network.client4, "-N", "localhost:22",
                           destination=Network.gateway4).succeeded()
            server.wait_log("Added DNAT rule to FWKNOP_PREROUTING for .* tcp/8023")
            expect("Unable to resolve" not in server.log(), "the look-up was over before")
        with lab.case("look-ups are limited in number"):
            for _ in range(8):
                lab.client.run(KEYS, *unknown, destination=Network.gateway4).succeeded()
            server.wait_log(r"Unable to resolve Hostname in NAT SPA message: slow.example: "
                            r"8 look-ups are under way already")
        with lab.case("and in time"):
            server.wait_log(r"Unable to resolve Hostname in NAT SPA message: slow.example: "
                            r".*did not finish within 5 s", timeout=8)
        lab.client.run(KEYS, *unknown, destination=Network.gateway4).succeeded()
        with lab.case("and hold up no end"):
            server.wait_log(r"(?s)did not finish.*access source match")
            took = server.stop()
            expect(took < 4, f"the end took {took:.1f} s")


if __name__ == "__main__":
    sys.exit(main([destination, source, source_forced, router, local, ipv6, lifetime, names]))
