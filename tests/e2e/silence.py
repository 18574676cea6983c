#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nobody can tell from outside that a daemon listens, nor make it write more than a little.

What leaves the host while packets of every kind arrive is compared with what leaves it when no
daemon runs at all: it must be the same. And no kind of bad packet fills the log, however many of it
come."""

import os
import secrets
import socket
import string
import sys
import time
from typing import Callable, Dict, List, Tuple

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from harness.failure import expect
from harness.namespaces import Network
from harness.programs import Keys, stanza
from harness.scenario import Lab, main
from harness.traffic import send_udp
from harness.wire import Packet, Wiretap

KEYS = Keys()
ALPHABET = string.ascii_letters + string.digits + "+/"
FLOOD = 3000  # packets of each kind
# line_budget.hpp and decision_log.hpp: five lines for each kind and minute, and one that sums up.
LINES, LINE = 5 + 1, 400


def text(length: int, first: str = "") -> bytes:
    return (first + "".join(secrets.choice(ALPHABET) for _ in range(length)))[:length].encode()


def kinds_of(lab: Lab, access: str) -> Dict[str, bytes]:
    """One packet of each kind that can arrive; those that are valid ask for `access`."""
    packet = lab.client.packet
    valid = packet(KEYS, access)
    return {
        "valid": valid,
        "valid, a second time": valid,
        "another key": packet(Keys("another-key"), access),
        "another HMAC key": packet(Keys(hmac="another-hmac-key"), access),
        "too old": packet(KEYS, access, "--time-offset-minus", "10min"),
        "a command that is not allowed": lab_command(lab),
        "one letter changed": valid[:60] + (b"A" if valid[60:61] != b"A" else b"B") + valid[61:],
        "cut short": valid[:-20],
        "longer": valid + b"AAAA",
        "the right form, of nobody": text(len(valid), "8"),
        "bytes at random": secrets.token_bytes(200),
        "empty": b"",
        "as large as it gets": text(1400),
        "a request by HTTP": b"GET /" + valid.replace(b"+", b"-").replace(b"/", b"_")
                             + b" HTTP/1.0\r\nUser-Agent: Fwknop/2.6\r\n\r\n",
    }


def lab_command(lab: Lab) -> bytes:
    path = os.path.join(lab.client.home, "command")
    lab.client.run(KEYS, "-T", "-B", path, "-C", "id", "-a", Network.client4,
                   destination=Network.gateway4).succeeded()
    with open(path, "rb") as file:
        return file.read().strip()


def answers(lab: Lab, packets: Dict[str, bytes]) -> List[Tuple[str, List[str]]]:
    """What the gateway sends after each, over both families."""
    net = lab.net
    found = []
    for name, payload in packets.items():
        with Wiretap(net.client, "eth0") as tap:
            send_udp(net.client, Network.gateway4, payload)
            send_udp(net.client, Network.gateway6, payload)
            time.sleep(0.15)
            found.append((name, sorted(summary(each) for each in tap.packets()
                                       if each.fields["source"] in (Network.gateway4,
                                                                    Network.gateway6)
                                       and not neighbours(each))))
    return found


def neighbours(packet: Packet) -> bool:
    """IPv6 asks now and then who is next door."""
    return packet.fields["protocol"] == socket.IPPROTO_ICMPV6 \
        and packet.fields.get("type") in (133, 134, 135, 136, 143)


def summary(packet: Packet) -> str:
    return f"protocol {packet.fields['protocol']}, type {packet.fields.get('type')}, " \
           f"code {packet.fields.get('code')}, {len(packet.data)} bytes"


def compare(lab: Lab, **options: object) -> None:
    with_daemon = kinds_of(lab, "tcp/22")
    without = answers(lab, with_daemon)
    # Those that are valid have not been seen by anybody yet.
    with lab.serve(stanza(KEYS, FW_ACCESS_TIMEOUT=60), **options) as server:
        watched = answers(lab, with_daemon)
        lab.wait_rule(server, "tcp/22")
    for (name, before), (_, after) in zip(without, watched):
        with lab.case(f"{name}: the same with a daemon and without, "
                      f"which is {len(before)} packets"):
            expect(before == after, f"without: {before}\nwith: {after}")


def dropping(lab: Lab) -> None:
    """A host whose packet filter drops what nobody asked for: nothing leaves it."""
    compare(lab)


def rejecting(lab: Lab) -> None:
    """A host that answers strangers: its kernel says what it says without a daemon."""
    for tool in ("iptables", "ip6tables"):
        lab.net.gateway.run(tool, "-P", "INPUT", "ACCEPT")
    for name in ("net.ipv4.icmp_ratelimit", "net.ipv6.icmp.ratelimit"):
        lab.net.gateway.sysctl(name, "0")
    compare(lab)


def log_volume(lab: Lab) -> None:
    """No kind of packet that a stranger can make, or send again, writes more than a few lines."""
    def same(payload: bytes) -> Callable[[int], bytes]:
        return lambda _: payload
    packets = kinds_of(lab, "tcp/22")
    makers: Dict[str, Callable[[int], bytes]] = {
        name: same(payload) for name, payload in packets.items() if name != "valid"}
    makers["the right form, of nobody"] = lambda _: text(228, "8")
    size = len(packets["another HMAC key"])
    # The HMAC is at the end: another one each time.
    makers["a forged HMAC"] = lambda _: packets["valid"][:size - 43] + text(43)
    for name, make in makers.items():
        # A daemon for each: what one kind used up must not be what keeps the next one quiet.
        with lab.case(f"{FLOOD} of '{name}'"), \
                lab.serve(stanza(KEYS, FW_ACCESS_TIMEOUT=60),
                          config={"PCAP_RING_SIZE": 16 << 20}) as server:
            before = len(server.lines())
            for number in range(FLOOD):
                send_udp(lab.net.client, Network.gateway4, make(number))
            lab.fence(server, KEYS, 7000)
            server.stop()  # which sums up
            added = [line for line in server.lines()[before:]
                     if "tcp/7000" not in line and "fwknopd" not in line]
            granted = 1 if "second time" in name else 0  # the first of them is good
            allowed = LINES + 4 + 2 * granted  # the fence, and the end
            expect(len(added) <= allowed, f"{len(added)} lines, not {allowed}:\n"
                                          + "\n".join(added[:12]))
            expect(all(len(line) <= LINE for line in added), max(added, key=len))


if __name__ == "__main__":
    sys.exit(main([dropping, rejecting, log_volume]))
