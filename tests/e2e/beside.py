#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""nftables on a host that has rules of its own: what each decides, and that theirs stay theirs."""

import os
import sys
from typing import Dict

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from harness.failure import expect, wait_for
from harness.namespaces import Network
from harness.processes import indented
from harness.programs import Keys, stanza
from harness.scenario import EXPIRY_SLACK, Lab, main
from harness.traffic import connect, echo_service, echoes, reachable

PORT = 22
SECONDS = 3
KEYS = Keys()
PROTECT = {"FIREWALL_BACKEND": "nftables", "PROTECT_PORTS": f"tcp/{PORT}"}
CHAIN = {"FIREWALL_BACKEND": "nftables", "NFT_MODE": "chain",
         "NFT_INPUT_ACCESS": "inet, filter, input"}
JUMP = 'jump fwknop_input comment "fwknopd: fwknop_input"'
# As distributions ship it, with a set and a service of the administrator's.
WORKSTATION = """flush ruleset
table inet filter {
    set friends { type ipv4_addr; elements = { 10.73.0.99 } }
    chain input {
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        iif lo accept
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
        tcp dport 80 accept
        ip saddr @friends accept
    }
    chain forward { type filter hook forward priority filter; policy drop; }
}
"""
# The skeleton of what ufw writes, through iptables-nft.
UFW = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:ufw-before-input - [0:0]
:ufw-user-input - [0:0]
-A INPUT -j ufw-before-input
-A ufw-before-input -i lo -j ACCEPT
-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-input -m conntrack --ctstate INVALID -j DROP
-A ufw-before-input -j ufw-user-input
-A ufw-user-input -p tcp --dport 22 -j ACCEPT
COMMIT
"""


def ruleset(lab: Lab) -> str:
    return lab.net.gateway.run("nft", "list", "ruleset")


def gets_in(lab: Lab, port: int = PORT) -> bool:
    return reachable(lab.net.client, Network.gateway4, port)


def serve(lab: Lab, config: Dict[str, str]):
    return lab.serve(stanza(KEYS, FW_ACCESS_TIMEOUT=SECONDS), config=config)


def dropping(lab: Lab) -> None:
    """A ruleset that drops by itself: protect opens nothing there, chain does."""
    net = lab.net
    net.gateway.run("nft", "-f", "-", text=WORKSTATION)
    before = ruleset(lab)
    with echo_service(net.gateway, PORT), echo_service(net.gateway, 80):
        with serve(lab, PROTECT) as server:
            with lab.case("protect: their ruleset has its say as well"):
                lab.client.knock(KEYS, f"tcp/{PORT}")
                server.wait_log("Added access rule to grant4 ")
                expect(not gets_in(lab), "the grant opens what their rules drop")
                expect(gets_in(lab, 80), "what they accept is closed")
            server.stop()
        with lab.case("protect: theirs is as it was"):
            expect(ruleset(lab) == before, ruleset(lab))
        with serve(lab, CHAIN) as server:
            server.wait_log("Added jump rule from chain: input to chain: fwknop_input")
            for client, other, gateway, grants in (
                    (Network.client4, Network.other4, Network.gateway4, "fwknop_grant4"),
                    (Network.client6, Network.other6, Network.gateway6, "fwknop_grant6")):
                with lab.case(f"chain: {gateway}: closed, open for the client, closed again"):
                    expect(not reachable(net.client, gateway, PORT), "the client gets in")
                    lab.client.knock(KEYS, f"tcp/{PORT}", allow=client, destination=gateway)
                    server.wait_log(f"Added access rule to {grants} for {client} ")
                    made = connect(net.client, gateway, PORT)
                    expect(made is not None and echoes(made), "the client does not get in")
                    expect(not reachable(net.other, gateway, PORT), f"{other} gets in")
                    wait_for("the grant to end",
                             lambda where=gateway: not reachable(net.client, where, PORT),
                             SECONDS + EXPIRY_SLACK + 1)
                    expect(made is not None and echoes(made), "what was established is cut")
            with lab.case("chain: the ruleset is loaded anew, and the grants are there again"):
                lab.client.knock(KEYS, f"tcp/{PORT}", "-f", "60")
                wait_for("the grant", lambda: gets_in(lab), SECONDS)
                net.gateway.run("nft", "-f", "-", text=WORKSTATION)
                wait_for("the grant to be back", lambda: gets_in(lab), 5)
                expect(ruleset(lab).count(JUMP) == 1, ruleset(lab))
                expect(gets_in(lab, 80), "what they accept is closed")
            with lab.case("chain: somebody deletes the jump"):
                net.gateway.run("nft", "delete", "rule", "inet", "filter", "input", "handle",
                                jump_handle(lab))
                wait_for("the jump", lambda: ruleset(lab).count(JUMP) == 1, 5)
                expect(gets_in(lab), "the client is out")
            server.stop()
        with lab.case("chain: theirs is as it was"):
            expect(ruleset(lab) == before, ruleset(lab))
        with lab.case("chain: kill -9 leaves one jump, and the kernel ends the grant"):
            with serve(lab, CHAIN) as server:
                lab.client.knock(KEYS, f"tcp/{PORT}")
                wait_for("the grant", lambda: gets_in(lab), SECONDS)
                server.kill()
            wait_for("the grant to end", lambda: not gets_in(lab), SECONDS + EXPIRY_SLACK + 1)
            with serve(lab, CHAIN):
                expect(ruleset(lab).count(JUMP) == 1, ruleset(lab))
            expect(ruleset(lab) == before, ruleset(lab))
    with lab.case("chain: which is not there, says what to do, and touches nothing"):
        with lab.serve(stanza(KEYS), config={**CHAIN, "NFT_INPUT_ACCESS": "inet, filter, inputs"},
                       wait=False) as server:
            expect(server.wait() == 1, "it did not end with 1")
            expect("NFT_INPUT_ACCESS names the chain inputs of table inet filter, which does not "
                   "exist: load the ruleset" in server.log(), server.log())
        expect(ruleset(lab) == before, ruleset(lab))


def jump_handle(lab: Lab) -> str:
    listed = lab.net.gateway.run("nft", "-a", "list", "chain", "inet", "filter", "input")
    line = next(each for each in listed.splitlines() if JUMP in each)
    return line.split()[-1]


def ufw(lab: Lab) -> None:
    """Rules like those of ufw: what they accept is hidden, what they drop stays dropped."""
    net = lab.net
    net.gateway.run("nft", "flush", "ruleset")
    net.gateway.run("iptables-nft-restore", text=UFW)
    before = net.gateway.run("iptables-nft-save", "-t", "filter")
    rules = [line for line in before.splitlines() if line.startswith("-A")]
    with echo_service(net.gateway, PORT), echo_service(net.gateway, 8080):
        with lab.case("their rules accept the port before"):
            expect(gets_in(lab), "the client does not get in")
        with serve(lab, {**PROTECT, "PROTECT_PORTS": f"tcp/{PORT},tcp/8080"}) as server:
            with lab.case("hidden until a knock, closed after it"):
                expect(not gets_in(lab), "the client gets in")
                lab.client.knock(KEYS, f"tcp/{PORT},tcp/8080")
                wait_for("the grant", lambda: gets_in(lab), SECONDS)
                expect(not gets_in(lab, 8080), "the grant opens what their rules drop")
                expect(not reachable(net.other, Network.gateway4, PORT), "another host gets in")
                wait_for("the grant to end", lambda: not gets_in(lab), SECONDS + EXPIRY_SLACK + 1)
            with lab.case("their rules are as they were, while we run and afterwards"):
                def theirs():
                    saved = net.gateway.run("iptables-nft-save", "-t", "filter")
                    return [line for line in saved.splitlines() if line.startswith("-A")]
                expect(theirs() == rules, indented("\n".join(theirs())))
                server.stop()
                expect(theirs() == rules, indented("\n".join(theirs())))
                expect("fwknop" not in ruleset(lab), ruleset(lab))
    with lab.case("a chain in the table of iptables is refused, for iptables misreads our rules"):
        with lab.serve(stanza(KEYS), config={**CHAIN, "NFT_INPUT_ACCESS": "ip, filter, INPUT"},
                       wait=False) as server:
            expect(server.wait() == 1, "it did not end with 1")
            expect("which is the table of iptables" in server.log()
                   and "set FIREWALL_BACKEND iptables" in server.log(), server.log())
        expect(theirs() == rules, indented("\n".join(theirs())))
        expect("fwknop" not in ruleset(lab), ruleset(lab))


if __name__ == "__main__":
    sys.exit(main([dropping, ufw]))
