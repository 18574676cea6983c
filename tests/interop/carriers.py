#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What carries a packet beside a UDP datagram: TCP connections and HTTP requests."""

import os
import re
import sys
from typing import Dict, Optional

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from harness.failure import expect
from harness.namespaces import Network
from harness.programs import Keys, Server, stanza
from harness.scenario import Lab, main
from harness.traffic import SPA_PORT, echo_service, send_tcp, send_udp

C, G = Network.client4, Network.gateway4
KEYS = Keys()
ACCESS = stanza(KEYS, source=C, FW_ACCESS_TIMEOUT=60)
TCP = {"ENABLE_TCP_SERVER": "Y"}
BOTH = {**TCP, "PCAP_FILTER": f"port {SPA_PORT}"}  # the data is on the wire, too


def let_in(lab: Lab, port: int = SPA_PORT) -> None:
    for tool in ("iptables", "ip6tables"):
        lab.net.gateway.run(tool, "-A", "INPUT", "-p", "tcp", "--dport", str(port), "-j", "ACCEPT")


def opened(lab: Lab, port: int) -> int:
    return len([rule for rule in lab.rules() if rule.port == str(port)])


def expect_once(lab: Lab, server: Server, port: int, fence: int) -> None:
    """One grant, and nobody cries wolf. The fence comes when all else has been decided."""
    lab.fence(server, KEYS, fence)
    lines = server.log()
    added = len(re.findall(rf"Added access rule to FWKNOP_INPUT for .* tcp/{port}, expires", lines))
    expect(added == 1, f"{added} grants of tcp/{port}:\n{lines}")
    expect("Replay detected" not in lines, f"one packet was taken for two:\n{lines}")


def request(packet: bytes, header: str = "", agent: str = "User-Agent: Fwknop/3\r\n") -> bytes:
    text = packet.replace(b"+", b"-").replace(b"/", b"_")
    return b"GET /" + text + b" HTTP/1.1\r\n" + (agent + header + "\r\n").encode("ascii")


def tcp_server(lab: Lab) -> None:
    """ENABLE_TCP_SERVER beside capture, with -P tcp."""
    let_in(lab)
    with lab.serve(ACCESS, config=BOTH) as server:
        with lab.case("it says that it listens"):
            server.wait_log(rf"Kicking off TCP server to listen on port {SPA_PORT}\.")
        with lab.case("-P tcp opens, once"):
            lab.client.knock(KEYS, "tcp/22", "-P", "tcp")
            lab.wait_rule(server, "tcp/22", source=C + "/32")
            expect_once(lab, server, 22, 6001)
        with lab.case("nothing is answered"):
            answer = send_tcp(lab.net.client, G, lab.client.packet(KEYS, "tcp/23"))
            expect(answer == b"", f"the answer is {answer!r}")
            lab.wait_rule(server, "tcp/23")
            expect_once(lab, server, 23, 6002)
        with lab.case("UDP packets are captured as ever"):
            lab.client.knock(KEYS, "tcp/24")
            lab.wait_rule(server, "tcp/24")
        with lab.case("the same data over another connection is a replay"):
            packet = lab.client.packet(KEYS, "tcp/25")
            send_tcp(lab.net.client, G, packet)
            lab.wait_rule(server, "tcp/25")
            send_tcp(lab.net.client, G, packet)
            server.wait_log(rf"Replay detected from source IP: {re.escape(C)}, Destination "
                            rf"proto/port: 6/{SPA_PORT}, Original source IP: {re.escape(C)}, "
                            rf"Original dst proto/port: 6/{SPA_PORT}, Entry created: ")
            expect(opened(lab, 25) == 1, "the replay added a rule")
    with lab.case("nothing of ours is left"):
        expect(not lab.rules(), "rules are left")


def one_connection(lab: Lab) -> None:
    """What is read from the connection itself: the default filter lets no TCP pass."""
    let_in(lab)
    for name, arguments in (("capture", []), ("UDP server", ["-U"])):
        if arguments:
            lab.net.gateway.run("iptables", "-A", "INPUT", "-p", "udp", "--dport", str(SPA_PORT),
                                "-j", "ACCEPT")
        six = stanza(KEYS, source=Network.client6, FW_ACCESS_TIMEOUT=60)
        with lab.serve(ACCESS + six, config=TCP, arguments=arguments) as server:
            with lab.case(f"beside {name}: -P tcp"):
                lab.client.knock(KEYS, "tcp/22", "-P", "tcp")
                lab.wait_rule(server, "tcp/22", source=C + "/32")
            with lab.case(f"beside {name}: in three segments"):
                packet = lab.client.packet(KEYS, "tcp/23")
                send_tcp(lab.net.client, G, packet[:7], packet[7:150], packet[150:])
                lab.wait_rule(server, "tcp/23")
            with lab.case(f"beside {name}: a connection that the client leaves open"):
                answer = send_tcp(lab.net.client, G, lab.client.packet(KEYS, "tcp/24"),
                                  finish=False)
                expect(answer == b"", f"the answer is {answer!r}")
                lab.wait_rule(server, "tcp/24")
            with lab.case(f"beside {name}: IPv6"):
                packet = lab.client.packet(KEYS, "tcp/25",
                                           allow=Network.client6)
                send_tcp(lab.net.client, Network.gateway6, packet)
                lab.wait_rule(server, "tcp/25", v6=True, source=Network.client6 + "/128")
            with lab.case(f"beside {name}: the replay file has the connection's addresses"):
                with open(server.replay_file, encoding="ascii") as file:
                    lines = file.read()
                for source, destination in ((C, G), (Network.client6, Network.gateway6)):
                    expect(re.search(rf" 6 {source} \d+ {destination} {SPA_PORT} \d+$", lines,
                                     re.MULTILINE), lines)
            with lab.case(f"beside {name}: silence, nonsense and floods leave it as it is"):
                for junk in (b"", b"\0" * 10, b"GET / HTTP/1.1\r\n\r\n", b"A" * 1499, b"B" * 9000):
                    expect(send_tcp(lab.net.client, G, junk, finish=False) == b"", "an answer")
                lab.client.knock(KEYS, "tcp/26", "-P", "tcp")
                lab.wait_rule(server, "tcp/26")
                expect(opened(lab, 26) == 1, "not one rule")


def serve_http(lab: Lab, **directives: str) -> Server:
    config: Dict[str, str] = {**BOTH, "ENABLE_SPA_OVER_HTTP": "Y", **directives}
    return lab.serve(ACCESS, config=config)


def http(lab: Lab) -> None:
    """ENABLE_SPA_OVER_HTTP, with -P http."""
    let_in(lab)
    with lab.serve(ACCESS, config=BOTH) as server, lab.case("off: a request opens nothing"):
        lab.client.knock(KEYS, "tcp/22", "-P", "http")
        lab.fence(server, KEYS, 6001)
        expect(not opened(lab, 22), "it opened")
    with serve_http(lab) as server:
        with lab.case("-P http opens, once"):
            lab.client.knock(KEYS, "tcp/22", "-P", "http")
            lab.wait_rule(server, "tcp/22", source=C + "/32")
            expect_once(lab, server, 22, 6002)
        with lab.case("plain packets are taken as ever"):
            lab.client.knock(KEYS, "tcp/23", "-P", "tcp")
            lab.wait_rule(server, "tcp/23")
            lab.client.knock(KEYS, "tcp/24")
            lab.wait_rule(server, "tcp/24")
        with lab.case("nothing is answered, and the packet inside is what is remembered"):
            packet = lab.client.packet(KEYS, "tcp/25")
            expect(send_tcp(lab.net.client, G, request(packet), finish=False) == b"", "an answer")
            lab.wait_rule(server, "tcp/25")
            send_udp(lab.net.client, G, packet)
            server.wait_log(rf"Replay detected from source IP: .* 17/{SPA_PORT}, Original")
        with lab.case("another user agent opens nothing"):
            lab.client.knock(KEYS, "tcp/26", "-P", "http", "-u", "Wget/1.21")
            lab.fence(server, KEYS, 6003)
            expect(not opened(lab, 26), "it opened")
    with serve_http(lab, ALLOW_ANY_USER_AGENT="Y") as server, lab.case("unless any is allowed"):
        lab.client.knock(KEYS, "tcp/27", "-P", "http", "-u", "Wget/1.21")
        lab.wait_rule(server, "tcp/27")
    # A web server of its own answers; the daemon only looks on.
    let_in(lab, 80)
    with echo_service(lab.net.gateway, 80), \
            lab.serve(ACCESS, config={"ENABLE_SPA_OVER_HTTP": "Y",
                                      "PCAP_FILTER": "tcp port 80 or udp"}) as server:
        with lab.case("beside a web server, by capture alone"):
            lab.client.knock(KEYS, "tcp/28", "-P", "http", "-p", "80")
            lab.wait_rule(server, "tcp/28")
            expect_once(lab, server, 28, 6004)


def forwarded_for(lab: Lab) -> None:
    """ENABLE_X_FORWARDED_FOR: whom the rule is for."""
    let_in(lab)
    ports = iter(range(5001, 5999))

    def knock(server: Server, header: str, allow: str = "source") -> str:
        port = next(ports)
        send_tcp(lab.net.client, G, request(lab.client.packet(KEYS, f"tcp/{port}", allow=allow),
                                            header))
        return lab.wait_rule(server, f"tcp/{port}").source

    def told(server: Server, header: str, expected: str, allow: str = "source") -> None:
        with lab.case(f"{header.strip() or 'no header'}, asked for {allow}: {expected}"):
            found = knock(server, header, allow)
            expect(found == expected + "/32", f"the rule is for {found}")

    line = "X-Forwarded-For: "
    with serve_http(lab, ENABLE_X_FORWARDED_FOR="Y") as server:
        told(server, "", C)
        told(server, f"{line}192.0.2.7\r\n", "192.0.2.7")
        told(server, f"{line}192.0.2.7\r\n", "192.0.2.99", allow="192.0.2.99")
        for nobody in ("192.0.2.7, 192.0.2.8", "999.0.0.1", "proxy", "0.0.0.0", ""):
            told(server, f"{line}{nobody}\r\n", C)
        with lab.case("an IPv6 address"):
            port = next(ports)
            packet = lab.client.packet(KEYS, f"tcp/{port}", allow="source")
            send_tcp(lab.net.client, G, request(packet, f"{line}2001:db8::7\r\n"))
            lab.wait_rule(server, f"tcp/{port}", v6=True, source="2001:db8::7/128")
        with lab.case("log and replay file name the proxy"):
            with open(server.replay_file, encoding="ascii") as file:
                expect("192.0.2.7" not in file.read(), "the replay file believes the header")
            expect(re.search(rf"SPA Packet from IP: {re.escape(C)} received", server.log()),
                   server.log())
            expect("SPA Packet from IP: 192" not in server.log(), server.log())
        with lab.case("SOURCE is asked of the proxy"):
            port = next(ports)
            packet = lab.client.packet(KEYS, f"tcp/{port}", allow="source")
            send_tcp(lab.net.other, G, request(packet, f"{line}{C}\r\n"))
            lab.fence(server, KEYS, 6001)
            expect(not opened(lab, port), "a proxy that no stanza names was served")
    with serve_http(lab) as server:
        told(server, f"{line}192.0.2.7\r\n", C)


def start_fails(lab: Lab, config: Dict[str, str], line: str) -> None:
    with lab.serve(ACCESS, config=config, wait=False) as server:
        code: Optional[int] = server.wait(20)
        expect(code == 1, f"ended with {code}:\n{server.log()}")
        expect(re.search(line, server.log()), server.log())


def taken_port(lab: Lab) -> None:
    """A start that cannot listen says why, and leaves nothing behind."""
    with echo_service(lab.net.gateway, SPA_PORT), lab.case("a port that is taken"):
        start_fails(lab, TCP, rf"\[\*\] Cannot listen on TCP port {SPA_PORT}: bind: Address "
                              "already in use")
        expect(not lab.rules(), "rules are left")
    with lab.case("a port that is none"):
        start_fails(lab, {**TCP, "TCPSERV_PORT": "65536"},
                    r"\[\*\] var TCPSERV_PORT value '65536' not in the range 1-65535")
    with lab.case("a port of one's own, again at once after the end"):
        let_in(lab, 8080)
        for _ in range(2):
            with lab.serve(ACCESS, config={**TCP, "TCPSERV_PORT": "8080"}) as server:
                send_tcp(lab.net.client, G, lab.client.packet(KEYS, "tcp/22"), port=8080,
                         finish=False)
                lab.wait_rule(server, "tcp/22")


if __name__ == "__main__":
    sys.exit(main([tcp_server, one_connection, http, forwarded_for, taken_port]))
