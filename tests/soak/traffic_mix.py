# SPDX-License-Identifier: Apache-2.0
"""Who knocks in the long run, and what else arrives: junk, forgeries, broken frames."""

import random
import socket
import struct
from typing import Callable, List, NamedTuple, Optional

from harness.namespaces import Namespace, Network
from harness.programs import DEBIAN, OURS, Keys, stanza
from harness.traffic import SPA_PORT

SECONDS = 4  # that a grant lasts
KNOCKERS4 = [f"10.73.0.{number}" for number in range(10, 22)]
KNOCKERS6 = [f"fd73::{number:x}" for number in range(0x10, 0x1c)]


class Mode(NamedTuple):
    """One way to knock, and the stanza that it is for."""
    name: str
    program: str
    keys: Keys
    v6: bool = False
    transport: str = "udp"
    arguments: List[str] = []
    directives: dict = {}
    by_source: bool = False


def keys_of(name: str, **more: Optional[str]) -> Keys:
    return Keys(f"key-{name}", **{"hmac": f"hmac-{name}", **more})  # type: ignore[arg-type]


MODES = [
    Mode("ours", OURS, keys_of("ours")),
    Mode("debian", DEBIAN, keys_of("debian")),
    Mode("ours, IPv6", OURS, keys_of("ours"), v6=True),
    Mode("ours, SHA512", OURS, keys_of("sha512", hmac_type="sha512"), arguments=["-m", "SHA512"]),
    Mode("debian, over TCP", DEBIAN, keys_of("debian"), transport="tcp"),
    Mode("ours, CTR", OURS, keys_of("ctr"), arguments=["-M", "CTR"],
         directives={"ENCRYPTION_MODE": "CTR"}),
    Mode("ours, IPv6, over TCP", OURS, keys_of("ours"), v6=True, transport="tcp"),
    Mode("debian, without HMAC", DEBIAN, keys_of("plain", hmac=None)),
    Mode("ours, -s", OURS, keys_of("ours"), by_source=True),
    Mode("ours, -s, IPv6", OURS, keys_of("ours"), v6=True, by_source=True),
]


def access(extra: bool) -> str:
    """All stanzas; one more in every other configuration, so that a reload changes something."""
    seen = {}
    for mode in MODES:
        seen.setdefault(mode.keys, stanza(mode.keys, FW_ACCESS_TIMEOUT=SECONDS, **mode.directives))
    more = stanza(keys_of("extra"), source="198.51.100.0/24") if extra else ""
    return more + "".join(seen.values())


def udp_frame(payload: bytes, *, cut: int = 0, length: int = 0, fragment: int = 0,
              version: int = 0x45) -> bytes:
    """IPv4 and UDP by hand, with something wrong."""
    udp = struct.pack("!HHHH", 40000, SPA_PORT, length or 8 + len(payload), 0) + payload
    head = struct.pack("!BBHHHBBH4s4s", version, 0, 20 + len(udp), 1, fragment, 64, 17, 0,
                       socket.inet_aton(Network.client4), socket.inet_aton(Network.gateway4))
    frame = head + udp
    return frame[:len(frame) - cut] if cut else frame


class Noise:
    """Everything that must have no effect, from a seeded source."""

    def __init__(self, client: Namespace, gateway_mac: bytes, seed: int):
        self.random_ = random.Random(seed)
        with client.entered():
            self.udp_ = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.udp6_ = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            self.raw_ = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
        self.where_ = ("eth0", 0x0800, 0, 0, gateway_mac)
        self.sent = 0

    def text(self, length: int) -> bytes:
        alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        return bytes(self.random_.choices(alphabet, k=length))

    def burst(self, count: int) -> None:
        kinds: List[Callable[[], None]] = [
            lambda: self.datagram_(self.random_.randbytes(200)),
            lambda: self.datagram_(b"8" + self.text(227)),  # as a packet, but of nobody
            lambda: self.datagram_(self.text(self.random_.randrange(1, 400))),
            lambda: self.datagram_(b""),
            lambda: self.frame_(udp_frame(self.text(228), cut=self.random_.randrange(1, 250))),
            lambda: self.frame_(udp_frame(self.text(228), length=self.random_.randrange(9000))),
            lambda: self.frame_(udp_frame(self.text(228), fragment=self.random_.randrange(0x4000))),
            lambda: self.frame_(udp_frame(self.text(228), version=self.random_.randrange(256))),
        ]
        for _ in range(count):
            try:
                self.random_.choice(kinds)()
                self.sent += 1
            except OSError:
                pass  # the link is down

    def datagram_(self, payload: bytes) -> None:
        if self.random_.random() < 0.3:
            self.udp6_.sendto(payload, (Network.gateway6, SPA_PORT))
        else:
            self.udp_.sendto(payload, (Network.gateway4, SPA_PORT))

    def frame_(self, frame: bytes) -> None:
        self.raw_.sendto(frame, self.where_)
