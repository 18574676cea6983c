#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""nftables hides a service of a host whose own packet filter accepts everything."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from harness.failure import expect, wait_for
from harness.namespaces import Namespace, Network
from harness.programs import Keys, stanza
from harness.scenario import EXPIRY_SLACK, Lab, main
from harness.traffic import connect, echo_service, echoes, reachable

PORT = 22
SECONDS = 3
CONFIG = {"FIREWALL_BACKEND": "nftables", "PROTECT_PORTS": f"tcp/{PORT}"}


def accept_everything(lab: Lab) -> None:
    """A host that nobody has given a packet filter."""
    lab.net.gateway.run("nft", "flush", "ruleset")


def ruleset(namespace: Namespace) -> str:
    return namespace.run("nft", "list", "ruleset")


def story(lab: Lab) -> None:
    """Closed, open for one, closed again, and what was made meanwhile lives; both families."""
    net = lab.net
    accept_everything(lab)
    with echo_service(net.gateway, PORT), echo_service(net.gateway, 80):
        with lab.case("open to everybody before the daemon starts"):
            expect(reachable(net.client, Network.gateway4, PORT), "the client does not get in")
        earlier = connect(net.client, Network.gateway4, PORT)
        with lab.serve(stanza(Keys(), FW_ACCESS_TIMEOUT=SECONDS), config=CONFIG) as server:
            with lab.case("a connection from before lives on"):
                expect(earlier is not None and echoes(earlier), "the connection is cut")
            for client, other, gateway, grants in (
                    (Network.client4, Network.other4, Network.gateway4, "grant4"),
                    (Network.client6, Network.other6, Network.gateway6, "grant6")):
                with lab.case(f"{gateway}: closed before the knock, for everybody"):
                    expect(not reachable(net.client, gateway, PORT), "the client gets in")
                    expect(not reachable(net.other, gateway, PORT), "the other host gets in")
                with lab.case(f"{gateway}: loopback and ports that are not hidden are open"):
                    expect(reachable(net.gateway, gateway, PORT), "the host itself does not get in")
                    expect(reachable(net.other, gateway, 80), "port 80 is hidden")
                knocked = time.monotonic()
                lab.client.knock(Keys(), f"tcp/{PORT}", allow=client, destination=gateway)
                server.wait_log(f"Added access rule to {grants} for {client} -> .* tcp/{PORT}")
                with lab.case(f"{gateway}: open for the client"):
                    made = connect(net.client, gateway, PORT)
                    expect(made is not None and echoes(made), "the client does not get in")
                with lab.case(f"{gateway}: still closed for another address"):
                    expect(not reachable(net.other, gateway, PORT), "the other host gets in")
                with lab.case(f"{gateway}: closed again after the time"):
                    server.wait_log(f"Removed rule 1 from {grants} ")
                    took = time.monotonic() - knocked
                    expect(SECONDS - 1 <= took <= SECONDS + EXPIRY_SLACK + 1, f"after {took} s")
                    expect(not reachable(net.client, gateway, PORT), "the client still gets in")
                    expect(f"{client} . tcp" not in ruleset(net.gateway), ruleset(net.gateway))
                with lab.case(f"{gateway}: the connection made meanwhile lives on"):
                    expect(made is not None and echoes(made), "the connection is cut")
                    made.close()  # type: ignore[union-attr]
            with lab.case("what somebody flushed is there again at once"):
                lab.client.knock(Keys(), f"tcp/{PORT}", "-f", "60")
                server.wait_log(f"for {Network.client4} -> .* tcp/{PORT}, expires at")
                net.gateway.run("nft", "flush", "ruleset")
                wait_for("the protection",
                         lambda: "@protected drop" in ruleset(net.gateway), 2)
                wait_for("the grant",
                         lambda: f"{Network.client4} . tcp . {PORT}" in ruleset(net.gateway), 2)
                expect(not reachable(net.other, Network.gateway4, PORT), "the other host gets in")
                expect(reachable(net.client, Network.gateway4, PORT), "the client is out")
                server.wait_log("table inet fwknop was missing and is made again")
    with lab.case("nothing of ours is left, and everything is open again"):
        expect("fwknop" not in ruleset(net.gateway), ruleset(net.gateway))


def dead_daemon(lab: Lab) -> None:
    """The daemon is killed: what it opened closes in time, what it hides stays hidden."""
    net = lab.net
    accept_everything(lab)
    with echo_service(net.gateway, PORT):
        with lab.serve(stanza(Keys(), FW_ACCESS_TIMEOUT=SECONDS), config=CONFIG) as server:
            lab.client.knock(Keys(), f"tcp/{PORT}")
            server.wait_log("Added access rule to grant4 for")
            server.kill()
        with lab.case("open until the time is over, and not for ever"):
            expect(reachable(net.client, Network.gateway4, PORT), "the client is out at once")
            wait_for("the grant to end",
                     lambda: not reachable(net.client, Network.gateway4, PORT, 0.2),
                     SECONDS + EXPIRY_SLACK + 1)
        with lab.case("hidden all the while"):
            expect(not reachable(net.other, Network.gateway4, PORT), "the other host gets in")
        with lab.case("the next daemon goes on, and cleans up in the end"):
            with lab.serve(stanza(Keys(), FW_ACCESS_TIMEOUT=SECONDS), config=CONFIG) as again:
                lab.client.knock(Keys(), f"tcp/{PORT}")
                again.wait_log("Added access rule to grant4 for")
                expect(reachable(net.client, Network.gateway4, PORT), "the client is out")
            expect("fwknop" not in ruleset(net.gateway), ruleset(net.gateway))


if __name__ == "__main__":
    sys.exit(main([story, dead_daemon]))
