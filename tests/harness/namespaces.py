# SPDX-License-Identifier: Apache-2.0
"""Network namespaces without names, and the small network the tests live in."""

import contextlib
import ctypes
import os
import subprocess
from typing import Iterator, List, Optional

from .failure import Failure, Missing

CLONE_NEWNET = 0x40000000  # <sched.h>
PR_SET_PDEATHSIG = 1  # <sys/prctl.h>
SIGKILL = 9

libc = ctypes.CDLL(None, use_errno=True)


def checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


class Namespace:
    """One network namespace, alive as long as this object (and what runs in it)."""

    def __init__(self, label: str):
        self.label = label
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            if libc.unshare(CLONE_NEWNET) != 0:
                raise Missing("making network namespaces needs root (CAP_SYS_ADMIN): "
                              "run this test as root")
            self.descriptor_ = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            checked(libc.setns(here, CLONE_NEWNET), "setns")
        finally:
            os.close(here)
        self.run("ip", "link", "set", "lo", "up")

    @property
    def path(self) -> str:
        """A path by which `ip link … netns` finds this namespace."""
        return f"/proc/{os.getpid()}/fd/{self.descriptor_}"

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Sockets made in here belong to this namespace for good; processes too.

        Only the calling thread enters."""
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            checked(libc.setns(self.descriptor_, CLONE_NEWNET), "setns")
            try:
                yield
            finally:
                checked(libc.setns(here, CLONE_NEWNET), "setns back")
        finally:
            os.close(here)

    def run(self, *argv: str, text: Optional[str] = None) -> str:
        """Runs a tool in here and gives back what it printed; its failure is ours."""
        with self.entered():
            done = subprocess.run(argv, input=text, text=True, capture_output=True, check=False,
                                  timeout=30, preexec_fn=die_with_parent)
        if done.returncode != 0:
            raise Failure(f"{self.label}: '{' '.join(argv)}' ended with {done.returncode}: "
                          f"{done.stderr.strip()}")
        return done.stdout

    def sysctl(self, name: str, value: str) -> None:
        with self.entered(), open("/proc/sys/" + name.replace(".", "/"), "w",
                                  encoding="ascii") as file:
            file.write(value)

    def close(self) -> None:
        if self.descriptor_ >= 0:
            os.close(self.descriptor_)
            self.descriptor_ = -1


def die_with_parent() -> None:
    """Runs in a child before its program: whatever ends the test ends the child."""
    libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)


class Network:
    """A gateway that hides everything, a client, and another host, on one segment.

    The gateway's interface is a bridge, so that one daemon on one interface
    sees both hosts. Its INPUT policy is DROP for both families.
    """

    interface = "br0"
    gateway4, client4, other4 = "10.73.0.1", "10.73.0.2", "10.73.0.3"
    gateway6, client6, other6 = "fd73::1", "fd73::2", "fd73::3"

    def __init__(self, hide: bool = True):
        self.gateway = Namespace("gateway")
        self.client = Namespace("client")
        self.other = Namespace("other")
        gateway = self.gateway
        # A link needs no duplicate address detection here, and tests cannot wait for it.
        for namespace in (gateway, self.client, self.other):
            namespace.sysctl("net.ipv6.conf.all.accept_dad", "0")
            namespace.sysctl("net.ipv6.conf.default.accept_dad", "0")
        gateway.run("ip", "link", "add", self.interface, "type", "bridge", "forward_delay", "0",
                    "mcast_snooping", "0")
        gateway.run("ip", "link", "set", self.interface, "up")
        for port, host, v4, v6 in (("to_client", self.client, self.client4, self.client6),
                                   ("to_other", self.other, self.other4, self.other6)):
            gateway.run("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0",
                        "netns", host.path)
            gateway.run("ip", "link", "set", port, "master", self.interface, "up")
            self.address(host, "eth0", v4, v6)
        self.address(gateway, self.interface, self.gateway4, self.gateway6)
        if hide:
            self.hide()

    @staticmethod
    def address(namespace: Namespace, interface: str, v4: str, v6: str) -> None:
        namespace.run("ip", "link", "set", interface, "up")
        namespace.run("ip", "addr", "add", f"{v4}/24", "dev", interface)
        namespace.run("ip", "-6", "addr", "add", f"{v6}/64", "dev", interface, "nodad")

    def hide(self) -> None:
        """INPUT drops all but answers, loopback and what IPv6 needs to find its neighbours."""
        head = ("*filter\n:INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\n"
                "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n")
        neighbours = "".join(f"-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type {kind} -j ACCEPT\n"
                             for kind in (133, 134, 135, 136))
        self.gateway.run("iptables-restore", text=head + "COMMIT\n")
        self.gateway.run("ip6tables-restore", text=head + neighbours + "COMMIT\n")

    def hosts(self) -> List[Namespace]:
        return [self.gateway, self.client, self.other]

    def __enter__(self) -> "Network":
        return self

    def __exit__(self, *_: object) -> None:
        for namespace in self.hosts():
            namespace.close()
