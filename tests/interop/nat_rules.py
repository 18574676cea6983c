#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Debian's daemon and ours, one after the other, with the same files and the same request: what
the packet filter holds afterwards, and what the logs say of it, must be the same.

Where ours is meant to differ, the row says what the incumbent has and ours has not, or the other
way round.
"""

import os
import re
import sys
from typing import Dict, List, NamedTuple, Sequence, Tuple

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from harness import firewall
from harness.failure import expect
from harness.namespaces import Network
from harness.processes import indented
from harness.programs import DEBIAN, OURS, Keys, Server, stanza
from harness.scenario import Lab, main

SOURCE = "192.0.2.7"
FENCE = Keys("encryption-key-of-the-fence", "hmac-key-of-the-fence")

Directives = Dict[str, str]
F: Directives = {"ENABLE_IPT_FORWARDING": "Y"}
L: Directives = {"ENABLE_IPT_LOCAL_NAT": "Y"}
SN: Directives = {"ENABLE_IPT_SNAT": "Y"}
TR: Directives = {"SNAT_TRANSLATE_IP": "203.0.113.5"}
DEST: Directives = {"ENABLE_DESTINATION_RULE": "Y"}
OUT: Directives = {"ENABLE_IPT_OUTPUT": "Y"}
PREPEND: Directives = {"ENABLE_RULE_PREPEND": "Y"}
CHAINS: Directives = {
    "IPT_INPUT_ACCESS": "ACCEPT, filter, INPUT, 3, OTHER_IN, 1",
    "IPT_FORWARD_ACCESS": "ACCEPT, filter, FORWARD, 1, OTHER_FORWARD, 1",
    "IPT_DNAT_ACCESS": "DNAT, nat, PREROUTING, 1, OTHER_DNAT, 1",
    "IPT_SNAT_ACCESS": "SNAT, nat, POSTROUTING, 1, OTHER_SNAT, 1",
    "IPT_MASQUERADE_ACCESS": "MASQUERADE, nat, POSTROUTING, 1, OTHER_MASQUERADE, 1"}
FN: Directives = {"FORCE_NAT": "10.0.0.9 2222"}
FA: Directives = {"FORWARD_ALL": "Y"}
FS: Directives = {"FORCE_SNAT": "203.0.113.7"}
FM: Directives = {"FORCE_MASQUERADE": "Y"}
DD: Directives = {"DISABLE_DNAT": "Y"}

TWO = ["-A", "tcp/22,udp/53"]
PLAIN = ["-A", "tcp/8022"]
NAT = [*PLAIN, "-N", "10.0.0.5:22"]
LOCAL = ["-A", "tcp/22", "--nat-local"]
LOCAL_PORT = [*LOCAL, "--nat-port", "8022"]

# What ours leaves out: a translation to nowhere, and what it would be logged as.
TO_NOWHERE = ["-j DNAT --to-destination 0.0.0.0", "Added DNAT ALL rule"]
# What ours adds: the chains and the rule that the incumbent says it adds.
SNAT_CHAINS = [":FWKNOP_MASQUERADE", ":FWKNOP_POSTROUTING", "-j FWKNOP_MASQUERADE",
               "-j FWKNOP_POSTROUTING"]


class Row(NamedTuple):
    """One line of the table."""
    name: str
    config: Directives
    access: Directives
    request: Sequence[str]
    opens: bool = True
    debian_only: Sequence[str] = ()
    ours_only: Sequence[str] = ()


ROWS = [
    Row("two ports", {}, {}, TWO),
    Row("ENABLE_RULE_PREPEND", PREPEND, {}, TWO),
    Row("ENABLE_RULE_PREPEND, NAT", {**F, **SN, **PREPEND}, {}, NAT),
    Row("ENABLE_IPT_OUTPUT", OUT, {}, TWO),
    Row("ENABLE_IPT_OUTPUT, DEST", {**OUT, **DEST}, {}, TWO),
    Row("NAT, F", F, {}, NAT),
    Row("NAT, F, with a timeout", F, {}, [*NAT, "-f", "50"]),
    Row("NAT, F, ENABLE_IPT_OUTPUT", {**F, **OUT}, {}, NAT),
    Row("NAT, F + DEST", {**F, **DEST}, {}, NAT),
    Row("NAT, nothing enabled", {}, {}, NAT, opens=False),
    Row("NAT, L only", L, {}, NAT, opens=False),
    Row("NAT, F, several ports", F, {}, ["-A", "tcp/8022,udp/53", "-N", "10.0.0.5:22"]),
    Row("NAT, F, udp", F, {}, ["-A", "udp/8053", "-N", "10.0.0.5:53"]),
    Row("NAT, F + TR without SN", {**F, **TR}, {}, NAT),
    Row("NAT, F + SN", {**F, **SN}, {}, NAT),
    Row("NAT, F + SN + TR", {**F, **SN, **TR}, {}, NAT),
    Row("NAT, F + SN, chains of other names", {**F, **SN, **CHAINS}, {}, NAT),
    Row("FN, F", F, FN, PLAIN),
    Row("FN, F, several ports", F, FN, TWO),
    Row("FN, F, NAT request", F, FN, NAT),
    Row("FN, L only", L, FN, PLAIN),
    Row("FN, L only, NAT request", L, FN, NAT, opens=False),
    Row("FN, local NAT request, F + L", {**F, **L}, FN, LOCAL_PORT),
    Row("FN, local NAT request, L", L, FN, LOCAL_PORT),
    Row("FN + DD", F, {**FN, **DD}, PLAIN),
    Row("FN + FA", F, {**FN, **FA}, PLAIN),
    Row("FN + FA + DD", F, {**FN, **FA, **DD}, PLAIN),
    Row("FN + FS, SN", {**F, **SN}, {**FN, **FS}, PLAIN),
    Row("FN + FS, no SN", F, {**FN, **FS}, PLAIN,
        debian_only=["Added SNAT rule to  for"],
        ours_only=[*SNAT_CHAINS, "-j SNAT --to-source 203.0.113.7",
                   "Added SNAT rule to FWKNOP_POSTROUTING for"]),
    Row("FN + FM, SN", {**F, **SN}, {**FN, **FM}, PLAIN),
    Row("FN + FM, SN + TR", {**F, **SN, **TR}, {**FN, **FM}, PLAIN),
    Row("FN + FM, no SN", F, {**FN, **FM}, PLAIN,
        debian_only=["Added SNAT rule to  for"],
        ours_only=[*SNAT_CHAINS, "-j MASQUERADE --to-ports 8022",
                   "Added SNAT rule to FWKNOP_MASQUERADE for"]),
    Row("FN, SN", {**F, **SN}, FN, PLAIN),
    Row("FN + FS + FM + TR, SN", {**F, **SN, **TR}, {**FN, **FS, **FM}, PLAIN),
    Row("FA, plain request", F, FA, TWO),
    Row("FA, NAT request", F, FA, NAT),
    Row("FA, NAT request, SN + DEST", {**F, **SN, **DEST}, FA, NAT),
    Row("FA + FS + DD, SN", {**F, **SN}, {**FA, **FS, **DD}, PLAIN),
    Row("FA + FS, SN", {**F, **SN}, {**FA, **FS}, PLAIN, debian_only=TO_NOWHERE),
    Row("FA + FM + DD, SN", {**F, **SN}, {**FA, **FM, **DD}, PLAIN),
    Row("FA + FM + DD, SN + TR", {**F, **SN, **TR}, {**FA, **FM, **DD}, PLAIN),
    Row("FA + FS, SN + L, local: to no port", {**L, **SN}, {**FA, **FS}, LOCAL, opens=False,
        debian_only=[*TO_NOWHERE, "--dport 0 ", "-j SNAT --to-source 203.0.113.7",
                     "Added local NAT rule", "Added SNAT ALL rule"]),
    Row("local NAT", L, {}, LOCAL),
    Row("local NAT, another port", L, {}, LOCAL_PORT),
    Row("local NAT + SN", {**L, **SN}, {}, LOCAL_PORT),
    Row("local NAT + DEST", {**L, **DEST}, {}, LOCAL_PORT),
    Row("local NAT + FA", L, FA, LOCAL_PORT),
    Row("local NAT + FA, SN", {**L, **SN}, FA, LOCAL_PORT),
    Row("local NAT + DD", L, DD, LOCAL_PORT),
    Row("local NAT, F only", F, {}, LOCAL, opens=False),
    Row("a host name", F, {}, [*PLAIN, "-N", "localhost:22"]),
    Row("a host name, ENABLE_NAT_DNS N", {**F, "ENABLE_NAT_DNS": "N"}, {},
        [*PLAIN, "-N", "localhost:22"], opens=False),
    Row("a host name that does not exist", F, {}, [*PLAIN, "-N", "no-such-host.invalid:22"],
        opens=False),
    Row("OPEN_PORTS names the inside port", F, {"OPEN_PORTS": "tcp/22"}, NAT, opens=False),
    Row("OPEN_PORTS names the outside port", F, {"OPEN_PORTS": "tcp/8022"}, NAT),
]

# Lines that only say how it came to that, and that both have to say.
REASONS = ("requested NAT access, but is not enabled/supported", "was denied per access.conf",
           "Resolved NAT IP in SPA message", "Unable to resolve Hostname in NAT SPA message",
           "Received Hostname in NAT SPA message, but hostname is disabled.")


def outcome(lab: Lab, kind: str, row: Row) -> Tuple[List[str], List[str]]:
    """The rules of our chains, and the lines of the log that tell of the request."""
    # The fence tells when the request has been decided: its own rules do not count.
    access = (stanza(Keys(), FW_ACCESS_TIMEOUT=60, **row.access)
              + stanza(FENCE, FW_ACCESS_TIMEOUT=60))
    chain = "OTHER_IN" if "IPT_INPUT_ACCESS" in row.config else firewall.CHAIN
    net = lab.net
    with Server(lab.programs.path(kind, server=True), access, root=lab.root,
                namespace=net.gateway, config=dict(row.config)) as server:
        mark = server.mark()
        lab.client.run(Keys(), *row.request, "-a", SOURCE,
                       destination=Network.gateway4).succeeded()
        # A look-up delays its own packet only, so a fence alone could overtake it.
        if row.opens:
            server.wait_log(f"Added .* rule to .* for {SOURCE} ", after=mark)
        elif "no-such-host.invalid:22" in row.request:
            server.wait_log("Unable to resolve Hostname", after=mark)
        lab.client.knock(FENCE, "tcp/9")
        server.wait_log(f"Added access rule to {chain} for {Network.client4} ", after=mark)
        policy = [re.sub(r"_exp_\d+", "_exp_T", line) for line in firewall.saved(net.gateway)
                  if ("FWKNOP_" in line or "OTHER_" in line) and Network.client4 not in line]
        log = []
        for line in server.log()[mark:].splitlines():
            told = re.search("|".join(REASONS), line)
            if told:
                log.append(told[0])
            elif line.startswith("Added ") and f" for {SOURCE} " in line:
                log.append(re.sub(r"expires at \d+", "expires at T", line))
    # The incumbent says it once for every port.
    return policy, list(dict.fromkeys(log))


def without(lines: List[str], parts: Sequence[str]) -> List[str]:
    for part in parts:
        expect(any(part in line for line in lines),
               f"'{part}' is expected on this side only, and is not there:\n"
               + indented("\n".join(lines)))
    return [line for line in lines if not any(part in line for part in parts)]


def compare(lab: Lab, rows: Sequence[Row]) -> None:
    expect(len({row.name for row in rows}) == len(rows), "two rows have one name")
    for row in rows:
        with lab.case(row.name):
            theirs, ours = (outcome(lab, kind, row) for kind in (DEBIAN, OURS))
            opened = any("_exp_" in line for line in ours[0])
            expect(opened == row.opens, f"{'opened' if opened else 'opened nothing'}:\n"
                   + indented("\n".join(ours[0] + ours[1])))
            debian = without(theirs[0] + theirs[1], row.debian_only)
            mine = without(ours[0] + ours[1], row.ours_only)
            expect(debian == mine, "Debian's:\n" + indented("\n".join(debian)) + "\nours:\n"
                   + indented("\n".join(mine)))
            left = firewall.ours_in(firewall.saved(lab.net.gateway))
            expect(not left, "left behind:\n" + indented("\n".join(left)))


def forced(lab: Lab) -> None:
    """What stanzas force: FORCE_*, FORWARD_ALL, DISABLE_DNAT."""
    compare(lab, [row for row in ROWS if row.access])


def asked(lab: Lab) -> None:
    """What clients ask for, and what fwknopd.conf makes of it."""
    compare(lab, [row for row in ROWS if not row.access])


if __name__ == "__main__":
    sys.exit(main([forced, asked]))
