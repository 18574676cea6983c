#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The daemon with ipfw, which is a strict stand-in: every call and every rule is judged."""

import os
import re
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
OTHERS = [{"number": 100, "set": 0, "text": "allow ip from any to any"},
          {"number": 10001, "set": 0, "text": "deny ip from 198.51.100.1 to any"},
          {"number": 10002, "set": 3, "text": "count ip from any to any"},
          {"number": 65535, "set": 31, "text": "deny ip from any to any"}]


class Scene:
    """An ipfw with rules of others, and daemons that use it."""

    def __init__(self, lab: Lab):
        self.lab = lab
        self.ipfw = StandIn("ipfw", lab.root)
        self.ipfw.change(rules=OTHERS)

    def config(self, **more: object) -> Dict[str, object]:
        return {"FIREWALL_BACKEND": "ipfw", "FIREWALL_EXE": self.ipfw.path,
                "IPFW_EXPIRE_PURGE_INTERVAL": 2, **more}

    def serve(self, access: str = stanza(KEYS, FW_ACCESS_TIMEOUT=60),
              config: Optional[Dict[str, object]] = None, **options: object) -> Server:
        return self.lab.serve(access, config=config or self.config(), **options)

    def knock(self, access: str, *arguments: str, v6: bool = False) -> None:
        self.lab.client.knock(KEYS, access, *arguments, allow=CLIENT6 if v6 else CLIENT4,
                              destination=Network.gateway6 if v6 else Network.gateway4)

    def rules(self, number: int = 1) -> List[str]:
        return self.ipfw.set(number)

    def wait_rule(self, part: str, number: int = 1, timeout: float = 10.0) -> str:
        try:
            return wait_for(f"a rule with {part} in set {number}",
                            lambda: next((rule for rule in self.rules(number) if part in rule),
                                         None), timeout)
        except Failure as failure:
            raise Failure(f"{failure}; there are:\n" + indented("\n".join(self.rules(number)))) \
                from None

    def wait_none(self, number: int, timeout: float = 10.0) -> None:
        wait_for(f"set {number} to be empty", lambda: not self.rules(number), timeout)

    def scripts(self) -> List[str]:
        return [call.input for call in self.ipfw.calls() if "/dev/stdin" in call.arguments]

    def check(self) -> None:
        """Nothing was refused for its form, and what is somebody else's is as it was."""
        bad = [call for call in self.ipfw.calls() if call.code and not call.trouble]
        expect(not bad, f"ipfw refused: {bad}")
        others = [rule for rule in self.ipfw.state()["rules"] if rule in OTHERS]
        expect(others == OTHERS, f"of the others' rules are left: {others}")


def expiry(rule: str) -> int:
    found = re.search(r"_exp_(\d+)", rule)
    expect(found, f"no expiry in {rule}")
    return int(found[1])  # type: ignore[index]


def life(lab: Lab) -> None:
    """A knock, an extension, two ports, IPv6, expiry, purge, and the end of the daemon."""
    scene = Scene(lab)
    with scene.serve() as server:
        with lab.case("the start switches the expire set off, and that is all"):
            expect(scene.scripts() == ["set disable 2\n"], f"{scene.scripts()}")
        with lab.case("a knock for two ports: a number for each, no one else's"):
            scene.knock("tcp/22,udp/53", "-f", "3")
            scene.wait_rule("dst-port 53")
            when = expiry(scene.rules()[0])
            expect(scene.rules() == [
                f"10000 allow tcp from {CLIENT4} to me dst-port 22 setup keep-state :default // "
                f"_exp_{when}",
                f"10003 allow udp from {CLIENT4} to me dst-port 53 keep-state :default // "
                f"_exp_{when}"], f"{scene.rules()}")
            server.wait_log(rf"Added Rule 10000 for {re.escape(CLIENT4)}, tcp/22 expires at {when}$")
            server.wait_log(rf"Added Rule 10003 for {re.escape(CLIENT4)}, udp/53 expires at {when}$")
        with lab.case("another one extends: a new rule, and the one before is off"):
            scene.knock("tcp/22", "-f", "5")
            server.wait_log(r"Extended Rule 10004 for .*, tcp/22 expires at \d+$")
            later = expiry(scene.wait_rule("10004 "))
            expect(later > when and not any("10000" in rule for rule in scene.rules()),
                   f"{scene.rules()}")
            expect(scene.scripts()[-1].splitlines()[0].startswith("add 10004 "),
                   f"closed before it opens: {scene.scripts()[-1]}")
        with lab.case("IPv6"):
            scene.knock("tcp/80", v6=True)
            expect(f"from {CLIENT6} to me6 dst-port 80 setup" in scene.wait_rule("me6"),
                   f"{scene.rules()}")
        with lab.case("each moves in its time"):
            server.wait_log(rf"Moved rule 10003 with expire time of {when} to set 2\.$")
            expect(time.time() >= when, "it went before its time")
            server.wait_log(rf"Moved rule 10004 with expire time of {later} to set 2\.$")
            expect(time.time() >= later, "it went before its time")
            expect(len(scene.rules()) == 1, f"{scene.rules()}")
        with lab.case("what no connection uses is purged"):
            server.wait_log(r"Purged rule 10004 from set 2$")
            scene.wait_none(2)
        with lab.case("with nothing to purge nobody looks"):
            count = len(scene.ipfw.calls())
            time.sleep(3)
            expect(len(scene.ipfw.calls()) == count, "ipfw was called")
        with lab.case("numbers are used again"):
            scene.knock("tcp/23")
            expect(scene.wait_rule("dst-port 23").startswith("10000 "), f"{scene.rules()}")
        with lab.case("nothing of iptables is touched or told"):
            expect("iptables" not in server.log(), server.log())
            expect(not lab.rules(), "there is a chain")
        server.stop()
        with lab.case("the end removes ours and nothing else"):
            expect(not scene.rules() and not scene.rules(2), f"{scene.rules()}")
            scene.check()


def connections(lab: Lab) -> None:
    """A rule that a connection still uses waits in the expire set, as long as it takes."""
    scene = Scene(lab)
    with scene.serve() as server:
        scene.knock("tcp/22", "-f", "2")
        scene.wait_rule("dst-port 22")
        scene.ipfw.change(dynamic=[{"number": 10000,
                                    "flow": f"tcp {CLIENT4} 50000 <-> {Network.gateway4} 22"}])
        server.wait_log("Moved rule 10000")
        with lab.case("it stays while the connection lives"):
            time.sleep(5)
            expect(len(scene.rules(2)) == 1, "it was purged")
            expect(scene.ipfw.state()["dynamic"], "the connection was cut")
        with lab.case("and its number is not used meanwhile"):
            scene.knock("tcp/22", "-f", "50")
            expect(scene.wait_rule("dst-port 22").startswith("10003 "), f"{scene.rules()}")
        with lab.case("it goes with the connection"):
            expect(scene.ipfw.run("set", "enable", "2").returncode == 0, "the set cannot be enabled")
            scene.ipfw.change(dynamic=[])
            server.wait_log("Purged rule 10000 from set 2")
            scene.wait_none(2)
        with lab.case("a set that somebody switched on is off again when a rule moves there"):
            scene.knock("tcp/24", "-f", "1")
            server.wait_log("Added Rule 10000 for .* tcp/24")
            server.wait_log("Moved rule 10000", after=server.mark())
            expect(scene.ipfw.state()["disabled"] == [2], f"{scene.ipfw.state()['disabled']}")
    with lab.case("all calls were right"):
        scene.check()


def crash(lab: Lab) -> None:
    """kill -9, and a restart that takes over or flushes; a flush by somebody else."""
    scene = Scene(lab)
    for flush in ("N", "Y"):
        before = scene.serve()
        with before:
            scene.knock("tcp/22", "-f", "1")
            short = scene.wait_rule("dst-port 22")
            scene.knock("tcp/23", "-f", "50")
            scene.wait_rule("dst-port 23")
            scene.knock("tcp/24", "-f", "50", v6=True)
            scene.wait_rule("me6")
            before.kill()
        wait_for("the short one's time", lambda: time.time() > expiry(short) + 1, 5)
        with scene.serve(config=scene.config(FLUSH_IPFW_AT_INIT=flush),
                         run_directory=before.run_directory) as server:
            with lab.case(f"FLUSH_IPFW_AT_INIT {flush}: what is over is gone"):
                wait_for("it to go",
                         lambda: not any("dst-port 22" in rule for rule in scene.rules()), 3)
            with lab.case(f"FLUSH_IPFW_AT_INIT {flush}: what is not over"):
                expect(len(scene.rules()) == (2 if flush == "N" else 0), f"{scene.rules()}")
                if flush == "N":
                    server.wait_log(f"Took over a rule of an earlier run for {CLIENT4} tcp/23")
                    scene.knock("tcp/23", "-f", "60")
                    server.wait_log("Extended Rule .* tcp/23")
                    scene.wait_none(2)
            with lab.case(f"FLUSH_IPFW_AT_INIT {flush}: the next knock works"):
                scene.knock("tcp/6000")
                scene.wait_rule("dst-port 6000")
    foreign = {"number": 12000, "set": 1, "text": "allow tcp from 198.51.100.7 to any // x _exp_1"}
    scene.ipfw.change(rules=[*OTHERS[:-1], foreign, OTHERS[-1]])
    with scene.serve(config=scene.config(FLUSH_IPFW_AT_INIT="N", FLUSH_IPFW_AT_EXIT="N",
                                         IPFW_ADD_CHECK_STATE="Y")) as server:
        with lab.case("a rule of others with an expiry goes in time"):
            server.wait_log("Moved rule 12000 with expire time of 1 to set 2")
        with lab.case("IPFW_ADD_CHECK_STATE"):
            expect(scene.wait_rule("check-state").startswith("10000 "), f"{scene.rules()}")
        scene.knock("tcp/22")
        scene.wait_rule("dst-port 22")
        with lab.case("somebody flushes: the next knock restores all"):
            expect(scene.ipfw.run("-q", "delete", "set", "1").returncode == 0, "no flush")
            scene.knock("tcp/25")
            scene.wait_rule("dst-port 25")
            expect(len(scene.rules()) == 3, f"{scene.rules()}")
            server.wait_log("1 rules were gone from set 1 and are there again")
        server.stop()
        with lab.case("FLUSH_IPFW_AT_EXIT N leaves the rules"):
            expect(len(scene.rules()) == 3, f"{scene.rules()}")
    config = [*("-c", server.config), "-a", server.access, "-r", server.run_directory]
    program = lab.programs.path("ours", server=True)
    with lab.case("--fw-list and --fw-flush"):
        said = run([program, *config, "--fw-list"], home=lab.root).succeeded().out
        expect("dst-port 22 setup" in said and "198.51.100.1" not in said, said)
        said = run([program, *config, "--fw-list-all"], home=lab.root).succeeded().out
        expect("dst-port 22 setup" in said and "198.51.100.1" in said, said)
        run([program, *config, "--fw-flush"], home=lab.root).succeeded()
        expect(not scene.rules(), f"{scene.rules()}")
        scene.check()


def trouble(lab: Lab) -> None:
    """A range without a free number, and an ipfw that fails, hangs, or is not there."""
    scene = Scene(lab)

    def refused(advice: str, **config: object) -> None:
        server = scene.serve(config=scene.config(**config), wait=False)
        expect(server.wait(20) == 1, "it starts all the same")
        expect(re.search(advice, server.log()), server.log())

    for directive, value in (("ENABLE_IPT_FORWARDING", "Y"), ("ENABLE_IPT_LOCAL_NAT", "Y"),
                             ("IPFW_START_RULE_NUM", 0), ("IPFW_START_RULE_NUM", 65535),
                             ("IPFW_ACTIVE_SET_NUM", 0), ("IPFW_EXPIRE_SET_NUM", 31)):
        with lab.case(f"{directive} {value} is refused by name"):
            refused(rf"\[\*\] {directive}: ", **{directive: value})
    with lab.case("no permission"):
        scene.ipfw.trouble("denied")
        refused("socket: Operation not permitted: start the daemon as root")
        scene.ipfw.trouble(None)
    with lab.case("no such program"):
        refused("give the absolute path of ipfw", FIREWALL_EXE=scene.ipfw.path + "2")
    with lab.case("auto takes the program's name for the filter"):
        with scene.serve(config={"FIREWALL_EXE": scene.ipfw.path}) as server:
            expect("Packet filter: ipfw (FIREWALL_EXE is" in server.log(), server.log())
    with scene.serve(stanza(KEYS, FW_ACCESS_TIMEOUT=4),
                     config=scene.config(IPFW_START_RULE_NUM=20000, IPFW_MAX_RULES=2)) as server:
        with lab.case("the third of two numbers"):
            scene.knock("tcp/1,tcp/2,tcp/3")
            server.wait_log("Could not open the firewall: all rule numbers from 20000 to 20001 are "
                            "in use, 0 of them by expired rules.*raise IPFW_MAX_RULES")
            expect(len(scene.rules()) == 2, f"{scene.rules()}")
        with lab.case("they are free again once the rules are over and purged"):
            wait_for("the sets to be empty", lambda: not scene.rules() and not scene.rules(2), 15)
            scene.knock("tcp/3")
            scene.wait_rule("dst-port 3")
    with scene.serve(stanza(KEYS, FW_ACCESS_TIMEOUT=3)) as server:
        with lab.case("a script that fails half-way is finished"):
            scene.ipfw.trouble("break 2")
            scene.knock("tcp/6201,tcp/6202")
            scene.wait_rule("dst-port 6201")
            scene.ipfw.trouble(None)
            scene.wait_rule("dst-port 6202")
            expect(len(scene.rules()) == 2, f"{scene.rules()}")
        for kind in ("fail", "flood"):
            with lab.case(f"ipfw's '{kind}': the knock fails, and the next one works"):
                scene.ipfw.trouble(f"next {kind}")
                mark = server.mark()
                port = 6300 + len(kind)
                scene.knock(f"tcp/{port}")
                server.wait_log(r"\(stanza #1\) Could not open the firewall: .*/ipfw: ", after=mark,
                                timeout=20)
                scene.knock(f"tcp/{port}")
                scene.wait_rule(f"dst-port {port}")
        with lab.case("a close that fails is tried again"):
            scene.knock("tcp/26")
            scene.wait_rule("dst-port 26")
            scene.ipfw.trouble("fail")
            server.wait_log(r"Could not remove \d expired rules, trying again in 1000 ms")
            scene.ipfw.trouble(None)
            scene.wait_none(1)
        with lab.case("a purge that fails is tried again"):
            scene.ipfw.trouble("fail")
            server.wait_log("Could not clear away expired rules, trying again later: .*internal",
                            after=server.mark())
            scene.ipfw.trouble(None)
            scene.wait_none(2)
        with lab.case("a hanging ipfw is killed, and the daemon goes on"):
            scene.ipfw.trouble("next hang")
            scene.knock("tcp/27")
            server.wait_log(r"did not finish within 10 s and was killed", timeout=20)
            scene.knock("tcp/28")
            scene.wait_rule("dst-port 28")
            expect(not any("dst-port 27" in rule for rule in scene.rules()), f"{scene.rules()}")


if __name__ == "__main__":
    sys.exit(main([life, connections, crash, trouble]))
