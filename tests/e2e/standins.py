#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The stand-ins of pfctl and ipfw are as strict as the manual pages: what those allow passes and is
listed, what they forbid is refused for its reason.

Usage: standins.py
Exit status: 0 all as it should be, 1 not (each case is printed)."""

import os
import sys
import tempfile
from typing import Iterator, List, Tuple

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from harness.bsd import StandIn

HOSTS = "from 192.0.2.7 to any port 22"
LABEL = 'label "_exp_5"'
PF_GOOD = {
    f'pass in quick proto 6 {HOSTS} keep state {LABEL}':
        'pass in quick inet proto tcp from 192.0.2.7 to any port = ssh flags S/SA keep state '
        'label "_exp_5"',
    f'pass in quick proto 17 from 2001:db8::/32 to 2001:db8::1 port 60001 keep state {LABEL}':
        'pass in quick inet6 proto udp from 2001:db8::/32 to 2001:db8::1 port = 60001 keep state '
        'label "_exp_5"',
    f'pass quick from 192.0.2.0/24 to 10.0.0.5 keep state {LABEL}':
        'pass quick inet from 192.0.2.0/24 to 10.0.0.5 flags S/SA keep state label "_exp_5"',
    'rdr pass inet proto 6 from 192.0.2.7 to any port 8022 tag _exp_5 -> 10.0.0.5 port 22':
        'rdr pass inet proto tcp from 192.0.2.7 to any port = 8022 tag _exp_5 -> 10.0.0.5 port 22',
    'rdr inet from 192.0.2.7 to any tag _exp_5 -> 10.0.0.5':
        'rdr inet from 192.0.2.7 to any tag _exp_5 -> 10.0.0.5',
    'rdr pass inet6 proto 6 from fd00::1 to any port 8022 tag _exp_5 -> fd00::5 port 22':
        'rdr pass inet6 proto tcp from fd00::1 to any port = 8022 tag _exp_5 -> fd00::5 port 22',
    'nat pass inet proto 6 from 192.0.2.7 to 10.0.0.5 port 22 tag _exp_5 -> 203.0.113.5':
        'nat pass inet proto tcp from 192.0.2.7 to 10.0.0.5 port = ssh tag _exp_5 -> 203.0.113.5',
    'block in quick all': 'block in quick all',
}
SYNTAX = "syntax error"
PF_BAD = (
    (f"pass quick in proto 6 {HOSTS}", SYNTAX),  # keywords in a wrong order
    (f"pass in proto 6 quick {HOSTS}", SYNTAX),
    (f"pass in quick {HOSTS} proto 6", "port only applies"),
    ("pass in quick proto 6 to any from 192.0.2.7", SYNTAX),
    (f"pass in quick proto 6 {HOSTS} {LABEL} in", SYNTAX),
    (f"in pass quick proto 6 {HOSTS}", SYNTAX),
    ("pass in quick proto 6 from 192.0.2.7", SYNTAX),
    ("pass in quick proto 6 from to any port 22", "no IP address"),
    (f"accept in quick proto 6 {HOSTS}", SYNTAX),
    (f"pass in quick proto nosuch {HOSTS}", "unknown protocol"),
    (f"pass in quick proto 300 {HOSTS}", "unknown protocol"),
    (f"pass in quick proto 1 {HOSTS}", "port only applies"),
    (f"pass in quick {HOSTS}", "port only applies"),
    ("pass in quick proto 6 from 192.0.2.7 to any port 65536", "illegal port"),
    ("pass in quick proto 6 from 192.0.2.7 to any port 0", "illegal port"),
    ("pass in quick proto 6 from 192.0.2.7 to any port nosuch", "unknown port"),
    ("pass in quick proto 6 from 192.0.2.7 to any port -1", "unknown port"),
    ("pass in quick proto 6 from 192.0.2.300 to any port 22", "no IP address"),
    ("pass in quick proto 6 from 192.0.2.7/33 to any port 22", "no IP address"),
    ("pass in quick proto 6 from 192.0.2.7 to 2001:db8::1 port 22", "no valid combination"),
    ("pass in quick inet6 proto 6 from 192.0.2.7 to any port 22", "no valid combination"),
    (f'pass in quick proto 6 {HOSTS} label "{"x" * 64}"', "label too long"),
    (f"pass in quick proto 6 {HOSTS} label", SYNTAX),
    (f"pass in quick proto 6 {HOSTS} {LABEL} {LABEL}", "cannot be redefined"),
    (f"pass in quick proto 6 {HOSTS} keep", SYNTAX),
    (f"pass in quick proto 17 {HOSTS} flags S/SA", "flags only apply"),
    (f"pass in quick proto 6 {HOSTS} // _exp_5", SYNTAX),
    (f'pass in quick proto 6 {HOSTS} label "_exp_5', SYNTAX),
    (f"rdr in inet proto 6 {HOSTS} -> 10.0.0.5", SYNTAX),
    (f"rdr pass inet proto 6 {HOSTS}", SYNTAX),
    (f"rdr pass inet proto 6 {HOSTS} -> 10.0.0.5 {LABEL}", SYNTAX),
    (f"rdr pass inet proto 6 {HOSTS} {LABEL} -> 10.0.0.5", SYNTAX),
    (f"rdr pass inet proto 6 {HOSTS} -> fd00::5", "no valid combination"),
    (f"rdr pass inet proto 6 {HOSTS} -> 10.0.0.5 port 70000", "illegal port"),
    ("rdr pass inet from 192.0.2.7 to any -> 10.0.0.5 port 22", "port only applies"),
    (f"rdr pass inet proto 6 {HOSTS} tag {'x' * 64} -> 10.0.0.5", "tag too long"),
    (f"nat pass inet proto 6 {HOSTS} -> 10.0.0.0/24", "only a host"),
    (f"pass in quick proto 6 {HOSTS}\nrdr pass inet from 192.0.2.7 to any -> 10.0.0.5",
     "Rules must be in order"),
    (f"pass in quick proto 6 {HOSTS}\nnat inet from 192.0.2.7 to any -> 10.0.0.5",
     "Rules must be in order"),
)
PF_CALLS_BAD: Tuple[Tuple[List[str], str], ...] = (
    (["-f", "-"], "whole policy"),
    (["-F", "all"], "whole policy"),
    (["-a", "fwknop", "-F", "everything"], "Unknown flush"),
    (["-a", "fwknop", "-s", "everything"], "Unknown show"),
    (["-a", "_pf", "-s", "rules"], "invalid anchor"),
    (["-a", "fwknop"], "one thing"),
    (["-a", "fwknop", "-x"], "usage"),
    (["-s"], "usage"),
    (["rules"], "usage"),
)

RULE = "from 192.0.2.7 to me dst-port 22"
IPFW_GOOD = {
    f"add 10000 set 1 pass tcp {RULE} setup keep-state // _exp_5":
        f"10000 set 1 allow tcp {RULE} setup keep-state :default // _exp_5",
    "add 1 set 30 pass udp from 2001:db8::/32 to me6 dst-port 65535 keep-state // _exp_5":
        "00001 set 30 allow udp from 2001:db8::/32 to me6 dst-port 65535 keep-state :default // "
        "_exp_5",
    "add 65534 set 1 pass tcp from 192.0.2.7 to 192.0.2.1 dst-port 1 setup keep-state // _exp_5":
        "65534 set 1 allow tcp from 192.0.2.7 to 192.0.2.1 dst-port 1 setup keep-state :default // "
        "_exp_5",
    "add 10000 set 1 check-state": "10000 set 1 check-state :default",
    "add 5 deny ip from any to any": "00005 set 0 deny ip from any to any",
}
IPFW_BAD = (
    (f"add 0 set 1 pass tcp {RULE}", "invalid rule number"),
    (f"add 65535 set 1 pass tcp {RULE}", "invalid rule number"),
    (f"add 70000 set 1 pass tcp {RULE}", "invalid rule number"),
    (f"add set 1 pass tcp {RULE}", "has a number"),
    (f"add 10000 set 31 pass tcp {RULE}", "invalid set"),
    (f"add 10000 set 32 pass tcp {RULE}", "invalid set"),
    (f"add 10000 set x pass tcp {RULE}", "invalid set"),
    (f"add 10000 pass set 1 tcp {RULE}", "invalid protocol"),
    (f"set 1 add 10000 pass tcp {RULE}", "invalid set command"),
    (f"add 10000 set 1 let tcp {RULE}", "invalid action"),
    (f"add 10000 set 1 pass nosuch {RULE}", "invalid protocol"),
    (f"add 10000 set 1 pass icmp {RULE}", "no ports"),
    (f"add 10000 set 1 pass {RULE}", "invalid protocol"),
    (f"add 10000 set 1 pass udp {RULE} setup keep-state", "setup is for tcp"),
    (f"add 10000 set 1 pass tcp {RULE} keep-state setup", "out of order"),
    ("add 10000 set 1 pass tcp from 192.0.2.7 to me setup dst-port 22", "out of order"),
    (f"add 10000 set 1 pass tcp {RULE} keep-state keep-state", "only one"),
    (f"add 10000 set 1 pass tcp {RULE} label _exp_5", "unrecognised option"),
    (f"add 10000 set 1 pass tcp {RULE} //", "comment"),
    (f"add 10000 set 1 pass tcp {RULE} // {'x' * 81}", "comment too long"),
    ("add 10000 set 1 pass tcp from 192.0.2.7 to me dst-port 65536", "invalid port"),
    ("add 10000 set 1 pass tcp from 192.0.2.7 to me dst-port 0", "invalid port"),
    ("add 10000 set 1 pass tcp from 192.0.2.7 to me dst-port ssh", "invalid port"),
    ("add 10000 set 1 pass tcp from 192.0.2.7 to me dst-port", "missing port"),
    ("add 10000 set 1 pass tcp from 192.0.2.300 to me dst-port 22", "bad address"),
    ("add 10000 set 1 pass tcp from 192.0.2.7/33 to me dst-port 22", "bad address"),
    ("add 10000 set 1 pass tcp from 192.0.2.7 to me6 dst-port 22", "two families"),
    ("add 10000 set 1 pass tcp from 2001:db8::7 to 192.0.2.1 dst-port 22", "two families"),
    ("add 10000 set 1 pass tcp to me from 192.0.2.7 dst-port 22", 'missing "from"'),
    ("add 10000 set 1 pass tcp from 192.0.2.7 dst-port 22", 'missing "to"'),
    ("add 10000 set 1 check-state keep-state", "unrecognised option"),
    ("add", "has a number"),
    ("delete 10000", "not found"),
    ("delete set 5", "not found"),
    ("delete 65535", "invalid rule number"),
    ("delete set 31", "invalid set"),
    ("delete 1 2", "unrecognised word"),
    ("set move rule 10000 to 2", "not found"),
    ("set move rule 10000 2", 'missing "to"'),
    ("set move 10000 to 2", 'missing "rule"'),
    ("set disable 31", "cannot be disabled"),
    ("set disable 32", "invalid set"),
    ("set disable", "missing set"),
    ("set hide 2", "invalid set command"),
    ("flush", "bad command"),
)


def pf_cases(pf: StandIn) -> Iterator[Tuple[str, str]]:
    for rule, listed in PF_GOOD.items():
        done = pf.run("-a", "fwknop", "-f", "-", text=rule + "\n")
        shown = [pf.run("-a", "fwknop", "-s", what).stdout for what in ("nat", "rules")]
        yield rule, "" if done.returncode == 0 and "".join(shown) == listed + "\n" \
            else f"{done.stderr} {shown}"
    before = pf.state()["anchors"]
    for rule, reason in PF_BAD:
        done = pf.run("-a", "fwknop", "-f", "-", text=rule + "\n")
        good = done.returncode == 1 and reason in done.stderr and pf.state()["anchors"] == before
        yield rule, "" if good else f"not refused for '{reason}': {done.returncode} {done.stderr}"
    for arguments, reason in PF_CALLS_BAD:
        done = pf.run(*arguments)
        yield "pfctl " + " ".join(arguments), \
            "" if done.returncode == 1 and reason in done.stderr else f"{done.stderr}"


def ipfw_cases(ipfw: StandIn) -> Iterator[Tuple[str, str]]:
    for rule, listed in IPFW_GOOD.items():
        done = ipfw.run("-q", "/dev/stdin", text=rule + "\n")
        shown = ipfw.run("-S", "list").stdout
        yield rule, "" if done.returncode == 0 and listed + "\n" in shown else \
            f"{done.stderr} {shown}"
        ipfw.run("-q", "delete", listed.split()[0])
    before = ipfw.state()
    for rule, reason in IPFW_BAD:
        done = ipfw.run("-q", "/dev/stdin", text=rule + "\n")
        good = done.returncode != 0 and reason in done.stderr and ipfw.state() == before \
            and "Line 1: " in done.stderr
        yield rule, "" if good else f"not refused for '{reason}': {done.returncode} {done.stderr}"
    script = "add 7 set 1 check-state\nadd 0 set 1 check-state\nadd 8 set 1 check-state\n"
    done = ipfw.run("-q", "/dev/stdin", text=script)
    yield "what stands before a wrong line has been done", \
        "" if ipfw.set(1) == ["7 check-state :default"] and "Line 2:" in done.stderr \
        else f"{ipfw.set(1)} {done.stderr}"
    ipfw.run("set", "disable", "1")
    yield "a set that is off is listed with -S only", \
        "" if "check-state" not in ipfw.run("list").stdout \
        and "# DISABLED 00007 set 1 " in ipfw.run("-S", "list").stdout else "it is not"
    ipfw.change(dynamic=[{"number": 7, "flow": "tcp x"}])
    yield "dynamic rules are listed with -d only", \
        "" if "STATE" not in ipfw.run("list").stdout \
        and "00007    3     180 (20s) STATE tcp x" in ipfw.run("-d", "list").stdout else "they are not"
    ipfw.run("delete", "7")
    yield "and end with their rule", "" if not ipfw.state()["dynamic"] else "they do not"
    for arguments in (["-x", "list"], ["-S", "delete", "1"], ["list", "10000"], ["/etc/rules"],
                      ["-q", "/dev/stdin", "x"], []):
        done = ipfw.run(*arguments)
        yield "ipfw " + " ".join(arguments), "" if done.returncode else "not refused"


def main() -> int:
    failed = count = 0
    with tempfile.TemporaryDirectory(prefix="fwknop-standins-") as root:
        for cases in (pf_cases(StandIn("pfctl", root)), ipfw_cases(StandIn("ipfw", root))):
            for name, problem in cases:
                count += 1
                if problem:
                    failed += 1
                    print(f"FAIL {name}\n     {problem}")
    print(f"{count - failed} of {count} cases are as they should be")
    return 1 if failed or count < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
