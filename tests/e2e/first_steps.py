#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What README.md and docs/migration.md tell an administrator to type, line by line."""

import contextlib
import os
import re
import subprocess
import sys
import time
from typing import List, NamedTuple

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from harness.failure import Missing, expect, wait_for
from harness.namespaces import Namespace, Network
from harness.processes import decoded, environment, indented
from harness.programs import DEBIAN, DEBIAN_SERVER, OURS, Keys, stanza, write_private
from harness.scenario import Lab, main
from harness.traffic import Sniffer, echo_service, reachable, send_udp

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SECTION = "## Set it up"
PORT = 22
# The addresses of the text; the network's own stay as they are.
SERVER, CLIENT = "198.51.100.1", "198.51.100.7"

DEBIAN_KILL = f"{DEBIAN_SERVER} --kill -r /run/fwknop -p /run/fwknop/fwknopd.pid"

# What a person does in an editor: the keys in place of the first placeholders, the interface.
EDITOR = """#!/bin/sh -e
case $1 in
*/access.conf)
    for name in KEY_BASE64 HMAC_KEY_BASE64; do
        sed -i "0,/^$name /s|^$name .*|$(grep "^$name " "$KEYS")|" "$1"
    done ;;
*) sed -i "s|^#PCAP_INTF .*|PCAP_INTF %s;|" "$1" ;;
esac
""" % Network.interface
SSH = f"""#!/bin/bash
exec 3<>/dev/tcp/$1/{PORT}
echo "still there?" >&3
read -r -t 5 answer <&3
echo "the service said: $answer"
"""


class Step(NamedTuple):
    """Lines that one side runs together."""
    who: str
    lines: List[str]


def text_of(*path: str) -> str:
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def steps() -> List[Step]:
    text = text_of("README.md")
    section = text[text.index(SECTION):]
    section = section[:section.index("\n## ")]
    found: List[Step] = []
    for prompt, line in re.findall(r"^    ([$#]) (.*)$", section, re.MULTILINE):
        who = "client" if prompt == "$" else "server"
        if not found or found[-1].who != who:
            found.append(Step(who, []))
        found[-1].lines.append(line)
    return found


class Side:
    """A host of its own: network, /etc/hosts, home; on the server also /etc/fwknop and /run."""

    def __init__(self, lab: Lab, name: str, namespace: Namespace):
        self.name, self.namespace = name, namespace
        self.home = os.path.join(lab.root, name)
        self.log = os.path.join(lab.root, name + ".log")
        os.mkdir(self.home, 0o700)
        self.environment = environment(self.home, {
            "PATH": f"{lab.root}/bin:{os.environ.get('PATH', '')}:/usr/sbin:/sbin",
            "KEYS": os.path.join(lab.root, "client.log")})
        self.mounts = f"mount --bind {lab.root}/hosts /etc/hosts\n"
        if name == "server":
            os.mkdir(os.path.join(lab.root, "etc"), 0o700)
            self.mounts += ("mount -t tmpfs tmpfs /run\nmkdir -m 700 /run/fwknop\n"
                            f"mount --bind {lab.root}/etc /etc/fwknop\n"
                            f"mount --bind {lab.root}/bin /usr/local/sbin\n")

    def start(self, script: str) -> "subprocess.Popen[bytes]":
        """Its standard input is a pipe: a script that reads it learns when this test is gone."""
        with open(self.log, "ab") as log, self.namespace.entered():
            return subprocess.Popen(
                ["unshare", "--mount", "--propagation", "private", "bash", "-ec",
                 self.mounts + script],
                env=self.environment, cwd=ROOT, stdin=subprocess.PIPE, stdout=log, stderr=log,
                start_new_session=True)

    def said(self) -> str:
        with open(self.log, "rb") as log:
            return decoded(log.read())


def run_on_client(side: Side, lines: List[str]) -> None:
    child = side.start("\n".join(lines))
    child.communicate(timeout=60)
    expect(child.returncode == 0, f"{lines} ended with {child.returncode}:\n"
                                  + indented(side.said()))


def pause(name: str) -> str:
    """Lines that make a script wait for a line of its standard input, or end with it."""
    return f"echo '{name}'\nread _\n"


def await_pause(side: Side, child: "subprocess.Popen[bytes]", name: str) -> None:
    wait_for(name, lambda: child.poll() is not None or f"{name}\n" in side.said(), 60)
    expect(child.poll() is None, f"a line failed:\n{indented(side.said())}")


def prepare(lab: Lab) -> None:
    if not os.path.isdir("/etc/fwknop"):
        raise Missing("missing: /etc/fwknop, which comes with fwknop-server: script/bootstrap")
    os.mkdir(os.path.join(lab.root, "bin"))
    for name, text in (("bin/editor", EDITOR), ("bin/ssh", SSH),
                       ("hosts", f"127.0.0.1 localhost\n{SERVER} server.example\n")):
        path = os.path.join(lab.root, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o755)
    for name, server in (("fwknopd", True), ("fwknop", False)):
        os.symlink(lab.programs.path(OURS, server=server), os.path.join(lab.root, "bin", name))


def dress(lab: Lab) -> None:
    """The addresses of the text, and no rules: the text's own are to hide the service."""
    net = lab.net
    net.gateway.run("ip", "addr", "add", SERVER + "/24", "dev", Network.interface)
    net.client.run("ip", "addr", "add", CLIENT + "/24", "dev", "eth0")
    net.other.run("ip", "addr", "add", "198.51.100.8/24", "dev", "eth0")
    for tables in ("iptables", "ip6tables"):
        net.gateway.run(tables, "-P", "INPUT", "ACCEPT")
        net.gateway.run(tables, "-F")


def readme(lab: Lab) -> None:
    """From making keys to the first connection."""
    prepare(lab)
    dress(lab)
    net = lab.net
    client, server = Side(lab, "client", net.client), Side(lab, "server", net.gateway)
    todo = steps()
    expect([step.who for step in todo] == ["client", "server", "client"],
           f"README.md has changed its order: {[step.who for step in todo]}")
    with lab.case("the client makes keys"):
        run_on_client(client, todo[0].lines)
    with echo_service(net.gateway, PORT):
        expect(reachable(net.other, SERVER, PORT), "the service is not there")
        script = "\n".join(todo[1].lines)
        child = server.start(f"trap 'fwknopd --kill' EXIT\n{script}\n{pause('all done')}")
        try:
            with lab.case("the server's lines all work"):
                await_pause(server, child, "all done")
                expect("WARNING" not in server.said().upper(), indented(server.said()))
            with lab.case("the service is hidden"):
                expect(not reachable(net.client, SERVER, PORT), "the client gets in")
            with lab.case("the client gets in, nobody else"):
                run_on_client(client, todo[2].lines)
                expect("the service said: still there?" in client.said(), indented(client.said()))
                expect(not reachable(net.other, SERVER, PORT), "another host gets in")
        finally:
            child.communicate(timeout=30)
        with lab.case("nothing of the daemon is left"):
            expect("Killed fwknopd" in server.said(), indented(server.said()))
            expect("FWKNOP" not in net.gateway.run("iptables", "-S"), "a chain is left")


def by_hand(text: str) -> str:
    """The lines for root, without those for a service manager."""
    lines = [line for line in re.findall(r"^    # (.*)$", text, re.MULTILINE)
             if not line.startswith("systemctl")]
    # Its folder is one of our own in any case; that it ends nobody else's daemon is doubly sure.
    return "\n".join(line.replace(f"{DEBIAN_SERVER} --kill", DEBIAN_KILL) for line in lines) + "\n"


def migration(lab: Lab) -> None:
    """From the incumbent's daemon to ours and back, with its files."""
    prepare(lab)
    lab.programs.path(DEBIAN, server=True)
    there, back = text_of("docs", "migration.md").split("\n## Going back\n")
    expect([by_hand(part).count("\n") for part in (there, back)] == [4, 2],
           f"docs/migration.md has other lines:\n{indented(by_hand(there) + by_hand(back))}")
    net, keys = lab.net, Keys()
    server = Side(lab, "server", net.gateway)
    with open("/etc/fwknop/fwknopd.conf", encoding="utf-8") as file:
        shipped = file.read()
    for name, text in (("fwknopd.conf", f"{shipped}\nPCAP_INTF {Network.interface};\n"),
                       ("access.conf", stanza(keys, FW_ACCESS_TIMEOUT=60))):
        write_private(os.path.join(lab.root, "etc", name), text)
    stages = [("2.6 runs", DEBIAN_SERVER + "\n"), ("this one runs", by_hand(there)),
              ("2.6 runs again", by_hand(back))]
    child = server.start(f"trap '{DEBIAN_KILL}' EXIT\n"
                         + "".join(lines + pause(name) for name, lines in stages))
    seen: List[bytes] = []

    def knock(port: int) -> None:
        """Until it opens: 2.6 is in the background before it listens."""
        def opened() -> bool:
            lab.client.knock(keys, f"tcp/{port}")
            packet = wire.next()
            time.sleep(0.5)
            if str(port) not in [rule.port for rule in lab.rules()]:
                return False
            seen.append(packet)
            return True
        with Sniffer(net.gateway, Network.interface) as wire:
            wait_for(f"a rule for {port}", opened, 20)

    try:
        for number, (name, _) in enumerate(stages):
            with lab.case(name):
                await_pause(server, child, name)
                expect(not lab.rules(), "a rule of the daemon before is left")
                earlier = list(seen)
                knock(1000 + number)
                for packet in earlier:
                    send_udp(net.client, Network.gateway4, packet)
                knock(2000 + number)
                ports = {rule.port for rule in lab.rules()}
                expect(ports == {str(1000 + number), str(2000 + number)},
                       f"open are {sorted(ports)}: a packet was accepted again")
            with contextlib.suppress(BrokenPipeError):
                child.stdin.write(b"\n")  # type: ignore[union-attr]
                child.stdin.flush()  # type: ignore[union-attr]
    finally:
        child.communicate(timeout=30)
    with lab.case("nothing of either daemon is left"):
        wait_for("the chains to go",
                 lambda: "FWKNOP" not in net.gateway.run("iptables", "-S"), 5)


if __name__ == "__main__":
    sys.exit(main([readme, migration]))
