#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records what the kernel says over netlink of a packet filter like ours, as inputs for the targets
nft_messages and kernel_events. Needs root, nft and iptables; makes a network namespace for itself,
which goes with it.

    fuzz/record_netlink.py FOLDER
"""

import ctypes
import hashlib
import os
import socket
import struct
import subprocess
import sys
from typing import Iterator, List

CLONE_NEWNET = 0x40000000
NETLINK_ROUTE, NETLINK_NETFILTER = 0, 12
NFNLGRP_NFTABLES, RTNLGRP_LINK = 7, 1
SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NETLINK_CAP_ACK, NETLINK_EXT_ACK = 270, 1, 10, 11
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 1, 4, 0x300
NFNL_SUBSYS_NFTABLES = 10 << 8
GETCHAIN, GETRULE, GETSET, GETSETELEM, NEWSETELEM = 4, 7, 10, 13, 12
BATCH_BEGIN, BATCH_END = 0x10, 0x11
NFPROTO_INET = 1
TABLE = """
table inet fwknop {
  set grant4 { typeof ip saddr . meta l4proto . th dport; flags timeout; timeout 30s;
               elements = { 192.0.2.7 . tcp . 22, 192.0.2.8 . udp . 53 timeout 90s } }
  set grant6 { typeof ip6 saddr . meta l4proto . th dport; flags timeout;
               elements = { 2001:db8::7 . tcp . 22 timeout 60s } }
  map dnat4 { typeof ip saddr . meta l4proto . th dport : ip daddr . th dport; flags timeout;
              elements = { 192.0.2.7 . tcp . 8022 timeout 60s : 10.0.0.5 . 22 } }
  chain input { type filter hook input priority 0; policy accept;
                ip saddr . meta l4proto . th dport @grant4 accept comment "fwknopd: input"
                tcp dport { 22, 80-90 } drop
  }
}
"""


def attribute(kind: int, content: bytes) -> bytes:
    raw = struct.pack("HH", 4 + len(content), kind) + content
    return raw + bytes(-len(raw) % 4)


def message(kind: int, flags: int, sequence: int, content: bytes) -> bytes:
    return struct.pack("IHHII", 16 + len(content), kind, flags | NLM_F_REQUEST, sequence,
                       0) + content


def nft(kind: int, flags: int, sequence: int, *attributes: bytes) -> bytes:
    return message(NFNL_SUBSYS_NFTABLES | kind, flags, sequence,
                   struct.pack("BBH", NFPROTO_INET, 0, 0) + b"".join(attributes))


def received(from_socket: socket.socket) -> Iterator[bytes]:
    from_socket.settimeout(0.5)
    try:
        while True:
            yield from_socket.recv(64 * 1024)
    except TimeoutError:
        return


def listener(protocol: int, group: int) -> socket.socket:
    made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
    made.bind((0, 0))
    made.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
    return made


def answers() -> Iterator[bytes]:
    """To our lists, and to changes that the kernel refuses."""
    talk = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    talk.bind((0, 0))
    talk.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
    table = attribute(1, b"fwknop\0")
    for what in (GETCHAIN, GETRULE, GETSET):
        talk.send(nft(what, NLM_F_DUMP, 1, table))
        yield from received(talk)
    for name in (b"grant4\0", b"grant6\0", b"dnat4\0", b"missing\0"):
        talk.send(nft(GETSETELEM, NLM_F_DUMP, 1, table, attribute(2, name)))
        yield from received(talk)
    for capped in (0, 1):
        talk.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, capped)
        edge = struct.pack(">BBH", 0, 0, 10)
        talk.send(message(BATCH_BEGIN, 0, 1, edge) +
                  nft(NEWSETELEM, NLM_F_ACK, 1, table, attribute(2, b"missing\0")) +
                  message(BATCH_END, 0, 2, edge))
        yield from received(talk)


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        print("a network namespace of our own takes root: " + os.strerror(ctypes.get_errno()),
              file=sys.stderr)
        return 1
    filters = listener(NETLINK_NETFILTER, NFNLGRP_NFTABLES)
    links = listener(NETLINK_ROUTE, RTNLGRP_LINK)
    subprocess.run(["nft", "-f", "-"], input=TABLE, text=True, check=True)
    for program in ("iptables-nft", "ip6tables-nft"):
        subprocess.run([program, "-A", "INPUT", "-p", "tcp", "--dport", "22", "-m", "comment",
                        "--comment", "_exp_1700000030", "-j", "ACCEPT"], check=True)
    for command in ("add fuzz0 type veth peer name fuzz1", "set fuzz0 up", "set fuzz0 down", "del fuzz0"):
        subprocess.run(["ip", "link", *command.split()], check=True)
    told, events = list(answers()), list(received(filters))
    subprocess.run(["nft", "delete", "table", "inet", "fwknop"], check=True)
    events += list(received(filters))

    inputs: List[List[bytes]] = [[b"\0" + each for each in told + events],
                                 events + list(received(links))]
    for target, contents in zip(("nft_messages", "kernel_events"), inputs):
        folder = os.path.join(sys.argv[1], target)
        os.makedirs(folder, exist_ok=True)
        for each in contents:
            if len(each) > 4096:
                continue  # says no more than a shorter one, and slows every mutation down
            with open(os.path.join(folder, hashlib.sha1(each).hexdigest()), "wb") as file:
                file.write(each)
        print(f"{target}: {len(os.listdir(folder))} inputs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
