#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Packets sealed with GnuPG: ours for Debian's daemon, everyone's for our library, and what our
client says when GnuPG cannot do its part.

Keys are made on the spot: RSA 2048, and curve 25519, whose packets begin otherwise.
"""

import contextlib
import os
import subprocess
import sys
from typing import Iterator, NamedTuple

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from harness.failure import Missing, expect
from harness.gpg import GPG, GpgHome
from harness.namespaces import Network
from harness.programs import Keys, stanza
from harness.scenario import Lab, expect_rule, main

PASS_PHRASE = "the-signer's-pass-phrase"
HMAC = "hmac-key-of-the-test"


class Homes(NamedTuple):
    """Both sides' keyrings, each with the other's public keys."""
    client: GpgHome
    server: GpgHome
    signers: dict  # mail address -> fingerprint


@contextlib.contextmanager
def homes(lab: Lab) -> Iterator[Homes]:
    with GpgHome(lab.root, "c") as client, GpgHome(lab.root, "s") as server:
        server.make_key("rsa@server", "rsa2048", "rsa2048")
        server.make_key("ecc@server", "ed25519", "cv25519")
        signers = {"rsa@client": client.make_key("rsa@client", "rsa2048"),
                   "ecc@client": client.make_key("ecc@client", "ed25519"),
                   "locked@client": client.make_key("locked@client", "rsa2048",
                                                    pass_phrase=PASS_PHRASE),
                   "stranger@client": client.make_key("stranger@client", "ed25519")}
        for mail in signers:
            client.give_public(mail, server, trusted=mail != "stranger@client")
        for mail in ("rsa@server", "ecc@server"):
            server.give_public(mail, client)
        yield Homes(client, server, signers)


def rc(home: GpgHome, recipient: str, signer: str = "", *more: str) -> str:
    """The lines of a stanza that ask for GPG."""
    lines = ["USE_GPG Y", f"GPG_HOMEDIR {home.path}", f"GPG_RECIPIENT {recipient}", *more]
    if signer:
        lines.append(f"GPG_SIGNER {signer}")
    if not any(line.startswith("GPG_SIGNING_PW") for line in lines):
        lines.append("GPG_NO_SIGNING_PW Y")
    return "".join(line + "\n" for line in lines)


def gpg_stanza(server: GpgHome, recipient: str, ids: str, hmac: bool = True,
               **more: object) -> str:
    directives = {"SOURCE": "ANY", "GPG_HOME_DIR": server.path, "GPG_EXE": GPG,
                  "GPG_DECRYPT_ID": recipient, "GPG_ALLOW_NO_PW": "Y", "FW_ACCESS_TIMEOUT": 60,
                  "GPG_REMOTE_ID": ids, **more}
    if hmac:
        directives["HMAC_KEY"] = HMAC
    return "".join(f"{name} {value}\n" for name, value in directives.items()) + "\n"


def opens(lab: Lab) -> None:
    """Every recipient, signer and pass phrase opens Debian's daemon; strangers do not."""
    with homes(lab) as keyrings:
        client = keyrings.client
        known = ",".join(fingerprint[-8:] for mail, fingerprint in keyrings.signers.items()
                         if mail != "stranger@client")
        plain = Keys("key-of-the-fence", "hmac-of-the-fence")
        access = (gpg_stanza(keyrings.server, "rsa@server", known) + stanza(plain))
        with lab.serve(access) as server:
            port = 4000
            for recipient in ("rsa@server", "ecc@server"):
                for signer in ("rsa@client", "ecc@client"):
                    port += 1
                    with lab.case(f"to {recipient}, signed by {signer}"):
                        when = lab.client.knock(Keys(hmac=HMAC), f"tcp/{port}",
                                                rc=rc(client, recipient, signer))
                        expect_rule(lab.wait_rule(server, f"tcp/{port}"), when, 60)
            for name, line in (("GPG_SIGNING_PW", f"GPG_SIGNING_PW {PASS_PHRASE}"),
                               ("GPG_SIGNING_PW_BASE64",
                                "GPG_SIGNING_PW_BASE64 dGhlLXNpZ25lcidzLXBhc3MtcGhyYXNl")):
                port += 1
                with lab.case(f"signed with a pass phrase from {name}"):
                    when = lab.client.knock(Keys(hmac=HMAC), f"tcp/{port}",
                                            rc=rc(client, "rsa@server", "locked@client", line))
                    expect_rule(lab.wait_rule(server, f"tcp/{port}"), when, 60)
            with lab.case("several ports and a timeout, to curve 25519"):
                when = lab.client.knock(
                    Keys(hmac=HMAC), "tcp/4100,udp/4101,tcp/4102", "-f", "90",
                    rc=rc(client, "ecc@server", "ecc@client"))
                expect_rule(lab.wait_rule(server, "tcp/4102"), when, 90)
            with lab.case("a stranger's signature opens nothing"):
                lab.client.knock(Keys(hmac=HMAC), "tcp/4200",
                                 rc=rc(client, "rsa@server", "stranger@client"))
                lab.fence(server, plain, 4201)
                expect(not [rule for rule in lab.rules() if rule.port == "4200"],
                       "a packet of a stranger opened its port")

        # Without an HMAC, and without signatures: each stanza by itself, since both match.
        access = gpg_stanza(keyrings.server, "rsa@server", known, hmac=False) + stanza(plain)
        with lab.serve(access) as server:
            for port, recipient in ((4301, "rsa@server"), (4302, "ecc@server")):
                with lab.case(f"to {recipient}, without HMAC"):
                    when = lab.client.knock(Keys(hmac=None), f"tcp/{port}",
                                            rc=rc(client, recipient, "ecc@client"))
                    expect_rule(lab.wait_rule(server, f"tcp/{port}"), when, 60)
        access = gpg_stanza(keyrings.server, "rsa@server", known, hmac=False,
                            GPG_DISABLE_SIG="Y") + stanza(plain)
        with lab.serve(access) as server:
            with lab.case("unsigned, where no signature is asked for"):
                done = lab.client.run(Keys(hmac=None), "-A", "tcp/4401", "-a", Network.client4,
                                      destination=Network.gateway4, rc=rc(client, "rsa@server"))
                expect("not signed" in done.succeeded().err, f"no warning: {done.err}")
                lab.wait_rule(server, "tcp/4401")
            with lab.case("unsigned to curve 25519 is too short, and the client says so"):
                done = lab.client.run(Keys(hmac=None), "-A", "tcp/4402", "-a", Network.client4,
                                      destination=Network.gateway4, rc=rc(client, "ecc@server"))
                expect("fewer than 400" in done.succeeded().err, f"no warning: {done.err}")
                lab.fence(server, plain, 4403)
                expect(not [rule for rule in lab.rules() if rule.port == "4402"],
                       "the daemon took a packet of fewer than 400 characters for GPG after all: "
                       "the client's warning is wrong")


def opened(lab: Lab) -> None:
    """Packets of either client are opened by our library, whatever prefix their sender cut off."""
    program = os.environ.get("FWKNOP_GPG_OPEN", "")
    if not os.access(program, os.X_OK):
        raise Missing(f"missing: gpg_open ({program or 'no path given'}): build it and name it "
                      "with FWKNOP_GPG_OPEN")
    # Debian's client cuts two characters whatever they are; ours makes them hQ first.
    blind = {"rsa@server": "hQ", "ecc@server": "hF"}
    with homes(lab) as keyrings:
        for hmac in (HMAC, None):
            for recipient in ("rsa@server", "ecc@server"):
                with lab.case(f"to {recipient}, {'with' if hmac else 'without'} HMAC"):
                    # A test of the client's own fails for want of the server's secret key.
                    path = os.path.join(lab.client.home, "packet")
                    if os.path.exists(path):
                        os.unlink(path)
                    lab.client.run(Keys(hmac=hmac), "-T", "-B", path, "-A", "tcp/22", "-a",
                                   "192.0.2.7", destination=Network.gateway4,
                                   rc=rc(keyrings.client, recipient, "ecc@client"))
                    with open(path, "rb") as file:
                        packet = file.read()
                    argv = [program, keyrings.server.path] + ([hmac] if hmac else [])
                    done = subprocess.run(argv, input=packet, capture_output=True, check=False,
                                          timeout=60)
                    expect(done.returncode == 0, done.stderr.decode(errors="replace"))
                    expected = ["192.0.2.7,tcp/22", keyrings.signers["ecc@client"],
                                blind[recipient] if lab.client_kind == "debian" else "hQ"]
                    expect(done.stdout.decode().split("\n")[:3] == expected,
                           f"opened {done.stdout!r}, expected {expected}")


def failures(lab: Lab) -> None:
    """What GnuPG cannot do is told apart, ends with 1, and nothing is sent."""
    with homes(lab) as keyrings:
        client = keyrings.client
        wrong = "GPG_SIGNING_PW wrong"
        missing = f"'nobody@nowhere' in '{client.path}'"
        server = "rsa@server"
        rows = [
            ("wrong pass phrase", rc(client, server, "locked@client", wrong),
             ["the pass phrase is wrong"]),
            ("no pass phrase", rc(client, server, "locked@client"),
             ["the secret key needs a pass phrase"]),
            ("missing recipient", rc(client, "nobody@nowhere", "rsa@client"),
             ["The key for the given recipient was not found", missing]),
            ("missing signer", rc(client, server, "nobody@nowhere"),
             ["The key for the given signer was not found", missing]),
            ("a signer without its secret key", rc(client, server, server),
             ["The key for the given signer was not found", "has no secret key"]),
            ("ambiguous recipient", rc(client, "server", "rsa@client"),
             ["Ambiguous name/id for the recipient key"]),
            ("no recipient", rc(client, server).replace("GPG_RECIPIENT", "#"),
             ["Must specify --gpg-recipient-key when GPG is used."]),
            ("missing gpg", rc(client, server, "rsa@client", "GPG_EXE /nonexistent/gpg"),
             ["Unable to stat the given GPG executable '/nonexistent/gpg'"]),
            ("another program for gpg", rc(client, server, "rsa@client", "GPG_EXE /usr/bin/test"),
             ["'/usr/bin/test' is no GnuPG"]),
            ("missing home", rc(client, server, "rsa@client").replace(client.path, "/nonexistent"),
             ["Unable to stat the GPG home directory '/nonexistent'"]),
        ]
        for name, lines, texts in rows:
            with lab.case(name):
                expect_failure(lab, lines, texts)
        with lab.case("no agent"):
            client.stop_agent()
            client.configure("gpg.conf", "no-autostart")
            expect_failure(lab, rc(client, server, "rsa@client"), ["no gpg-agent"])


def expect_failure(lab: Lab, lines: str, texts: list) -> None:
    packet = os.path.join(lab.client.home, "packet")
    done = lab.client.run(Keys(hmac=HMAC), "-v", "-B", packet, "-A", "tcp/22", "-a", "192.0.2.7",
                          destination=Network.gateway4, rc=lines)
    said = done.out + done.err
    expect(done.code == 1, f"exit status {done.code}, not 1: {said}")
    for text in texts:
        expect(text in done.err, f"{text!r} is not in: {done.err!r}")
    expect(not os.path.exists(packet) and "bytes sent" not in said, f"it was sent: {said}")
    expect(PASS_PHRASE not in said and "wrong\n" not in done.out, "the pass phrase was shown")


def secrets(lab: Lab) -> None:
    """The pass phrase is in no argument and no environment of gpg, and decrypting works with it."""
    with homes(lab) as keyrings:
        client = keyrings.client
        client.make_key("both@client", "rsa2048", "rsa2048", PASS_PHRASE)
        seen = os.path.join(lab.root, "seen")
        spy = os.path.join(lab.root, "gpg-spy")
        with open(os.open(spy, os.O_WRONLY | os.O_CREAT, 0o700), "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\ncat /proc/$$/cmdline /proc/$$/environ >> {seen}\n"
                       f"echo >> {seen}\nexec {GPG} \"$@\"\n")
        with lab.case("a test with -v opens its own packet"):
            done = lab.client.run(
                Keys(hmac=HMAC), "-T", "-v", "-A", "tcp/22", "-a", "192.0.2.7",
                destination=Network.gateway4,
                rc=rc(client, "both@client", "both@client", f"GPG_SIGNING_PW {PASS_PHRASE}",
                      f"GPG_EXE {spy}")).succeeded()
            expect("Dump of the Decoded Data" in done.out and "GPG sig status: 0" in done.out,
                   done.out)
            expect(PASS_PHRASE not in done.out + done.err, "the pass phrase was shown")
        with lab.case("gpg did not get the pass phrase where others can see it"):
            with open(seen, "rb") as file:
                content = file.read()
            expect(b"--homedir" in content, "the wrapper saw no gpg")
            expect(PASS_PHRASE.encode() not in content, "the pass phrase is in a command line or "
                                                       "an environment")


if __name__ == "__main__":
    sys.exit(main([opens, opened, failures, secrets]))
