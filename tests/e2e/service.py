#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A hidden TCP service, a real packet filter, and what a knock changes for whom and how long."""

import os
import sys
from typing import NamedTuple

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from harness.failure import expect, wait_for
from harness.namespaces import Network
from harness.programs import Keys, stanza
from harness.scenario import EXPIRY_SLACK, Lab, main
from harness.traffic import connect, echo_service, echoes, reachable

PORT = 22
SECONDS = 3


class Family(NamedTuple):
    """The addresses of one address family."""
    v6: bool
    gateway: str
    client: str
    other: str


V4 = Family(False, Network.gateway4, Network.client4, Network.other4)
V6 = Family(True, Network.gateway6, Network.client6, Network.other6)


def opened_and_closed(lab: Lab, family: Family, allow: str) -> None:
    """The story of one knock, from closed to closed."""
    net = lab.net
    with echo_service(net.gateway, PORT), \
            lab.serve(stanza(Keys(), FW_ACCESS_TIMEOUT=SECONDS)) as server:
        with lab.case("closed before the knock, for everybody"):
            expect(not reachable(net.client, family.gateway, PORT), "the client gets in")
            expect(not reachable(net.other, family.gateway, PORT), "the other host gets in")
        lab.client.knock(Keys(), f"tcp/{PORT}", allow=allow, destination=family.gateway)
        rule = lab.wait_rule(server, f"tcp/{PORT}", v6=family.v6)
        with lab.case("open for the client"):
            expect(rule.source.split("/")[0] == family.client, f"the rule is {rule.text}")
            made = connect(net.client, family.gateway, PORT)
            expect(made is not None and echoes(made), "the client does not get in")
        with lab.case("still closed for another address"):
            expect(not reachable(net.other, family.gateway, PORT), "the other host gets in")
        with lab.case("nothing opened for the other address family"):
            expect(not lab.rules(v6=not family.v6), "the other family has a rule")
            opposite = V4 if family.v6 else V6
            expect(not reachable(net.client, opposite.gateway, PORT), "the client gets in")
        with lab.case("closed again after the time"):
            wait_for("the rule to go", lambda: not lab.rules(family.v6),
                     SECONDS + EXPIRY_SLACK + 1)
            expect(not reachable(net.client, family.gateway, PORT), "the client still gets in")
        with lab.case("the connection made meanwhile lives on"):
            expect(made is not None and echoes(made), "the connection is cut")
            made.close()  # type: ignore[union-attr]


def hidden_service(lab: Lab) -> None:
    """IPv4, the client names its address."""
    opened_and_closed(lab, V4, Network.client4)


def hidden_service_source(lab: Lab) -> None:
    """IPv4, -s: the packet's source."""
    opened_and_closed(lab, V4, "source")


def hidden_service_ipv6(lab: Lab) -> None:
    """IPv6, the client names its address."""
    opened_and_closed(lab, V6, Network.client6)


def hidden_service_ipv6_source(lab: Lab) -> None:
    """IPv6, -s: the packet's source."""
    opened_and_closed(lab, V6, "source")


def second_knock(lab: Lab) -> None:
    """A second knock extends the grant: one rule, the later expiry."""
    with lab.serve(stanza(Keys(), FW_ACCESS_TIMEOUT=20)) as server:
        lab.client.knock(Keys(), "tcp/22")
        first = lab.wait_rule(server, "tcp/22")
        lab.client.knock(Keys(), "tcp/22", "-f", "60")
        with lab.case("the later expiry wins"):
            later = wait_for("the later expiry", lambda: next(
                (rule for rule in lab.rules() if rule.expires != first.expires), None), 3)
            expect((later.expires or 0) - (first.expires or 0) in range(38, 46),
                   f"{first.text}\n{later.text}")
        with lab.case("one rule"):
            wait_for("the older rule to go", lambda: len(lab.rules()) == 1, 3)
        with lab.case("a shorter knock does not shorten"):
            lab.client.knock(Keys(), "tcp/22", "-f", "5")
            lab.fence(server, Keys(), 6000)
            expect([rule.expires for rule in lab.rules() if rule.port == "22"]
                   == [later.expires], "\n".join(rule.text for rule in lab.rules()))


def widened(lab: Lab) -> None:
    """SOURCE_WIDEN: what is around the address gets in as well, and nobody else."""
    net = lab.net
    with echo_service(net.gateway, PORT), \
            lab.serve(stanza(Keys(), FW_ACCESS_TIMEOUT=60, SOURCE_WIDEN="/31,/127")) as server:
        # 10.73.0.2 and 10.73.0.3 share 31 bits, fd73::2 and fd73::3 share 127.
        for family, source in ((V4, "10.73.0.2/31"), (V6, "fd73::2/127")):
            lab.client.knock(Keys(), f"tcp/{PORT}", allow=family.other, destination=family.gateway)
            rule = lab.wait_rule(server, f"tcp/{PORT}", v6=family.v6)
            with lab.case(f"{source}: the rule, and who gets in"):
                expect(rule.source == source, rule.text)
                expect(reachable(net.client, family.gateway, PORT), "the client does not get in")
                expect(reachable(net.other, family.gateway, PORT), "the other does not get in")
        with lab.case("a knock from next door extends, and makes no second rule"):
            lab.client.knock(Keys(), f"tcp/{PORT}", allow=Network.client4)
            lab.fence(server, Keys(), 6000)
            expect(len([rule for rule in lab.rules() if rule.port == str(PORT)]) == 1,
                   "\n".join(rule.text for rule in lab.rules()))
        with lab.case("the log names the network"):
            expect("for 10.73.0.2/31 -> 0.0.0.0/0 tcp/22, expires at" in server.log(), server.log())
        with lab.case("after a crash the next one takes it over and flushes it"):
            server.kill()
            with lab.serve(stanza(Keys()), config={"FLUSH_IPT_AT_INIT": "N"}) as again:
                again.wait_log("Took over a rule of an earlier run for 10.73.0.2/31 tcp/22")
            expect(not lab.rules() and not lab.rules(v6=True), "rules are left")
    with echo_service(net.gateway, PORT), \
            lab.serve(stanza(Keys(), FW_ACCESS_TIMEOUT=60, SOURCE_WIDEN="32")) as server:
        with lab.case("the address alone, when nothing is widened"):
            lab.client.knock(Keys(), f"tcp/{PORT}")
            lab.wait_rule(server, f"tcp/{PORT}", source=Network.client4 + "/32")
            expect(not reachable(net.other, V4.gateway, PORT), "the other gets in")


def udp_server(lab: Lab) -> None:
    """-U: no capture, the daemon's own socket."""
    for tool in ("iptables", "ip6tables"):
        lab.net.gateway.run(tool, "-A", "INPUT", "-p", "udp", "--dport", "62201", "-j", "ACCEPT")
    with lab.serve(stanza(Keys(), FW_ACCESS_TIMEOUT=60), arguments=["-U"]) as server:
        with lab.case("a knock over IPv4"):
            lab.client.knock(Keys(), "tcp/22")
            lab.wait_rule(server, "tcp/22", source=Network.client4 + "/32")
        with lab.case("-s over IPv4"):
            lab.client.knock(Keys(), "tcp/23", allow="source")
            lab.wait_rule(server, "tcp/23", source=Network.client4 + "/32")
        if lab.ours:
            with lab.case("-s over IPv6"):
                lab.client.knock(Keys(), "tcp/24", allow="source", destination=Network.gateway6)
                lab.wait_rule(server, "tcp/24", v6=True, source=Network.client6 + "/128")
    with lab.case("nothing of ours is left"):
        expect(not lab.rules() and not lab.rules(v6=True), "rules are left")


if __name__ == "__main__":
    sys.exit(main([hidden_service, hidden_service_source, hidden_service_ipv6,
                   hidden_service_ipv6_source, second_knock, widened, udp_server]))
