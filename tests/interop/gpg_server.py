#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our daemon and packets sealed with GnuPG: who opens what, what is refused with which line, and
that nobody waits for GnuPG but those who asked for it.
"""

import base64
import contextlib
import hashlib
import hmac
import os
import re
import sys
import time
from typing import Iterator, List

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from gpg import HMAC, Homes, gpg_stanza, homes, rc
from harness.failure import expect, wait_for
from harness.gpg import GPG, GpgHome
from harness.namespaces import Network
from harness.programs import Keys, Server, stanza, write_private
from harness.scenario import Lab, expect_rule, main
from harness.traffic import send_udp

PLAIN = Keys("key-of-the-plain-stanza", "hmac-of-the-plain-stanza")
GPG_KEYS = Keys(hmac=HMAC)
C = re.escape(Network.client4)
CAP_DAC_OVERRIDE = 1 << 1  # linux/capability.h


def sealed(lab: Lab, access: str, lines: str, keys: Keys = GPG_KEYS) -> bytes:
    """A packet that is not sent. (A client's own test of it fails: it has not the secret key.)"""
    path = os.path.join(lab.client.home, "packet")
    if os.path.exists(path):
        os.unlink(path)
    done = lab.client.run(keys, "-T", "-B", path, "-A", access, "-a", Network.client4,
                          destination=Network.gateway4, rc=lines)
    expect(os.path.exists(path), f"no packet was made: {done.out}{done.err}")
    with open(path, "rb") as file:
        return file.read().strip()


def send(lab: Lab, packet: bytes) -> None:
    send_udp(lab.net.client, Network.gateway4, packet)


def known_ids(keyrings: Homes, *mails: str) -> str:
    return ",".join(keyrings.signers[mail][-8:] for mail in mails)


def services(lab: Lab) -> set:
    return {rule.service for rule in lab.rules()}


@contextlib.contextmanager
def refused(lab: Lab, server: Server, name: str, line: str) -> Iterator[None]:
    """What is sent inside is told by `line`, after which no rule has come. (Others overtake a
    packet that GnuPG works on: only its own line says that it has been decided.)"""
    with lab.case(name):
        before, mark = services(lab), server.mark()
        yield
        server.wait_log(line, after=mark, timeout=20)
        time.sleep(0.2)
        expect(services(lab) == before, f"rules came: {services(lab) - before}")


def accepts(lab: Lab) -> None:
    """Each recipient and signer that is listed opens, by all the ways to list it, once."""
    recipients = ("rsa@server",) if lab.client_kind == "debian" else ("rsa@server", "ecc@server")
    with homes(lab) as keyrings:
        signer = keyrings.signers["rsa@client"]
        knock = lab.client.knock
        port = 4000
        for ids in (f"GPG_REMOTE_ID {signer[-8:]}", f"GPG_REMOTE_ID 0x{signer[-16:].lower()}",
                    f"GPG_FINGERPRINT_ID {signer}",
                    f"GPG_REMOTE_ID {signer[-8:]}\nGPG_FINGERPRINT_ID {signer}"):
            access = gpg_stanza(keyrings.server, "rsa@server", "x").replace("GPG_REMOTE_ID x", ids)
            with lab.serve(access) as server:
                for recipient in recipients:
                    port += 1
                    with lab.case(f"to {recipient}, {' '.join(ids.split())}"):
                        when = knock(GPG_KEYS, f"tcp/{port}",
                                     rc=rc(keyrings.client, recipient, "rsa@client"))
                        expect_rule(lab.wait_rule(server, f"tcp/{port}"), when, 60)
                        server.wait_log(rf"^.*\[{C}\] \(stanza #1\) Incoming SPA data signed by "
                                        rf"'{signer[-8:]}' \(fingerprint '{signer}'\)\.")
        with lab.case("a subkey counts as its primary key"):
            keyrings.client.gpg("--passphrase", "", "--quick-add-key", signer, "ed25519", "sign",
                                "never")
            keyrings.client.give_public("rsa@client", keyrings.server)
            access = gpg_stanza(keyrings.server, "rsa@server", signer[-8:])
            with lab.serve(access) as server:
                knock(GPG_KEYS, "tcp/4100", rc=rc(keyrings.client, "rsa@server", "rsa@client"))
                lab.wait_rule(server, "tcp/4100")
                expect(signer not in server.log(), "the primary key itself signed")
        access = gpg_stanza(keyrings.server, "rsa@server", signer[-8:], hmac=False)
        with lab.serve(access) as server:
            for recipient in recipients:
                port += 1
                with lab.case(f"to {recipient}, without HMAC"):
                    knock(Keys(hmac=None), f"tcp/{port}",
                          rc=rc(keyrings.client, recipient, "rsa@client"))
                    lab.wait_rule(server, f"tcp/{port}")
        with lab.case("a pass phrase, wrong and right"):
            keyrings.server.make_key("locked@server", "rsa2048", "rsa2048", "open sesame")
            keyrings.server.give_public("locked@server", keyrings.client)
            packet = sealed(lab, "tcp/4200", rc(keyrings.client, "locked@server", "rsa@client"))
            for phrase in ("another one", "open sesame"):
                access = gpg_stanza(keyrings.server, "locked@server", signer[-8:])
                with lab.serve(access + f"GPG_DECRYPT_PW {phrase}\n") as server:
                    send(lab, packet)
                    if phrase == "another one":
                        server.wait_log(r"\(stanza #1\) GPG ERROR: .*pass phrase is wrong")
                        expect(not services(lab), "a wrong pass phrase opened")
                    else:
                        lab.wait_rule(server, "tcp/4200")
                    expect(phrase not in server.log(), "the pass phrase is in the log")
        with lab.case("unsigned, where nobody need sign"):
            access = gpg_stanza(keyrings.server, "rsa@server", "x", GPG_DISABLE_SIG="Y")
            with lab.serve(access.replace("GPG_REMOTE_ID x\n", "")) as server:
                send(lab, sealed(lab, "tcp/4300", rc(keyrings.client, "rsa@server")))
                lab.wait_rule(server, "tcp/4300")
        with lab.case("--test says so and opens nothing"):
            with lab.serve(gpg_stanza(keyrings.server, "rsa@server", signer[-8:]),
                           arguments=["--test"]) as server:
                knock(GPG_KEYS, "tcp/4400", rc=rc(keyrings.client, "rsa@server", "rsa@client"))
                server.wait_log("--test mode enabled, skipping firewall manipulation")
                expect(not services(lab), "it opened")


def refuses(lab: Lab) -> None:
    """Every signature that will not do has its line and opens nothing; so has a replay."""
    with homes(lab) as keyrings:
        client, server_home = keyrings.client, keyrings.server
        # Made now, worthless later.
        lines = {}
        for mail in ("expired@client", "revoked@client", "unknown@client"):
            fingerprint = client.make_key(mail, "ed25519")
            keyrings.signers[mail] = fingerprint
            if mail != "unknown@client":
                client.give_public(mail, server_home, trusted=True)
            lines[mail] = rc(client, "rsa@server", mail)
        packets = {mail: sealed(lab, "tcp/5000", text) for mail, text in lines.items()}
        client.gpg("--quick-set-expire", keyrings.signers["expired@client"], "seconds=1")
        fingerprint = keyrings.signers["revoked@client"]
        with open(os.path.join(client.path, "openpgp-revocs.d", f"{fingerprint}.rev"),
                  encoding="ascii") as file:
            client.gpg("--import", text=file.read().replace(":-----", "-----").encode())
        time.sleep(2)
        for mail in ("expired@client", "revoked@client"):
            client.give_public(mail, server_home)
        packets["stranger@client"] = sealed(lab, "tcp/5000",
                                            rc(client, "rsa@server", "stranger@client"))
        packets["ecc@client"] = sealed(lab, "tcp/5000", rc(client, "rsa@server", "ecc@client"))
        packets["nobody"] = sealed(lab, "tcp/5000", rc(client, "rsa@server"))
        packets["locked@client"] = sealed(
            lab, "tcp/5000", rc(client, "rsa@server", "locked@client",
                                "GPG_SIGNING_PW the-signer's-pass-phrase"))
        listed = known_ids(keyrings, "rsa@client", "expired@client", "revoked@client",
                           "unknown@client", "stranger@client", "locked@client")
        head = rf"\[{C}\] \(stanza #1\) "
        error = head + "Error creating fko context: "
        rows = [("expired@client", error + "Bad GPG signature: its key has expired"),
                ("revoked@client", error + "Bad GPG signature: its key has been revoked"),
                ("unknown@client", error + "Bad GPG signature: its key is not in our keyring"),
                ("stranger@client", error + "GPG signature is good, but its key is not trusted"),
                ("nobody", error + "Missing GPG signature"),
                ("ecc@client", head + "Incoming SPA packet signed by ID: "
                 + keyrings.signers["ecc@client"][-8:]
                 + r", but that ID is not in the GPG_REMOTE_ID list\."),
                ("locked@client", head + "Incoming SPA packet signed by: "
                 + keyrings.signers["locked@client"]
                 + r", but that fingerprint is not in the GPG_FINGERPRINT_ID list\.")]
        access = gpg_stanza(server_home, "rsa@server", listed)
        with lab.serve(access.strip() + "\nGPG_FINGERPRINT_ID " + ",".join(
                keyrings.signers[mail] for mail in ("rsa@client", "ecc@client")) + "\n") as server:
            for mail, line in rows[-2:]:
                with refused(lab, server, f"signed by {mail}", line):
                    send(lab, packets[mail])
        with lab.serve(access) as server:
            for mail, line in rows[:-1]:
                with refused(lab, server, f"signed by {mail}", line):
                    send(lab, packets[mail])
            good = sealed(lab, "tcp/5001", rc(client, "rsa@server", "rsa@client"))
            with lab.case("sent twice at once, opened once"):
                send(lab, good)
                send(lab, good)
                lab.wait_rule(server, "tcp/5001")
                server.wait_log("Replay detected from source IP")
            with refused(lab, server, "a replay", "Replay detected from source IP"):
                send(lab, good)
            with lab.case("one signature was accepted, one rule came"):
                expect(server.log().count("Incoming SPA data signed by '"
                                          + keyrings.signers["rsa@client"][-8:]) == 1,
                       server.log())
        with lab.case("the next matching stanza has its turn"):
            access = (gpg_stanza(server_home, "rsa@server", listed, OPEN_PORTS="tcp/1")
                      + stanza(PLAIN) + gpg_stanza(server_home, "rsa@server", "01234567")
                      + gpg_stanza(server_home, "rsa@server", known_ids(keyrings, "ecc@client")))
            with lab.serve(access) as server:
                lab.client.knock(GPG_KEYS, "tcp/5002", rc=rc(client, "rsa@server", "ecc@client"))
                lab.wait_rule(server, "tcp/5002")
                server.wait_log(r"\(stanza #4\) Incoming SPA data signed by")


def workers(server: Server) -> List[int]:
    """Processes of ours that are at work for this daemon."""
    found = []
    helper = server.helper
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                parent = int(file.read().rpartition(")")[2].split()[1])
            with open(f"/proc/{name}/cmdline", "rb") as file:
                if parent == helper and b"--gpg-worker" in file.read():
                    found.append(int(name))
    return found


def running(mark: str) -> List[int]:
    """Processes with these characters in their command line."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{name}/cmdline", "rb") as file:
                if mark.encode() in file.read() and int(name) != os.getpid():
                    found.append(int(name))
    return found


def peak_memory(pid: int) -> int:
    """In KiB."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:"))


def junk(key: str = HMAC) -> bytes:
    """A packet with a valid HMAC around something that GnuPG cannot decrypt."""
    message = b"\x85\x01\x0c\x03" + os.urandom(440)
    text = base64.b64encode(message).rstrip(b"=")
    tag = hmac.new(key.encode(), text, hashlib.sha256).digest()
    return text[2:] + base64.b64encode(tag).rstrip(b"=")


def beside(lab: Lab) -> None:
    """A burst for GnuPG stays bounded and holds up no symmetric packet; then GnuPG works on."""
    with homes(lab) as keyrings:
        access = (gpg_stanza(keyrings.server, "rsa@server", known_ids(keyrings, "rsa@client"))
                  + stanza(PLAIN))
        with lab.serve(access) as server:
            with lab.case("one source, both kinds of packets"):
                lab.client.knock(GPG_KEYS, "tcp/6000",
                                 rc=rc(keyrings.client, "rsa@server", "rsa@client"))
                lab.client.knock(PLAIN, "tcp/6001")
                lab.wait_rule(server, "tcp/6000")
                lab.wait_rule(server, "tcp/6001")
            packets = [(f"tcp/{port}", lab.client.packet(PLAIN, f"tcp/{port}"))
                       for port in range(6100, 6110)]
            before = peak_memory(server.pid)
            with lab.case("10 symmetric knocks open during a burst of 200"):
                for _ in range(200):
                    send(lab, junk())
                wait_for("a worker", lambda: workers(server), 10)
                most = 0
                for service, packet in packets:
                    send(lab, packet)
                    most = max(most, len(workers(server)))
                    lab.wait_rule(server, service)
                expect(1 <= most <= 4, f"{most} workers at the same time")
                expect("too many packets wait for GnuPG" in server.log(), "nothing was dropped")
            with lab.case("what the burst took in memory is bounded"):
                wait_for("no worker", lambda: not workers(server), 60)
                grown = peak_memory(server.pid) - before
                expect(grown < 16 * 1024, f"the daemon has grown by {grown} KiB")
            with lab.case("after the burst GnuPG opens again"):
                lab.client.knock(GPG_KEYS, "tcp/6200",
                                 rc=rc(keyrings.client, "rsa@server", "rsa@client"))
                lab.wait_rule(server, "tcp/6200")


def script(lab: Lab, name: str, text: str) -> str:
    path = os.path.join(lab.root, name)
    write_private(path, f"#!/bin/sh\n{text}\n")
    os.chmod(path, 0o700)
    return path


def trouble(lab: Lab) -> None:
    """A gpg that hangs is ended; one that is missing is told at the start, or when it is needed."""
    with homes(lab) as keyrings:
        signers = known_ids(keyrings, "rsa@client")
        lines = rc(keyrings.client, "rsa@server", "rsa@client")
        with lab.case("a missing program or home ends the start, with file and line"):
            for name, text in (("GPG_EXE", "GPG executable '/nonexistent'"),
                               ("GPG_HOME_DIR", "GPG home directory '/nonexistent'")):
                access = gpg_stanza(keyrings.server, "rsa@server", signers, hmac=True,
                                    **{name: "/nonexistent"})
                with lab.serve(stanza(PLAIN) + access, wait=False) as server:
                    expect(server.wait() == 1, "it started")
                    place = rf"{re.escape(text)}.*\(.*access\.conf:\d+\)"
                    expect(re.search(place, server.log()) is not None, server.log())
        nap = str(98000000 + os.getpid())
        hanging = script(lab, "gpg-hangs", f"sleep {nap}")
        with lab.case("a gpg that hangs"):
            access = gpg_stanza(keyrings.server, "rsa@server", signers, GPG_EXE=hanging)
            with lab.serve(access + stanza(PLAIN)) as server:
                lab.client.knock(GPG_KEYS, "tcp/7000", rc=lines)
                wait_for("gpg", lambda: running(nap), 10)
                lab.client.knock(PLAIN, "tcp/7001")
                lab.wait_rule(server, "tcp/7001")
                server.wait_log(r"GPG ERROR: .*did not finish within 10 s and was killed",
                                timeout=30)
                wait_for("the end of gpg", lambda: not running(nap), 5)
                expect("tcp/7000" not in services(lab), "it opened")
        with lab.case("a gpg that hangs when the daemon ends"):
            with lab.serve(access + stanza(PLAIN)) as server:
                lab.client.knock(GPG_KEYS, "tcp/7002", rc=lines)
                wait_for("gpg", lambda: running(nap), 10)
                took = server.stop()
                expect(took < 8, f"the end took {took:.1f} s")
                wait_for("the end of gpg", lambda: not running(nap), 5)
        passing = script(lab, "gpg-passes", f"exec {GPG} \"$@\"")
        with lab.case("a gpg that goes away and comes back"):
            access = gpg_stanza(keyrings.server, "rsa@server", signers, GPG_EXE=passing)
            with lab.serve(access + stanza(PLAIN)) as server:
                os.rename(passing, passing + ".away")
                lab.client.knock(GPG_KEYS, "tcp/7003", rc=lines)
                server.wait_log(r"\(stanza #1\) GPG ERROR: Unable to stat the given GPG executable")
                lab.client.knock(PLAIN, "tcp/7004")
                lab.wait_rule(server, "tcp/7004")
                os.rename(passing + ".away", passing)
                lab.client.knock(GPG_KEYS, "tcp/7005", rc=lines)
                lab.wait_rule(server, "tcp/7005")
        with lab.case("gpg has none of root's powers but that over files"):
            notes = os.path.join(lab.root, "powers")
            noting = script(lab, "gpg-notes", f"grep ^Cap /proc/self/status > {notes}; "
                                              f"exec {GPG} \"$@\"")
            access = gpg_stanza(keyrings.server, "rsa@server", signers, GPG_EXE=noting)
            for more in ("", "ENABLE_CMD_EXEC Y\n"):  # the helper is to start what root may do
                with lab.serve(access.rstrip() + "\n" + more) as server:
                    lab.client.knock(GPG_KEYS, "tcp/7007", rc=lines)
                    lab.wait_rule(server, "tcp/7007")
                with open(notes, encoding="ascii") as file:
                    said = dict(line.split(":") for line in file)
                for field in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                    expect(int(said[field], 16) & ~CAP_DAC_OVERRIDE == 0, f"{field} {said[field]}")
        with lab.case("a reload that asks for another gpg needs a restart"):
            with lab.serve(access) as server:
                write_private(server.access, access.replace(noting, passing))
                server.send(1)
                server.wait_log(f"GPG_EXE {re.escape(passing)} needs a restart of fwknopd")
                server.wait_log("The configuration of before stays in force")
        with lab.case("a reload while gpg works"):
            slow = script(lab, "gpg-slow", f"sleep 1; exec {GPG} \"$@\"")
            access = gpg_stanza(keyrings.server, "rsa@server", signers, GPG_EXE=slow)
            with lab.serve(access) as server:
                lab.client.knock(GPG_KEYS, "tcp/7006", rc=lines)
                wait_for("a worker", lambda: workers(server), 10)
                write_private(server.access, access + "FW_ACCESS_TIMEOUT 90\n")
                server.send(1)
                server.wait_log("The new configuration is in force")
                lab.wait_rule(server, "tcp/7006", timeout=30)


if __name__ == "__main__":
    sys.exit(main([accepts, refuses, beside, trouble]))
