#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How packets travel: what both clients put on the wire, and that daemons take it from there."""

import os
import re
import socket
import sys
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from harness.failure import Failure, expect, wait_for
from harness.namespaces import Namespace, Network
from harness.processes import Completed, indented, run
from harness.programs import DEBIAN, OURS, Client, Keys, require_tools, stanza
from harness.scenario import Lab, expect_rule, main
from harness.traffic import SPA_PORT, echo_service, family_of
from harness.wire import Packet, Wiretap, tcpdump

KEYS = Keys()
# An address of the segment that nobody has.
SPOOFED4, SPOOFED6 = "10.73.0.9", "fd73::9"
RAW = ("udpraw", "tcpraw", "icmp")
PROTOCOLS = {"udp": 17, "tcp": 6, "udpraw": 17, "tcpraw": 6, "icmp": 1}


class Shot(NamedTuple):
    """One packet on the wire, and what its client said."""
    packet: Packet
    said: Completed


def send(client: Client, wire: Wiretap, arguments: Sequence[str], protocol: int,
         destination: str = Network.gateway4) -> Shot:
    """Sends a knock and catches it: the first packet that carries what the client shows."""
    said = client.run(KEYS, "-A", "tcp/22", "-a", Network.client4, "-v", *arguments,
                      destination=destination).succeeded()
    shown = re.search(r"^ *Final SPA Data: (\S+)$", said.out, re.MULTILINE)
    if shown is None:
        raise Failure(f"no packet is shown:\n{indented(said.out)}")
    payload = shown[1].encode()
    packet = wire.wait(f"the packet of {' '.join(arguments)}", lambda each:
                       each.fields["protocol"] == protocol and each.payload == payload)
    return Shot(packet, said)


def line(said: Completed, label: str) -> str:
    found = re.search(rf"{re.escape(label)}: (.*)$", said.out, re.MULTILINE)
    return found[1] if found else "(no such line)"


def check_checksums(shot: Shot, root: str) -> None:
    """By our own arithmetic and by tcpdump's."""
    packet, words = shot.packet, tcpdump(shot.packet, root)
    expect(packet.ip_checksum_right and packet.checksum_right, f"a checksum is wrong: {words}")
    expect(packet.checksum != 0, f"no checksum: {words}")
    expect(not re.search(r"bad|wrong|incorrect|no cksum", words), f"tcpdump says: {words}")
    # Of a right ICMP checksum tcpdump says nothing.
    expect(packet.fields["protocol"] == 1 or re.search(r"sum ok|\(correct\)", words),
           f"tcpdump says: {words}")


def check_report(shot: Shot) -> None:
    """What -v tells is what was sent."""
    fields = shot.packet.fields
    size = len(shot.packet.data)
    expect(line(shot.said, "bytes sent") == str(size), f"{size} bytes went out, not "
                                                       f"{line(shot.said, 'bytes sent')}")
    if "source port" in fields:
        told = line(shot.said, "source port")
        expect(told == str(fields["source port"]),
               f"from port {fields['source port']}, not {told}")


def allowed_differences(arguments: Sequence[str], packet: Packet) -> Dict[str, object]:
    """The fields without what the kernel or chance chooses; that is checked on the way."""
    fields = dict(packet.fields)
    if "-S" not in arguments and "source port" in fields:
        port = fields.pop("source port")
        if arguments[1] in RAW:
            expect(10000 <= int(str(port)) <= 65535, f"source port {port}")
    if (fields.get("type"), fields.get("code")) == (8, 0):
        fields.pop("identifier")
    for name in ("sequence", "acknowledgement", "window", "header", "offset", "length"):
        if arguments[1] == "tcp":  # of the kernel's connection, with its options
            fields.pop(name, None)
    return fields


def header_rows() -> List[Sequence[str]]:
    rows: List[Sequence[str]] = [("-P", "udp"), ("-P", "tcp"),
                                 ("-P", "udp", "--icmp-type", "8", "--icmp-code", "3")]
    for name in RAW:
        rows += [("-P", name), ("-P", name, "-Q", SPOOFED4), ("-P", name, "-Q", "0.0.0.0"),
                 ("-P", name, "-S", "1234"), ("-P", name, "-p", "53"),
                 ("-P", name, "--spoof-source", "192.0.2.77", "-S", "53"),
                 ("-P", name, "--icmp-type", "8"),
                 ("-P", name, "--icmp-type", "8", "--icmp-code", "3"),
                 ("-P", name, "--icmp-type", "40", "--icmp-code", "15")]
    return rows


def headers(lab: Lab) -> None:
    """Header by header, our packets are those of Debian's client, but for better checksums."""
    require_tools("tcpdump")
    open_gates(lab.net.gateway)
    theirs = Client(lab.programs.path(DEBIAN, server=False), root=lab.root,
                    namespace=lab.net.client)
    with Wiretap(lab.net.gateway, Network.interface) as wire, \
            echo_service(lab.net.gateway, SPA_PORT):
        for arguments in header_rows():
            with lab.case(" ".join(arguments)):
                mine = send(lab.client, wire, arguments, PROTOCOLS[arguments[1]])
                other = send(theirs, wire, arguments, PROTOCOLS[arguments[1]])
                pair = [allowed_differences(arguments, each.packet) for each in (mine, other)]
                expect(pair[0] == pair[1], f"ours   {pair[0]}\ntheirs {pair[1]}")
                if arguments[1] in RAW:
                    check_checksums(mine, lab.root)
                    check_report(mine)
                    expect(line(mine.said, "bytes sent") == line(other.said, "bytes sent"),
                           "the clients tell different sizes")
        # What the clients differ in on purpose: ours binds the port that both print.
        with lab.case("-S binds the source port of a udp packet"):
            mine = send(lab.client, wire, ("-P", "udp", "-S", "1234"), 17)
            expect(mine.packet.fields["source port"] == 1234, str(mine.packet.fields))
        for name, protocol, size in (("udpraw", 17, 48), ("tcpraw", 6, 60), ("icmp", 58, 48)):
            for spoof in ((), ("-Q", SPOOFED6)):
                with lab.case(f"{name} over IPv6 {' '.join(spoof)}"):
                    check_v6(lab, wire, name, spoof, (protocol, size))
        for kind, number in (("0", 129), ("8", 128), ("40", 40)):
            with lab.case(f"ICMP type {kind} over IPv6 is {number}"):
                shot = send(lab.client, wire, ("-P", "icmp", "--icmp-type", kind, "--icmp-code",
                                               "3"), 58, Network.gateway6)
                check_checksums(shot, lab.root)
                expect((shot.packet.fields["type"], shot.packet.fields["code"]) == (number, 3),
                       str(shot.packet.fields))


def check_v6(lab: Lab, wire: Wiretap, name: str, spoof: Tuple[str, ...],
             expected: Tuple[int, int]) -> None:
    shot = send(lab.client, wire, ("-P", name, *spoof), expected[0], Network.gateway6)
    check_checksums(shot, lab.root)
    check_report(shot)
    fields = shot.packet.fields
    wanted = {"word": 6 << 28, "ttl": 255, "destination": Network.gateway6,
              "source": SPOOFED6 if spoof else Network.client6,
              "length": expected[1] - 40 + len(shot.packet.payload)}
    if name == "tcpraw":
        wanted |= {"sequence": 1, "acknowledgement": 0, "flags": 2, "window": 32767, "urgent": 0,
                   "offset": 5 << 4, "port": SPA_PORT}
    elif name == "udpraw":
        wanted |= {"port": SPA_PORT}
    else:
        wanted |= {"type": 129, "code": 0, "identifier": 0, "number": 0}
    different = {key: fields.get(key) for key in wanted if fields.get(key) != wanted[key]}
    expect(not different, f"{different}, expected {wanted}")


def open_gates(namespace: Namespace) -> None:
    for tool in ("iptables", "ip6tables"):
        namespace.run(tool, "-w", "-I", "INPUT", "-j", "ACCEPT")


def receive(waiting: socket.socket) -> Optional[Tuple[bytes, str]]:
    try:
        data, peer = waiting.recvfrom(65535)
        return data, peer[0]
    except BlockingIOError:
        return None


def inject(namespace: Namespace, packet: bytes) -> None:
    """Sends an IPv4 packet as it is."""
    with namespace.entered():
        sender = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    with sender:
        sender.sendto(packet, (Network.gateway4, 0))


def kernel(lab: Lab) -> None:
    """The receiving kernel, which drops what has a wrong checksum, takes our packets."""
    gateway = lab.net.gateway
    open_gates(gateway)
    with Wiretap(gateway, Network.interface) as wire:
        for address, sources in ((Network.gateway4, (Network.client4, SPOOFED4)),
                                 (Network.gateway6, (Network.client6, SPOOFED6))):
            with gateway.entered():
                waiting = socket.socket(family_of(address), socket.SOCK_DGRAM)
            with waiting:
                waiting.bind((address, SPA_PORT))
                waiting.setblocking(False)
                for source in sources:
                    with lab.case(f"a UDP socket receives from {source}"):
                        shot = send(lab.client, wire, ("-P", "udpraw", "-Q", source), 17, address)
                        got = wait_for("the datagram", lambda: receive(waiting), 3)
                        expect(got == (shot.packet.payload, source), f"received {got}")
                if address != Network.gateway4:
                    continue
                with lab.case("a damaged datagram does not arrive: the kernel looks"):
                    damaged = bytearray(shot.packet.data)
                    damaged[-1] ^= 1
                    inject(lab.net.client, bytes(damaged))
                    inject(lab.net.client, shot.packet.data)
                    got = wait_for("the datagram", lambda: receive(waiting), 3)
                    expect(got[0] == shot.packet.payload, "the damaged one arrived")
        for address, echo, answer in ((Network.gateway4, 1, 0), (Network.gateway6, 58, 129)):
            with lab.case(f"the kernel answers an echo request to {address}"):
                shot = send(lab.client, wire, ("-P", "icmp", "--icmp-type", "8"), echo, address)
                wire.wait("the answer", lambda each: each.fields.get("type") == answer
                          and each.fields["source"] == address
                          and each.payload == shot.packet.payload)
        for address in (Network.gateway4, Network.gateway6):
            with lab.case(f"the kernel refuses a SYN to a closed port of {address}"):
                shot = send(lab.client, wire, ("-P", "tcpraw"), 6, address)
                size = 2 + len(shot.packet.payload)  # sequence number, SYN, data
                wire.wait("the refusal", lambda each: each.fields["protocol"] == 6
                          and each.fields["source"] == address
                          and each.fields["port"] == shot.packet.fields["source port"]
                          and each.fields["acknowledgement"] == size)


def rights(lab: Lab) -> None:
    """Without the right to send raw packets: one reason, what to do, and nothing on the wire."""
    with Wiretap(lab.net.client, "eth0") as wire:
        for name in RAW:
            with lab.case(name):
                done = run(["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw",
                            lab.client.program, "--no-rc-file", "--no-save-args", "-A", "tcp/22",
                            "-s", "-D", Network.gateway4, "--fd", "0", "-P", name],
                           home=lab.root, namespace=lab.net.client, text="a key\n")
                lines = done.err.splitlines()
                expect(done.code == 1 and len(lines) == 2
                       and lines[0].startswith(f"-P {name} needs the right to send raw packets")
                       and "setcap cap_net_raw+ep" in lines[0]
                       and lines[1] == "send_spa_packet: packet not sent.",
                       f"exit {done.code}:\n{indented(done.out + done.err)}")
        with lab.case("arguments that contradict each other ask for no key"):
            for more, words in ((("-P", "udp", "-Q", SPOOFED4), "Must set -P <udpraw|tcpraw|icmp>"),
                                (("-P", "icmp", "-Q", SPOOFED6), "cannot send to"),
                                (("-P", "udpraw", "-6", "-Q", SPOOFED4), "does not go with -6")):
                done = run([lab.client.program, "--no-rc-file", "--no-save-args", "-A", "tcp/22",
                            "-s", "-D", Network.gateway4 if "-6" not in more else "localhost",
                            *more], home=lab.root, namespace=lab.net.client)
                expect(done.code == 1 and words in done.err and len(done.err.splitlines()) == 1,
                       f"exit {done.code}:\n{indented(done.out + done.err)}")
        # Neighbour discovery goes on all the time.
        expect(not [each for each in wire.packets() if each.payload and
                    each.fields["protocol"] != socket.IPPROTO_ICMPV6], "something was sent")


def opening(lab: Lab) -> None:
    """Packets of every carrier open the firewall."""
    access = stanza(KEYS, FW_ACCESS_TIMEOUT=60)
    rows = [("udpraw", (), "udp port 62201"), ("tcpraw", (), "tcp port 62201"),
            ("icmp", (), "icmp"), ("icmp", ("--icmp-type", "8"), "icmp"),
            ("icmp", ("--icmp-type", "40", "--icmp-code", "15"), "icmp")]
    for name, more, expression in rows:
        with lab.serve(access, config={"PCAP_FILTER": expression}) as server:
            with lab.case(" ".join(["-P", name, *more])):
                knock = lab.client.knock(KEYS, "tcp/22", "-P", name, *more)
                expect_rule(lab.wait_rule(server, "tcp/22"), knock, 60)
            title = " ".join([name, *more])
            with lab.case(f"{title} from a spoofed source, opened for -a"):
                knock = lab.client.knock(KEYS, "tcp/23", "-P", name, *more, "-Q", SPOOFED4)
                expect_rule(lab.wait_rule(server, "tcp/23"), knock, 60)
            with lab.case(f"{title} from a spoofed source, opened for the source"):
                knock = lab.client.knock(KEYS, "tcp/24", "-P", name, *more, "-Q", SPOOFED4,
                                         allow="source")
                expect_rule(lab.wait_rule(server, "tcp/24"), knock, 60, source=f"{SPOOFED4}/32")
    if (lab.client_kind, lab.server_kind) == (OURS, OURS):
        opening_v6(lab, access)


def opening_v6(lab: Lab, access: str) -> None:
    for name, expression in (("udpraw", "udp port 62201"), ("tcpraw", "ip6 proto 6"),
                             ("icmp", "icmp6")):
        with lab.serve(access, config={"PCAP_FILTER": expression}) as server:
            for port, source in (("22", Network.client6), ("23", SPOOFED6)):
                with lab.case(f"{name} over IPv6 from {source}"):
                    knock = lab.client.knock(KEYS, f"tcp/{port}", "-P", name, "-Q", source,
                                             allow="source", destination=Network.gateway6)
                    expect_rule(lab.wait_rule(server, f"tcp/{port}", v6=True), knock, 60,
                                source=f"{source}/128")


if __name__ == "__main__":
    sys.exit(main([headers, kernel, rights, opening]))
