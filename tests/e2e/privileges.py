#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Started as root: what is left of root's powers in the daemon and in its helper, and that all
works with it."""

import contextlib
import os
import pwd
import re
import shutil
import signal
import sys
import time
from typing import Dict, List, Sequence

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from harness.backends import BACKENDS, Backend
from harness.failure import expect, wait_for
from harness.namespaces import Network
from harness.processes import run
from harness.programs import Keys, Server, stanza
from harness.scenario import Lab, main
from harness.traffic import echo_service, reachable

KEYS = Keys()
PORT = 22
USER = pwd.getpwnam("nobody")
OTHER = pwd.getpwnam("games")

# linux/capability.h
SETGID, SETUID, KILL, NET_ADMIN, NET_RAW = 6, 7, 5, 12, 13


def bits(*numbers: int) -> int:
    return sum(1 << number for number in numbers)


def status(pid: int) -> Dict[str, str]:
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def helper_of(server: Server) -> int:
    with open(f"/proc/{server.pid}/task/{server.pid}/children", encoding="ascii") as file:
        helper, = file.read().split()
    expect(status(int(helper))["Name"] == "fwknopd-helper", "the child is another one")
    return int(helper)


def expect_limits(pid: int, user: pwd.struct_passwd, *, powers: int, bounds: int, ambient: int = 0,
                  bound_to_gain: bool = True) -> Dict[str, str]:
    """Neither more nor less than that."""
    now = status(pid)
    ids = "\t".join([str(user.pw_uid)] * 4), "\t".join([str(user.pw_gid)] * 4)
    expect((now["Uid"], now["Gid"]) == ids, f"is {now['Uid']} {now['Gid']}")
    for field, wanted in (("CapPrm", powers), ("CapEff", powers), ("CapBnd", bounds),
                          ("CapAmb", ambient)):
        expect(int(now[field], 16) == wanted, f"{field} is {now[field]}, not {wanted:016x}")
    if user.pw_uid != 0:
        groups = os.getgrouplist(user.pw_name, user.pw_gid)
        expect(sorted(map(int, now["Groups"].split())) == sorted(groups), now["Groups"])
    expect(now["NoNewPrivs"] == str(int(bound_to_gain)), f"NoNewPrivs {now['NoNewPrivs']}")
    return now


class Stage:
    """A daemon whose files, as in an installation, may be read by the account it becomes."""

    def __init__(self, lab: Lab):
        self.lab = lab
        self.public = os.path.join(lab.root, "public")
        os.makedirs(self.public)
        for directory in (lab.root, self.public):
            os.chmod(directory, 0o755)
        self.program = shutil.copy(lab.programs.path(lab.server_kind, server=True), self.public)
        os.chmod(self.program, 0o755)

    def serve(self, access: str, config: Dict[str, str], *, give: bool = True,
              wrapper: Sequence[str] = (), **options: object) -> Server:
        give_away = f'chown {USER.pw_uid}:{USER.pw_gid} "$(dirname "$4")" "$4" "$6"; exec "$@"'
        return Server(self.program, access, root=self.lab.root, namespace=self.lab.net.gateway,
                      config={"FWKNOP_USER": USER.pw_name, **config},
                      wrapper=["sh", "-c", give_away, "sh"] if give else wrapper, **options)


def is_sanitized(program: str) -> bool:
    """Its search for leaks needs what is otherwise forbidden."""
    with open(program, "rb") as file:
        return b"__asan_init" in file.read()


def can_write_into(lab: Lab, pid: int) -> bool:
    """Whether a process of root's with the daemon's two powers can open its memory for writing."""
    powers = "-all,+net_admin,+net_raw"
    done = run(["setpriv", "--bounding-set", powers, "--inh-caps", "-all", "python3", "-c",
                f"open('/proc/{pid}/mem', 'r+b')"], home=lab.root)
    expect(done.code == 0 or "PermissionError" in done.err, done.err)
    return done.code == 0


def knock(lab: Lab, where: str = Network.gateway4) -> None:
    net = lab.net
    expect(not reachable(net.client, where, PORT), "it is open before")
    lab.client.knock(KEYS, f"tcp/{PORT}", destination=where)
    wait_for("the port to open", lambda: reachable(net.client, where, PORT), 5)


def closes(lab: Lab) -> None:
    wait_for("the port to close", lambda: not reachable(lab.net.client, Network.gateway4, PORT), 8)


def account(lab: Lab) -> None:
    """FWKNOP_USER, with each packet filter: limits, grants, reload, restart, and nothing left."""
    stage = Stage(lab)
    for backend in BACKENDS:
        as_account(lab, stage, backend)


def as_account(lab: Lab, stage: Stage, backend: Backend) -> None:
    net = lab.net
    backend.close_host(net)
    access = stanza(KEYS, FW_ACCESS_TIMEOUT=3)
    powers = bits(NET_ADMIN, NET_RAW)
    config = backend.config([f"tcp/{PORT}"])
    with echo_service(net.gateway, PORT):
        with stage.serve(access, config) as server:
            server.wait_log("Sandbox: on, user nobody, capabilities net_admin net_raw")
            with lab.case(f"{backend.name}: the daemon and its helper have two powers"):
                helper = helper_of(server)
                now = expect_limits(server.pid, USER, powers=powers, bounds=powers)
                expect(now["Seccomp"] == "2", f"Seccomp {now['Seccomp']}")
                expect(now["Threads"] == "1", f"{now['Threads']} threads")
                expect_limits(helper, USER, powers=powers, bounds=powers, ambient=powers)
            with lab.case(f"{backend.name}: opens and closes"):
                knock(lab)
                closes(lab)
            with lab.case(f"{backend.name}: its files are its account's"):
                for name in ("fwknopd.pid", "fwknopd.lock", "digest.cache"):
                    found = os.stat(os.path.join(server.run_directory, name))
                    expect((found.st_uid, found.st_mode & 0o777) == (USER.pw_uid, 0o600),
                           f"{name}: {found}")
            with lab.case(f"{backend.name}: reads its configuration again"):
                mark = server.mark()
                server.send(signal.SIGHUP)
                server.wait_log("The new configuration is in force", after=mark)
                knock(lab)
                closes(lab)
            server.stop()
        with lab.case(f"{backend.name}: leaves nothing, no process either"):
            expect(not backend.ours(net.gateway), f"{backend.ours(net.gateway)}")
            expect(not os.path.exists(f"/proc/{helper}"), "the helper is still there")
            expect(not os.path.exists(os.path.join(server.run_directory, "fwknopd.pid")), "pid")
        with lab.case(f"{backend.name}: starts again where it has run as root before"):
            os.chown(server.replay_file, 0, 0)
            with stage.serve(access, config, run_directory=server.run_directory) as again:
                expect("should be owned" not in again.log(), again.log())
                expect("cannot read" not in again.log(), again.log())
                knock(lab)
                closes(lab)


def root(lab: Lab) -> None:
    """Without FWKNOP_USER it stays root, and gives up what it does not need."""
    backend = BACKENDS[0]
    backend.close_host(lab.net)
    powers = bits(NET_ADMIN, NET_RAW)
    with echo_service(lab.net.gateway, PORT), \
            lab.serve(stanza(KEYS, FW_ACCESS_TIMEOUT=3),
                      config=backend.config([f"tcp/{PORT}"])) as server:
        server.wait_log("Sandbox: on, user root, capabilities net_admin net_raw")
        with lab.case("the daemon and its helper have two powers"):
            zero = pwd.getpwuid(0)
            now = expect_limits(server.pid, zero, powers=powers, bounds=powers)
            expect(now["Seccomp"] == "2", f"Seccomp {now['Seccomp']}")
            expect_limits(helper_of(server), zero, powers=powers, bounds=powers)
        if not is_sanitized(lab.programs.path(lab.server_kind, server=True)):
            with lab.case("who has the same powers cannot write into either"):
                for pid in (server.pid, helper_of(server)):
                    expect(not can_write_into(lab, pid), f"{pid} can be written into")
        with lab.case("opens and closes"):
            knock(lab)
            closes(lab)


def no_sandbox(lab: Lab) -> None:
    """SANDBOX N: no filter of system calls, and the log says so."""
    with lab.serve(stanza(KEYS), config={"SANDBOX": "N"}) as server:
        server.wait_log(r"Sandbox: off \(SANDBOX N\)")
        with lab.case("no filter, but no more powers either"):
            now = status(server.pid)
            expect(now["Seccomp"] == "0" and now["NoNewPrivs"] == "1", f"{now}")
            expect(int(now["CapEff"], 16) == bits(NET_ADMIN, NET_RAW), now["CapEff"])
        with lab.case("it cannot be turned on while it runs"):
            mark = server.mark()
            with open(server.config, "a", encoding="ascii") as file:
                file.write("SANDBOX Y;\n")
            server.send(signal.SIGHUP)
            server.wait_log("SANDBOX cannot change while fwknopd runs", after=mark)


def commands(lab: Lab) -> None:
    """A command runs as CMD_EXEC_USER, and another account is not to be had by a reload."""
    stage = Stage(lab)
    notes = os.path.join(stage.public, "notes")
    os.makedirs(notes)
    os.chmod(notes, 0o777)

    script = os.path.join(stage.public, "show")
    with open(script, "w", encoding="ascii") as file:
        file.write("grep -E '^(Uid|Gid|Cap[A-Z]..|NoNewPrivs|Seccomp):' /proc/self/status > $1.new\n"
                   "mv $1.new $1\n")
    os.chmod(script, 0o644)

    def access(user: str) -> str:
        return stanza(KEYS, ENABLE_CMD_EXEC="Y", CMD_EXEC_USER=user)

    def ran(name: str) -> List[str]:
        path = os.path.join(notes, name)
        lab.client.run(KEYS, "-C", f"/bin/sh {script} {path}", "-a", Network.client4,
                       destination=Network.gateway4).succeeded()
        wait_for("the command's notes", lambda: os.path.exists(path))
        with open(path, encoding="ascii") as file:
            return file.read().splitlines()

    powers = bits(NET_ADMIN, NET_RAW)
    more = powers | bits(SETUID, SETGID, KILL)
    with stage.serve(access(OTHER.pw_name), {"FIREWALL_BACKEND": "iptables"}) as server:
        with lab.case("the daemon has no more powers than without commands, the helper three"):
            expect_limits(server.pid, USER, powers=powers, bounds=powers)
            expect_limits(helper_of(server), USER, powers=more, bounds=more, ambient=powers)
        with lab.case("the command runs as its user, without any power"):
            said = dict(line.split(":\t", 1) for line in ran("one"))
            expect(said["Uid"].split() == [str(OTHER.pw_uid)] * 4, said["Uid"])
            expect(said["Gid"].split() == [str(OTHER.pw_gid)] * 4, said["Gid"])
            for field in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                expect(int(said[field], 16) == 0, f"{field} {said[field]}")
            expect(said["NoNewPrivs"] == "1" and said["Seccomp"] == "0", f"{said}")
        for name, text, words in (
                ("another account", access("root"), "the first command that runs as root/root"),
                ("sudo", access(OTHER.pw_name).rstrip() + "\nENABLE_CMD_SUDO_EXEC Y\n",
                 "the first ENABLE_CMD_SUDO_EXEC needs a restart")):
            with lab.case(f"a reload that asks for {name} is refused"):
                mark = server.mark()
                with open(server.access, "w", encoding="ascii") as file:
                    file.write(text)
                server.send(signal.SIGHUP)
                server.wait_log(words, after=mark)
                server.wait_log("The configuration of before stays in force", after=mark)
    with lab.case("a command without a user runs as FWKNOP_USER, without any power"):
        with stage.serve(stanza(KEYS, ENABLE_CMD_EXEC="Y"), {"FIREWALL_BACKEND": "iptables"}):
            said = dict(line.split(":\t", 1) for line in ran("two"))
            expect(said["Uid"].split() == [str(USER.pw_uid)] * 4, said["Uid"])
            for field in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                expect(int(said[field], 16) == 0, f"{field} {said[field]}")
    with lab.case("a command that runs as root has all that root has"):
        with stage.serve(access("root"), {"FIREWALL_BACKEND": "iptables"}) as server:
            said = dict(line.split(":\t", 1) for line in ran("three"))
            expect(said["Uid"].split() == ["0"] * 4, said["Uid"])
            expect(said["CapEff"] == status(os.getpid())["CapBnd"], said["CapEff"])
            expect(said["NoNewPrivs"] == "0", "it could not use sudo")
            expect_limits(helper_of(server), USER, powers=more,
                          bounds=int(status(os.getpid())["CapBnd"], 16), ambient=powers,
                          bound_to_gain=False)


def unreadable(lab: Lab) -> None:
    """What the account cannot read is told at the start, and what it must write ends it."""
    stage = Stage(lab)
    with lab.case("files that a reload could not read"):
        own = os.path.join(stage.public, "own")
        with stage.serve(stanza(KEYS), {}, give=False, run_directory=own) as server:
            expect(os.stat(own).st_uid == USER.pw_uid, "the run directory was not given away")
            for path in (server.config, server.access):
                server.wait_log(re.escape(f"nobody, who fwknopd runs as, cannot read '{path}' "
                                          "(Permission denied): a reload (SIGHUP) would be "))
            mark = server.mark()
            server.send(signal.SIGHUP)
            server.wait_log("The configuration of before stays in force", after=mark)
    with lab.case("a run directory that is not its own"):
        shared = os.path.join(stage.public, "shared")
        os.makedirs(shared)
        os.chmod(shared, 0o755)  # others go there, so it is not given away
        server = stage.serve(stanza(KEYS), {}, run_directory=shared, wait=False)
        expect(server.wait() == 1, "it started")
        expect(f"FWKNOP_USER nobody cannot write to '{shared}'" in server.log(), server.log())
        expect(os.stat(shared).st_uid == 0, "it was given away")
    with lab.case("a lock of iptables-legacy that it cannot open"):
        no_lock = ["unshare", "-m", "sh", "-c",
                   'mount -t tmpfs -o mode=755 none /run && exec "$@"', "sh"]
        legacy = {"FIREWALL_BACKEND": "iptables", "FIREWALL_EXE": "/usr/sbin/iptables-legacy"}
        server = stage.serve(stanza(KEYS), legacy, run_directory=os.path.join(stage.public, "lock"),
                             give=False, wrapper=no_lock, wait=False)
        expect(server.wait() == 1, "it started")
        expect("FWKNOP_USER nobody cannot open '/run/xtables.lock' (Permission denied), which "
               "iptables-legacy needs: " in server.log(), server.log())
    with lab.case("root, too, tells of a file that it could not read again"):
        with lab.serve(stanza(KEYS)) as server:
            os.chown(server.access, USER.pw_uid, USER.pw_gid)
            mark = server.mark()
            server.send(signal.SIGHUP)
            server.wait_log("The configuration of before stays in force", after=mark)
            server.wait_log(re.escape(f"root, who fwknopd runs as, cannot read '{server.access}' "
                                      "(Permission denied): "), after=mark)
            os.chown(server.access, 0, 0)
            mark = server.mark()
            server.send(signal.SIGHUP)
            server.wait_log("The new configuration is in force", after=mark)
    with lab.case("a second name of a file of root's"):
        private = os.path.join(stage.public, "private")
        os.makedirs(private, 0o700)
        secret = os.path.join(stage.public, "secret")
        with open(secret, "w", encoding="ascii") as file:
            file.write("# root's\n")
        os.chmod(secret, 0o600)
        os.link(secret, os.path.join(private, "digest.cache"))
        server = stage.serve(stanza(KEYS), {}, run_directory=private, wait=False)
        expect(server.wait() == 1, "it started")
        expect(os.stat(secret).st_uid == 0, "it was given away")


def lost_helper(lab: Lab) -> None:
    """A helper that is killed: the daemon says so and ends; the next start clears up."""
    for backend in BACKENDS:
        backend.close_host(lab.net)
        access = stanza(KEYS, FW_ACCESS_TIMEOUT=60)
        config = backend.config([f"tcp/{PORT}"])
        with echo_service(lab.net.gateway, PORT):
            server = lab.serve(access, config=config)
            with lab.case(f"{backend.name}: the daemon ends with a clear line"):
                knock(lab)
                os.kill(helper_of(server), signal.SIGKILL)
                code = server.wait()
                expect(code == 1, f"ended with {code}")
                for words in ("[*] The helper process, which runs programs for fwknopd, has ended",
                              "Lost the helper process. Exiting..."):
                    expect(words in server.log(), server.log())
            with lab.case(f"{backend.name}: the next start clears up"):
                with lab.serve(access, config=config, run_directory=server.run_directory):
                    expect(not reachable(lab.net.client, Network.gateway4, PORT), "still open")
            expect(not backend.ours(lab.net.gateway), f"{backend.ours(lab.net.gateway)}")


def cpu_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def hung_helper(lab: Lab) -> None:
    """A helper that does nothing any more keeps nobody waiting for ever, and does nothing late."""
    lab.net.hide()
    config = {"FIREWALL_BACKEND": "iptables"}
    with echo_service(lab.net.gateway, PORT):
        server = lab.serve(stanza(KEYS, FW_ACCESS_TIMEOUT=60), config=config)
        helper = helper_of(server)
        os.kill(helper, signal.SIGSTOP)
        try:
            lab.client.knock(KEYS, f"tcp/{PORT}", destination=Network.gateway4)
            with lab.case("nothing spins while it is waited for"):
                server.wait_log("Valid|Received SPA|SPA Packet|SPA packet")
                lab.net.gateway.run("iptables", "-w", "-A", "FWKNOP_INPUT", "-s", "198.51.100.9",
                                    "-m", "comment", "--comment", f"_exp_{int(time.time()) + 60}",
                                    "-j", "RETURN")
                before = cpu_seconds(server.pid)
                time.sleep(3)
                used = cpu_seconds(server.pid) - before
                expect(used < 0.3, f"{used} s of the processor in 3 s")
            with lab.case("the daemon ends with a clear line"):
                code = server.wait(60)
                expect(code == 1, f"ended with {code}")
                for words in ("the helper process does not answer",
                              "[*] The helper process, which runs programs for fwknopd, has ended or "
                              "hangs.", "Lost the helper process. Exiting..."):
                    expect(words in server.log(), server.log())
        finally:
            os.kill(helper, signal.SIGCONT)
        with lab.case("what it was asked for meanwhile is not done late"):
            wait_for("the helper's end", lambda: not os.path.exists(f"/proc/{helper}")
                     or status(helper)["State"].startswith("Z"), 5)
            expect(not reachable(lab.net.client, Network.gateway4, PORT), "it was opened")
        with lab.case("the next start clears up"):
            lab.serve(stanza(KEYS), config=config, run_directory=server.run_directory).stop()


def lost_daemon(lab: Lab) -> None:
    """A daemon that is killed takes its helper with it, which lets what runs come to its end."""
    started = os.path.join(lab.root, "started")
    os.chmod(lab.root, 0o755)
    command = f'/bin/sh -c "echo $$ > {started}; sleep 1; echo done >> {started}"'
    server = lab.serve(stanza(KEYS, ENABLE_CMD_EXEC="Y"))
    helper = helper_of(server)
    lab.client.run(KEYS, "-C", command, "-a", Network.client4,
                   destination=Network.gateway4).succeeded()
    wait_for("the command", lambda: os.path.exists(started))
    server.kill()
    with lab.case("the lock is free at once"):
        lab.serve(stanza(KEYS), run_directory=server.run_directory).stop()

    def lines() -> List[str]:
        with open(started, encoding="ascii") as file:
            return file.read().split()
    with lab.case("what runs comes to its end, and the helper to its own"):
        wait_for("the command's end", lambda: "done" in lines(), 5)

        def gone() -> bool:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                return status(helper)["State"].startswith("Z")
            return True
        wait_for("the helper's end", gone, 5)


if __name__ == "__main__":
    sys.exit(main([account, root, no_sandbox, commands, unreadable, lost_helper, hung_helper,
                   lost_daemon]))
