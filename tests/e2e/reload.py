#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SIGHUP: the configuration is read again, whole or not at all, and nothing is lost meanwhile."""

import os
import re
import signal
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from harness.failure import expect, wait_for
from harness.namespaces import Network
from harness.programs import Keys, stanza, write_private
from harness.scenario import Lab, main
from harness.traffic import send_udp

KEYS = Keys()
KNOCKS = 1000
PAUSE = 0.05  # seconds between two signals


def files(lab: Lab) -> None:
    """SIGHUP: grants survive, new keys count, a bad file changes nothing."""
    new = Keys("another-key", "another-hmac-key")
    with lab.serve(stanza(KEYS, FW_ACCESS_TIMEOUT=60)) as server:
        lab.fence(server, KEYS, 6500)
        with lab.case("a bad file is reported and the old one stays"):
            mark = server.mark()
            write_private(server.access, "SOURCE nonsense\n")
            server.send(signal.SIGHUP)
            server.wait_log("nonsense", after=mark)
            lab.fence(server, KEYS, 6501)
        with lab.case("a good file comes into force"):
            mark = server.mark()
            write_private(server.access, stanza(new, FW_ACCESS_TIMEOUT=60))
            server.send(signal.SIGHUP)
            server.wait_log(r"Got SIGHUP\. Re-reading configs\.", after=mark)
            # The old key is out as soon as the new one is in: ask until the new one opens.
            wait_for("the new key to open", lambda: bool(
                lab.client.knock(new, "tcp/6502")
                and "6502" in [rule.port for rule in lab.rules()]), 5, pause=0.05)
            lab.client.knock(KEYS, "tcp/6503")
            lab.fence(server, new, 6504)
            expect("6503" not in [rule.port for rule in lab.rules()], "the old key still opens")
        with lab.case("the grants of before are still there"):
            expect({"6500", "6501"} <= {rule.port for rule in lab.rules()},
                   f"left are {[rule.port for rule in lab.rules()]}")
        with lab.case("SIGUSR1 tells the counts"):
            mark = server.mark()
            server.send(signal.SIGUSR1)
            server.wait_log("Packets on record against replays: ", after=mark)
            said = server.log()[mark:]
            expect(re.search(r"Packets: \d+ received, \d+ granted, 0 replayed, 1 refused; "
                             r"grants open: \d+$", said, re.MULTILINE), said)
            expect("HMAC does not match: 1" in said, said)


def under_load(lab: Lab) -> None:
    """A thousand knocks while the configuration is read again every 50 ms: none is lost."""
    packets = [lab.client.packet(KEYS, f"tcp/{10000 + i % 50}") for i in range(KNOCKS)]
    access = stanza(KEYS, FW_ACCESS_TIMEOUT=300)
    with lab.serve(access) as server:
        lab.fence(server, KEYS, 6500)
        ended = threading.Event()

        def signals() -> None:
            turn = 0
            while not ended.wait(PAUSE):
                # Every third time the file is no good.
                turn += 1
                write_private(server.access, access if turn % 3 else "SOURCE nonsense\n")
                server.send(signal.SIGHUP)
        mark = server.mark()
        pest = threading.Thread(target=signals)
        pest.start()
        try:
            for packet in packets:
                send_udp(lab.net.client, Network.gateway4, packet)
                ended.wait(0.004)  # a pace that the socket buffers hold
        finally:
            ended.set()
            pest.join()

        def accepted() -> int:
            return server.log()[mark:].count("received with access source match")
        with lab.case("every knock was accepted"):
            wait_for("all knocks", lambda: accepted() >= KNOCKS, 20)
            expect(accepted() == KNOCKS, f"{accepted()} accepted")
        with lab.case("every grant is there, those of before too"):
            wait_for("51 rules", lambda: len(lab.rules()) == 51, 10)
        with lab.case("it was read again often, and refused often"):
            said = server.log()[mark:]
            expect(said.count("Got SIGHUP. Re-reading configs.") >= 40,
                   f"{said.count('Got SIGHUP. Re-reading configs.')} times")
            expect(said.count("stays in force") >= 10,
                   f"{said.count('stays in force')} times refused")


def pending_close(lab: Lab) -> None:
    """A close command that is pending outlives the stanza it came from, and runs at its time."""
    opened, closed = (os.path.join(lab.root, name) for name in ("opened", "closed"))
    cycle = stanza(KEYS, CMD_CYCLE_OPEN=f"/usr/bin/touch {opened}",
                   CMD_CYCLE_CLOSE=f"/usr/bin/touch {closed}-$IP", CMD_CYCLE_TIMER=4)
    other = Keys("another-key", "another-hmac-key")
    with lab.serve(cycle) as server:
        lab.client.knock(KEYS, "tcp/22")
        wait_for("the open command", lambda: os.path.exists(opened), 10)
        mark = server.mark()
        # Another stanza altogether, and another cycle.
        write_private(server.access, stanza(other, CMD_CYCLE_OPEN="/bin/true",
                                            CMD_CYCLE_CLOSE="/bin/false", CMD_CYCLE_TIMER=300))
        server.send(signal.SIGHUP)
        server.wait_log("The new configuration is in force", after=mark)
        with lab.case("not before its time"):
            expect(not os.path.exists(f"{closed}-{Network.client4}"), "closed too early")
        with lab.case("at its time, as it was decided"):
            wait_for("the close command", lambda: os.path.exists(f"{closed}-{Network.client4}"), 10)
        with lab.case("a stanza that opens ports needs a packet filter, which is not there"):
            mark = server.mark()
            write_private(server.access, stanza(other))
            server.send(signal.SIGHUP)
            server.wait_log("needs a restart of fwknopd", after=mark)
            server.wait_log("stays in force", after=mark)


def several_interfaces(lab: Lab) -> None:
    """Several interfaces are watched, each or `any`; a reload may add one."""
    gateway = lab.net.gateway
    for names in ("lo,br0", "any"):
        with lab.case(names), \
                lab.serve(stanza(KEYS, FW_ACCESS_TIMEOUT=60), interface=names) as server:
            lab.client.knock(KEYS, "tcp/22")
            lab.wait_rule(server, "tcp/22")
            lab.client.run(KEYS, "-A", "tcp/23", "-a", Network.client4, destination="127.0.0.1",
                           namespace=gateway).succeeded()
            lab.wait_rule(server, "tcp/23")
    with lab.case("one that is not there"), \
            lab.serve(stanza(KEYS), interface="br0,nosuch0", wait=False) as server:
        expect(server.wait() == 1 and "nosuch0" in server.log(), server.log())


def capture(lab: Lab) -> None:
    """Another capture filter comes into force; one that cannot be is refused."""
    with lab.serve(stanza(KEYS, FW_ACCESS_TIMEOUT=60)) as server:
        lab.fence(server, KEYS, 6500)
        with lab.case("a new filter"):
            mark = server.mark()
            write_private(server.config, "PCAP_FILTER udp port 7777;\n")
            server.send(signal.SIGHUP)
            server.wait_log("PCAP filter is: 'udp port 7777'", after=mark)
            lab.client.knock(KEYS, "tcp/6501")  # nobody listens to the old port any more
            lab.client.knock(KEYS, "tcp/6502", "-p", "7777")
            lab.wait_rule(server, "tcp/6502")
            expect("6501" not in [rule.port for rule in lab.rules()], "the old filter still counts")
        with lab.case("a filter that is none changes nothing"):
            mark = server.mark()
            write_private(server.config, "PCAP_FILTER no such thing;\n")
            server.send(signal.SIGHUP)
            server.wait_log("stays in force", after=mark)
            lab.client.knock(KEYS, "tcp/6503", "-p", "7777")
            lab.wait_rule(server, "tcp/6503")
        with lab.case("a directive that needs a restart is named, and nothing changes"):
            mark = server.mark()
            server_config = "PCAP_FILTER udp port 7777;\n"
            write_private(server.config, server_config + "ENABLE_IPT_OUTPUT Y;\n")
            server.send(signal.SIGHUP)
            server.wait_log("ENABLE_IPT_OUTPUT cannot change", after=mark)
            lab.client.knock(KEYS, "tcp/6504", "-p", "7777")
            lab.wait_rule(server, "tcp/6504")
        with lab.case("the grants of before are still there"):
            expect({"6500", "6502", "6503"} <= {rule.port for rule in lab.rules()},
                   f"left are {[rule.port for rule in lab.rules()]}")


def interface_returns(lab: Lab) -> None:
    """EXIT_AT_INTF_DOWN N: the interface may go down, and away, and is watched when it returns."""
    gateway = lab.net.gateway
    with lab.serve(stanza(KEYS, FW_ACCESS_TIMEOUT=60),
                   config={"EXIT_AT_INTF_DOWN": "N"}) as server:
        lab.fence(server, KEYS, 6500)
        with lab.case("switched off and on"):
            mark = server.mark()
            gateway.run("ip", "link", "set", Network.interface, "down")
            server.wait_log(f"Interface '{Network.interface}' is lost: it was switched off",
                            after=mark)
            gateway.run("ip", "link", "set", Network.interface, "up")
            server.wait_log(f"Sniffing interface: {Network.interface}", after=mark)
            lab.fence(server, KEYS, 6501)
        with lab.case("the grants are still there"):
            expect({"6500", "6501"} <= {rule.port for rule in lab.rules()},
                   f"left are {[rule.port for rule in lab.rules()]}")


def interface_lost(lab: Lab) -> None:
    """EXIT_AT_INTF_DOWN Y: the daemon ends with an error, and leaves no rule."""
    for command in (["set", Network.interface, "down"], ["delete", Network.interface]):
        with lab.case(" ".join(command)):
            with lab.serve(stanza(KEYS, FW_ACCESS_TIMEOUT=60)) as server:
                lab.fence(server, KEYS, 6500)
                lab.net.gateway.run("ip", "link", *command)
                expect(server.wait() == 1, "the exit status is not 1")
                expect("EXIT_AT_INTF_DOWN" in server.log(), server.log())
                expect(not lab.rules(), "rules are left")
            if command[0] == "set":
                lab.net.gateway.run("ip", "link", "set", Network.interface, "up")


if __name__ == "__main__":
    sys.exit(main([files, under_load, pending_close, several_interfaces, capture,
                   interface_returns, interface_lost]))
