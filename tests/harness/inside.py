# SPDX-License-Identifier: Apache-2.0
"""A host behind the gateway, for what is forwarded and translated."""

import contextlib
from typing import Iterator

from .namespaces import Namespace, Network

INSIDE4, INSIDE6 = "10.74.0.2", "fd74::2"
NEAR4, NEAR6 = "10.74.0.1", "fd74::1"  # the gateway's on the inside
EXTRA4 = "10.74.0.7"  # a second one, to translate sources to


@contextlib.contextmanager
def inside_host(net: Network, way_back: bool = True, hide: bool = True) -> Iterator[Namespace]:
    """Behind a gateway that, to `hide` it, forwards nothing that is not granted by iptables."""
    gateway = net.gateway
    inside = Namespace("inside")
    try:
        for space in (inside, gateway):
            space.sysctl("net.ipv6.conf.all.accept_dad", "0")
        gateway.run("ip", "link", "add", "to_inside", "type", "veth", "peer", "name", "eth0",
                    "netns", inside.path)
        Network.address(gateway, "to_inside", NEAR4, NEAR6)
        Network.address(inside, "eth0", INSIDE4, INSIDE6)
        gateway.run("ip", "addr", "add", f"{EXTRA4}/24", "dev", "to_inside")
        if way_back:
            inside.run("ip", "route", "add", "default", "via", NEAR4)
            inside.run("ip", "-6", "route", "add", "default", "via", NEAR6)
        gateway.sysctl("net.ipv4.ip_forward", "1")
        gateway.sysctl("net.ipv6.conf.all.forwarding", "1")
        for tool in ("iptables", "ip6tables") if hide else ():
            gateway.run(tool, "-P", "FORWARD", "DROP")
            gateway.run(tool, "-A", "FORWARD", "-m", "conntrack", "--ctstate", "ESTABLISHED",
                        "-j", "ACCEPT")
        yield inside
    finally:
        with contextlib.suppress(Exception):
            gateway.run("ip", "link", "del", "to_inside")
        inside.close()
