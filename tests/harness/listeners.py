# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for what a daemon reports to: the journal, syslog, a service manager.

The daemon finds them at the real paths, in a mount namespace of its own: see the wrappers.
"""

import contextlib
import os
import socket
import struct
import threading
from typing import Dict, List, Optional

from .failure import Failure, wait_for
from .namespaces import Namespace

Entry = Dict[str, str]


class Listener:
    """A local datagram socket, read all the time, so that no queue fills up."""

    def __init__(self, path: str, namespace: Namespace):
        self.path = path
        self.datagrams: List[bytes] = []
        # As systemd sets it at boot; the kernel's own 10 are gone in one burst.
        namespace.sysctl("net.unix.max_dgram_qlen", "512")
        with namespace.entered():
            self.socket_ = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket_.bind(path)
        os.chmod(path, 0o666)
        self.thread_ = threading.Thread(target=self.read_, daemon=True)
        self.thread_.start()

    def read_(self) -> None:
        with contextlib.suppress(OSError):
            while data := self.socket_.recv(1 << 20):
                self.datagrams.append(data)

    def texts(self) -> List[str]:
        return [each.decode() for each in list(self.datagrams)]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.socket_.shutdown(socket.SHUT_RDWR)
        self.thread_.join(2)
        self.socket_.close()

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Journal(Listener):
    """The journal: reads entries in its native protocol."""

    def __init__(self, directory: str, namespace: Namespace):
        self.run_ = os.path.join(directory, "run-of-the-journal")
        os.makedirs(os.path.join(self.run_, "systemd", "journal"))
        super().__init__(os.path.join(self.run_, "systemd", "journal", "socket"), namespace)

    def wrapper(self) -> List[str]:
        """Starts a program that finds this journal, and has it for its standard error."""
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c",
                'mount --bind "$0" /run && JOURNAL_STREAM=$(stat -L -c %d:%i /dev/stderr) '
                'exec "$@"', self.run_]

    def entries(self) -> List[Entry]:
        return [parse_entry(each) for each in list(self.datagrams)]

    def wait(self, timeout: float = 10.0, **fields: str) -> Entry:
        """The first entry that has all these fields, once it is there."""
        def probe() -> Optional[Entry]:
            return next((entry for entry in self.entries()
                         if fields.items() <= entry.items()), None)
        try:
            return wait_for(f"an entry with {fields}", probe, timeout)
        except Failure as failure:
            raise Failure(f"{failure}; there are:\n"
                          + "\n".join(map(str, self.entries()))) from None


def parse_entry(data: bytes) -> Entry:
    fields: Entry = {}
    while data:
        line, _, rest = data.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            (size,) = struct.unpack_from("<Q", rest)
            value, end, rest = rest[8:8 + size], rest[8 + size:9 + size], rest[9 + size:]
            if end != b"\n":
                raise Failure(f"no end after the value of {name!r}")
        fields[name.decode()] = value.decode()
        data = rest
    return fields


def syslog_wrapper(directory: str, listener: Listener) -> List[str]:
    """Starts a program that has `listener` for its /dev/log, and little else in /dev."""
    dev = os.path.join(directory, "dev")
    os.makedirs(dev)
    return ["unshare", "--mount", "--propagation", "private", "sh", "-e", "-c",
            'mount -t tmpfs none "$0"; '
            'for each in null zero urandom; do touch "$0/$each"; '
            'mount --bind "/dev/$each" "$0/$each"; done; '
            'ln -s "$1" "$0/log"; ln -s /proc/self/fd "$0/fd"; shift; '
            'mount --move "$0" /dev; exec "$@"', dev, listener.path]
