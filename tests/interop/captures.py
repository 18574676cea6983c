#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Genuine packets in many framings, read from capture files: how many each one opens."""

import os
import re
import sys
from typing import Iterator, NamedTuple, Set

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))

# pylint: disable=wrong-import-position
from harness.failure import Missing, expect
from harness.programs import Server
from harness.scenario import Lab, main

CAPTURES = os.path.join(HERE, "..", "vectors", "captures")
# Matches every frame: what "no filter" is where an empty expression cannot be given.
EVERYTHING = "greater 0"


class Row(NamedTuple):
    """One line of INDEX.md."""
    file: str
    opens: Set[int]


def table() -> Iterator[Row]:
    index = os.path.join(CAPTURES, "INDEX.md")
    if not os.path.exists(index):
        raise Missing(f"missing: {os.path.normpath(index)}: the capture files belong there")
    with open(index, encoding="utf-8") as file:
        for line in file:
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if len(cells) == 4 and cells[0].endswith(".pcap"):
                yield Row(cells[0], {int(number) for number in cells[2].split(" or ")})


def remembered(server: Server) -> int:
    """Entries of the replay file: one for each packet that authenticated."""
    if not os.path.exists(server.replay_file):
        return 0
    with open(server.replay_file, encoding="ascii") as file:
        return sum(1 for line in file if line.strip() and not line.startswith("#"))


def read(lab: Lab, file: str, expression: str, opens: Set[int]) -> None:
    with open(os.path.join(CAPTURES, "access.conf"), encoding="utf-8") as source:
        access = source.read()
    with lab.serve(access, wait=False,
                   config={"ENABLE_SPA_PACKET_AGING": "N", "FLUSH_IPT_AT_EXIT": "Y"},
                   arguments=["--pcap-file", os.path.abspath(os.path.join(CAPTURES, file)),
                              "-P", expression]) as server:
        code = server.wait(60)
        expect(code == 0, f"ended with {code}:\n{server.log()}")
        added = len(re.findall(r"^.*Added access rule to FWKNOP_INPUT for", server.log(),
                               re.MULTILINE))
        expect(added in opens, f"{added} grants, expected {sorted(opens)}:\n{server.log()}")
        entries = remembered(server)
        expect(entries == added, f"{entries} entries in the replay file for {added} grants")


def captures(lab: Lab) -> None:
    """Every file of tests/vectors/captures opens as often as its INDEX.md says."""
    rows = list(table())
    expect(len(rows) >= 20, f"INDEX.md lists only {len(rows)} captures")
    for row in rows:
        expression = "icmp" if row.file == "icmp.pcap" else EVERYTHING
        with lab.case(f"{row.file} opens {' or '.join(map(str, sorted(row.opens)))}"):
            read(lab, row.file, expression, row.opens)
    with lab.case("vlan.pcap with a filter for it"):
        read(lab, "vlan.pcap", "vlan and udp port 62201", {1})
    with lab.case("ethernet.pcap with the default filter"):
        read(lab, "ethernet.pcap", "udp port 62201", {2})
    with lab.case("ethernet.pcap with a filter for another port"):
        read(lab, "ethernet.pcap", "udp port 62202", {0})
    with lab.case("nothing of ours is left"):
        expect(not lab.rules(), "rules are left after the last capture")


if __name__ == "__main__":
    sys.exit(main([captures]))
