#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The daemon with pf, whose pfctl is a strict stand-in: every call and every rule is judged."""

import os
import re
import signal
import sys
import time
from typing import Dict, List, Optional

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from harness.bsd import StandIn
from harness.failure import Failure, expect, wait_for
from harness.namespaces import Network
from harness.processes import indented, run
from harness.programs import Keys, Server, stanza
from harness.scenario import Lab, main

KEYS = Keys()
CLIENT4, CLIENT6 = Network.client4, Network.client6


class Scene:
    """A pfctl, and daemons that use it."""

    def __init__(self, lab: Lab):
        self.lab = lab
        self.pf = StandIn("pfctl", lab.root)

    def config(self, **more: object) -> Dict[str, object]:
        return {"FIREWALL_BACKEND": "pf", "FIREWALL_EXE": self.pf.path, **more}

    def serve(self, access: str = stanza(KEYS, FW_ACCESS_TIMEOUT=60),
              config: Optional[Dict[str, object]] = None, **options: object) -> Server:
        return self.lab.serve(access, config=config or self.config(), **options)

    def knock(self, access: str, *arguments: str, v6: bool = False) -> None:
        self.lab.client.knock(KEYS, access, *arguments, allow=CLIENT6 if v6 else CLIENT4,
                              destination=Network.gateway6 if v6 else Network.gateway4)

    def wait_rule(self, part: str, timeout: float = 10.0) -> str:
        try:
            return wait_for(f"a rule with {part}",
                            lambda: next((rule for rule in self.rules() if part in rule), None),
                            timeout)
        except Failure as failure:
            raise Failure(f"{failure}; there are:\n" + indented("\n".join(self.rules()))) from None

    def rules(self) -> List[str]:
        return self.pf.anchor()

    def check_calls(self) -> None:
        """Nothing was refused for its form."""
        bad = [call for call in self.pf.calls() if call.code and not call.trouble]
        expect(not bad, f"pfctl refused: {bad}")


def expiry(rule: str) -> int:
    found = re.search(r"_exp_(\d+)", rule)
    expect(found, f"no expiry in {rule}")
    return int(found[1])  # type: ignore[index]


def life(lab: Lab) -> None:
    """A knock, an extension, two ports, IPv6, the end of each, and of the daemon."""
    scene = Scene(lab)
    with scene.serve() as server:
        with lab.case("the start flushes the anchor and touches nothing else"):
            expect([call.arguments for call in scene.pf.calls()]
                   == [["-s", "Anchors"], ["-a", "fwknop", "-F", "all"]], f"{scene.pf.calls()}")
        with lab.case("a knock for two ports"):
            scene.knock("tcp/22,udp/53", "-f", "4")
            first = scene.wait_rule("domain")
            expect(len(scene.rules()) == 2, f"{scene.rules()}")
            expect(scene.rules()[0].startswith(
                f"pass in quick inet proto tcp from {CLIENT4} to any port = ssh flags S/SA keep "
                f"state label \"_exp_"), scene.rules()[0])
            server.wait_log(rf"Added Rule for {re.escape(CLIENT4)}, tcp/22,udp/53 expires at "
                            rf"{expiry(first)}$")
        with lab.case("one call for both, the whole anchor"):
            writes = [call for call in scene.pf.calls() if "-f" in call.arguments]
            expect(len(writes) == 1 and writes[0].arguments == ["-a", "fwknop", "-f", "-"]
                   and writes[0].input.count("\n") == 2, f"{writes}")
        with lab.case("another one extends"):
            scene.knock("tcp/22", "-f", "6")
            server.wait_log(rf"Extended Rule for {re.escape(CLIENT4)}, tcp/22 expires at \d+$")
            ssh = scene.wait_rule("= ssh")
            expect(expiry(ssh) > expiry(first) and len(scene.rules()) == 2, f"{scene.rules()}")
        with lab.case("IPv6"):
            scene.knock("tcp/80", v6=True)
            rule = scene.wait_rule("inet6")
            expect(f"from {CLIENT6} to any port = http" in rule, rule)
        with lab.case("each goes in its time"):
            wait_for("the first", lambda: not any("domain" in rule for rule in scene.rules()), 8)
            expect(time.time() >= expiry(first), "it went before its time")
            expect(any("= ssh" in rule for rule in scene.rules()), "the extended one went too")
            server.wait_log(f"Deleting rule with expire time of {expiry(first)}\\.$")
            wait_for("the second", lambda: not any("= ssh" in rule for rule in scene.rules()), 8)
            server.wait_log(f"Deleting rule with expire time of {expiry(ssh)}\\.$")
            expect(time.time() >= expiry(ssh), "it went before its time")
            expect(len(scene.rules()) == 1, f"{scene.rules()}")
        with lab.case("nothing of iptables is touched or told"):
            expect("iptables" not in server.log(), server.log())
            expect(not lab.rules(), "there is a chain")
        with lab.case("the end flushes"):
            server.stop()
            expect(not scene.rules(), f"{scene.rules()}")
    scene.check_calls()
    with lab.case("ENABLE_DESTINATION_RULE"), \
            scene.serve(config=scene.config(ENABLE_DESTINATION_RULE="Y")):
        scene.knock("tcp/22")
        expect(f"to {Network.gateway4} port = ssh" in scene.wait_rule("ssh"), f"{scene.rules()}")


def crash(lab: Lab) -> None:
    """kill -9, and a restart that takes over or flushes; a flush by somebody else."""
    scene = Scene(lab)
    for flush in ("N", "Y"):
        before = scene.serve()
        with before:
            scene.knock("tcp/22", "-f", "1")
            scene.knock("tcp/23", "-f", "50")
            scene.wait_rule("telnet")
            short = scene.wait_rule("ssh")
            scene.knock("tcp/24", "-f", "50", v6=True)
            scene.wait_rule("inet6")
            before.kill()
        wait_for("the short one's time", lambda: time.time() > expiry(short) + 1, 5)
        expect(len(scene.rules()) == 3, "the crash left something else")
        with scene.serve(config=scene.config(FLUSH_IPT_AT_INIT=flush),
                         run_directory=before.run_directory) as server:
            with lab.case(f"FLUSH_IPT_AT_INIT {flush}: what is over is gone"):
                wait_for("it to go", lambda: not any("ssh" in rule for rule in scene.rules()), 3)
            with lab.case(f"FLUSH_IPT_AT_INIT {flush}: what is not over"):
                left = sorted(rule.split()[3] for rule in scene.rules())
                expect(left == ([] if flush == "Y" else ["inet", "inet6"]), f"{scene.rules()}")
                if flush == "N":
                    server.wait_log(f"Took over a rule of an earlier run for {CLIENT4} tcp/23")
            with lab.case(f"FLUSH_IPT_AT_INIT {flush}: the next knock works"):
                scene.knock("tcp/6123")
                scene.wait_rule("port = 6123")
    with scene.serve(config=scene.config(FLUSH_IPT_AT_EXIT="N")) as server:
        scene.knock("tcp/22")
        scene.wait_rule("ssh")
        with lab.case("somebody flushes: the next knock restores all"):
            expect(scene.pf.run("-a", "fwknop", "-F", "all").returncode == 0, "no flush")
            scene.knock("tcp/25")
            scene.wait_rule("smtp")
            expect(any("ssh" in rule for rule in scene.rules()), f"{scene.rules()}")
        server.stop()
        with lab.case("FLUSH_IPT_AT_EXIT N leaves the rules"):
            expect(len(scene.rules()) == 2, f"{scene.rules()}")
    config = [*("-c", server.config), "-a", server.access, "-r", server.run_directory]
    program = lab.programs.path("ours", server=True)
    with lab.case("--fw-list and --fw-flush"):
        said = run([program, *config, "--fw-list"], home=lab.root).succeeded().out
        expect(all(rule in said for rule in scene.rules()), said)
        run([program, *config, "--fw-flush"], home=lab.root).succeeded()
        expect(not scene.rules(), f"{scene.rules()}")
    scene.check_calls()


def nat(lab: Lab) -> None:
    """Forwarded and local access, with and without a translated source."""
    scene = Scene(lab)
    config = scene.config(ENABLE_IPT_FORWARDING="Y", ENABLE_IPT_LOCAL_NAT="Y")
    access = stanza(KEYS, FW_ACCESS_TIMEOUT=4)
    with scene.serve(access, config=config) as server:
        with lab.case("forwarded: translation first, then the filter rule"):
            scene.knock("tcp/8022", "-N", "10.74.0.2:22")
            rdr = scene.wait_rule("rdr")
            expect(scene.rules() == [
                f"rdr pass inet proto tcp from {CLIENT4} to any port = 8022 tag "
                f"_exp_{expiry(rdr)} -> 10.74.0.2 port 22",
                f"pass quick inet proto tcp from {CLIENT4} to 10.74.0.2 port = ssh flags S/SA keep "
                f"state label \"_exp_{expiry(rdr)}\""], f"{scene.rules()}")
            server.wait_log(rf"Added Rule for {re.escape(CLIENT4)}, tcp/8022 expires at \d+$")
            expect(server.log().count("Added Rule") == 1, "more than one line")
        with lab.case("it goes in time, and one line tells so"):
            wait_for("it to go", lambda: not scene.rules(), 8)
            server.wait_log(r"Deleting rule with expire time of \d+\.$")
            expect(server.log().count("Deleting rule") == 1, "more than one line")
        with lab.case("IPv6, local, beside plain access"):
            scene.knock("tcp/25")
            scene.wait_rule("smtp")
            scene.knock("tcp/8023", "-N", "[fd74::2]:23", v6=True)
            scene.wait_rule("fd74::2 port 23")
            scene.knock("tcp/22", "--nat-local", "--nat-port", "8024")
            scene.wait_rule("8024")
            order = [rule.split()[0] for rule in scene.rules()]
            expect(order == sorted(order, reverse=True), f"{scene.rules()}")
    with lab.case("FORCE_SNAT"):
        forced = stanza(KEYS, FW_ACCESS_TIMEOUT=60, FORCE_NAT="10.74.0.2 22",
                        FORCE_SNAT="203.0.113.7")
        with scene.serve(forced, config=config):
            scene.knock("tcp/8022")
            expect(scene.wait_rule("nat pass").endswith("-> 203.0.113.7"), f"{scene.rules()}")
            expect(len(scene.rules()) == 3, f"{scene.rules()}")
    scene.check_calls()
    for name, more, directives in (
            ("ENABLE_IPT_SNAT", {"ENABLE_IPT_SNAT": "Y"}, {}),
            ("PF_ANCHOR_NAME", {"PF_ANCHOR_NAME": "a//b"}, {}),
            ("DISABLE_DNAT", {}, {"DISABLE_DNAT": "Y"}),
            ("FORCE_MASQUERADE", {}, {"FORCE_NAT": "10.74.0.2 22", "FORCE_MASQUERADE": "Y"})):
        with lab.case(f"{name} is refused by name"):
            refused = lab.serve(stanza(KEYS, **directives), config={**config, **more}, wait=False)
            expect(refused.wait() == 1, refused.log())
            expect(f"[*] {name}: " in refused.log(), refused.log())


def trouble(lab: Lab) -> None:
    """A policy that does not link the anchor, and a pfctl that fails, hangs, or is not there."""
    scene = Scene(lab)

    def refused(advice: str, config: Optional[Dict[str, object]] = None) -> None:
        server = scene.serve(config=config, wait=False)
        expect(server.wait(20) == 1, "it starts all the same")
        expect(re.search(advice, server.log()), server.log())

    with lab.case("the anchor is not linked"):
        scene.pf.change(policy=['anchor "ftp-proxy"'])
        refused(r"add the line 'anchor \"fwknop\"' to /etc/pf.conf")
    with lab.case("rdr-anchor is missing"):
        scene.pf.change(policy=['anchor "fwknop"'])
        refused("rdr-anchor", scene.config(ENABLE_IPT_FORWARDING="Y"))
    scene.pf.change(policy=['anchor "fwknop"'])
    with lab.case("no permission"):
        scene.pf.trouble("denied")
        refused("/dev/pf: Permission denied: start the daemon as root")
        scene.pf.trouble(None)
    with lab.case("no such program"):
        refused("FIREWALL_EXE is .* give the absolute path of pfctl",
                scene.config(FIREWALL_EXE=scene.pf.path + "2"))
    with lab.case("auto takes the program's name for the filter"):
        with scene.serve(config={"FIREWALL_EXE": scene.pf.path}) as server:
            expect("Packet filter: pf (FIREWALL_EXE is" in server.log(), server.log())
    with scene.serve(stanza(KEYS, FW_ACCESS_TIMEOUT=3)) as server:
        for kind, port in (("fail", 6201), ("break 1", 6202)):
            with lab.case(f"pfctl's '{kind}': the knock fails, and the next one works"):
                scene.pf.trouble(f"next {kind}")
                mark = server.mark()
                scene.knock(f"tcp/{port}")
                server.wait_log(r"\(stanza #1\) Could not open the firewall: .*pfctl: exit status 1",
                                after=mark)
                expect(not any(str(port) in rule for rule in scene.rules()), f"{scene.rules()}")
                scene.knock(f"tcp/{port}")
                scene.wait_rule(f"port = {port}")
        with lab.case("megabytes of output do no harm"):
            scene.pf.trouble("next flood")
            mark = server.mark()
            scene.knock("tcp/25")
            server.wait_log("writes more than 32 MiB", after=mark, timeout=20)
        with lab.case("a close that fails is tried again"):
            scene.knock("tcp/26")
            rule = scene.wait_rule("port = 26")
            scene.pf.trouble("fail")
            server.wait_log(r"Could not remove \d expired rules, trying again in 1000 ms")
            scene.pf.trouble(None)
            wait_for("the rules to go", lambda: not scene.rules(), 10)
            expect(time.time() >= expiry(rule), "it went before its time")
        with lab.case("a hanging pfctl is killed, and the daemon goes on"):
            scene.pf.trouble("next hang")
            scene.knock("tcp/27")
            server.wait_log(r"did not finish within 10 s and was killed", timeout=20)
            scene.knock("tcp/28")
            scene.wait_rule("port = 28")
            expect(not any("port = 27" in rule for rule in scene.rules()), f"{scene.rules()}")
        with lab.case("a hanging pfctl does not hold up the end"):
            scene.pf.trouble("hang")
            scene.knock("tcp/29")
            wait_for("the call", lambda: scene.pf.calls()[-1].trouble == "hang")
            server.send(signal.SIGTERM)
            expect(server.wait(11) == 1, server.log())
            server.wait_log("Could not clean up the firewall")


if __name__ == "__main__":
    sys.exit(main([life, crash, nat, trouble]))
