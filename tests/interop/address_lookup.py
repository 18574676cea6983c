#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The client asks a web server for its address: what works, and how each failure is told.

The authority is private to the test and given as SSL_CERT_FILE; host names come from a hosts file
that only the client sees. After a failure nothing may have been sent.
"""

import concurrent.futures
import contextlib
import os
import ssl
import sys
import warnings
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from harness.failure import expect
from harness.processes import Completed, run
from harness.programs import require_tools
from harness.scenario import Lab, main
from web import Authority, Listener, endless, fixed, page, silence

HOST, ADDRESS = "right.example", "203.0.113.9"
HOSTS = ("127.0.0.1 localhost\n127.0.0.1 right.example wrong.example\n"
         "::1 both.example\n127.0.0.1 both.example\n")
# The client has 10 s for everything; this is for a machine under load.
PATIENCE = 40.0


class Bench:
    """The client on the loopback of a namespace of its own, and servers beside it."""

    def __init__(self, lab: Lab):
        require_tools("unshare", "mount", "openssl")
        self.lab = lab
        self.here = lab.net.client
        self.program = lab.programs.path("ours", server=False)
        self.authority = Authority(lab.root, "private")
        self.right = self.authority.server("right", f"DNS:{HOST},DNS:both.example,IP:127.0.0.1,"
                                                    "IP:::1")
        self.hosts = os.path.join(lab.root, "hosts")
        with open(self.hosts, "w", encoding="ascii") as file:
            file.write(HOSTS)

    def lax_configuration(self) -> str:
        """A file that lets OpenSSL speak every version of TLS."""
        path = os.path.join(self.lab.root, "openssl.cnf")
        with open(path, "w", encoding="ascii") as file:
            file.write("openssl_conf = init\n[init]\nssl_conf = ssl\n[ssl]\n"
                       "system_default = lax\n[lax]\nMinProtocol = TLSv1\n"
                       "CipherString = DEFAULT:@SECLEVEL=0\n")
        return path

    def ask(self, url: Optional[str], *more: str, trust: Optional[str] = None,
            verbose: bool = True, send: bool = False,
            extra: Optional[Dict[str, str]] = None) -> Completed:
        """Runs the client with the URL; shows the fields unless it is to send."""
        argv = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"',
                self.hosts, self.program, "--no-rc-file", "--no-save-args", "-A", "tcp/22",
                "-D", "127.0.0.1", "--key-rijndael", "abc", "-R"]
        argv += ["-v"] if verbose else []
        argv += [] if send else ["--test"]
        argv += ["--resolve-url", url] if url else []
        return run(argv + list(more), home=self.lab.root, namespace=self.here, timeout=PATIENCE,
                   extra_environment={"SSL_CERT_FILE": trust or self.authority.certificate,
                                      **(extra or {})})

    def serve(self, *arguments: object, **named: object) -> Listener:
        named.setdefault("tls", self.right)
        return Listener(self.here, *arguments, **named)  # type: ignore[arg-type]


def expect_address(done: Completed, address: str, url: str) -> None:
    done.succeeded()
    expect(f"\n[+] Resolved external IP (via {url}) as: {address}\n" in done.out,
           f"the address is not announced:\n{done.out}")
    expect(f"Message String: {address},tcp/22\n" in done.out, f"not in the packet:\n{done.out}")


def works(lab: Lab) -> None:
    """Answers of several kinds, over TLS and without, and what the server gets to see."""
    bench = Bench(lab)
    chunked = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
               b"10\r\n<html><b>203.0.1\r\n9\r\n13.9</b>.\r\n0\r\n\r\n")
    for name, answer, address in (
            ("a bare address", page(b"203.0.113.9\n"), ADDRESS),
            ("HTML in chunks", fixed(chunked), ADDRESS),
            ("JSON", page(b'{"ip": "203.0.113.9"}'), ADDRESS),
            ("an IPv6 address", page(b"2001:db8::7"), "2001:db8::7"),
            ("the largest answer that is read", page(b"203.0.113.9" + b" " * 4085), ADDRESS)):
        with lab.case(name), bench.serve(answer) as server:
            url = f"https://{HOST}:{server.port}/ip"
            done = bench.ask(url)
            expect_address(done, address, url)
            expect(done.err == "", f"it said: {done.err}")
    with lab.case("the request, and silence without -v"), \
            bench.serve(page(b"203.0.113.9")) as server:
        done = bench.ask(f"https://{HOST}:{server.port}/a/b?c=d", verbose=False).succeeded()
        expect("Resolved" not in done.out and done.err == "", f"it said {done.out}{done.err}")
        lines = server.only_request().decode().split("\r\n")
        expect(lines[1].startswith("User-Agent: Fwknop/"), f"the agent is {lines[1]}")
        expect([lines[0], *lines[2:]] == [
            "GET /a/b?c=d HTTP/1.1", "Accept: */*", f"Host: {HOST}:{server.port}",
            "Connection: close", "", ""], f"the request is {lines}")
    for agent, options in (("mine/1", ["-u", "mine/1"]),
                           ("Wget/1.21.3", ["-u", "mine/1", "--use-wget-user-agent"])):
        with lab.case(f"user agent {agent}"), bench.serve(page(b"203.0.113.9")) as server:
            bench.ask(f"https://{HOST}:{server.port}/", *options).succeeded()
            expect(f"\r\nUser-Agent: {agent}\r\n".encode() in server.only_request(),
                   f"the request is {server.requests}")
    with lab.case("a certificate for an address"), bench.serve(page(b"203.0.113.9")) as server:
        url = f"https://127.0.0.1:{server.port}/"
        expect_address(bench.ask(url), ADDRESS, url)
    both = page(b"2001:db8::7 203.0.113.9")
    with lab.case("a name with two addresses, one of them shut"), \
            bench.serve(both, address="::1") as server:
        url = f"https://both.example:{server.port}/"
        expect_address(bench.ask(url), "2001:db8::7", url)
        expect_address(bench.ask(url, "-6"), "2001:db8::7", url)
        done = bench.ask(url, "-4")
        expect(done.code == 1 and "127.0.0.1" in done.err, f"-4 went elsewhere: {done}")
    with lab.case("an IPv4 address if asked for"), bench.serve(both) as server:
        url = f"https://{HOST}:{server.port}/"
        expect_address(bench.ask(url, "-4"), ADDRESS, url)
    with lab.case("a server without a port in its URL"), \
            bench.serve(page(b"203.0.113.9"), port=443) as server:
        expect_address(bench.ask(f"https://{HOST}"), ADDRESS, f"https://{HOST}/")
        for bare in (HOST, f"http://{HOST}"):
            done = bench.ask(bare)
            expect_address(done, ADDRESS, f"https://{HOST}/")
            expect(done.err == f"[-] Warning: IP resolution URL '{bare}' should begin with "
                               "'https://' in -R mode. It is asked over HTTPS.\n", done.err)
    with lab.case("plain HTTP with --resolve-http-only"), \
            bench.serve(page(b"203.0.113.9"), tls=None, port=80) as server:
        done = bench.ask(f"http://{HOST}/x", "--resolve-http-only")
        expect_address(done, ADDRESS, f"http://{HOST}/x")
        expect(done.err.startswith("[-] WARNING: --resolve-http-only asks") and
               done.err.count("\n") == 1, f"it said: {done.err}")
        expect(b"\r\nHost: right.example\r\n" in server.only_request(), str(server.requests))
    with lab.case("-a wins over -R, and nothing is asked"), \
            bench.serve(page(b"203.0.113.9")) as server:
        done = bench.ask(f"https://{HOST}:{server.port}/", "-a", "192.0.2.1").succeeded()
        expect("Message String: 192.0.2.1,tcp/22\n" in done.out and not server.requests,
               f"{done.out}{server.requests}")


class Fault(NamedTuple):
    name: str
    said: str  # what the one line on standard error says, after the URL
    serve: Callable[["Bench"], Listener]
    host: str = HOST
    trust: Optional[str] = None
    options: Sequence[str] = ()
    scheme: str = "https"
    extra: Dict[str, str] = {}


def faults(bench: Bench) -> Iterator[Fault]:
    """Servers that answer wrongly, or are the wrong ones."""
    lab = bench.lab
    good = page(b"203.0.113.9")
    others = Authority(lab.root, "others")
    late = bench.authority.server("late", f"DNS:{HOST}", days=-1)
    stranger = others.server("stranger", f"DNS:{HOST}")
    old = bench.authority.server("old", f"DNS:{HOST}")
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that is why it is refused
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    ok = b"HTTP/1.1 200 OK\r\n"

    def with_answer(answer: object) -> Callable[[Bench], Listener]:
        return lambda b: b.serve(answer)

    def with_tls(tls: Optional[ssl.SSLContext]) -> Callable[[Bench], Listener]:
        return lambda b: b.serve(good, tls=tls)

    yield Fault("wrong host name", "the server's certificate is not for 'wrong.example'",
                with_answer(good), host="wrong.example")
    yield Fault("wrong address", "the server's certificate is not for '127.0.0.2'",
                lambda b: b.serve(good, address="127.0.0.2"), host="127.0.0.2")
    yield Fault("expired", "not trusted: certificate has expired", with_tls(late))
    yield Fault("unknown authority", "not trusted: unable to get local issuer certificate",
                with_tls(stranger))
    yield Fault("no authority at all", "not trusted: unable to get local issuer certificate",
                with_answer(good), trust="/dev/null")
    # OpenSSL's own configuration would allow it here: it is the client that does not.
    yield Fault("TLS 1.1", "no TLS connection: ", with_tls(old),
                extra={"OPENSSL_CONF": bench.lax_configuration()})
    yield Fault("no TLS", "no TLS connection: wrong version number", with_tls(None))
    yield Fault("redirect", "it redirects (302) to 'https://else.example/??', which is not "
                            "followed; if you trust that place, give it to --resolve-url",
                with_answer(page(b"203.0.113.9", "302 Found",
                                 "Location: https://else.example/\u00e4")))
    yield Fault("redirect to nowhere", "it answers with status 301 instead of 200",
                with_answer(page(b"203.0.113.9", "301 Moved")))
    yield Fault("status 404", "it answers with status 404 instead of 200",
                with_answer(page(b"203.0.113.9", "404 Not Found")))
    yield Fault("status 204", "it answers with status 204 instead of 200",
                with_answer(fixed(b"HTTP/1.1 204 No\r\n\r\n")))
    too_long = "the answer is longer than 4096 bytes"
    yield Fault("endless", too_long,
                with_answer(endless(ok + b"\r\n203.0.113.9\n", b"x" * 1000)))
    yield Fault("endless chunks", too_long,
                with_answer(endless(ok + b"Transfer-Encoding: chunked\r\n\r\n",
                                    b"10\r\n203.0.113.9    \n\r\n")))
    yield Fault("a byte too long", too_long, with_answer(page(b"203.0.113.9" + b" " * 4086)))
    yield Fault("a huge length", too_long,
                with_answer(fixed(ok + b"Content-Length: 99999999999\r\n\r\n203.0.113.9")))
    yield Fault("endless header", "the answer is not HTTP (header limit exceeded)",
                with_answer(endless(ok, b"X: 203.0.113.9\r\n" * 100)))
    yield Fault("no address", "the answer holds no IP address",
                with_answer(page(b"<html>who are you?</html>")))
    yield Fault("empty", "the answer holds no IP address", with_answer(page(b"")))
    yield Fault("the other family", "the answer holds no IPv6 address",
                lambda b: b.serve(good, address="::1"), host="both.example", options=["-6"])
    yield Fault("no address of anybody", "the answer is 0.0.0.0, which stands for no address",
                with_answer(page(b"0.0.0.0")))
    yield Fault("loopback", "the answer is 127.0.0.1, which is a loopback address",
                with_answer(page(b"127.0.0.1")))
    cut = "the connection ended before the answer did"
    yield Fault("broken off", cut,
                with_answer(fixed(ok + b"Content-Length: 12\r\n\r\n203.0.113.9")))
    # Without a length only TLS can say that 203.0.113.9 is not the beginning of 203.0.113.99.
    yield Fault("end not confirmed", cut, with_answer(fixed(ok + b"\r\n203.0.113.9")))
    yield Fault("nothing", cut, with_answer(fixed(b"")))
    yield Fault("not HTTP", "the answer is not HTTP (", with_answer(fixed(b"203.0.113.9\r\n\r\n")))
    late_text = "no answer within 10 seconds"
    yield Fault("silent before TLS", late_text, lambda b: b.serve(handshake=False))
    yield Fault("silent after the request", late_text,
                with_answer(endless(b"", b"", pause=30)))
    yield Fault("byte by byte", late_text,
                with_answer(endless(ok + b"Content-Length: 999\r\n\r\n", b" ", pause=0.2)))
    yield Fault("refused", "cannot connect to 127.0.0.1 port ", lambda b: closed(b))
    yield Fault("unknown name", "error in getaddrinfo: ", lambda b: closed(b), host="no.example")
    yield Fault("plain HTTP that is late", late_text,
                lambda b: b.serve(handshake=False), scheme="http",
                options=["--resolve-http-only"])


def closed(bench: Bench) -> Listener:
    """A port where nobody listens."""
    listener = bench.serve()
    listener.__exit__()
    return listener


def failures(lab: Lab) -> None:
    """Every failure has its own line, within the time there is, and sends nothing."""
    bench = Bench(lab)
    with contextlib.ExitStack() as stack, concurrent.futures.ThreadPoolExecutor(8) as pool:
        stack.enter_context(quiet := contextlib.ExitStack())
        quiet.enter_context(silence(bench.here))
        running: Dict[str, object] = {}
        table: List[Fault] = list(faults(bench))
        for fault in table:
            server = stack.enter_context(fault.serve(bench))
            url = f"{fault.scheme}://{fault.host}:{server.port}/"
            running[fault.name] = (url, pool.submit(
                bench.ask, url, *fault.options, trust=fault.trust, verbose=False, send=True,
                extra=fault.extra))
        for fault in table:
            with lab.case(fault.name):
                url, future = running[fault.name]  # type: ignore[misc]
                done = future.result()
                expect(done.code == 1, f"the exit status is {done.code}: {done.out}{done.err}")
                line = done.err.split("\n", 1)[1] if fault.scheme == "http" else done.err
                head = f"[-] Could not resolve IP via: '{url}': "
                expect(line.startswith(head) and line.count("\n") == 1 and fault.said in line,
                       f"it said {line!r} instead of {head}{fault.said}")
                expect(done.out == "", f"it said {done.out}")
        with lab.case("nothing was sent"):
            quiet.close()
    for url, said in (("https://", "it names no host"), ("not a url", "it is not a URL"),
                      ("ftp://right.example/", "only https is known"),
                      ("https://u:p@right.example/", "a user name or password")):
        with lab.case(f"URL {url}"):
            done = bench.ask(url, verbose=False)
            expect((done.code, done.out) == (1, "") and done.err.count("\n") == 1 and
                   done.err.startswith(f"Invalid --resolve-url '{url}': ") and said in done.err,
                   f"it said {done.err!r}")


if __name__ == "__main__":
    sys.exit(main([works, failures]))
