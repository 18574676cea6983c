# SPDX-License-Identifier: Apache-2.0
"""The grants that a packet filter really holds, whichever it is."""

import re
from typing import List, NamedTuple

from harness import firewall
from harness.namespaces import Namespace

ELEMENT = re.compile(r"([0-9a-f.:]+) \. (\d+) \. (\d+) timeout \S+ expires")
PROTOCOLS = {"6": "tcp", "17": "udp"}


class Opening(NamedTuple):
    """Who gets in where."""
    source: str
    protocol: str
    port: int


def openings(gateway: Namespace, backend: str) -> List[Opening]:
    if backend == "nftables":
        text = gateway.run("nft", "-n", "list", "ruleset")
        return [Opening(source, PROTOCOLS[protocol], int(port))
                for source, protocol, port in ELEMENT.findall(text)]
    return [Opening(rule.source.split("/")[0], rule.protocol or "", int(rule.port or 0))
            for v6 in (False, True) for rule in firewall.rules(gateway, v6)]
