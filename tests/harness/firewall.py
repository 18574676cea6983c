# SPDX-License-Identifier: Apache-2.0
"""What the packet filter really holds."""

import ipaddress
import re
import shlex
from typing import List, NamedTuple, Optional

from .namespaces import Namespace

CHAIN = "FWKNOP_INPUT"


class Rule(NamedTuple):
    """One line of `iptables -S`."""
    source: str
    destination: Optional[str]
    protocol: Optional[str]
    port: Optional[str]
    expires: Optional[int]
    target: Optional[str]
    text: str

    @property
    def service(self) -> str:
        return f"{self.protocol}/{self.port}"


def parse(line: str) -> Rule:
    words = shlex.split(line)

    def after(option: str) -> Optional[str]:
        return words[words.index(option) + 1] if option in words else None

    comment = re.search(r"_exp_(\d+)", after("--comment") or "")
    # "0.0.0.0/0" is not printed: a rule without -s is open to everybody.
    source = str(ipaddress.ip_network(after("-s") or "0.0.0.0/0"))
    return Rule(source, after("-d"), after("-p"), after("--dport"),
                int(comment[1]) if comment else None, after("-j"), line)


def tool(v6: bool) -> str:
    return "ip6tables" if v6 else "iptables"


def listing(namespace: Namespace, v6: bool = False, table: str = "filter") -> List[str]:
    return namespace.run(tool(v6), "-w", "-t", table, "-S").splitlines()


def rules(namespace: Namespace, v6: bool = False, chain: str = CHAIN,
          table: str = "filter") -> List[Rule]:
    """The rules of one of our chains; none when the chain does not exist."""
    return [parse(line) for line in listing(namespace, v6, table)
            if line.startswith(f"-A {chain} ")]


def saved(namespace: Namespace, v6: bool = False) -> List[str]:
    """The complete policy without counters and time stamps, for comparison.

    A table that has only empty built-in chains counts as no table: listing
    alone may create it."""
    text = namespace.run(tool(v6) + "-save")
    lines = [re.sub(r"\[\d+:\d+\]", "", line).rstrip() for line in text.splitlines()
             if line and not line.startswith("#")]
    result: List[str] = []
    block: List[str] = []
    for line in lines:
        block.append(line)
        if line == "COMMIT":
            plain = all(part.startswith(("*", ":")) and not part.endswith("DROP")
                        and (part[0] == "*" or part.split()[1] != "-")
                        for part in block[:-1])
            result += [] if plain else block
            block = []
    return result


def ours_in(lines: List[str]) -> List[str]:
    """What of a policy is fwknop's own."""
    return [line for line in lines if "FWKNOP" in line or "_exp_" in line]
