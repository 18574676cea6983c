#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Commands that packets ask for, and command cycles: what really ran, as whom, and when."""

import contextlib
import grp
import os
import pwd
import signal
import sys
import time
from typing import Dict, Iterator, List

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from harness.failure import expect, wait_for
from harness.namespaces import Network
from harness.programs import Keys, Server, require_tools, stanza
from harness.scenario import Lab, main
from harness.traffic import send_udp

KEYS = Keys()
NOBODY = pwd.getpwnam("nobody")
GAMES = grp.getgrnam("games")


class Tool:
    """Scripts that note what they got, in a directory that everybody may write to."""

    def __init__(self, lab: Lab):
        os.chmod(lab.root, 0o755)
        self.directory = os.path.join(lab.root, "tool")
        os.mkdir(self.directory)
        os.chmod(self.directory, 0o777)
        self.notes = os.path.join(self.directory, "notes")
        self.show = self.script(
            "show", f"""{{ id -u; id -g; id -G; pwd; tr '\\0' ' ' < /proc/$$/environ; echo
for word; do echo "<$word>"; done; }} > {self.notes}.tmp
mv {self.notes}.tmp {self.notes}""")
        # One line for each run, written at once.
        self.log = self.script("log", f'echo "$*" >> {self.notes}')

    def script(self, name: str, body: str) -> str:
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\n{body}\n")
        os.chmod(path, 0o755)
        return path

    def path(self, name: str) -> str:
        return os.path.join(self.directory, name)

    def lines(self) -> List[str]:
        with contextlib.suppress(FileNotFoundError), open(self.notes, encoding="ascii") as file:
            return file.read().splitlines()
        return []

    def wait_lines(self, count: int, timeout: float = 10.0) -> List[str]:
        wait_for(f"{count} lines of the tool, of which there are {self.lines()}",
                 lambda: len(self.lines()) >= count, timeout)
        return self.lines()

    def shown(self) -> Dict[str, object]:
        """What `show` noted, once, and forgets it."""
        wait_for("the tool's notes", lambda: os.path.exists(self.notes))
        user, group, groups, directory, environment, *words = self.lines()
        os.unlink(self.notes)
        return {"user": int(user), "group": int(group),
                "groups": sorted(int(each) for each in groups.split()), "directory": directory,
                "environment": environment.split(), "words": words}


def command(lab: Lab, line: str) -> None:
    lab.client.run(KEYS, "-C", line, "-a", Network.client4,
                   destination=Network.gateway4).succeeded()


def finished(server: Server, mark: int, first: int = 0, second: int = 0) -> None:
    server.wait_log(rf"CMD_EXEC: command returned {first}, pid_status: {second}$", after=mark)


def check(shown: Dict[str, object], **expected: object) -> None:
    for name, value in expected.items():
        expect(shown[name] == value, f"{name} is {shown[name]}, not {value}")


def command_exec(lab: Lab) -> None:
    """ENABLE_CMD_EXEC: the words, and whom the command runs as."""
    tool = Tool(lab)
    groups_of = {name: sorted(set(os.getgrouplist(name, pwd.getpwnam(name).pw_gid)))
                 for name in ("root", "nobody")}
    rows = [
        ("the daemon's own account", {}, "", 0, 0, groups_of["root"]),
        ("CMD_EXEC_USER", {"CMD_EXEC_USER": "nobody"},
         rf" setuid/setgid user/group to nobody/{grp.getgrgid(NOBODY.pw_gid).gr_name} "
         rf"\(UID={NOBODY.pw_uid},GID={NOBODY.pw_gid}\)",
         NOBODY.pw_uid, NOBODY.pw_gid, groups_of["nobody"]),
        ("CMD_EXEC_USER and CMD_EXEC_GROUP",
         {"CMD_EXEC_USER": "nobody", "CMD_EXEC_GROUP": "games"},
         rf" setuid/setgid user/group to nobody/games \(UID={NOBODY.pw_uid},GID={GAMES.gr_gid}\)",
         NOBODY.pw_uid, GAMES.gr_gid, [GAMES.gr_gid]),
        ("CMD_EXEC_GROUP", {"CMD_EXEC_GROUP": "games"},
         rf" setuid/setgid user/group to root/games \(UID=0,GID={GAMES.gr_gid}\)",
         0, GAMES.gr_gid, sorted({GAMES.gr_gid, *os.getgrouplist("root", GAMES.gr_gid)})),
    ]
    # A group that the daemon happens to have must not be inherited.
    os.setgroups([*os.getgroups(), grp.getgrnam("sys").gr_gid])
    for name, directives, tail, user, group, groups in rows:
        with lab.case(name), lab.serve(stanza(KEYS, ENABLE_CMD_EXEC="Y", **directives)) as server:
            line = f"{tool.show} one 'two  2' $HOME"
            mark = server.mark()
            command(lab, line)
            shown = tool.shown()
            check(shown, user=user, group=group, groups=groups, directory="/",
                  words=["<one>", "<two  2>", "<$HOME>"])
            for each in shown["environment"]:  # type: ignore[attr-defined]
                expect(each.split("=")[0] in ("PATH", "LC_ALL", "PWD"), f"environment has {each}")
            finished(server, mark)
            server.wait_log(rf"^\[{Network.client4}\] \(stanza #1\) Processing SPA Command "
                            rf"message: command='{tool.show} one 'two  2' \$HOME'\.$", after=mark)
            server.wait_log(rf"Running command '{tool.show} one two  2 \$HOME'{tail}$", after=mark)


def command_ends(lab: Lab) -> None:
    """How commands end, and what they print."""
    tool = Tool(lab)
    with lab.serve(stanza(KEYS, ENABLE_CMD_EXEC="Y"), config={"CMD_EXEC_TIMEOUT": 1}) as server:
        rows = [
            ("an exit status", tool.script("three", "exit 3"), 0, 3),
            ("a signal", tool.script("killed", "kill -9 $$"), 16, 9),
            ("no such file", "/nonexistent/x", 0, 255),
            ("no such program", "nonexistent-x y", 0, 255),
            ("a program of the path", "true", 0, 0),
        ]
        for name, line, first, second in rows:
            with lab.case(name):
                mark = server.mark()
                command(lab, line)
                finished(server, mark, first, second)
        with lab.case("no descriptor is inherited"):
            mark = server.mark()
            command(lab, "ls /proc/self/fd")
            finished(server, mark)
            # The last one is the directory that ls reads.
            expect("CMD_EXEC: output: 0\\x0a1\\x0a2\\x0a3\\x0a\n" in server.log()[mark:],
                   server.log()[mark:])
        with lab.case("megabytes of output are bounded"):
            mark = server.mark()
            command(lab, tool.script("loud", "echo begins; yes | head -c 3000000; echo >&2 bad"))
            finished(server, mark)
            text = server.log()[mark:]
            expect("CMD_EXEC: output: begins\\x0a" in text, "the output is not there")
            expect("CMD_EXEC: error output: bad\\x0a" in text, "the errors are not there")
            expect(len(text) < 30000, f"{len(text)} characters of log")
        with lab.case("a line feed in a command makes no line of the log"):
            mark = server.mark()
            command(lab, "/bin/true 'x\n[10.0.0.1] forged'")
            finished(server, mark)
            expect(not any(each.startswith("[10.0.0.1]") for each in server.lines()), "it does")
        with lab.case("a quote that is not closed is refused"):
            mark = server.mark()
            command(lab, f"{tool.log} 'x")
            server.wait_log("Error parsing SPA message string: the command has a quote", after=mark)
        with lab.case("what hangs is killed with its children, and others are served meanwhile"):
            mark = server.mark()
            pids = tool.path("pids")
            command(lab, tool.script("hang", f"sleep 100 & echo $$ $! > {pids}.tmp; "
                                             f"mv {pids}.tmp {pids}; wait"))
            wait_for("it to start", lambda: os.path.exists(pids))
            lab.fence(server, KEYS, 6000)
            expect("command returned" not in server.log()[mark:], "it did not hang")
            finished(server, mark, 16, 9)
            server.wait_log("did not finish within 1 s and was killed", after=mark)
            with open(pids, encoding="ascii") as file:
                for pid in file.read().split():
                    wait_for(f"the end of {pid}", lambda pid=pid: gone(pid), 5)
        with lab.case("a replay runs nothing"):
            lab.client.run(KEYS, "-T", "-B", tool.path("packet"), "-C", f"{tool.log} x", "-a",
                           Network.client4, destination=Network.gateway4).succeeded()
            with open(tool.path("packet"), "rb") as file:
                packet = file.read().strip()
            mark = server.mark()
            send_udp(lab.net.client, Network.gateway4, packet, times=2)
            finished(server, mark)
            server.wait_log("Replay detected from source IP", after=mark)
            expect(tool.lines() == ["x"], f"ran: {tool.lines()}")
        with lab.case("nothing was opened but the fence"):
            expect([rule.port for rule in lab.rules()] == ["6000"], "rules are left")


def gone(pid: str) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return ") Z " in file.read()
    except (FileNotFoundError, ProcessLookupError):
        return True


def command_refused(lab: Lab) -> None:
    """Commands run only where they are enabled, and never with --test."""
    tool = Tool(lab)
    not_allowed = r"SPA Command messages are not allowed in the current configuration\.$"
    cycle = {"CMD_CYCLE_OPEN": "/bin/true", "CMD_CYCLE_CLOSE": "NONE", "ENABLE_CMD_EXEC": "Y"}
    for name, directives in (("not enabled", {}), ("only sudo", {"ENABLE_CMD_SUDO_EXEC": "Y"}),
                             ("a cycle", cycle)):
        with lab.case(name), lab.serve(stanza(KEYS, **directives)) as server:
            command(lab, f"{tool.log} {name}")
            server.wait_log(not_allowed)
    with lab.case("--test"), \
            lab.serve(stanza(KEYS, ENABLE_CMD_EXEC="Y"), arguments=["--test"]) as server:
        command(lab, f"{tool.log} test")
        server.wait_log(r"--test mode enabled, skipping command execution\.$")
    cycle = {"CMD_CYCLE_OPEN": f"{tool.log} open", "CMD_CYCLE_CLOSE": f"{tool.log} close",
             "CMD_CYCLE_TIMER": 1}
    with lab.case("--test of a cycle"), \
            lab.serve(stanza(KEYS, **cycle), arguments=["--test"]) as server:
        lab.client.knock(KEYS, "tcp/22")
        server.wait_log(r"--test mode enabled, skipping command execution\.$")
    with lab.case("nothing ran"):
        expect(not tool.lines(), f"ran: {tool.lines()}")


def command_limit(lab: Lab) -> None:
    """So many commands at once and no more; the end kills what still runs."""
    tool = Tool(lab)
    wait = tool.script("wait", f"echo $$ >> {tool.notes}; exec sleep 100")
    server = lab.serve(stanza(KEYS, ENABLE_CMD_EXEC="Y"))
    with server:
        for _ in range(17):
            command(lab, wait)
        with lab.case("the seventeenth is refused"):
            server.wait_log("CMD_EXEC: command refused, because 16 commands still run")
            expect(len(tool.wait_lines(16)) == 16, f"ran: {tool.lines()}")
        with lab.case("a knock is served all the same"):
            lab.fence(server, KEYS, 6000)
        with lab.case("the end comes in time, and takes them with it"):
            seconds = server.stop()
            expect(seconds < 10, f"took {seconds:.1f} s")
            for pid in tool.lines():
                expect(gone(pid), f"{pid} still runs")


def command_sudo(lab: Lab) -> None:
    """ENABLE_CMD_SUDO_EXEC, with a stand-in for sudo and with sudo."""
    require_tools("sudo")
    tool = Tool(lab)
    sudo = {"ENABLE_CMD_EXEC": "Y", "ENABLE_CMD_SUDO_EXEC": "Y"}
    rows = [
        ("nobody named", {}, "id -u"),
        ("a user", {"CMD_SUDO_EXEC_USER": "nobody"}, "-u nobody id -u"),
        ("a group", {"CMD_SUDO_EXEC_GROUP": "games"}, "-g games id -u"),
        ("both", {"CMD_SUDO_EXEC_USER": "nobody", "CMD_SUDO_EXEC_GROUP": "games"},
         "-u nobody -g games id -u"),
        ("root", {"CMD_SUDO_EXEC_USER": "root", "CMD_SUDO_EXEC_GROUP": "root"}, "id -u"),
    ]
    for name, directives, words in rows:
        with lab.case(f"SUDO_EXE gets its words: {name}"), \
                lab.serve(stanza(KEYS, **sudo, **directives),
                          config={"SUDO_EXE": tool.log}) as server:
            command(lab, "id -u")
            expect(tool.wait_lines(1) == [words], f"{tool.lines()}")
            os.unlink(tool.notes)
            server.wait_log(rf"Running command '{tool.log} {words}'$")
    with lab.case("an option for sudo itself is refused"), \
            lab.serve(stanza(KEYS, CMD_SUDO_EXEC_USER="nobody", **sudo),
                      config={"SUDO_EXE": tool.log}) as server:
        command(lab, "-u root id")
        server.wait_log("the command begins with what sudo takes for itself")
        expect(not tool.lines(), f"ran: {tool.lines()}")
    with lab.case("sudo itself"), \
            lab.serve(stanza(KEYS, CMD_SUDO_EXEC_USER="nobody", CMD_SUDO_EXEC_GROUP="games",
                             **sudo)) as server:
        mark = server.mark()
        command(lab, f"{tool.show} x")
        check(tool.shown(), user=NOBODY.pw_uid, group=GAMES.gr_gid, words=["<x>"])
        finished(server, mark)


def cycle_values(lab: Lab) -> None:
    """The values that commands get, one run for each port, and no firewall."""
    tool = Tool(lab)
    names = ["IP", "SRC", "PKT_SRC", "DST", "PROTO", "PORT", "CLIENT_TIMEOUT", "TIMEOUT",
             "DST_PORT", "USER", "STANZA", "PORTS", "HOME"]
    cycle = {"CMD_CYCLE_OPEN": f"{tool.log} 'open  q' " + " ".join("$" + name for name in names),
             "CMD_CYCLE_CLOSE": f"{tool.log} close $PROTO/$PORT", "CMD_CYCLE_TIMER": 1}
    with lab.serve(stanza(KEYS, **cycle)) as server:
        server.wait_log(r"CMD_CYCLE_OPEN: \$HOME is no variable of command cycles")
        knock = lab.client.knock(KEYS, "tcp/22,udp/53", allow=Network.other4, rc="SPOOF_USER amy\n")
        lines = tool.wait_lines(2)
        with lab.case("every variable"):
            words = lines[0].split(" ")
            expires = int(words[10])
            expect(knock.before - 1 <= expires - 1 <= knock.after + 1, f"$TIMEOUT is {expires}")
            expect(words == ["open", "", "q", Network.other4, Network.other4, Network.client4,
                             Network.gateway4, "6", "22", "1", str(expires), "62201", "amy", "1",
                             "22S", "$HOME"], f"got {words}")
        with lab.case("one run for each port"):
            expect(lines[1].split(" ")[7:9] == ["17", "53"], f"got {lines}")
        with lab.case("closed in time, in order"):
            expect(tool.wait_lines(4)[2:] == ["close 6/22", "close 17/53"], f"{tool.lines()}")
            expect(time.time() >= knock.before + 1, "too early")
        with lab.case("the lines that filters know"):
            head = r"^\[{}\] \(stanza #1\) "
            server.wait_log(head.format(Network.client4)
                            + rf"Running CMD_CYCLE_OPEN command: {tool.log} open  q ")
            server.wait_log(head.format(Network.client4) + "Running CMD_CYCLE_CLOSE command in 1 "
                            rf"seconds: {tool.log} close 6/22$")
            server.wait_log(head.format(Network.other4) + "Timer expired, running CMD_CYCLE_CLOSE "
                            rf"command: {tool.log} close 17/53$")
        with lab.case("no packet filter is touched"):
            listing = lab.net.gateway.run("iptables-save")
            expect("FWKNOP" not in str(listing), "there are chains of ours")


def cycle_closes(lab: Lab) -> None:
    """When close commands run: the client's time, NONE, failures, the end of the daemon."""
    tool = Tool(lab)

    @contextlib.contextmanager
    def serve(open_command: str, close_command: str, **more: object) -> Iterator[Server]:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(tool.notes)
        with lab.serve(stanza(KEYS, CMD_CYCLE_OPEN=open_command, CMD_CYCLE_CLOSE=close_command,
                              **more), config={"CMD_EXEC_TIMEOUT": 1}) as server:
            yield server

    opening, closing = f"{tool.log} open $PORT", f"{tool.log} close $PORT"
    with lab.case("the client's time, and the end runs what is pending"), \
            serve(opening, closing, CMD_CYCLE_TIMER=100) as server:
        lab.client.knock(KEYS, "tcp/22", "-f", "1")
        lab.client.knock(KEYS, "tcp/23")
        expect(tool.wait_lines(3) == ["open 22", "open 23", "close 22"], f"{tool.lines()}")
        server.stop()
        expect(tool.lines()[3:] == ["close 23"], f"{tool.lines()}")
    with lab.case("NONE closes nothing"), serve(opening, "NONE") as server:
        lab.client.knock(KEYS, "tcp/22")
        tool.wait_lines(1)
        server.stop()
        expect(tool.lines() == ["open 22"], f"{tool.lines()}")
        expect("CMD_CYCLE_CLOSE command" not in server.log(), "the log has a close command")
    with lab.case("a failed open is told, and closed"), \
            serve("/bin/false", closing, CMD_CYCLE_TIMER=1) as server:
        lab.client.knock(KEYS, "tcp/22")
        server.wait_log(r"CMD_CYCLE_OPEN command failed: /bin/false: exit status 1$")
        expect(tool.wait_lines(1) == ["close 22"], f"{tool.lines()}")
    slow = tool.script("slow", f"sleep 100; echo never >> {tool.notes}")
    with lab.case("a close waits for an open that hangs, a packet does not"), \
            serve(f"{slow} $PORT", closing, CMD_CYCLE_TIMER=1) as server:
        lab.client.knock(KEYS, "tcp/22")
        lab.client.knock(KEYS, "tcp/23")
        server.wait_log(r"CMD_CYCLE_OPEN command failed: .* did not finish within 1 s")
        expect(sorted(tool.wait_lines(2)) == ["close 22", "close 23"], f"{tool.lines()}")
    with lab.case("SIGTERM while an open hangs: closed all the same, in time"):
        server = lab.serve(stanza(KEYS, CMD_CYCLE_OPEN=slow, CMD_CYCLE_CLOSE=f"{tool.log} last",
                                  CMD_CYCLE_TIMER=100))
        with server:
            lab.client.knock(KEYS, "tcp/22")
            server.wait_log("Running CMD_CYCLE_OPEN command")
            seconds = server.stop(signal.SIGTERM)
            expect(seconds < 9, f"took {seconds:.1f} s")
            expect("last" in tool.lines(), f"{tool.lines()}")
    with lab.case("the port lists count"), \
            serve(opening, "NONE", OPEN_PORTS="tcp/22,tcp/23", RESTRICT_PORTS="tcp/23") as server:
        for port in (23, 24):
            mark = server.mark()
            lab.client.knock(KEYS, f"tcp/{port}")
            server.wait_log("requested protocol/ports was denied per access.conf", after=mark)
        lab.client.knock(KEYS, "tcp/22")
        expect(tool.wait_lines(1) == ["open 22"], f"{tool.lines()}")


if __name__ == "__main__":
    sys.exit(main([command_exec, command_ends, command_refused, command_limit, command_sudo,
                   cycle_values, cycle_closes]))
