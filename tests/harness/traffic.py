# SPDX-License-Identifier: Apache-2.0
"""Packets and connections made and seen inside namespaces."""

import contextlib
import socket
import struct
import threading
import time
from typing import Iterator, List, Optional, Tuple

from .failure import Failure, wait_for
from .namespaces import Namespace

SPA_PORT = 62201


def family_of(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def send_udp(namespace: Namespace, address: str, payload: bytes, port: int = SPA_PORT,
             times: int = 1) -> None:
    with namespace.entered():
        sender = socket.socket(family_of(address), socket.SOCK_DGRAM)
    with sender:
        for _ in range(times):
            sender.sendto(payload, (address, port))


def send_tcp(namespace: Namespace, address: str, *pieces: bytes, port: int = SPA_PORT,
             finish: bool = True, timeout: float = 5.0) -> bytes:
    """Sends the pieces in segments of their own, over one connection; gives back the answer.

    An answer without end is a failure: who is not closed is not hidden."""
    made = connect(namespace, address, port, timeout)
    if made is None:
        raise Failure(f"{namespace.label} to {address} port {port}: silence")
    answer = b""
    with made:
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number, piece in enumerate(pieces):
            if number:
                time.sleep(0.05)
            made.sendall(piece)
        with contextlib.suppress(ConnectionResetError):
            if finish:
                made.shutdown(socket.SHUT_WR)
            while data := made.recv(4096):
                answer += data
    return answer


def connect(namespace: Namespace, address: str, port: int,
            timeout: float = 1.0) -> Optional[socket.socket]:
    """A connection, or None when the address stays silent; a refusal is a failure.

    A hidden service must look like nothing at all, so "refused" is not "closed"."""
    with namespace.entered():
        attempt = socket.socket(family_of(address), socket.SOCK_STREAM)
    attempt.settimeout(timeout)
    try:
        attempt.connect((address, port))
        return attempt
    except TimeoutError:
        attempt.close()
        return None
    except OSError as error:
        attempt.close()
        raise Failure(f"{namespace.label} to {address} port {port}: {error} (expected an answer "
                      "or silence)") from None


def reachable(namespace: Namespace, address: str, port: int, timeout: float = 0.4) -> bool:
    made = connect(namespace, address, port, timeout)
    if made is None:
        return False
    with made:
        return echoes(made, timeout)


def echoes(connection: socket.socket, timeout: float = 1.0) -> bool:
    """Whether a connection to the echo service still carries data both ways."""
    connection.settimeout(timeout)
    try:
        connection.sendall(b"still there?")
        return connection.recv(64) == b"still there?"
    except OSError:
        return False


@contextlib.contextmanager
def echo_service(namespace: Namespace, port: int) -> Iterator[List[str]]:
    """The hidden service: a TCP echo for both families, connections kept for ever.

    Gives a list to which the address of each peer is added."""
    peers: List[str] = []
    with namespace.entered():
        listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("::", port))
    listener.listen(64)

    def serve(peer: socket.socket) -> None:
        with contextlib.suppress(OSError), peer:
            while data := peer.recv(4096):
                peer.sendall(data)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, where = listener.accept()
                peers.append(where[0].removeprefix("::ffff:"))
                threading.Thread(target=serve, args=(peer,), daemon=True).start()

    worker = threading.Thread(target=accept, daemon=True)
    worker.start()
    try:
        yield peers
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        worker.join(2)


@contextlib.contextmanager
def udp_echo_service(namespace: Namespace, port: int) -> Iterator[List[str]]:
    """The same with UDP. Gives a list to which the source of each datagram is added."""
    peers: List[str] = []
    with namespace.entered():
        service = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        waker = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    service.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    service.bind(("::", port))
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            data, where = service.recvfrom(4096)
            if ended.is_set():
                return
            peers.append(where[0].removeprefix("::ffff:"))
            with contextlib.suppress(OSError):
                service.sendto(data, where)

    worker = threading.Thread(target=serve, daemon=True)
    worker.start()
    try:
        yield peers
    finally:
        ended.set()
        waker.sendto(b"", ("::1", port))
        worker.join(2)
        for each in (service, waker):
            each.close()


def udp_flow(namespace: Namespace, address: str, port: int) -> socket.socket:
    """A socket to the service, for `echoes`; nothing has been sent yet."""
    with namespace.entered():
        made = socket.socket(family_of(address), socket.SOCK_DGRAM)
    made.connect((address, port))
    return made


def flow(namespace: Namespace, protocol: str, address: str, port: int,
         timeout: float = 0.4) -> Optional[socket.socket]:
    """A connection that carries data both ways, or None when the address stays silent."""
    made = udp_flow(namespace, address, port) if protocol == "udp" \
        else connect(namespace, address, port, timeout)
    if made is not None and not echoes(made, timeout):
        made.close()
        return None
    return made


class Sniffer:
    """Sees every UDP datagram to the SPA port that arrives at an interface."""

    def __init__(self, namespace: Namespace, interface: str):
        with namespace.entered():
            self.socket_ = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.ntohs(3))
        self.socket_.bind((interface, 3))
        self.socket_.setblocking(False)

    def payloads(self) -> List[bytes]:
        """What came since the last call, in order."""
        found = []
        while True:
            try:
                packet, where = self.socket_.recvfrom(65535)
            except BlockingIOError:
                return found
            payload = None if where[2] == socket.PACKET_OUTGOING else spa_payload(packet)
            if payload is not None:
                found.append(payload)

    def next(self, timeout: float = 5.0) -> bytes:
        return wait_for("a packet on the wire", self.payloads, timeout)[0]

    def __enter__(self) -> "Sniffer":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket_.close()


def udp_part(packet: bytes) -> Optional[Tuple[int, bytes]]:
    """Destination port and payload of a plain UDP packet, v4 or v6."""
    if packet[0] >> 4 == 4 and packet[9] == socket.IPPROTO_UDP:
        start = (packet[0] & 15) * 4
    elif packet[0] >> 4 == 6 and packet[6] == socket.IPPROTO_UDP:
        start = 40
    else:
        return None
    port, length = struct.unpack_from("!HH", packet, start + 2)
    return port, packet[start + 8:start + length]


def spa_payload(packet: bytes) -> Optional[bytes]:
    part = udp_part(packet) if len(packet) >= 28 else None
    return part[1] if part and part[0] == SPA_PORT else None
