# SPDX-License-Identifier: Apache-2.0
"""Small servers and certificates for the tests of what the client does with the web."""

import contextlib
import os
import socket
import ssl
import subprocess
import sys
import threading
from typing import Callable, Iterator, List, Optional

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from harness.failure import Failure, wait_for
from harness.namespaces import Namespace
from harness.traffic import family_of

Answer = Callable[[socket.socket, bytes], None]


def request_of(peer: socket.socket) -> bytes:
    """Everything up to the empty line or the end; of a TLS greeting what there is."""
    data = b""
    while b"\r\n\r\n" not in data and not data.startswith(b"\x16"):
        more = peer.recv(4096)
        if not more:
            break
        data += more
    return data


class Listener:
    """A TCP server in a namespace: keeps every request, and answers it with `answer`."""

    def __init__(self, namespace: Namespace, answer: Optional[Answer] = None, *,
                 address: str = "127.0.0.1", port: int = 0,
                 tls: Optional[ssl.SSLContext] = None, handshake: bool = True):
        with namespace.entered():
            self.socket_ = socket.socket(family_of(address), socket.SOCK_STREAM)
        self.socket_.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket_.bind((address, port))
        self.socket_.listen(16)
        self.port = self.socket_.getsockname()[1]
        self.requests: List[bytes] = []
        self.answer_, self.tls_, self.handshake_ = answer, tls, handshake
        self.ended_ = threading.Event()
        threading.Thread(target=self.accept_, daemon=True).start()

    def accept_(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self.socket_.accept()
                threading.Thread(target=self.serve_, args=(peer,), daemon=True).start()

    def serve_(self, peer: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.enter_context(peer)
            peer.settimeout(30)
            if not self.handshake_:
                self.ended_.wait(30)
                return
            if self.tls_:
                peer = stack.enter_context(self.tls_.wrap_socket(peer, server_side=True))
            request = request_of(peer)
            self.requests.append(request)
            if self.answer_:
                self.answer_(peer, request)

    def wait_requests(self, count: int) -> List[bytes]:
        wait_for(f"{count} requests", lambda: len(self.requests) >= count, 5)
        return self.requests

    def only_request(self) -> bytes:
        if len(self.wait_requests(1)) != 1:
            raise Failure(f"{len(self.requests)} requests instead of one")
        return self.requests[0]

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, *_: object) -> None:
        self.ended_.set()
        with contextlib.suppress(OSError):
            self.socket_.shutdown(socket.SHUT_RDWR)
        self.socket_.close()


def fixed(data: bytes) -> Answer:
    return lambda peer, _: peer.sendall(data)


def page(body: bytes, status: str = "200 OK", *headers: str) -> Answer:
    """A whole answer with its length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return fixed("\r\n".join(lines).encode() + body)


def endless(head: bytes, chunk: bytes, pause: float = 0.0) -> Answer:
    """Never ends by itself; what ends it is the client going away."""
    def answer(peer: socket.socket, _: bytes) -> None:
        peer.sendall(head)
        gone = threading.Event()
        while not gone.wait(pause):
            peer.sendall(chunk)
    return answer


class Authority:
    """A private certificate authority, and servers that it vouches for."""

    def __init__(self, folder: str, name: str):
        self.folder_, self.name_ = folder, name
        self.certificate = self.path_("authority.pem")
        self.openssl_("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                      "-nodes", "-days", "30", "-subj", f"/CN={name}",
                      "-keyout", self.path_("authority.key"), "-out", self.certificate)

    def path_(self, name: str) -> str:
        return os.path.join(self.folder_, f"{self.name_}-{name}")

    @staticmethod
    def openssl_(*arguments: str) -> None:
        done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False,
                              timeout=60)
        if done.returncode != 0:
            raise Failure(f"openssl {arguments[0]} ended with {done.returncode}: {done.stderr}")

    def server(self, label: str, names: str, days: int = 30) -> ssl.SSLContext:
        """A server for `names` (DNS:a,IP:1.2.3.4). -1 days: expired."""
        key, request, certificate, extensions = (
            self.path_(f"{label}.{kind}") for kind in ("key", "csr", "pem", "ext"))
        with open(extensions, "w", encoding="ascii") as file:
            file.write(f"subjectAltName={names}\nextendedKeyUsage=serverAuth\n")
        self.openssl_("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                      "-nodes", "-subj", f"/CN={label}", "-keyout", key, "-out", request)
        self.openssl_("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey",
                      self.path_("authority.key"), "-CAcreateserial", "-days", str(days),
                      "-extfile", extensions, "-out", certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context


@contextlib.contextmanager
def silence(namespace: Namespace, address: str = "127.0.0.1", port: int = 62201) -> Iterator[None]:
    """Fails if a packet comes to the port in the meantime."""
    with namespace.entered():
        receiver = socket.socket(family_of(address), socket.SOCK_DGRAM)
    with receiver:
        receiver.bind((address, port))
        receiver.setblocking(False)
        yield
        # Loopback delivers before the sender's call returns: nothing is on its way any more.
        try:
            data = receiver.recv(2000)
        except BlockingIOError:
            return
    raise Failure(f"a packet of {len(data)} bytes was sent")
