#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The daemon's life: signals, crashes, reloads, foreign rules, junk, and doing nothing."""

import os
import secrets
import signal
import string
import sys
import time
from typing import List

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from harness import firewall
from harness.failure import expect, wait_for
from harness.namespaces import Network
from harness.programs import Keys, Server, stanza, write_private
from harness.scenario import Lab, main
from harness.traffic import send_udp

KEYS = Keys()


def policies(lab: Lab) -> List[str]:
    return firewall.saved(lab.net.gateway) + firewall.saved(lab.net.gateway, v6=True)


def foreign_rules(lab: Lab) -> None:
    """Rules of an administrator, in every place where a careless flush would hit them."""
    run = lab.net.gateway.run
    for tool, address in (("iptables", "198.51.100.7"), ("ip6tables", "2001:db8::7")):
        run(tool, "-N", "ADMIN")
        run(tool, "-A", "ADMIN", "-p", "tcp", "--dport", "443", "-j", "ACCEPT")
        run(tool, "-I", "INPUT", "1", "-s", address, "-j", "ADMIN")
        run(tool, "-A", "INPUT", "-s", address, "-m", "comment", "--comment", "ours", "-j", "DROP")
        run(tool, "-t", "nat", "-A", "PREROUTING", "-p", "tcp", "--dport", "8080", "-j", "REDIRECT",
            "--to-ports", "80")
        run(tool, "-A", "FORWARD", "-s", address, "-j", "DROP")


def end(lab: Lab) -> None:
    """SIGTERM and SIGINT: nothing of ours stays, everything of others does."""
    foreign_rules(lab)
    before = policies(lab)
    for number in (signal.SIGTERM, signal.SIGINT):
        with lab.case(f"{number.name} with grants"), \
                lab.serve(stanza(KEYS, FW_ACCESS_TIMEOUT=60)) as server:
            for port in range(7000, 7005):
                lab.client.knock(KEYS, f"tcp/{port}")
            if lab.ours:
                lab.client.knock(KEYS, "tcp/7010", allow=Network.client6)
                lab.wait_rule(server, "tcp/7010", v6=True)
            lab.fence(server, KEYS, 7020)
            seconds = server.stop(number)
            expect(seconds < 10, f"took {seconds:.1f} s")
            server.wait_log(rf"Got {number.name}|Shutting Down fwknopd")
            left = policies(lab)
            expect(left == before, "the policy changed:\n"
                   + "\n".join(sorted(set(left) ^ set(before))))


def end_in_a_storm(lab: Lab) -> None:
    """SIGTERM while knocks keep coming."""
    before = policies(lab)
    packets = [lab.client.packet(KEYS, f"tcp/{8000 + number}") for number in range(60)]
    for attempt in range(3):
        with lab.case(f"round {attempt + 1}"), \
                lab.serve(stanza(KEYS, FW_ACCESS_TIMEOUT=60)) as server:
            for number, packet in enumerate(packets[attempt * 20:attempt * 20 + 20]):
                send_udp(lab.net.client, Network.gateway4, packet)
                if number == 5 + attempt:
                    # Some are granted, some under way, some not yet sent.
                    lab.wait_rule(server, f"tcp/{8000 + attempt * 20}")
                    server.send(signal.SIGTERM)
            expect(server.wait() == 0, "did not end with 0")
            left = policies(lab)
            expect(left == before, "left behind:\n" + "\n".join(firewall.ours_in(left)))


def crash(lab: Lab) -> None:
    """kill -9, then a restart: no grant whose time is over stays."""
    access = stanza(KEYS, FW_ACCESS_TIMEOUT=60)
    program = lab.programs.path(lab.server_kind, server=True)
    for flush in ("Y", "N"):
        before = lab.serve(access, config={"FLUSH_IPT_AT_EXIT": "Y"})
        with before:
            lab.client.knock(KEYS, "tcp/22", "-f", "1")
            lab.client.knock(KEYS, "tcp/23", "-f", "50")
            short = lab.wait_rule(before, "tcp/22")
            lab.wait_rule(before, "tcp/23")
            before.kill()
        wait_for("the short grant's time", lambda: time.time() > (short.expires or 0) + 1, 5)
        with Server(program, access, root=lab.root, namespace=lab.net.gateway,
                    run_directory=before.run_directory,
                    config={"FLUSH_IPT_AT_INIT": flush}) as server:
            with lab.case(f"FLUSH_IPT_AT_INIT {flush}: the expired grant is gone"):
                wait_for("it to go", lambda: "22" not in [r.port for r in lab.rules()], 3)
            if flush == "Y":
                with lab.case("FLUSH_IPT_AT_INIT Y: the other one too"):
                    expect("23" not in [r.port for r in lab.rules()], "it is still there")
            else:
                with lab.case("FLUSH_IPT_AT_INIT N: the other one stays"):
                    expect("23" in [r.port for r in lab.rules()], "it is gone")
            with lab.case(f"FLUSH_IPT_AT_INIT {flush}: one jump rule, and it works"):
                lab.fence(server, KEYS, 6100)
                jumps = [line for line in firewall.listing(lab.net.gateway)
                         if line.startswith("-A INPUT") and "FWKNOP_INPUT" in line]
                expect(len(jumps) == 1, f"jump rules: {jumps}")
        with lab.case(f"FLUSH_IPT_AT_INIT {flush}: nothing is left at the end"):
            expect(not firewall.ours_in(policies(lab)), "something is left")


def foreign(lab: Lab) -> None:
    """Rules of others in our chain."""
    run = lab.net.gateway.run
    with lab.serve(stanza(KEYS, FW_ACCESS_TIMEOUT=60)) as server:
        lab.fence(server, KEYS, 6200)
        run("iptables", "-I", "FWKNOP_INPUT", "1", "-s", "198.51.100.9", "-j", "ACCEPT")
        run("iptables", "-A", "FWKNOP_INPUT", "-s", "198.51.100.10", "-j", "DROP")

        def sources() -> List[str]:
            return [rule.source for rule in lab.rules()]
        with lab.case("survive grants and expiries"):
            for port in (6201, 6202, 6203):
                lab.client.knock(KEYS, f"tcp/{port}", "-f", "1")
                lab.wait_rule(server, f"tcp/{port}")
            wait_for("three expiries",
                     lambda: not {"6201", "6202", "6203"} & {r.port for r in lab.rules()}, 5)
            expect({"198.51.100.9/32", "198.51.100.10/32"} <= set(sources()),
                   f"left are {sources()}")
        with lab.case("the grant that still runs survived, too"):
            expect("6200" in [rule.port for rule in lab.rules()], f"left are {lab.rules()}")
        with lab.case("a deleted chain is made again by the next knock"):
            run("iptables", "-D", "INPUT", "-j", "FWKNOP_INPUT")
            run("iptables", "-F", "FWKNOP_INPUT")
            run("iptables", "-X", "FWKNOP_INPUT")
            lab.fence(server, KEYS, 6204)
            expect(any("INPUT -j FWKNOP_INPUT" in line
                       for line in firewall.listing(lab.net.gateway)), "no jump rule")


def foreign_expiry(lab: Lab) -> None:
    """A rule of others that carries an expiry in its comment is removed when its time comes."""
    for variant in ("nft", "legacy"):
        config = {"FIREWALL_EXE": f"/usr/sbin/iptables-{variant}", "ENABLE_IPT_FORWARDING": "Y"}
        # The legacy variant tells nobody of changes: there it costs polling, which is asked for.
        asked = {"RULES_CHECK_THRESHOLD": "20"} if variant == "legacy" else {}
        with lab.serve(stanza(KEYS, FW_ACCESS_TIMEOUT=60), config={**config, **asked}):
            expire_in_time(lab, variant)
        with lab.case(f"{variant}: not without being asked for" if asked
                      else f"{variant}: not with RULES_CHECK_THRESHOLD 0"), \
                lab.serve(stanza(KEYS, FW_ACCESS_TIMEOUT=60),
                          config={**config, **({} if asked else {"RULES_CHECK_THRESHOLD": "0"})}):
            add_tagged(lab, f"iptables-{variant}", "198.51.100.12", time.time() + 1)
            time.sleep(4)
            expect("198.51.100.12/32" in tagged_in(lab, f"iptables-{variant}"), "it is gone")


def add_tagged(lab: Lab, tool: str, source: str, when: float, *, table: str = "filter",
               chain: str = "FWKNOP_INPUT", comment: str = "_exp_{}") -> None:
    lab.net.gateway.run(tool, "-w", "-t", table, "-A", chain, "-s", source, "-m", "comment",
                        "--comment", comment.format(int(when)), "-j", "RETURN")


def tagged_in(lab: Lab, tool: str, table: str = "filter", chain: str = "FWKNOP_INPUT") -> List[str]:
    """The sources of a chain's rules."""
    return [firewall.parse(line).source
            for line in lab.net.gateway.run(tool, "-w", "-t", table, "-S", chain).splitlines()
            if line.startswith("-A ")]


def expire_in_time(lab: Lab, variant: str) -> None:
    four, six = f"iptables-{variant}", f"ip6tables-{variant}"
    lab.net.gateway.run(four, "-I", "FWKNOP_INPUT", "1", "-s", "198.51.100.9", "-j", "ACCEPT")
    for name, tool, source, table, chain, comment in (
            ("IPv4", four, "198.51.100.11/32", "filter", "FWKNOP_INPUT", "_exp_{}"),
            ("IPv6", six, "2001:db8::11/128", "filter", "FWKNOP_INPUT", "_exp_{}"),
            ("in the middle of a comment", four, "198.51.100.13/32", "filter", "FWKNOP_INPUT",
             "backup of \"host\" _exp_{}, by hand"),
            ("in the nat table", four, "198.51.100.14/32", "nat", "FWKNOP_PREROUTING", "x_exp_{}"),
            ("in a chain for what is forwarded, IPv6", six, "2001:db8::14/128", "filter",
             "FWKNOP_FORWARD", "_exp_{} y")):
        with lab.case(f"{variant}: {name}"):
            when = int(time.time()) + 3
            for _ in range(2):  # twice the same: both go
                add_tagged(lab, tool, source, when, table=table, chain=chain, comment=comment)
            wait_for("them to go",
                     lambda where=(tool, table, chain), gone=source:
                     gone not in tagged_in(lab, *where), 8)
            expect(time.time() >= when, "they went before their time")
    with lab.case(f"{variant}: one whose time is over already"):
        add_tagged(lab, four, "198.51.100.15", 77)
        wait_for("it to go", lambda: "198.51.100.15/32" not in tagged_in(lab, four), 5)
    with lab.case(f"{variant}: what says no expiry stays"):
        expect("198.51.100.9/32" in tagged_in(lab, four), "it went with the others")


def foreign_flood(lab: Lab) -> None:
    """Our own changes cost no look at the table, a thousand of others cost a few."""
    programs = os.path.join(lab.root, "programs")
    count = os.path.join(lab.root, "looks")
    os.mkdir(programs)
    for name in ("iptables", "iptables-restore", "ip6tables", "ip6tables-restore"):
        os.symlink(f"/usr/sbin/{name.replace('tables', 'tables-nft')}",
                   os.path.join(programs, name))
    for name in ("iptables", "ip6tables"):
        path = os.path.join(programs, f"{name}-save")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o700), "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\necho >>{count}\nexec /usr/sbin/{name}-nft-save \"$@\"\n")

    def looks() -> int:
        return os.path.getsize(count)
    with lab.serve(stanza(KEYS, FW_ACCESS_TIMEOUT=60),
                   config={"FIREWALL_EXE": os.path.join(programs, "iptables")}) as server:
        with lab.case("grants that come and go"):
            before = looks()
            for port in (6261, 6262, 6263):
                lab.client.knock(KEYS, f"tcp/{port}", "-f", "1")
                lab.wait_rule(server, f"tcp/{port}")
            wait_for("their end", lambda: not lab.rules(), 5)
            expect(looks() == before, f"{looks() - before} looks")
        with lab.case("1,000 rules, one after the other"):
            before, began = looks(), time.monotonic()
            when = int(time.time()) + 25
            lab.net.gateway.run("sh", "-c", "for i in $(seq 1000); do iptables -w -A FWKNOP_INPUT "
                                "-s 10.1.$((i / 250)).$((i % 250)) -m comment --comment "
                                f"_exp_{when} -j RETURN || exit; done")
            lab.fence(server, KEYS, 6264)
            seconds = time.monotonic() - began
            expect(looks() - before <= 2 * seconds + 3,
                   f"{looks() - before} looks in {seconds:.0f} seconds")
            wait_for("all to go", lambda: len(lab.rules()) == 1, 40, pause=0.5)
            expect(time.time() >= when, "they went before their time")


def switches(pid: int) -> int:
    """Voluntary context switches of all threads so far: each is one wake-up."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as file:
            total += sum(int(line.split()[1]) for line in file
                         if line.startswith("voluntary_ctxt_switches"))
    return total


def idle(lab: Lab) -> None:
    """A daemon with nothing to do does not wake up."""
    def over_three_seconds(pid: int) -> int:
        # Start-up and the last grant may still settle: wait until a second passes quietly.
        wait_for("a quiet moment", lambda: quiet(pid), 10, pause=0)
        first = switches(pid)
        time.sleep(3)
        return switches(pid) - first

    def quiet(pid: int) -> bool:
        first = switches(pid)
        time.sleep(0.5)
        return switches(pid) - first <= 1

    with lab.serve(stanza(KEYS, FW_ACCESS_TIMEOUT=600)) as server:
        with lab.case("before any knock"):
            count = over_three_seconds(server.pid)
            expect(count <= 1, f"woke up {count} times in 3 s")
        with lab.case("with grants that run"):
            lab.fence(server, KEYS, 6300)
            count = over_three_seconds(server.pid)
            expect(count <= 1, f"woke up {count} times in 3 s")


def junk(lab: Lab) -> None:
    """Junk adds no line per packet, and a knock still works."""
    alphabet = string.ascii_letters + string.digits + "+/"

    def text(length: int, first: str = "") -> bytes:
        return (first + "".join(secrets.choice(alphabet) for _ in range(length)))[:length].encode()
    kinds = {
        "random bytes": lambda: secrets.token_bytes(200),
        "the right alphabet": lambda: text(200),
        "the right alphabet and beginning": lambda: text(228, "8"),
        "too short": lambda: text(139),
        "empty": lambda: b"",
        "a removed prefix put back": lambda: text(228, "U2FsdGVkX1"),
    }
    for name, make in kinds.items():
        # A daemon for each: the lines one kind used up must not be what keeps the next one quiet.
        with lab.case(f"1,000 packets of {name}"), \
                lab.serve(stanza(KEYS, FW_ACCESS_TIMEOUT=60)) as server:
            before = len(server.lines())
            for _ in range(1000):
                send_udp(lab.net.client, Network.gateway4, make())
            lab.fence(server, KEYS, 6400)
            # The fence's own lines are not the junk's.
            added = [line for line in server.lines()[before:]
                     if "access source match" not in line and "Added access rule" not in line]
            expect(len(added) <= 5, f"{len(added)} lines, such as:\n" + "\n".join(added[:8]))
            expect([rule.port for rule in lab.rules()] == ["6400"], "junk opened something")
    with lab.case("every grant was a knock's"):
        expect(not lab.rules(), "rules are left")


if __name__ == "__main__":
    sys.exit(main([end, end_in_a_storm, crash, foreign, foreign_expiry, foreign_flood, idle,
                   junk]))
