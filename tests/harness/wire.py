# SPDX-License-Identifier: Apache-2.0
"""Packets off the wire, header by header, and what tcpdump says about their checksums."""

import os
import socket
import struct
from typing import Callable, Dict, List, NamedTuple, Optional

from .failure import wait_for
from .namespaces import Namespace
from .processes import run


def internet_checksum(data: bytes) -> int:
    """Zero over anything that holds its own right checksum."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Packet(NamedTuple):
    """One IP packet. `fields` has what a sender chooses on purpose; the identification, which is
    random, and the checksums, which follow from the rest, are not in it."""
    data: bytes
    fields: Dict[str, object]
    payload: bytes
    ip_checksum_right: bool
    checksum: int
    checksum_right: bool


def dissect(data: bytes) -> Packet:
    if data[0] >> 4 == 4:
        first, tos, length, _, fragment, ttl, protocol = struct.unpack_from("!BBHHHBB", data)
        header = (first & 15) * 4
        source, target = data[12:16], data[16:20]
        fields: Dict[str, object] = {"header": header, "tos": tos, "length": length,
                                     "fragment": fragment, "ttl": ttl}
        end, good = length, internet_checksum(data[:header]) == 0
    else:
        word, length, protocol, ttl = struct.unpack_from("!IHBB", data)
        header, source, target = 40, data[8:24], data[24:40]
        fields = {"header": header, "word": word, "length": length, "ttl": ttl}
        end, good = header + length, True
    family = socket.AF_INET if len(source) == 4 else socket.AF_INET6
    fields |= {"protocol": protocol, "source": socket.inet_ntop(family, source),
               "destination": socket.inet_ntop(family, target)}
    segment = data[header:end]
    pseudo = source + target + struct.pack("!II", len(segment), protocol)
    if protocol == socket.IPPROTO_UDP:
        names, values = ("source port", "port", "udp length"), struct.unpack_from("!HHH", segment)
        size, checksum = 8, struct.unpack_from("!H", segment, 6)[0]
    elif protocol == socket.IPPROTO_TCP:
        names, values = ("source port", "port", "sequence", "acknowledgement", "offset", "flags",
                         "window", "urgent"), struct.unpack_from("!HHIIBBH2xH", segment)
        size, checksum = (segment[12] >> 4) * 4, struct.unpack_from("!H", segment, 16)[0]
    else:
        names, values = ("type", "code", "identifier", "number"), \
            struct.unpack_from("!BB2xHH", segment)
        size, checksum = 8, struct.unpack_from("!H", segment, 2)[0]
        pseudo = b"" if protocol == socket.IPPROTO_ICMP else pseudo
    right = internet_checksum(pseudo + segment) == 0
    return Packet(data[:end], fields | dict(zip(names, values)), segment[size:], good, checksum,
                  right)


def tcpdump(packet: Packet, root: str) -> str:
    """What tcpdump tells about a packet, in one line."""
    path = os.path.join(root, "packet.pcap")
    size = len(packet.data)
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))  # raw IP
        file.write(struct.pack("<IIII", 0, 0, size, size) + packet.data)
    # -vv checks; it would drop root's rights and could then not read the file.
    done = run(["tcpdump", "-Z", "root", "-n", "-vv", "-t", "-r", path], home=root).succeeded()
    return " ".join(done.out.split())


class Wiretap:
    """Sees every IP packet that passes an interface, in both directions."""

    def __init__(self, namespace: Namespace, interface: str):
        with namespace.entered():
            self.socket_ = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.ntohs(3))
        self.socket_.bind((interface, 3))
        self.socket_.setblocking(False)
        self.seen_: List[Packet] = []

    def packets(self) -> List[Packet]:
        """All UDP, TCP and ICMP so far, in order."""
        while True:
            try:
                data, where = self.socket_.recvfrom(65535)
            except BlockingIOError:
                return self.seen_
            protocol = data[9] if data[0] >> 4 == 4 else data[6]
            if where[1] in (0x0800, 0x86dd) and protocol in (
                    socket.IPPROTO_UDP, socket.IPPROTO_TCP, socket.IPPROTO_ICMP,
                    socket.IPPROTO_ICMPV6):
                self.seen_.append(dissect(data))

    def wait(self, what: str, wanted: Callable[[Packet], bool], timeout: float = 5.0) -> Packet:
        def probe() -> Optional[Packet]:
            return next(filter(wanted, self.packets()), None)
        return wait_for(what, probe, timeout)

    def __enter__(self) -> "Wiretap":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket_.close()
