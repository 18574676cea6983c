#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a daemon must refuse: each with its log line, and without a rule.

Every bad packet is followed by a good one from a stanza of its own (a fence):
once that one's rule stands, the bad one has been decided, so "no rule" needs
no waiting and cannot pass by being too early.
"""

import contextlib
import os
import re
import sys
from typing import Iterator, Optional

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from harness.failure import expect
from harness.namespaces import Network
from harness.programs import Client, Keys, Server, stanza
from harness.scenario import Lab, main
from harness.traffic import Sniffer, send_udp

FENCE = Keys("key-of-the-fence", "hmac-of-the-fence")
C, G = re.escape(Network.client4), re.escape(Network.gateway4)


class Bench:
    """One daemon whose last stanza is the fence."""

    def __init__(self, lab: Lab, server: Server):
        self.lab, self.server = lab, server
        self.fences_ = iter(range(60001, 60999))

    @contextlib.contextmanager
    def refused(self, name: str, line: Optional[str], once: bool = False) -> Iterator[None]:
        """What is sent inside must leave the rules as they are and be told by `line`.

        A line that is written once in a daemon's life may have come earlier."""
        with self.lab.case(name):
            before = self.services()
            mark = 0 if once else self.server.mark()
            yield
            fence = next(self.fences_)
            self.lab.fence(self.server, FENCE, fence)
            if line is not None:
                self.server.wait_log(line, after=mark, timeout=2)
            expect(self.services() == before | {f"tcp/{fence}"},
                   f"the rules changed from {sorted(before)} to {sorted(self.services())}")

    def services(self) -> set:
        return {rule.service for rule in self.lab.rules()}


@contextlib.contextmanager
def bench(lab: Lab, access: str, **options: object) -> Iterator[Bench]:
    fence = stanza(FENCE, source=f"{Network.client4}", FW_ACCESS_TIMEOUT=60)
    with lab.serve(access + fence, **options) as server:
        yield Bench(lab, server)


def wrong_hmac(lab: Lab, number: int) -> str:
    """2.6.11 has a line for it, which ours keeps; 2.6.10 tells it as any other failure."""
    if lab.ours:
        return rf"\(stanza #{number}\) Non-corresponding HMAC for this stanza"
    return rf"^\[{C}\] \(stanza #{number}\) Error creating fko context: .*HMAC_COMPAREFAIL"


def authentication(lab: Lab) -> None:
    """Replays, wrong keys, wrong HMACs, altered packets, wrong clocks."""
    keys = Keys()
    knock = lab.client.knock
    access = stanza(keys, source=Network.client4 + ",192.0.2.0/24", FW_ACCESS_TIMEOUT=60)
    with bench(lab, access) as table, Sniffer(lab.net.gateway, Network.interface) as wire:
        knock(keys, "tcp/22")
        lab.wait_rule(table.server, "tcp/22")
        captured = wire.next()
        replay = (rf"Replay detected from source IP: {C}, Destination proto/port: 17/62201, "
                  rf"Original source IP: {C}, Original dst proto/port: 17/62201, "
                  r"Entry created: \d\d/\d\d/\d\d \d\d:\d\d:\d\d")
        with table.refused("a captured packet sent again", replay):
            send_udp(lab.net.client, Network.gateway4, captured)
        expect(len([rule for rule in lab.rules() if rule.port == "22"]) == 1,
               "a replay added a second rule")
        with table.refused("wrong HMAC key", wrong_hmac(lab, 1)):
            knock(Keys(hmac="another-hmac-key"), "tcp/23")
        with table.refused("no HMAC at all", r"\(stanza #1\) (Error creating fko|Non-corresp)"):
            knock(Keys(hmac=None), "tcp/23")
        with table.refused("wrong encryption key, right HMAC key",
                           rf"^.*\[{C}\] \(stanza #1\) Error creating fko context: .+"):
            knock(Keys(key="another-encryption-key"), "tcp/23")
        fresh = lab.client.packet(keys, "tcp/23")
        with table.refused("one character changed", wrong_hmac(lab, 1)):
            flipped = bytes([fresh[40] ^ 1]) if chr(fresh[40] ^ 1).isalnum() else b"A"
            changed = fresh[:40] + (b"B" if flipped == fresh[40:41] else flipped) + fresh[41:]
            send_udp(lab.net.client, Network.gateway4, changed)
        with table.refused("the HMAC cut off by one", wrong_hmac(lab, 1)):
            send_udp(lab.net.client, Network.gateway4, fresh[:-1])
        for option in ("--time-offset-minus", "--time-offset-plus"):
            with table.refused(f"{option} 10min",
                               rf"\[{C}\] \(stanza #1\) SPA data time difference is too great "
                               r"\((600|60[1-3]|59\d) seconds\)\."):
                knock(keys, "tcp/23", option, "10min")
        with lab.case("a clock that is 100 s slow still opens"):
            knock(keys, "tcp/24", "--time-offset-minus", "100")
            lab.wait_rule(table.server, "tcp/24")
        with lab.case("a packet without the salt's prefix removed opens nothing"):
            before = table.services()
            send_udp(lab.net.client, Network.gateway4,
                     b"U2FsdGVkX1" + lab.client.packet(keys, "tcp/25"))
            lab.fence(table.server, FENCE, 61999)
            expect(table.services() == before | {"tcp/61999"}, "it changed the rules")


def policy(lab: Lab) -> None:
    """Users, ports, source addresses, expired stanzas, sources and destinations."""
    def keys(name: str) -> Keys:
        return Keys(f"key-of-{name}", f"hmac-of-{name}")
    parts = [
        ("user", {"REQUIRE_USERNAME": "alice"}), ("open", {"OPEN_PORTS": "tcp/22,udp/53"}),
        ("restrict", {"RESTRICT_PORTS": "tcp/22"}), ("source", {"REQUIRE_SOURCE_ADDRESS": "Y"}),
        ("expired", {"ACCESS_EXPIRE": "01/02/2020"}), ("command", {}),
        ("destination", {"DESTINATION": "10.99.0.1"}),
        ("both", {"DESTINATION": Network.gateway4}),
    ]
    number = {name: index + 1 for index, (name, _) in enumerate(parts)}
    access = "".join(stanza(keys(name), source=Network.client4, FW_ACCESS_TIMEOUT=60, **more)
                     for name, more in parts)
    knock = lab.client.knock

    def line(name: str, text: str) -> str:
        return rf"\[{C}\] \(stanza #{number[name]}\) {text}"

    with bench(lab, access) as table:
        with table.refused("wrong user", line("user", r"Username in SPA data \(mallory\) does not "
                                                      r"match required username: alice")):
            knock(keys("user"), "tcp/30", "-U", "mallory")
        with lab.case("right user"):
            knock(keys("user"), "tcp/31", "-U", "alice")
            lab.wait_rule(table.server, "tcp/31")
        denied = r"One or more requested protocol/ports was denied per access.conf\."
        with table.refused("a port outside OPEN_PORTS", line("open", denied)):
            knock(keys("open"), "tcp/23")
        with table.refused("one of two ports outside OPEN_PORTS", line("open", denied)):
            knock(keys("open"), "tcp/22,tcp/53")
        with table.refused("a port of RESTRICT_PORTS", line("restrict", denied)):
            knock(keys("restrict"), "tcp/22")
        with lab.case("ports inside OPEN_PORTS"):
            knock(keys("open"), "udp/53")
            lab.wait_rule(table.server, "udp/53")
        with table.refused("-s with REQUIRE_SOURCE_ADDRESS",
                           line("source", r"Got 0\.0\.0\.0 when valid source IP was required\.")):
            knock(keys("source"), "tcp/32", allow="source")
        with table.refused("an expired stanza", line("expired", "Access stanza has expired"),
                           once=True):
            knock(keys("expired"), "tcp/33")
        with table.refused("a command where none is allowed",
                           line("command", "SPA Command messages are not allowed in the current "
                                           r"configuration\.")):
            lab.client.run(keys("command"), "-C", "/bin/true", "-a", Network.client4,
                           destination=Network.gateway4).succeeded()
        with table.refused("a source no stanza names",
                           rf"No access data found for source IP: {re.escape(Network.other4)}"):
            send_udp(lab.net.other, Network.gateway4,
                     lab.client.packet(keys("open"), "tcp/22"))
        with table.refused("another DESTINATION", None):
            knock(keys("destination"), "tcp/34")
            expect(f"(stanza #{number['destination']})" not in table.server.log(),
                   "a stanza with another DESTINATION looked at the packet")
        with lab.case("the right DESTINATION, in the last stanza but one"):
            knock(keys("both"), "tcp/35")
            lab.wait_rule(table.server, "tcp/35")
            table.server.wait_log(rf"\(stanza #{number['both']}\) SPA Packet from IP: {C} "
                                  "received with access source match")


def shared_key(lab: Lab) -> None:
    """A packet two stanzas can open: what the first forbids the second may grant."""
    keys = Keys()
    access = (stanza(keys, source=Network.client4, OPEN_PORTS="tcp/22", FW_ACCESS_TIMEOUT=60)
              + stanza(keys, source=Network.client4, OPEN_PORTS="tcp/80", FW_ACCESS_TIMEOUT=90))
    with bench(lab, access) as table:
        with lab.case("refused by the first, granted by the second"):
            lab.client.knock(keys, "tcp/80")
            lab.wait_rule(table.server, "tcp/80")
            table.server.wait_log(r"\(stanza #1\) One or more requested protocol/ports was denied")
        with table.refused("refused by both", r"\(stanza #2\) One or more requested"):
            lab.client.knock(keys, "tcp/443")
        with lab.case("a third client's packet from the other host is nobody's"):
            Client(lab.client.program, root=lab.root, namespace=lab.net.other).knock(
                keys, "tcp/22", allow="source")
            lab.fence(table.server, FENCE, 61000)
            expect("tcp/22" not in table.services(), "the wrong source was served")


if __name__ == "__main__":
    sys.exit(main([authentication, policy, shared_key]))
