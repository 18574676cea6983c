#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Packets that travel as HTTP requests: the requests byte by byte, and what they open."""

import contextlib
import os
import re
import socket
import sys
from typing import List, NamedTuple

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from harness.failure import expect, wait_for
from harness.namespaces import Network
from harness.processes import run
from harness.programs import DEBIAN, OURS, Keys, stanza
from harness.scenario import Lab, expect_rule, main
from web import Listener, request_of

# The packet is random; 2.6.10 says HTTP/1.0 where the rest of its line says HTTP/1.1, and each
# program names its own version.
DIFFERENCES = ((rb"[A-Za-z0-9_-]{140,}", b"PACKET"), (rb"HTTP/1\.[01]\r", b"HTTP/1.x\r"),
               (rb"User-Agent: Fwknop/[0-9.]+\r", b"User-Agent: Fwknop/VERSION\r"))


class Sent(NamedTuple):
    """What one client did with a command line."""
    code: int
    request: bytes  # empty: nothing arrived
    output: str
    errors: str


def requests(lab: Lab) -> None:
    """Both clients with the same arguments: the same request to the same place."""
    port, proxy = 62201, 8080
    to_proxy = f"127.0.0.1:{proxy}"
    for name, options in (
            ("direct", ["-D", "127.0.0.1", "-P", "http"]),
            ("direct, a name", ["-D", "localhost", "-P", "HTTP"]),
            ("another port", ["-D", "127.0.0.1", "-P", "http", "-p", str(proxy)]),
            ("a proxy", ["-D", "server.example", "-P", "http", "-H", to_proxy]),
            ("a proxy by its URL", ["-D", "server.example", "-H", f"http://{to_proxy}/"]),
            ("a proxy by its URL in capitals", ["-D", "server.example", "-H",
                                                f"HTTP://{to_proxy}"]),
            ("a proxy by name", ["-D", "192.0.2.1", "-H", f"localhost:{proxy}"]),
            ("a proxy at the server's port", ["-D", "server.example", "-H", "127.0.0.1"]),
            ("a proxy at -p", ["-D", "server.example", "-H", "127.0.0.1", "-p", str(proxy)]),
            ("a proxy's port over -p", ["-D", "server.example", "-H", to_proxy, "-p", "1"]),
            ("a proxy over an earlier -P", ["-D", "server.example", "-P", "udp", "-H", to_proxy]),
            ("no proxy", ["-D", "127.0.0.1", "-H", ""]),
            ("a user agent", ["-D", "127.0.0.1", "-P", "http", "-u", "Mozilla/5.0 (X11; x)"]),
            ("a long user agent", ["-D", "127.0.0.1", "-P", "http", "-u", "x" * 300]),
            ("an empty user agent", ["-D", "127.0.0.1", "-P", "http", "-u", ""]),
            ("wget's user agent is not for packets", ["-D", "127.0.0.1", "-P", "http",
                                                      "--use-wget-user-agent"]),
            # refused by both, or not sent by both
            ("a proxy and a later -P", ["-D", "127.0.0.1", "-H", to_proxy, "-P", "tcp"]),
            ("a proxy's port 0", ["-D", "127.0.0.1", "-H", "127.0.0.1:0"]),
            ("a proxy's port 65536", ["-D", "127.0.0.1", "-H", "127.0.0.1:65536"]),
            ("a proxy's port in letters", ["-D", "127.0.0.1", "-H", "127.0.0.1:x"]),
            ("nobody listens", ["-D", "127.0.0.1", "-P", "http", "-p", "9"]),
            ("an unknown server", ["-D", "server..invalid", "-P", "http"]),
            ("an unknown proxy", ["-D", "127.0.0.1", "-H", "proxy..invalid:8080"])):
        with lab.case(name):
            ours, theirs = (send(lab, who, [port, proxy], options) for who in (OURS, DEBIAN))
            expect(ours.code == theirs.code, f"exit status: ours {ours.code} ({ours.errors}), "
                                             f"theirs {theirs.code} ({theirs.errors})")
            expect(same(ours.request) == same(theirs.request),
                   f"ours:   {ours.request!r}\ntheirs: {theirs.request!r}")
            if ours.code == 0:
                expect(ours.request, "nothing arrived")
                expect(f"bytes sent: {len(ours.request)}\n" in ours.output, ours.output)
                expect("            protocol: http\n" in ours.output, ours.output)
                expect(destination(ours) == destination(theirs),
                       f"ours to {destination(ours)}, theirs to {destination(theirs)}")
            else:
                expect(ours.errors and not ours.request, f"ours said {ours.errors!r}")


def send(lab: Lab, who: str, ports: List[int], options: List[str]) -> Sent:
    program = lab.programs.path(who, server=False)
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(Listener(lab.net.client, port=port)) for port in ports]
        done = run([program, "--no-rc-file", "--no-save-args", "-v", "-a", "192.0.2.7", "-A",
                    "tcp/22", "--key-rijndael", "abc", *options], home=lab.root,
                   namespace=lab.net.client)
        if done.code == 0:
            wait_for("a request", lambda: any(each.requests for each in listeners), 5)
            arrived = [listener.port for listener in listeners if listener.requests]
            expect(len(arrived) == 1, f"{who} sent to {arrived}")
        return Sent(done.code, b"".join(r for each in listeners for r in each.requests), done.out,
                    done.err)


def same(request: bytes) -> bytes:
    for pattern, what in DIFFERENCES:
        request = re.sub(pattern, what, request)
    return request


def destination(sent: Sent) -> List[str]:
    return re.findall(r"destination port: .*|IP/host: .*", sent.output)


def literals(lab: Lab) -> None:
    """IPv6 literals, which the 2.6 line cannot send to: brackets in the request."""
    with lab.case("a server"), Listener(lab.net.client, address="::1", port=62201) as server:
        for host in ("::1", "[::1]"):
            run_ours(lab, "-D", host, "-P", "http")
        expect(all(b"\r\nHost: [::1]\r\n" in each for each in server.wait_requests(2)),
               f"{server.requests}")
    with lab.case("a proxy"), Listener(lab.net.client, address="::1", port=8080) as proxy:
        run_ours(lab, "-D", "2001:db8::5", "-H", "[::1]:8080")
        request = proxy.only_request()
        expect(request.startswith(b"GET http://[2001:db8::5]/") and
               b"\r\nHost: [::1]\r\n" in request, f"{request!r}")


def run_ours(lab: Lab, *options: str) -> None:
    run([lab.programs.path(OURS, server=False), "--no-rc-file", "--no-save-args", "-a",
         "192.0.2.7", "-A", "tcp/22", "--key-rijndael", "abc", *options], home=lab.root,
        namespace=lab.net.client).succeeded()


def opens(lab: Lab) -> None:
    """A daemon that takes HTTP requests opens, for a request straight and one from a proxy."""
    keys, port = Keys(), 80
    # The daemon watches the segment; the kernel's connection needs somebody to take it.
    lab.net.gateway.run("iptables", "-I", "INPUT", "-p", "tcp", "--dport", str(port), "-j",
                        "ACCEPT")
    config = {"ENABLE_SPA_OVER_HTTP": "Y", "PCAP_FILTER": f"tcp dst port {port}"}
    with Listener(lab.net.gateway, address=Network.gateway4, port=port), \
            Listener(lab.net.other, relay(lab), address=Network.other4, port=8080), \
            lab.serve(stanza(keys, FW_ACCESS_TIMEOUT=60), config=config) as server:
        with lab.case("straight"):
            knock = lab.client.knock(keys, "tcp/4001", "-P", "http", "-p", str(port))
            expect_rule(lab.wait_rule(server, "tcp/4001"), knock, 60)
        with lab.case("through a proxy"):
            knock = lab.client.knock(keys, "tcp/4002", "-H", f"{Network.other4}:8080")
            expect_rule(lab.wait_rule(server, "tcp/4002"), knock, 60)
        with lab.case("not for another program's request"):
            lab.client.knock(keys, "tcp/4003", "-P", "http", "-p", str(port), "-u", "Mozilla/5.0")
            knock = lab.client.knock(keys, "tcp/4004", "-P", "http", "-p", str(port))
            expect_rule(lab.wait_rule(server, "tcp/4004"), knock, 60)
            expect(not [rule for rule in lab.rules() if rule.port == "4003"],
                   "a request of another program opened its port")


def relay(lab: Lab):  # type: ignore[no-untyped-def]
    """What a proxy does with a request: the path alone, to port 80 of the host that it names."""
    def answer(_: socket.socket, request: bytes) -> None:
        head, rest = request.split(b" ", 2)[1:]
        found = re.fullmatch(rb"http://([0-9.]+)(/.*)", head)
        if not found:
            return
        headers = re.sub(rb"\r\nHost: [^\r]*", b"\r\nHost: " + found[1], rest)
        with lab.net.other.entered():
            onward = socket.socket()
        with onward:
            onward.settimeout(5)
            onward.connect((found[1].decode(), 80))
            onward.sendall(b"GET " + found[2] + b" " + headers)
            request_of(onward)  # until it ends
    return answer


if __name__ == "__main__":
    sys.exit(main([requests, literals, opens]))
