#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Starting: files of the incumbent, bad input, a machine that lacks something, a second instance."""

import os
import re
import shutil
import signal
import sys
from typing import List, Optional, Sequence

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, ".."))

# pylint: disable=wrong-import-position
from bad_input import (ACCESS_LINE, BAD_ACCESS, BAD_CONFIG, BAD_KEYS, BAD_OPTIONS, BAD_SOURCE,
                       CONFIG_LINE, GOOD_STANZA)
from harness.failure import Missing, expect, wait_for
from harness.namespaces import Network
from harness.processes import Completed, indented, run
from harness.programs import DEBIAN, OURS, Keys, Server, stanza, write_private
from harness.scenario import Lab, main
from harness.traffic import Sniffer, send_udp

SHIPPED = "/etc/fwknop"

# As on a machine in FIPS mode: only what has the property may be used, and here nothing has.
FIPS_ONLY = """openssl_conf = start
[start]
alg_section = algorithms
[algorithms]
default_properties = fips=yes
"""


class Desk:
    """Runs the daemon's program to its end with files of a case's own."""

    def __init__(self, lab: Lab):
        self.lab = lab
        self.program = lab.programs.path(lab.server_kind, server=True)
        self.directory = os.path.join(lab.root, "desk")
        os.makedirs(os.path.join(self.directory, "run"), 0o700)
        self.config = os.path.join(self.directory, "fwknopd.conf")
        self.access = os.path.join(self.directory, "access.conf")

    def start(self, *arguments: str, config: Optional[str] = "", access: Optional[str] = GOOD_STANZA,
              before: Sequence[str] = (), timeout: float = 15.0) -> Completed:
        """`None` for a file: there is none."""
        for path, text in ((self.config, config), (self.access, access)):
            if text is None:
                if os.path.exists(path):
                    os.unlink(path)
            else:
                write_private(path, text)
        return run([*before, self.program, "-c", self.config, "-a", self.access, "-r",
                    os.path.join(self.directory, "run"), *arguments],
                   home=self.directory, namespace=self.lab.net.gateway, timeout=timeout)

    def parse(self, config: str = "", access: str = GOOD_STANZA) -> Completed:
        return self.start("-f", "--exit-parse-config", config=config, access=access)


def said(done: Completed) -> str:
    return f"exit {done.code}:\n{indented(done.out + done.err)}"


def complaint(done: Completed, *parts: str, line: Optional[int] = None) -> None:
    """Exit 1, and one line on standard error that names every part and the line's number."""
    expect(done.code == 1, f"expected exit 1, got {said(done)}")

    def names_all(text: str) -> bool:
        if line is not None and not re.search(rf"(line |:){line}\b", text):
            return False
        return all(part in text for part in parts)

    expect(any(names_all(text) for text in done.err.splitlines()),
           f"no line on standard error names {list(parts)}"
           + (f" and line {line}" if line is not None else "") + f"; {said(done)}")


def uncommented(text: str) -> str:
    """The shipped fwknopd.conf with its examples switched on.

    Left out are those whose example is no working value on every machine, and those that switch
    on what this daemon refuses by name until it is built."""
    skip = ("ENABLE_NFQ_CAPTURE", "PCAP_DISPATCH_COUNT", "PCAP_FILE", "FIREWALL_EXE",
            "SNAT_TRANSLATE_IP", "ACCESS_FILE", "EXT", "ENABLE_EXT", "ENABLE_FIREWD_LOCAL_NAT")
    lines: List[str] = []
    for line in text.splitlines():
        found = re.match(r"#([A-Z_]+\s+.*;)", line)
        lines.append(found[1] if found and not found[1].startswith(skip) else line)
    return "\n".join(lines) + "\n"


def shipped(name: str) -> str:
    path = os.path.join(SHIPPED, name)
    if not os.path.exists(path):
        raise Missing(f"missing: {path}: install fwknop-server with script/bootstrap")
    with open(path, encoding="utf-8") as file:
        return file.read()


def shipped_files(lab: Lab) -> None:
    """The incumbent's own configuration files."""
    desk = Desk(lab)
    config = shipped("fwknopd.conf")
    with lab.case("its fwknopd.conf loads unchanged"):
        done = desk.parse(config)
        expect(done.code == 0 and "Configs parsed, exiting." in done.out + done.err, said(done))
        expect("unknown" not in (done.out + done.err).lower(), said(done))
    with lab.case("its fwknopd.conf loads with every example switched on"):
        done = desk.parse(uncommented(config))
        expect(done.code == 0, said(done))
        expect("unknown" not in (done.out + done.err).lower(), said(done))
    with lab.case("its access.conf is refused: the keys are placeholders"):
        done = desk.parse(config, shipped("access.conf"))
        complaint(done, "KEY_BASE64 value is not properly set in stanza source 'ANY' in access "
                        "file:", desk.access)


def replay_file(lab: Lab) -> None:
    """A replay file written by the other daemon keeps protecting, in both directions."""
    keys = Keys()
    for first, second in ((DEBIAN, OURS), (OURS, DEBIAN)):
        if OURS in (first, second) and not lab.ours:
            first = second = DEBIAN
        with lab.case(f"written by {first}, read by {second}"):
            state = os.path.join(lab.root, f"state-{first}-{second}")

            def daemon(who: str) -> Server:
                return Server(lab.programs.path(who, server=True),
                              stanza(keys, FW_ACCESS_TIMEOUT=60), root=lab.root,
                              namespace=lab.net.gateway, run_directory=state)
            with Sniffer(lab.net.gateway, Network.interface) as wire:
                with daemon(first) as server:
                    lab.client.knock(keys, "tcp/22")
                    lab.wait_rule(server, "tcp/22")
                captured = wire.next()
            with daemon(second) as server:
                send_udp(lab.net.client, Network.gateway4, captured)
                server.wait_log("Replay detected from source IP: "
                                + re.escape(Network.client4))
                lab.fence(server, keys, 6000)
                expect([rule.port for rule in lab.rules()] == ["6000"],
                       "the replayed packet opened its port")


def bad_input(lab: Lab) -> None:
    """Every bad directive and option: exit 1, and a line that names file, line and value."""
    desk = Desk(lab)
    with lab.case("the good files are good"):
        done = desk.parse()
        expect(done.code == 0, said(done))
    for bad in BAD_CONFIG:
        with lab.case(f"fwknopd.conf: {bad.text}"):
            complaint(desk.parse(config=bad.text + "\n"), desk.config, bad.text.split()[0],
                      bad.value, line=CONFIG_LINE)
    for bad in BAD_ACCESS:
        with lab.case(f"access.conf: {bad.text}"):
            complaint(desk.parse(access=GOOD_STANZA + bad.text + "\n"), desk.access, bad.value,
                      line=ACCESS_LINE)
    for bad in BAD_SOURCE:
        with lab.case(f"access.conf: {bad.text}"):
            complaint(desk.parse(access=bad.text + "\nKEY a-key\n"), desk.access, bad.value,
                      line=1)
    for name, text in BAD_KEYS:
        with lab.case(f"access.conf: {name}"):
            done = desk.parse(access=text)
            complaint(done, desk.access)
            for secret in ("the-same-key", "k" * 33, "!not!base64!"):
                expect(secret not in done.out + done.err, f"a key is in the log; {said(done)}")
    for options in BAD_OPTIONS:
        with lab.case(f"options: {' '.join(options)}"):
            done = desk.start(*options)
            complaint(done, options[0].lstrip("-"))
    with lab.case("unknown directives warn, with file and line, and do not stop"):
        done = desk.parse("NO_SUCH_DIRECTIVE 1;\n", GOOD_STANZA + "NO_SUCH_THING 1\n")
        expect(done.code == 0, said(done))
        for name, path in (("NO_SUCH_DIRECTIVE", desk.config), ("NO_SUCH_THING", desk.access)):
            expect(any(name in line and path in line for line in done.err.splitlines()),
                   f"no warning names {name} and {path}; {said(done)}")
    with lab.case("a directive without a value in fwknopd.conf warns and does not stop"):
        done = desk.parse("PCAP_INTF\n")
        expect(done.code == 0, said(done))
        expect(any(desk.config in line and re.search(r"(line |:)1\b", line)
                   for line in done.err.splitlines()), said(done))
    with lab.case("open file modes warn and do not stop"):
        write_private(desk.access, GOOD_STANZA)
        os.chmod(desk.access, 0o644)
        done = desk.start("-f", "--exit-parse-config")
        expect(done.code == 0 and "should only be user read/write" in done.out + done.err,
               said(done))


def surroundings(lab: Lab) -> None:
    """A machine that lacks something: interface, privileges, iptables, files."""
    desk = Desk(lab)
    with lab.case("an interface that is not there"):
        complaint(desk.start("-f", "-i", "nowhere0"), "nowhere0")
    with lab.case("a filter libpcap cannot compile"):
        complaint(desk.start("-f", "-i", Network.interface, "-P", "udp port port"),
                  "udp port port")
    with lab.case("no privileges"):
        # Readable for anybody, so that the privileges are all that is missing.
        public = os.path.join(lab.root, "public")
        os.makedirs(public)
        for directory in (lab.root, public):
            os.chmod(directory, 0o755)
        program = shutil.copy(desk.program, os.path.join(public, "fwknopd"))
        os.chmod(program, 0o755)
        files = [write_private(os.path.join(public, name), text)
                 for name, text in (("fwknopd.conf", ""), ("access.conf", GOOD_STANZA))]
        for path in [public, *files]:
            os.chown(path, 65534, 65534)
        done = run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                    program, "-f", "-c", files[0], "-a", files[1], "-r",
                    os.path.join(public, "run"), "-i", Network.interface],
                   home=public, namespace=lab.net.gateway, timeout=15)
        expect(done.code == 1, said(done))
        expect(re.search(r"(?i)permi|privilege|CAP_NET|root", done.err), said(done))
    with lab.case("no iptables"):
        complaint(desk.start("-f", "-i", Network.interface,
                             config="FIREWALL_EXE /nowhere/iptables;\n"), "/nowhere/iptables")
    with lab.case("a crypto library without MD5"):
        settings = write_private(os.path.join(desk.directory, "openssl.cnf"), FIPS_ONLY)
        complaint(desk.start("-f", "-i", Network.interface,
                             before=["env", f"OPENSSL_CONF={settings}"]), "crypto library", "FIPS")
    with lab.case("no access.conf"):
        complaint(desk.start("-f", "-i", Network.interface, access=None), desk.access)
    with lab.case("access.conf is a directory"):
        os.makedirs(desk.access)
        done = run([desk.program, "-f", "-c", desk.config, "-a", desk.access, "-i",
                    Network.interface], home=desk.directory, namespace=lab.net.gateway)
        os.rmdir(desk.access)
        complaint(done, desk.access)
    with lab.case("no fwknopd.conf"):
        complaint(desk.start("-f", "-i", Network.interface, config=None), desk.config)
    with lab.case("no rule or chain of ours after all that"):
        listing = lab.net.gateway.run("iptables", "-S")
        expect("FWKNOP" not in listing, f"left behind:\n{listing}")


def control(lab: Lab) -> None:
    """-S, -K, a second instance: the run directory's lock and what is said about it."""
    program = lab.programs.path(lab.server_kind, server=True)
    with lab.serve(stanza(Keys())) as server:
        files = ["-c", server.config, "-a", server.access, "-r", server.run_directory]

        def command(*arguments: str, given: list = files) -> Completed:
            return run([program, *given, *arguments], home=server.directory,
                       namespace=lab.net.gateway)
        with lab.case("-S names the pid"):
            done = command("-S")
            expect(done.code == 0 and
                   f"Detected fwknopd is running (pid={server.pid})." in done.out + done.err,
                   said(done))
        with lab.case("a second instance is refused and names the pid"):
            done = command("-f", "-i", Network.interface)
            expect(done.code != 0 and re.search(rf"already running: \(PID={server.pid}\)",
                                                done.out + done.err), said(done))
            expect(server.running(), "the first instance is gone")
        with lab.case("another pid file does not make it another run directory"):
            done = command("-f", "-i", Network.interface, "-p",
                           os.path.join(server.directory, "other.pid"))
            expect(done.code != 0 and re.search(rf"already running: \(PID={server.pid}\)",
                                                done.out + done.err), said(done))
        with lab.case("the second instance took nothing from the first"):
            lab.client.knock(Keys(), "tcp/22")
            lab.wait_rule(server, "tcp/22")
        with lab.case("-R makes it read its files again"):
            mark = server.mark()
            done = command("-R")
            expect(done.code == 0 and
                   f"Sent restart signal to fwknopd (pid={server.pid})" in done.out, said(done))
            server.wait_log("Got SIGHUP. Re-reading configs.", after=mark)
            lab.fence(server, Keys(), 6001)
        with lab.case("-K ends it and says so"):
            server.reap_in_background()
            done = command("-K")
            expect(done.code == 0 and f"Killed fwknopd (pid={server.pid}) via SIGTERM"
                   in done.out + done.err, said(done))
            expect(server.wait() == 0, "the daemon did not end with 0")
        with lab.case("-S without a daemon"):
            done = command("-S")
            expect(done.code == 1 and "No running fwknopd detected." in done.out + done.err,
                   said(done))
        with lab.case("-K without a daemon"):
            done = command("-K")
            expect(done.code == 1 and "No running fwknopd detected." in done.err, said(done))
    with lab.serve(stanza(Keys())) as server:
        files = ["-c", server.config, "-a", server.access, "-i", Network.interface,
                 "-r", os.path.join(server.directory, "closed")]
        # In the background, with standard input closed: what is opened next takes its number.
        with lab.case("a closed standard input harms neither lock nor pid file"):
            started = run(["sh", "-c", 'exec "$@" <&-', "sh", program, *files],
                          home=server.directory, namespace=lab.net.gateway)
            try:
                expect(started.code == 0, said(started))
                status = command("-S", given=files)
                second = command("-f", given=files)
                expect(status.code == 0 and "Detected fwknopd is running" in status.out,
                       said(status))
                expect(second.code == 1 and "already running" in second.err, said(second))
            finally:
                ended = command("-K", given=files)
            expect(ended.code == 0, said(ended))
        with lab.case("after kill -9 the next instance starts"):
            server.kill()
            with Server(program, stanza(Keys()), root=lab.root, namespace=lab.net.gateway,
                        run_directory=server.run_directory) as again:
                again.stop(signal.SIGINT)
    with lab.case("nothing of ours is left"):
        wait_for("the chains to go",
                 lambda: "FWKNOP" not in lab.net.gateway.run("iptables", "-S"), 2)


if __name__ == "__main__":
    sys.exit(main([shipped_files, replay_file, bad_input, surroundings, control]))
