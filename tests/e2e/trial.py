#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The port an administrator comes in by is hidden on trial: confirmed, forgotten, and killed."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from harness.failure import expect, wait_for
from harness.namespaces import Network
from harness.processes import Completed, run
from harness.programs import Keys, Server, stanza
from harness.scenario import EXPIRY_SLACK, Lab, main
from harness.traffic import connect, echo_service, echoes, reachable

PORT = 22
KEYS = Keys()
CONFIG = {"FIREWALL_BACKEND": "nftables", "PROTECT_PORTS": f"tcp/{PORT}"}


def serve(lab: Lab, seconds: int, **more: object) -> Server:
    return lab.serve(stanza(KEYS, FW_ACCESS_TIMEOUT=30), arguments=["--trial", str(seconds)],
                     **{"config": CONFIG, **more})


def tell(lab: Lab, server: Server, *words: str) -> Completed:
    """fwknopd, asking or telling the one that runs."""
    return run([lab.programs.path(lab.server_kind, server=True), "-c", server.config, "-a",
                server.access, "-r", server.run_directory, *words], home=lab.root,
               namespace=lab.net.gateway)


def got_in(lab: Lab) -> bool:
    return reachable(lab.net.other, Network.gateway4, PORT)


def confirmed(lab: Lab) -> None:
    """Confirmed, the protection outlives the trial, with the grant that was made meanwhile."""
    lab.net.gateway.run("nft", "flush", "ruleset")
    with echo_service(lab.net.gateway, PORT), serve(lab, 4) as server:
        begun = time.monotonic()
        with lab.case("the log tells how long it is"):
            server.wait_log("Trial: ports are hidden for 4 seconds, then no more")
        with lab.case("hidden, and open after a knock"):
            expect(not got_in(lab), "the port is not hidden")
            lab.client.knock(KEYS, f"tcp/{PORT}")
            server.wait_log("Added access rule to grant4 for ")
            expect(reachable(lab.net.client, Network.gateway4, PORT), "the client is out")
        with lab.case("--confirm finds the daemon"):
            expect("Sent confirmation to fwknopd" in tell(lab, server, "--confirm").succeeded().out,
                   "it says something else")
            server.wait_log("Trial: confirmed, ports stay hidden")
        with lab.case("none of the hidden ports has an end any more"):
            listed = lab.net.gateway.run("nft", "list", "set", "inet", "fwknop", "protected")
            expect("expires" not in listed and "tcp . 22" in listed, listed)
        with lab.case("a second one is told so"):
            tell(lab, server, "--confirm").succeeded()
            server.wait_log("Trial: it is confirmed already")
        with lab.case("when its time would be over"):
            time.sleep(max(0.0, begun + 5 - time.monotonic()))
            expect(server.running() and not got_in(lab), "the port is not hidden any more")
            expect(reachable(lab.net.client, Network.gateway4, PORT), "the client is out")
        server.stop()


def forgotten(lab: Lab) -> None:
    """Nobody confirms: the port is open again, and the daemon ends without an error."""
    lab.net.gateway.run("nft", "flush", "ruleset")
    with echo_service(lab.net.gateway, PORT):
        earlier = connect(lab.net.other, Network.gateway4, PORT)
        with serve(lab, 3) as server:
            with lab.case("hidden, for who is in already as ever"):
                expect(not got_in(lab), "the port is not hidden")
                expect(earlier is not None and echoes(earlier), "the connection is cut")
            with lab.case("what is flushed comes back, on trial as before"):
                lab.net.gateway.run("nft", "flush", "ruleset")
                server.wait_log("table inet fwknop was missing and is made again")
                expect(not got_in(lab), "the port is not hidden")
            with lab.case("ends by itself, and says why"):
                server.wait_log("Trial: nobody confirmed it in time, ports are not hidden any more")
                expect(server.wait() == 0, "it ended with an error")
        with lab.case("open as before, nothing is left"):
            expect(got_in(lab), "the port is still hidden")
            ruleset = lab.net.gateway.run("nft", "list", "ruleset")
            expect("fwknop" not in ruleset, ruleset)
        with lab.case("--confirm says that nobody is there"):
            done = tell(lab, server, "--confirm")
            expect(done.code == 1 and "No running fwknopd detected." in done.err, str(done))


def killed(lab: Lab) -> None:
    """The daemon dies during the trial: the kernel ends it all the same."""
    lab.net.gateway.run("nft", "flush", "ruleset")
    with echo_service(lab.net.gateway, PORT):
        with serve(lab, 3) as server:
            expect(not got_in(lab), "the port is not hidden")
            server.kill()
        with lab.case("open when its time is over"):
            wait_for("the port to be open", lambda: got_in(lab), 3 + EXPIRY_SLACK)


def refused(lab: Lab) -> None:
    """What cannot be tried is refused at the start."""
    for seconds, config, words in (
            ("0", CONFIG, "--trial value '0' is not a number of seconds from 1 to 86400"),
            ("86401", CONFIG, "--trial value '86401' is not a number of seconds"),
            ("soon", CONFIG, "--trial value 'soon' is not a number of seconds"),
            ("60", {"FIREWALL_BACKEND": "iptables"}, "--trial ends the protection of PROTECT_PORTS"),
            ("60", {"NFT_MODE": "sets"}, "--trial ends the protection of PROTECT_PORTS")):
        with lab.case(f"--trial {seconds} with {' '.join(config.values())}"):
            with lab.serve(stanza(KEYS), config=config, arguments=["--trial", seconds],
                           wait=False) as server:
                expect(server.wait() == 1, "it did not end with 1")
                expect(words in server.log(), server.log())
    with lab.case("--confirm without a trial changes nothing"):
        with lab.serve(stanza(KEYS), config=CONFIG) as server:
            tell(lab, server, "--confirm").succeeded()
            server.wait_log("Got SIGUSR2, but there is no --trial to confirm")
            expect(server.running(), "the daemon has ended")


if __name__ == "__main__":
    sys.exit(main([confirmed, forgotten, killed, refused]))
