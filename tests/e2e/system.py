#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The daemon and the system it lives in: journal, syslog, service manager, log filters."""

import contextlib
import os
import re
import resource
import secrets
import shutil
import signal
import string
import subprocess
import sys
import time
from typing import Iterator, List

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from harness import firewall
from harness.failure import Missing, expect, wait_for
from harness.listeners import Journal, Listener, syslog_wrapper
from harness.namespaces import Network
from harness.processes import run
from harness.programs import Keys, Server, stanza, write_private
from harness.scenario import Lab, main
from harness.traffic import send_udp

KEYS = Keys()
C = re.escape(Network.client4)


def expect_fields(entry: dict, **fields: str) -> None:
    wrong = {name: entry.get(name) for name, value in fields.items() if entry.get(name) != value}
    expect(not wrong, f"instead of {fields} there is {wrong}, in {entry}")


def end_daemon(pid_file: str) -> None:
    """One in the background is nobody's child: it goes by its pid file."""
    with contextlib.suppress(FileNotFoundError, ValueError, ProcessLookupError), \
            open(pid_file, encoding="ascii") as file:
        os.kill(int(file.read()), signal.SIGTERM)


def journal(lab: Lab) -> None:
    """Standard error is the journal: entries with fields, and nothing a second time."""
    access = stanza(KEYS, source=Network.client4, NAME="front door", OPEN_PORTS="tcp/22,udp/53",
                    FW_ACCESS_TIMEOUT=1, ENABLE_CMD_EXEC="Y")
    who = {"SPA_SOURCE": Network.client4, "SPA_STANZA": "1", "SPA_NAME": "front door"}
    with Journal(lab.root, lab.net.gateway) as log, \
            lab.serve(access, wait=False, wrapper=log.wrapper(),
                      config={"SYSLOG_FACILITY": "LOG_LOCAL5",
                              "SYSLOG_IDENTITY": "knockd"}) as server:
        with lab.case("every line has its text, level, name and facility"):
            entry = log.wait(MESSAGE="Starting fwknopd main event loop.")
            expect_fields(entry, PRIORITY="6", SYSLOG_IDENTIFIER="knockd", SYSLOG_FACILITY="21")
            expect("SPA_EVENT" not in entry, f"{entry}")
        with lab.case("grant"):
            lab.client.knock(KEYS, "tcp/22,udp/53", "-U", "alice")
            entry = log.wait(SPA_EVENT="grant")
            expect_fields(entry, **who, SPA_USER="alice", SPA_ACCESS="tcp/22,udp/53", PRIORITY="6")
            expect(re.match(rf"Added access rule to FWKNOP_INPUT for {C} -> 0\.0\.0\.0/0 "
                            r"tcp/22,udp/53, expires at \d+$", entry["MESSAGE"]), entry["MESSAGE"])
        with lab.case("expire"):
            entry = log.wait(SPA_EVENT="expire", SPA_ACCESS="tcp/22")
            expect_fields(entry, SPA_SOURCE=Network.client4, PRIORITY="6")
            expect(re.match(r"Removed rule \d+ from FWKNOP_INPUT with expire time of \d+$",
                            entry["MESSAGE"]), entry["MESSAGE"])
            log.wait(SPA_EVENT="expire", SPA_ACCESS="udp/53")
        with lab.case("command"):
            lab.client.run(KEYS, "-C", "true", "-a", Network.client4,
                           destination=Network.gateway4).succeeded()
            entry = log.wait(SPA_EVENT="command",
                             MESSAGE=f"[{Network.client4}] (stanza #1) Running command 'true'")
            expect_fields(entry, SPA_SOURCE=Network.client4, SPA_STANZA="1", PRIORITY="6")
            log.wait(SPA_EVENT="command", MESSAGE=f"[{Network.client4}] (stanza #1) "
                                                  "CMD_EXEC: command returned 0, pid_status: 0")
        with lab.case("refuse: a port that is not allowed"):
            lab.client.knock(KEYS, "tcp/23", "-U", "alice")
            entry = log.wait(SPA_EVENT="refuse", SPA_REASON="port_denied")
            expect_fields(entry, **who, SPA_USER="alice", SPA_ACCESS="tcp/23", PRIORITY="4",
                          MESSAGE=f"[{Network.client4}] (stanza #1) One or more requested "
                                  "protocol/ports was denied per access.conf.")
        with lab.case("refuse: a stranger"):
            lab.client.knock(Keys(hmac="another-hmac-key"), "tcp/22")
            entry = log.wait(SPA_EVENT="refuse", SPA_REASON="wrong_hmac")
            expect_fields(entry, **who)
            expect("SPA_USER" not in entry, "who is not authenticated has no name")
            send_udp(lab.net.other, Network.gateway4, lab.client.packet(KEYS, "tcp/22"))
            log.wait(SPA_EVENT="refuse", SPA_REASON="unexpected_source", SPA_SOURCE=Network.other4)
        with lab.case("replay"):
            packet = lab.client.packet(KEYS, "tcp/22")
            send_udp(lab.net.client, Network.gateway4, packet, times=2)
            entry = log.wait(SPA_EVENT="replay")
            expect_fields(entry, SPA_SOURCE=Network.client4, PRIORITY="4")
            expect(entry["MESSAGE"].startswith("Replay detected from source IP: "), f"{entry}")
        with lab.case("error"):
            size = os.path.getsize(server.replay_file)
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size, size))
            lab.client.knock(KEYS, "tcp/22", "-U", "alice")
            entry = log.wait(SPA_EVENT="error")
            expect_fields(entry, **who, SPA_USER="alice", SPA_ACCESS="tcp/22", PRIORITY="3")
            expect("replay file" in entry["MESSAGE"] and entry.get("SPA_REASON"), f"{entry}")
        server.stop()
        with lab.case("the last line is there, and standard error has none"):
            log.wait(MESSAGE="Shutting Down fwknopd.")
            expect(server.log() == "", f"standard error: {server.log()}")
        with lab.case("no key in any field"):
            for entry in log.entries():
                expect(not any(KEYS.key in value or KEYS.hmac in value
                               for value in entry.values()), f"{entry}")
    with lab.case("standard error that is not the journal gets the lines itself"):
        again = os.path.join(lab.root, "again")
        os.makedirs(again)
        with Journal(again, lab.net.gateway) as log, \
                lab.serve(access, wrapper=[*log.wrapper(), "env", "-u", "JOURNAL_STREAM"]):
            expect(not log.datagrams, f"{log.texts()}")


def syslog(lab: Lab) -> None:
    """Facility, name and process number, in the foreground on demand and in the background."""
    config = {"SYSLOG_FACILITY": "log_local3", "SYSLOG_IDENTITY": "knockd"}
    line = r"<158>\w{3} [ \d]\d \d\d:\d\d:\d\d knockd\[PID\]: Starting fwknopd main event loop\.$"
    with Listener(os.path.join(lab.root, "log"), lab.net.gateway) as log:
        with lab.case("in the foreground with --syslog-enable, and on standard error"), \
                lab.serve(stanza(KEYS), config=config, arguments=["--syslog-enable"],
                          wrapper=syslog_wrapper(os.path.join(lab.root, "one"), log)) as server:
            expression = re.compile(line.replace("PID", str(server.pid)))
            wait_for("the line", lambda: any(map(expression.match, log.texts())), 5)
        with lab.case("in the foreground without it: standard error alone"):
            mark = len(log.datagrams)
            with lab.serve(stanza(KEYS), config=config,
                           wrapper=syslog_wrapper(os.path.join(lab.root, "two"), log)):
                pass
            expect(len(log.datagrams) == mark, f"{log.texts()[mark:]}")
        with lab.case("in the background"):
            home = os.path.join(lab.root, "background")
            os.makedirs(home)
            mark = len(log.datagrams)
            files = [write_private(os.path.join(home, name), text) for name, text in
                     (("c", "".join(f"{name} {value};\n" for name, value in config.items())),
                      ("a", stanza(KEYS)))]
            run([*syslog_wrapper(home, log), lab.programs.path(lab.server_kind, server=True),
                 "-c", files[0], "-a", files[1], "-r", os.path.join(home, "run"),
                 "-i", Network.interface], home=home, namespace=lab.net.gateway).succeeded()
            pid_file = os.path.join(home, "run", "fwknopd.pid")
            try:
                with open(pid_file, encoding="ascii") as file:
                    expression = re.compile(line.replace("PID", file.read().strip()))
                wait_for("the line", lambda: any(map(expression.match, log.texts()[mark:])), 5)
            finally:
                end_daemon(pid_file)
            wait_for("the last line", lambda: any("Shutting Down fwknopd." in each
                                                  for each in log.texts()[mark:]), 10)


def service_manager(lab: Lab) -> None:
    """READY once it works, signs of life, a status line, STOPPING; and no READY when it does not."""
    path = os.path.join(lab.root, "notify")
    with Listener(path, lab.net.gateway) as manager:
        def told(word: str) -> List[str]:
            return [each for each in manager.texts() if word in each.splitlines()]

        def status(text: str) -> bool:
            return any("STATUS=" in each and text in each for each in manager.texts())
        with lab.serve(stanza(KEYS, FW_ACCESS_TIMEOUT=60), wait=False,
                       extra_environment={"NOTIFY_SOCKET": path,
                                          "WATCHDOG_USEC": "400000"}) as server:
            with lab.case("READY when the packet filter and capture are"):
                wait_for("READY", lambda: told("READY=1"), 10)
                expect(any("INPUT -j FWKNOP_INPUT" in line
                           for line in firewall.listing(lab.net.gateway)), "no jump rule yet")
                lab.fence(server, KEYS, 6000)
            with lab.case("signs of life go on"):
                count = len(told("WATCHDOG=1"))
                expect(count >= 1, "the first one comes with READY")
                wait_for("three more", lambda: len(told("WATCHDOG=1")) >= count + 3, 10)
            with lab.case("the status counts"):
                wait_for("a status", lambda: status(" 1 granted, ") and status("grants open: 1"), 10)
            with lab.case("RELOADING, then READY, whether the files are good or not"):
                expect(len(told("READY=1")) == 1, f"{manager.texts()}")
                for turn in (1, 2):
                    server.send(signal.SIGHUP)
                    wait_for("RELOADING", lambda count=turn: len(told("RELOADING=1")) == count, 5)
                    wait_for("READY", lambda count=turn: len(told("READY=1")) == count + 1, 5)
                    write_private(server.access, "SOURCE nonsense\n")
            with lab.case("STOPPING"):
                server.stop()
                wait_for("STOPPING", lambda: told("STOPPING=1"), 2)
                expect(len(told("READY=1")) == 3, f"{manager.texts()}")
    with Listener(path + "2", lab.net.gateway) as manager:
        with lab.case("no watchdog asked for: none"), \
                lab.serve(stanza(KEYS), extra_environment={"NOTIFY_SOCKET": path + "2"}):
            wait_for("READY", lambda: manager.datagrams, 5)
            time.sleep(0.5)
            expect(len(manager.datagrams) == 1, f"{manager.texts()}")
    with Listener(path + "3", lab.net.gateway) as manager:
        with lab.case("no READY, and an end with 1, when the packet filter refuses"):
            broken = os.path.join(lab.root, "iptables")
            with open(os.open(broken, os.O_WRONLY | os.O_CREAT, 0o755), "w",
                      encoding="ascii") as file:
                file.write("#!/bin/sh\necho no such luck >&2\nexit 4\n")
            for name in ("iptables-save", "iptables-restore", "ip6tables", "ip6tables-save",
                         "ip6tables-restore"):
                shutil.copy(broken, os.path.join(lab.root, name))
            with lab.serve(stanza(KEYS), config={"FIREWALL_EXE": broken}, wait=False,
                           extra_environment={"NOTIFY_SOCKET": path + "3"}) as server:
                expect(server.wait() == 1, f"it did not end with 1:\n{server.log()}")
            expect(not manager.datagrams, f"{manager.texts()}")
    with Listener(path + "4", lab.net.gateway) as manager:
        with lab.case("who has a service manager stays in the foreground"):
            server = lab.serve(stanza(KEYS), wait=False,
                               extra_environment={"NOTIFY_SOCKET": path + "4"},
                               # Without -f, which the harness gives.
                               wrapper=["sh", "-c", 'program=$1; shift 2; exec "$program" "$@"',
                                        "sh"])
            pid_file = os.path.join(server.run_directory, "fwknopd.pid")
            try:
                with server:
                    wait_for("READY", lambda: manager.datagrams, 10)
                    expect(server.running(), "it went into the background")
            finally:
                if not server.running() and os.path.exists(pid_file):
                    end_daemon(pid_file)
    with lab.case("a name that cannot be one is an error"), \
            lab.serve(stanza(KEYS), wait=False,
                      extra_environment={"NOTIFY_SOCKET": "nonsense"}) as server:
        expect(server.wait() == 1 and "NOTIFY_SOCKET" in server.log(), server.log())


def flood(lab: Lab) -> None:
    """100,000 packets of junk are few lines, and the sums add up."""
    alphabet = string.ascii_letters + string.digits + "+/"

    def text(length: int) -> bytes:
        return "".join(secrets.choice(alphabet) for _ in range(length)).encode()
    # Room for all of it: what a small ring loses on a busy machine is no matter of the log.
    with lab.serve(stanza(KEYS, source=Network.client4, FW_ACCESS_TIMEOUT=60),
                   config={"PCAP_RING_SIZE": 64 << 20}) as server:
        before = len(server.lines())
        replayed = lab.client.packet(KEYS, "tcp/22")
        kinds = [(lab.net.client, replayed), (lab.net.client, b"8" + text(227)),
                 (lab.net.other, b"8" + text(227)), (lab.net.client, secrets.token_bytes(200)),
                 (lab.net.client, text(139))]
        for _ in range(10):
            for namespace, payload in kinds:
                send_udp(namespace, Network.gateway4, payload, times=2000)
        lab.fence(server, KEYS, 6700)
        with lab.case("fewer than 20 lines"):
            added = server.lines()[before:]
            expect(len(added) < 20, f"{len(added)} lines, such as:\n" + "\n".join(added[:25]))
        server.stop()
        with lab.case("what was not told is summed up"):
            found = server.wait_log(r"More refused packets, not logged one by one: (.*)$")
            counts = dict(re.findall(r"([a-zA-Z ]+?) (\d+)(?:, |$)", found[1]))
            expect(set(counts) == {"unexpected source", "wrong HMAC", "replay"}, found[0])
            # Some may be lost on the way; most must have been seen, or this proves nothing.
            expect(all(10_000 < int(count) <= 20_000 for count in counts.values()), found[0])
        with lab.case("nothing is said of drops where there were none"):
            expect("the kernel dropped" not in server.log(), server.log())
    with lab.case("what the kernel had to drop is told"), \
            lab.serve(stanza(KEYS), config={"PCAP_RING_SIZE": 1 << 20}) as server:
        os.kill(server.pid, signal.SIGSTOP)  # as slow as can be
        send_udp(lab.net.client, Network.gateway4, text(200), times=20_000)
        os.kill(server.pid, signal.SIGCONT)
        server.stop()
        found = server.wait_log(r"the kernel dropped (\d+) before fwknopd saw them")
        expect(1000 < int(found[1]) < 20_000, found[0])


@contextlib.contextmanager
def told_everything(lab: Lab) -> Iterator[Server]:
    """A daemon, and one of everything that makes it write one of the lines that filters know."""
    def keys(name: str) -> Keys:
        return Keys(f"key-of-{name}", f"hmac-of-{name}")
    access = "".join(stanza(keys(name), source=Network.client4, FW_ACCESS_TIMEOUT=1, **more)
                     for name, more in (("plain", {}), ("user", {"REQUIRE_USERNAME": "alice"}),
                                        ("open", {"OPEN_PORTS": "tcp/22"}),
                                        ("source", {"REQUIRE_SOURCE_ADDRESS": "Y"}),
                                        ("late", {"ACCESS_EXPIRE": "01/02/2020"})))
    knock = lab.client.knock
    with Listener(os.path.join(lab.root, "log"), lab.net.gateway) as log, \
            lab.serve(access, arguments=["--syslog-enable", "-v"],
                      wrapper=syslog_wrapper(lab.root, log)) as server:
        knock(keys("user"), "tcp/22", "-U", "mallory")
        knock(keys("open"), "tcp/23")
        knock(keys("source"), "tcp/22", allow="source")
        knock(keys("late"), "tcp/22")
        knock(keys("plain"), "tcp/22", "--time-offset-minus", "10min")
        knock(keys("stranger"), "tcp/22")
        lab.client.run(keys("plain"), "-C", "/bin/true", "-a", Network.client4,
                       destination=Network.gateway4).succeeded()
        send_udp(lab.net.other, Network.gateway4, lab.client.packet(keys("plain"), "tcp/22"))
        packet = lab.client.packet(keys("plain"), "tcp/24")
        send_udp(lab.net.client, Network.gateway4, packet, times=2)
        lab.wait_rule(server, "tcp/24")
        server.wait_log("Replay detected")
        wait_for("the rule to go", lambda: not lab.rules(), 8)
        server.stop()
        # As a syslog daemon would write them.
        with open(os.path.join(lab.root, "syslog"), "w", encoding="utf-8") as file:
            for each in log.texts():
                found = re.match(r"<\d+>(\w{3} [ \d]\d [\d:]{8}) (.*)", each, re.S)
                expect(found, f"not a line of syslog: {each}")
                for line in found[2].splitlines():
                    file.write(f"{found[1]} gateway {line}\n")
        yield server


def texts(lab: Lab) -> None:
    """Every line that operators have filters for, as it is and as Debian's fail2ban reads it."""
    source = rf"\[{C}\] \(stanza #\d\) "
    lines = [
        r"^Starting fwknopd main event loop\.$", r"^Gracefully leaving the fwknopd event loop\.$",
        r"^Shutting Down fwknopd\.$", rf"^Sniffing interface: {Network.interface}$",
        r"^PCAP filter is: 'udp port 62201'$",
        r"^Using Digest Cache: '/.+/digest\.cache' \(entry count = 0\)$",
        rf"^\(stanza #1\) SPA Packet from IP: {C} received with access source match$",
        rf"^Added access rule to FWKNOP_INPUT for {C} -> 0\.0\.0\.0/0 tcp/24, expires at \d+$",
        r"^Removed rule 1 from FWKNOP_INPUT with expire time of \d+$",
        rf"^Replay detected from source IP: {C}, Destination proto/port: 17/62201, Original source "
        rf"IP: {C}, Original dst proto/port: 17/62201, Entry created: [\d/]{{8}} [\d:]{{8}}$",
        rf"^{source}SPA data time difference is too great \(\d+ seconds\)\.$",
        rf"^{source}Got 0\.0\.0\.0 when valid source IP was required\.$",
        rf"^{source}Username in SPA data \(mallory\) does not match required username: alice$",
        rf"^{source}One or more requested protocol/ports was denied per access\.conf\.$",
        rf"^{source}Access stanza has expired$",
        rf"^{source}SPA Command messages are not allowed in the current configuration\.$",
    ]
    with told_everything(lab) as server:
        for line in lines:
            with lab.case(line):
                expect(re.search(line, server.log(), re.M), f"not in:\n{server.log()}")
    with lab.case("fail2ban finds the strangers and the replay, and nobody else"):
        filters = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../etc/fail2ban")
        if not shutil.which("fail2ban-regex"):
            raise Missing("missing: fail2ban-regex: install it with script/bootstrap")
        # Its own folder has common.conf, which every filter includes.
        shutil.copytree("/etc/fail2ban/filter.d", os.path.join(lab.root, "fail2ban", "filter.d"))
        ours = shutil.copy(os.path.join(filters, "filter.d", "fwknopd.conf"),
                           os.path.join(lab.root, "fail2ban", "filter.d"))
        done = subprocess.run(
            ["fail2ban-regex", "--print-all-matched", "--print-all-missed",
             os.path.join(lab.root, "syslog"), ours],
            capture_output=True, text=True, check=False, timeout=60,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": lab.root, "LC_ALL": "C.UTF-8"})
        expect(done.returncode == 0, done.stdout + done.stderr)
        said = done.stdout
        matched, _, missed = said.partition("|- Missed line(s):")
        for text in (r"Non-corresponding HMAC for this stanza",
                     rf"No access data found for source IP: {re.escape(Network.other4)}",
                     rf"Replay detected from source IP: {C}, "):
            expect(re.search(text, matched.partition("|- Matched line(s):")[2]),
                   f"no match for {text}:\n{said}")
            expect(not re.search(text, missed), f"missed {text}:\n{said}")
        for text in ("requested protocol/ports was denied", "Username in SPA data", "Added access"):
            expect(text in missed and text not in matched, f"matched {text}:\n{said}")
    with lab.case("in test mode"), \
            lab.serve(stanza(KEYS, source=Network.client4), arguments=["--test"]) as server:
        lab.client.knock(KEYS, "tcp/22")
        server.wait_log(rf"^{source}--test mode enabled, skipping firewall manipulation\.$")
    with lab.case("as a UDP server"), \
            lab.serve(stanza(KEYS), arguments=["--udp-server"]) as server:
        server.wait_log(r"^Kicking off UDP server to listen on port 62201\.$")


if __name__ == "__main__":
    sys.exit(main([journal, syslog, service_manager, flood, texts]))
