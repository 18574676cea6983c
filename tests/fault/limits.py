#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Out of descriptors, and what only some daemons have: servers, commands, those they report to."""

import contextlib
import errno
import os
import pwd
import resource
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from faults import Faults
from harness import vitals
from harness.failure import expect, wait_for
from harness.listeners import Journal, Listener
from harness.namespaces import Network
from harness.programs import Keys, Server, stanza
from harness.scenario import Lab, main
from harness.traffic import connect, send_tcp, send_udp

KEYS = Keys()
ACCESS = stanza(KEYS, FW_ACCESS_TIMEOUT=60)
FAULTS = 200  # of one kind, for what must not spin


def limit_descriptors(server: Server, room: int) -> "tuple[int, int]":
    """So many more than there are now; gives back the limit of before."""
    used = max(map(int, vitals.descriptors(server.pid))) + 1
    before = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (used + room, before[1]))
    return before


def is_quiet(server: Server, what: str, allowed: float = 0.2) -> None:
    """Half a second of trouble costs little, whatever it is that goes wrong again and again."""
    before = vitals.own_cpu(server.pid)
    time.sleep(0.5)
    used = vitals.own_cpu(server.pid) - before
    expect(used < allowed, f"{what}: {used:.2f} s of CPU in half a second")


def descriptors(lab: Lab) -> None:
    """The kernel gives none any more: refused and told, and well again when it does."""
    for tool in ("iptables", "ip6tables"):
        lab.net.gateway.run(tool, "-A", "INPUT", "-p", "tcp", "--dport", "62201", "-j", "ACCEPT")
    with lab.serve(ACCESS, config={"ENABLE_TCP_SERVER": "Y"}) as server:
        lab.fence(server, KEYS, 7400)
        count = len(vitals.descriptors(server.pid))
        for room in (0, 1, 2, 4, 6):
            port = 7401 + 2 * room
            with lab.case(f"{room} are left: a knock, a reload and a stream do no harm"):
                before, mark = limit_descriptors(server, room), server.mark()
                lab.client.knock(KEYS, f"tcp/{port}")
                server.wait_log(rf"Could not open the firewall|Added access rule.* tcp/{port}",
                                after=mark)
                server.send(signal.SIGHUP)
                server.wait_log("stays in force|is in force", after=mark)
                made = connect(lab.net.client, Network.gateway4, 62201)
                is_quiet(server, "a stream that cannot be taken")
                expect(server.running(), server.log())
                resource.prlimit(server.pid, resource.RLIMIT_NOFILE, before)
                if made is not None:
                    made.close()
                lab.fence(server, KEYS, port + 1)
                wait_for("as many descriptors as before",
                         lambda: len(vitals.descriptors(server.pid)) == count, 5)
        with lab.case("the lines say what was lacking"):
            expect("Too many open files" in server.log(), server.log())
        with lab.case("streams are taken again"):
            send_tcp(lab.net.client, Network.gateway4, lab.client.packet(KEYS, "tcp/7450"))
            lab.wait_rule(server, "tcp/7450")


def servers(lab: Lab) -> None:
    """The sockets of the UDP and the TCP server fail, a while and for good."""
    for tool in ("iptables", "ip6tables"):
        for protocol in ("udp", "tcp"):
            lab.net.gateway.run(tool, "-A", "INPUT", "-p", protocol, "--dport", "62201", "-j",
                                "ACCEPT")
    faults = Faults(lab.root)
    udp, tcp = "socket:10:2:17", "socket:10:1:6"
    with lab.serve(ACCESS, arguments=["-U"], config={"ENABLE_TCP_SERVER": "Y"},
                   extra_environment=faults.environment) as server:
        lab.fence(server, KEYS, 7500)
        count = len(vitals.descriptors(server.pid))
        with lab.case(f"{FAULTS} datagrams that cannot be read"), \
                faults.failing("recvmsg", udp, error=errno.ENOMEM, times=FAULTS) as fault:
            before = vitals.own_cpu(server.pid)
            send_udp(lab.net.client, Network.gateway4, b"x" * 200, times=FAULTS)
            fault.wait(FAULTS)
            used = vitals.own_cpu(server.pid) - before
            expect(used < 0.5, f"{used:.2f} s of CPU for {FAULTS} faults")
        with lab.case("the next knock opens"):
            lab.fence(server, KEYS, 7501)
        with lab.case("streams that cannot be accepted do not keep it busy"):
            with faults.failing("accept", tcp, error=errno.EMFILE) as fault:
                made = connect(lab.net.client, Network.gateway4, 62201)
                fault.wait(3)
                is_quiet(server, "accept fails")
                expect(fault.struck < 40, f"tried {fault.struck} times in half a second")
            if made is not None:
                made.close()
        with lab.case("the next stream opens"):
            send_tcp(lab.net.client, Network.gateway4, lab.client.packet(KEYS, "tcp/7502"))
            lab.wait_rule(server, "tcp/7502")
        with lab.case("a stream that cannot be read is let go of"):
            # The other end may hear of it before it has sent all.
            with faults.failing("recv", tcp, error=errno.ENOMEM, times=1), \
                    contextlib.suppress(OSError):
                send_tcp(lab.net.client, Network.gateway4, lab.client.packet(KEYS, "tcp/7503"))
            lab.fence(server, KEYS, 7504)
            expect("7503" not in [rule.port for rule in lab.rules()], "it opened")
            wait_for("as many descriptors as before",
                     lambda: len(vitals.descriptors(server.pid)) == count, 5)
    for function, place, arguments, words in (
            ("bind", udp, ["-U"], "Cannot listen on UDP port 62201: bind"),
            ("socket", udp, ["-U"], ""),
            ("bind", tcp, [], "Cannot listen on TCP port 62201: bind"),
            ("listen", tcp, [], "Cannot listen on TCP port 62201: listen")):
        with lab.case(f"start: {function} of {' '.join(arguments) or 'the TCP server'}"):
            place = "socket:10:2:0" if function == "socket" else place
            with faults.failing(function, place, error=errno.ENOBUFS, times=1):
                server = lab.serve(ACCESS, wait=False, arguments=arguments,
                                   config={} if arguments else {"ENABLE_TCP_SERVER": "Y"},
                                   extra_environment=faults.environment)
                with server:
                    if words:
                        expect(server.wait() == 1 and words in server.log(), server.log())
                    else:  # IPv4 alone is left
                        server.wait_log(server.ready)
                        lab.fence(server, KEYS, 7510)


def commands(lab: Lab) -> None:
    """A command that cannot be started: told, and the next one runs."""
    faults = Faults(lab.root)
    marker = os.path.join(lab.root, "marker")
    os.chmod(lab.root, 0o777)
    user = next(each.pw_name for each in pwd.getpwall() if each.pw_name == "nobody")
    with lab.serve(stanza(KEYS, ENABLE_CMD_EXEC="Y", CMD_EXEC_USER=user),
                   extra_environment=faults.environment) as server:
        count = len(vitals.descriptors(server.pid))

        def ask(name: str) -> None:
            lab.client.run(KEYS, "-C", f"touch {marker}-{name}", "-a", Network.client4,
                           destination=Network.gateway4).succeeded()
        for function, place, error, words in (
                ("fork", "", errno.EAGAIN, "Resource temporarily unavailable"),
                ("execve", "touch", errno.ENOMEM, "Cannot allocate memory"),
                ("pipe2", "", errno.EMFILE, "Too many open files"),
                ("memfd_create", "input", errno.EMFILE, "Too many open files"),
                # By the helper, which kills it; it may have come to its end before.
                ("pidfd_open", "", errno.EMFILE, "CMD_EXEC: command returned")):
            with lab.case(f"{function}: told"):
                mark = server.mark()
                with faults.failing(function, place, error=error, times=1):
                    ask(function)
                    server.wait_log(words, after=mark)
                wait_for("no children", lambda: not vitals.children(server.pid), 5)
                expect(len(vitals.descriptors(server.pid)) == count, "a descriptor is lost")
            with lab.case(f"{function}: the next one runs"):
                mark = server.mark()
                ask(f"{function}-again")
                server.wait_log("CMD_EXEC: command returned", after=mark)
                expect(os.path.exists(f"{marker}-{function}-again"), "it did not run")


def reports(lab: Lab) -> None:
    """Those that it reports to take nothing: the work goes on, and they hear of it later."""
    faults = Faults(lab.root)
    path = os.path.join(lab.root, "notify")
    with Listener(path, lab.net.gateway) as manager, Journal(lab.root, lab.net.gateway) as log:
        with faults.failing("sendto", "socket:1:2:0", error=errno.ENOBUFS, times=20) as fault:
            server = lab.serve(ACCESS, wait=False, wrapper=log.wrapper(), extra_environment={
                **faults.environment, "NOTIFY_SOCKET": path, "WATCHDOG_USEC": "400000"})
            with server:
                with lab.case("READY is said again until it is heard"):
                    wait_for("READY", lambda: any("READY=1" in each for each in manager.texts()),
                             20)
                    expect(fault.struck == 20, f"{fault.struck} faults before it")
                with lab.case("knocks open all the while"):
                    lab.fence(server, KEYS, 7600)
                with lab.case("the journal has the lines of afterwards"):
                    log.wait(SPA_EVENT="grant")
                is_quiet(server, "after it")


if __name__ == "__main__":
    sys.exit(main([descriptors, servers, commands, reports]))
