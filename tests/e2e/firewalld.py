#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""FIREWALL_BACKEND firewalld with the real firewalld: grants, what a reload leaves of them, NAT,
crashes, and who is told what."""

import contextlib
import os
import sys
import time
from typing import Dict, Iterator, List, Optional

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from harness import firewall
from harness.failure import expect, wait_for
from harness.firewalld import Firewalld, firewalld
from harness.namespaces import Network
from harness.processes import Completed, run
from harness.programs import Keys, Server, require_tools, stanza
from harness.scenario import Lab, main
from harness.traffic import echo_service, reachable

KEYS = Keys()
PORT = 22
BACKEND = {"FIREWALL_BACKEND": "firewalld"}


@contextlib.contextmanager
def filtering(lab: Lab, backend: str = "iptables") -> Iterator[Firewalld]:
    require_tools("firewalld", "firewall-cmd", "dbus-daemon", "nsenter", "unshare")
    with firewalld(lab.root, lab.net.gateway, backend) as running:
        yield running


def serve(lab: Lab, host: Firewalld, config: Optional[Dict[str, str]] = None,
          **options: object) -> Server:
    return lab.serve(stanza(KEYS, FW_ACCESS_TIMEOUT=60), config={**BACKEND, **(config or {})},
                     wrapper=host.wrapper, **options)


def control(lab: Lab, host: Firewalld, server: Server, *arguments: str) -> Completed:
    return run([*host.wrapper, lab.programs.path(lab.server_kind, server=True), "-c", server.config,
                "-a", server.access, "-r", server.run_directory, *arguments],
               home=server.directory, namespace=lab.net.gateway)


def policies(lab: Lab) -> List[str]:
    return firewall.saved(lab.net.gateway) + firewall.saved(lab.net.gateway, v6=True)


def ports(lab: Lab, v6: bool = False) -> List[Optional[str]]:
    return [rule.port for rule in lab.rules(v6)]


def grants(lab: Lab) -> None:
    """Real connections, both families, extended, listed, flushed, and nothing left at the end."""
    with filtering(lab) as host, echo_service(lab.net.gateway, PORT):
        before = policies(lab)
        with serve(lab, host) as server:
            for v6, allow, to in ((False, Network.client4, Network.gateway4),
                                  (True, Network.client6, Network.gateway6)):
                with lab.case(f"{'IPv6' if v6 else 'IPv4'}: closed, open, closed"):
                    expect(not reachable(lab.net.client, to, PORT), "it was open")
                    lab.client.knock(KEYS, f"tcp/{PORT}", "-f", "5", allow=allow)
                    lab.wait_rule(server, f"tcp/{PORT}", v6=v6)
                    expect(reachable(lab.net.client, to, PORT), "it is not open")
                    expect(not reachable(lab.net.other, to, PORT), "open for somebody else")
                    wait_for("the end", lambda six=v6: not lab.rules(six), 12)
                    expect(not reachable(lab.net.client, to, PORT), "it is still open")
            with lab.case("a second knock extends one rule"):
                lab.client.knock(KEYS, "tcp/7001", "-f", "20")
                first = lab.wait_rule(server, "tcp/7001")
                lab.client.knock(KEYS, "tcp/7001", "-f", "50")
                wait_for("the later end", lambda: [rule.expires != first.expires
                                                   for rule in lab.rules()] == [True], 10)
            with lab.case("--fw-list shows it"):
                shown = control(lab, host, server, "--fw-list").succeeded().out
                expect("firewalld chains" in shown and "dpt:7001" in shown, shown)
            with lab.case("a rule of somebody else goes in time"):
                when = int(time.time()) + 3
                host.command("--direct", "--passthrough", "ipv4", "-A", "FWKNOP_INPUT", "-s",
                             "198.51.100.7", "-m", "comment", "--comment", f"x _exp_{when}", "-j",
                             "ACCEPT")
                wait_for("it to go", lambda: len(lab.rules()) == 1, 10)
                expect(time.time() >= when, "it went before its time")
            with lab.case("--fw-flush removes it, the next knock opens again"):
                control(lab, host, server, "--fw-flush").succeeded()
                expect(policies(lab) == before, "something is left")
                lab.fence(server, KEYS, 7002)
        with lab.case("nothing is left at the end"):
            left = policies(lab)
            expect(left == before, "\n".join(sorted(set(left) ^ set(before))))


def reload(lab: Lab) -> None:
    """firewalld forgets direct rules when it is reloaded or started again."""
    with filtering(lab) as host, serve(lab, host) as server:
        lab.client.knock(KEYS, "tcp/7101")
        lab.wait_rule(server, "tcp/7101")
        with lab.case("a reload takes our rules, the next knock brings them back"):
            host.command("--reload")
            expect(not any("FWKNOP" in line for line in policies(lab)), "a rule survived")
            lab.client.knock(KEYS, "tcp/7102")
            lab.wait_rule(server, "tcp/7102")
            expect(sorted(ports(lab)) == ["7101", "7102"], f"rules for {ports(lab)}")
            server.wait_log("chain FWKNOP_INPUT was missing and is made again")
        with lab.case("without firewalld nothing opens, and the log says why"):
            host.stop()
            lab.client.knock(KEYS, "tcp/7103")
            server.wait_log("FirewallD is not running.*: start firewalld", timeout=20)
        with lab.case("with a new firewalld it goes on"):
            host.start()
            lab.client.knock(KEYS, "tcp/7104")
            lab.wait_rule(server, "tcp/7104")
            expect("7103" not in ports(lab), "what was refused is open")


def crash(lab: Lab) -> None:
    """kill -9, then a start without flush: what runs is taken over, the rest goes."""
    with filtering(lab) as host:
        before = policies(lab)
        dead = serve(lab, host)
        with dead:
            lab.client.knock(KEYS, "tcp/7201", "-f", "2")
            lab.wait_rule(dead, "tcp/7201")
            lab.client.knock(KEYS, "tcp/7202", "-f", "50")
            lab.wait_rule(dead, "tcp/7202")
            dead.kill()
        time.sleep(2)
        with serve(lab, host, {"FLUSH_FIREWD_AT_INIT": "N"},
                   run_directory=dead.run_directory) as server:
            with lab.case("the expired grant is gone, the other one is kept"):
                wait_for("it to go", lambda: ports(lab) == ["7202"], 5)
            with lab.case("and extended, not doubled"):
                lab.client.knock(KEYS, "tcp/7202")
                server.wait_log("Extended access rule")
                expect(ports(lab) == ["7202"], f"rules for {ports(lab)}")
        with lab.case("nothing is left at the end"):
            expect(policies(lab) == before, "something is")


def nat(lab: Lab) -> None:
    """ENABLE_FIREWD_FORWARDING and its kin, with chains of other names."""
    with filtering(lab) as host:
        before = policies(lab)
        with serve(lab, host, {"ENABLE_FIREWD_FORWARDING": "Y", "ENABLE_FIREWD_SNAT": "Y",
                               "FIREWD_FORWARD_ACCESS": "ACCEPT, filter, FORWARD, 1, MY_FWD, 1"}):
            with lab.case("the rules of a forwarded access"):
                lab.client.knock(KEYS, "tcp/8022", "-N", "10.74.0.2:22", "-f", "6")
                wait_for("the last", lambda: firewall.rules(
                    lab.net.gateway, chain="FWKNOP_MASQUERADE", table="nat"), 20)
                forward = firewall.rules(lab.net.gateway, chain="MY_FWD")
                dnat = firewall.rules(lab.net.gateway, chain="FWKNOP_PREROUTING", table="nat")
                expect([rule.service for rule in forward] == ["tcp/22"], str(forward))
                expect([rule.target for rule in dnat] == ["DNAT"], str(dnat))
                expect("--to-destination 10.74.0.2:22" in dnat[0].text, dnat[0].text)
            with lab.case("go in time"):
                wait_for("them to go", lambda: not firewall.rules(
                    lab.net.gateway, chain="FWKNOP_MASQUERADE", table="nat"), 20)
        with lab.case("nothing is left at the end"):
            left = policies(lab)
            expect(left == before, "\n".join(sorted(set(left) ^ set(before))))


def native(lab: Lab) -> None:
    """firewalld with its nftables backend keeps direct rules beside its own."""
    with filtering(lab, "nftables") as host:
        # What a direct rule accepts still has to pass firewalld's own rules.
        host.command("--zone=drop", f"--add-port={PORT}/tcp")
        host.command("--direct", "--passthrough", "ipv4", "-A", "INPUT", "-p", "tcp", "--dport",
                     str(PORT), "-j", "DROP")
        with echo_service(lab.net.gateway, PORT), serve(lab, host) as server, \
                lab.case("closed, open, closed"):
            expect(not reachable(lab.net.client, Network.gateway4, PORT), "it was open")
            lab.client.knock(KEYS, f"tcp/{PORT}", "-f", "5")
            lab.wait_rule(server, f"tcp/{PORT}")
            expect(reachable(lab.net.client, Network.gateway4, PORT), "it is not open")
            wait_for("the end", lambda: not lab.rules(), 12)
            expect(not reachable(lab.net.client, Network.gateway4, PORT), "it is still open")


def by_program(lab: Lab) -> None:
    """With FIREWALL_EXE firewall-cmd does it, as the 2.6 line has it: slower, and the same."""
    with filtering(lab) as host:
        before = policies(lab)
        with serve(lab, host, {"FIREWALL_EXE": "/usr/bin/firewall-cmd"}) as server:
            with lab.case("a grant opens, is extended, and listed"):
                lab.client.knock(KEYS, "tcp/7301", "-f", "3")
                lab.wait_rule(server, "tcp/7301")
                lab.client.knock(KEYS, "tcp/7301", "-f", "8")
                server.wait_log("Extended access rule")
                expect(ports(lab) == ["7301"], f"rules for {ports(lab)}")
                shown = control(lab, host, server, "--fw-list").succeeded().out
                expect("dpt:7301" in shown and "success" not in shown, shown)
            with lab.case("after a reload the next knock brings it back"):
                host.command("--reload")
                lab.client.knock(KEYS, "tcp/7302", "-f", "3")
                lab.wait_rule(server, "tcp/7302")
                expect(sorted(ports(lab)) == ["7301", "7302"], f"rules for {ports(lab)}")
            with lab.case("both go in time"):
                wait_for("them to go", lambda: not ports(lab), 15)
        with lab.case("nothing is left at the end"):
            expect(policies(lab) == before, "something is")


def mistakes(lab: Lab) -> None:
    """What is missing or misplaced ends the start with the remedy."""
    def refused(config: Dict[str, str], *words: str) -> None:
        with lab.case(", ".join(f"{name} {value}" for name, value in config.items())):
            server = lab.serve(stanza(KEYS), config=config, wait=False)
            try:
                expect(server.wait(20) == 1, "did not end with 1")
                for word in words:
                    expect(word in server.log(), server.log())
            finally:
                if server.running():
                    server.kill()
    refused(BACKEND, "the system bus cannot be reached", "start firewalld")
    refused({**BACKEND, "FIREWALL_EXE": "/usr/bin/firewall-cmd"}, "firewall-cmd: exit status")
    refused({**BACKEND, "FIREWALL_EXE": "/usr/sbin/iptables"}, "absolute path of firewall-cmd")
    refused({**BACKEND, "FIREWALL_EXE": "/nowhere/firewall-cmd"}, "install the package firewalld")
    refused({**BACKEND, "ENABLE_IPT_FORWARDING": "Y"}, "fwknopd.conf:2: ENABLE_IPT_FORWARDING",
            "set ENABLE_FIREWD_FORWARDING instead")
    refused({"FIREWALL_BACKEND": "iptables", "ENABLE_FIREWD_OUTPUT": "Y"},
            "ENABLE_FIREWD_OUTPUT is for firewalld", "or ENABLE_IPT_OUTPUT instead")
    refused({"ENABLE_FIREWD_OUTPUT": "Y", "FIREWD_OUTPUT_ACCESS":
             "ACCEPT, filter, OUTPUT, 1, FWKNOP_INPUT, 1"}, "FIREWD_OUTPUT_ACCESS: its to-chain")


if __name__ == "__main__":
    sys.exit(main([grants, reload, crash, nat, native, by_program, mistakes]))
