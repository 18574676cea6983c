#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A firewall program that fails, hangs, prints megabytes or vanishes. The daemon says so, goes on
serving, closes in the end what it has opened, and grants nothing twice."""

import os
import signal
import sys
from typing import List, Optional

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from harness import firewall
from harness.failure import expect, wait_for
from harness.programs import Keys, Server, stanza
from harness.scenario import Lab, main

KEYS = Keys()
LIMIT = 10  # seconds that the daemon gives a program

PROGRAM = """#!/bin/sh
real=/usr/sbin/$(basename "$0" | sed s/tables/tables-nft/)
case $(cat {mode}) in
fail) echo "$(basename "$0"): the table is out to lunch" >&2; exit 4 ;;
hang) echo $$ >{mode}.hangs; exec sleep 1000 ;;
done_and_hang) "$real" "$@"; echo $$ >{mode}.hangs; exec sleep 1000 ;;
done_and_fail) "$real" "$@"; echo "lost my mind" >&2; exit 1 ;;
flood) head -c 40000000 /dev/zero | tr '\\0' x; head -c 40000000 /dev/zero | tr '\\0' y >&2
    exit 1 ;;
esac
exec "$real" "$@"
"""


class Stage:
    """Programs in place of iptables' that misbehave on demand; the rules are real."""

    def __init__(self, lab: Lab, changing: bool = True, listing: bool = False):
        self.lab = lab
        self.directory = os.path.join(lab.root, "programs")
        self.mode_file = os.path.join(lab.root, "mode")
        self.mode("work")
        os.mkdir(self.directory)
        for name in ("iptables", "ip6tables"):
            os.symlink(f"/usr/sbin/{name}-nft", os.path.join(self.directory, name))
            for verb, troubled in (("restore", changing), ("save", listing)):
                path = os.path.join(self.directory, f"{name}-{verb}")
                if troubled:
                    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o700), "w",
                              encoding="ascii") as file:
                        file.write(PROGRAM.format(mode=self.mode_file))
                else:
                    os.symlink(f"/usr/sbin/{name}-nft-{verb}", path)

    def mode(self, name: str) -> None:
        with open(self.mode_file + ".new", "w", encoding="ascii") as file:
            file.write(name)
        os.rename(self.mode_file + ".new", self.mode_file)

    def wait_hanging(self) -> None:
        """Until a program has come to where it hangs: then the mode is for the next one."""
        wait_for("a program to hang", lambda: os.path.exists(self.mode_file + ".hangs"))
        os.unlink(self.mode_file + ".hangs")
        self.mode("work")

    def serve(self) -> Server:
        return self.lab.serve(stanza(KEYS, FW_ACCESS_TIMEOUT=60), config={
            "FIREWALL_EXE": os.path.join(self.directory, "iptables")})

    def ports(self) -> List[Optional[str]]:
        return sorted(str(rule.port) for rule in self.lab.rules())

    def expect_ports(self, *wanted: str) -> None:
        expect(self.ports() == sorted(wanted), f"rules for {self.ports()}, not {sorted(wanted)}")

    def knock(self, port: int, seconds: int = 60) -> None:
        self.lab.client.knock(KEYS, f"tcp/{port}", "-f", str(seconds))


def still_serves(server: Server) -> None:
    """The event loop answers, whatever its programs do."""
    mark = server.mark()
    server.send(signal.SIGUSR1)
    server.wait_log(r"grants|packets", after=mark, timeout=3)


def fails(lab: Lab) -> None:
    """It ends with an error: nothing opens, what is open closes later, in the program's words."""
    stage = Stage(lab)
    with stage.serve() as server:
        stage.knock(7301, 3)
        lab.wait_rule(server, "tcp/7301")
        with lab.case("a knock opens nothing and the log has the program's words"):
            stage.mode("fail")
            stage.knock(7302)
            server.wait_log("Could not open the firewall: .*the table is out to lunch")
            still_serves(server)
            stage.expect_ports("7301")
        with lab.case("a close that fails is tried again until it is done"):
            first = server.wait_log("trying again in .*the table is out to lunch")
            server.wait_log("trying again in .*the table is out to lunch", after=first.end())
            stage.expect_ports("7301")
            stage.mode("work")
            wait_for("the close", lambda: not stage.ports(), 15)
        with lab.case("the next knock opens, once"):
            stage.knock(7302)
            lab.wait_rule(server, "tcp/7302")
            stage.expect_ports("7302")


def claims_to_fail(lab: Lab) -> None:
    """It does its work and says that it failed: what it did is looked at, and not done twice."""
    stage = Stage(lab)
    with stage.serve() as server:
        stage.mode("done_and_fail")
        with lab.case("a knock that opened after all is one rule or none"):
            stage.knock(7311)
            # Whether the daemon sees that it is there or gives up: it must agree with its log.
            said = server.wait_log("Added access rule|Could not open.*lost my mind")
            stage.mode("work")
            if "Added" in said.group(0):
                stage.expect_ports("7311")
            else:
                wait_for("it to be taken away", lambda: not stage.ports(), 15)
        with lab.case("the same again is one rule"):
            stage.knock(7311)
            lab.wait_rule(server, "tcp/7311")
            lab.fence(server, KEYS, 7312)
            stage.expect_ports("7311", "7312")


def hangs(lab: Lab) -> None:
    """It never ends: it is killed, others are served meanwhile, and nobody knows what it did."""
    stage = Stage(lab)
    with stage.serve() as server:
        for mode, port in (("hang", 7321), ("done_and_hang", 7322)):
            with lab.case(f"{mode}: the loop goes on, the program is killed, the grant withdrawn"):
                stage.mode(mode)
                mark = server.mark()
                stage.knock(port)
                stage.wait_hanging()
                still_serves(server)
                server.wait_log("Could not open the firewall: .*did not finish within "
                                f"{LIMIT} s and was killed", after=mark, timeout=LIMIT + 10)
                wait_for("no rule", lambda: not stage.ports(), 15)
                expect(not started(server.pid), "the program is still there")
            with lab.case(f"{mode}: the next knock opens, once"):
                stage.knock(port, 3)
                lab.wait_rule(server, f"tcp/{port}")
                stage.expect_ports(str(port))
                wait_for("its end", lambda: not stage.ports(), 10)
        with lab.case("knocks that wait for it are granted afterwards, once"):
            stage.mode("hang")
            stage.knock(7323)
            stage.wait_hanging()
            for port in (7324, 7325, 7324):
                stage.knock(port)
            lab.wait_rule(server, "tcp/7325", timeout=LIMIT + 10)
            wait_for("both", lambda: stage.ports() == ["7324", "7325"], 5)
        with lab.case("the end comes in time although it hangs"):
            stage.mode("hang")
            stage.knock(7326)
            stage.wait_hanging()
            seconds = server.stop(timeout=15)
            expect(seconds < 10, f"took {seconds:.1f} s")
            expect(not any("FWKNOP" in line for line in firewall.saved(lab.net.gateway)),
                   "something is left")


def started(pid: int) -> List[str]:
    """What a daemon's helper, its only child, has started."""
    helper, = children(pid)
    return children(int(helper))


def children(pid: int) -> List[str]:
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return file.read().split()


def memory(pid: int) -> int:
    """The most that it ever held, in KiB."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))


def floods(lab: Lab) -> None:
    """It prints 80 MB: neither the memory nor the log takes more than a little of it."""
    stage = Stage(lab, listing=True)
    with stage.serve() as server:
        before = memory(server.pid)
        with lab.case("opening"):
            stage.mode("flood")
            stage.knock(7331)
            server.wait_log("Could not open the firewall: .*exit status 1", timeout=30)
            longest = max(len(line) for line in server.lines())
            expect(longest < 1500, f"a line of {longest} characters")
            still_serves(server)
            stage.expect_ports()
        with lab.case("memory"):
            # Listings are kept up to 32 MiB, which a host with 100,000 rules needs.
            grown = memory(server.pid) - before
            expect(grown < 100 * 1024, f"grew by {grown} KiB")
        with lab.case("the next knock opens, once"):
            stage.mode("work")
            stage.knock(7331)
            lab.wait_rule(server, "tcp/7331")
            stage.expect_ports("7331")


def vanishes(lab: Lab) -> None:
    """It is uninstalled while the daemon runs, and comes back."""
    stage = Stage(lab)
    program = os.path.join(stage.directory, "iptables-restore")
    with stage.serve() as server:
        stage.knock(7341, 3)
        lab.wait_rule(server, "tcp/7341")
        os.rename(program, program + ".gone")
        with lab.case("a knock opens nothing and the log says which program"):
            stage.knock(7342)
            server.wait_log("Could not open the firewall: .*iptables-restore: cannot be started: No such file")
            still_serves(server)
        with lab.case("the close is tried again and done when it is back"):
            server.wait_log("trying again in .*cannot be started")
            os.rename(program + ".gone", program)
            wait_for("the close", lambda: not stage.ports(), 15)
        with lab.case("the next knock opens, once"):
            stage.knock(7342)
            lab.wait_rule(server, "tcp/7342")
            stage.expect_ports("7342")


def cannot_list(lab: Lab) -> None:
    """Only listing fails, which a repair needs: the grant is refused, and the next is good."""
    stage = Stage(lab, changing=False, listing=True)
    with stage.serve() as server:
        lab.fence(server, KEYS, 7351)
        lab.net.gateway.run("iptables-nft", "-D", "INPUT", "-j", "FWKNOP_INPUT")
        with lab.case("a knock that needs a repair is refused"):
            stage.mode("fail")
            stage.knock(7352)
            server.wait_log("Could not open the firewall: .*iptables-save: exit status 4.*out to lunch")
        with lab.case("the next knock opens, once, with one jump"):
            stage.mode("work")
            stage.knock(7352)
            lab.wait_rule(server, "tcp/7352")
            stage.expect_ports("7351", "7352")
            jumps = [line for line in lab.net.gateway.run("iptables-nft", "-S", "INPUT")
                     .splitlines() if line.endswith("-j FWKNOP_INPUT")]
            expect(len(jumps) == 1, str(jumps))
        with lab.case("the log has a line or two for each trouble, not a storm"):
            troubles = [line for line in server.lines() if "out to lunch" in line]
            expect(len(troubles) <= 4, "\n".join(troubles))


if __name__ == "__main__":
    sys.exit(main([fails, claims_to_fail, hangs, floods, vanishes, cannot_list]))
