#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What every client may ask of every daemon: digests, modes, ports, timeouts, addresses.

Judged by the rules the packet filter holds afterwards, not by what a log says.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from harness.failure import expect, wait_for
from harness.namespaces import Network
from harness.programs import Keys, stanza
from harness.scenario import Lab, expect_rule, main

DIGESTS = ["md5", "sha1", "sha256", "sha384", "sha512", "sha3_256", "sha3_512"]


def digests(lab: Lab) -> None:
    """Every digest with every HMAC digest: 49 pairs, one stanza for each HMAC digest."""
    keys = {kind: Keys(f"encryption-key-{kind}", f"hmac-key-{kind}", kind) for kind in DIGESTS}
    access = "".join(stanza(keys[kind], FW_ACCESS_TIMEOUT=60) for kind in DIGESTS)
    with lab.serve(access) as server:
        sent = {}
        for row, hmac in enumerate(DIGESTS):
            for column, digest in enumerate(DIGESTS):
                port = 1000 + 10 * row + column
                sent[port] = (digest, hmac,
                              lab.client.knock(keys[hmac], f"tcp/{port}", "-m", digest))
        # All are on their way; the last one's rule says that all were decided.
        lab.fence(server, keys["sha256"], 2000)
        for port, (digest, hmac, knock) in sent.items():
            with lab.case(f"digest {digest}, HMAC {hmac}"):
                expect_rule(lab.wait_rule(server, f"tcp/{port}", timeout=1.0), knock, 60)


def modes(lab: Lab) -> None:
    """Every encryption mode both sides know, and the refusal of a mode the stanza does not name."""
    names = ["CBC", "CTR", "CFB", "OFB", "ECB", "legacy"]
    keys = {name: Keys(f"key-{name}", None if name == "legacy" else f"hmac-key-{name}")
            for name in names}
    access = "".join(stanza(keys[name], ENCRYPTION_MODE=name, FW_ACCESS_TIMEOUT=60)
                     for name in names)
    with lab.serve(access) as server:
        for number, name in enumerate(names):
            with lab.case(f"mode {name}"):
                knock = lab.client.knock(keys[name], f"tcp/{3000 + number}", "-M", name)
                expect_rule(lab.wait_rule(server, f"tcp/{3000 + number}"), knock, 60)
        with lab.case("mode CTR for a CBC stanza opens nothing"):
            lab.client.knock(keys["CBC"], "tcp/3100", "-M", "CTR")
            lab.fence(server, keys["CBC"], 3101)
            expect(not [rule for rule in lab.rules() if rule.port == "3100"],
                   "a packet of another mode opened its port")


def requests(lab: Lab) -> None:
    """Ports, protocols, timeouts, source addresses, and a request written in the rc file."""
    plain = Keys()
    capped = Keys("key-of-the-capped", "hmac-of-the-capped")
    default = Keys("key-of-the-default", "hmac-of-the-default")
    access = (stanza(plain, FW_ACCESS_TIMEOUT=40)
              + stanza(capped, FW_ACCESS_TIMEOUT=400, MAX_FW_TIMEOUT=200)
              + stanza(default))
    knock = lab.client.knock
    with lab.serve(access) as server:
        with lab.case("several ports of both protocols"):
            when = knock(plain, "tcp/22,udp/53,tcp/8000")
            for service in ("tcp/22", "udp/53", "tcp/8000"):
                expect_rule(lab.wait_rule(server, service), when, 40)
        with lab.case("a udp port alone"):
            when = knock(plain, "udp/1194")
            expect_rule(lab.wait_rule(server, "udp/1194"), when, 40)
        with lab.case("the client's timeout"):
            when = knock(plain, "tcp/4001", "-f", "100")
            expect_rule(lab.wait_rule(server, "tcp/4001"), when, 100)
        with lab.case("MAX_FW_TIMEOUT caps the client's timeout"):
            when = knock(capped, "tcp/4002", "-f", "1000")
            expect_rule(lab.wait_rule(server, "tcp/4002"), when, 200)
        with lab.case("MAX_FW_TIMEOUT does not cap FW_ACCESS_TIMEOUT"):
            when = knock(capped, "tcp/4003")
            expect_rule(lab.wait_rule(server, "tcp/4003"), when, 400)
        with lab.case("30 s when nobody says how long"):
            when = knock(default, "tcp/4004")
            expect_rule(lab.wait_rule(server, "tcp/4004"), when, 30)
        with lab.case("300 s at most when the stanza sets no cap"):
            when = knock(default, "tcp/4005", "-f", "1000")
            expect_rule(lab.wait_rule(server, "tcp/4005"), when, 300)
        with lab.case("-s: the packet's source"):
            when = knock(plain, "tcp/4006", allow="source")
            expect_rule(lab.wait_rule(server, "tcp/4006"), when, 40)
        with lab.case("an allow address that is not the sender's"):
            when = knock(plain, "tcp/4007", allow="192.0.2.7")
            expect_rule(lab.wait_rule(server, "tcp/4007"), when, 40, source="192.0.2.7/32")
        with lab.case("everything in a named stanza"):
            when_before = knock(plain, "tcp/4008")
            lab.client.run(plain, rc=f"SPA_SERVER {Network.gateway4}\nALLOW_IP {Network.client4}\n"
                                     "ACCESS tcp/4009\nFW_TIMEOUT 77\n").succeeded()
            expect_rule(lab.wait_rule(server, "tcp/4009"), when_before, 77)
        with lab.case("a packet to another port opens nothing"):
            lab.client.run(plain, "-A", "tcp/4010", "-a", Network.client4, "-p", "62202",
                           destination=Network.gateway4).succeeded()
            lab.fence(server, plain, 4011)
            expect(not [rule for rule in lab.rules() if rule.port == "4010"],
                   "a packet outside the filter opened its port")


def expiry(lab: Lab) -> None:
    """A rule goes when its second comes, and only that rule."""
    with lab.serve(stanza(Keys(), FW_ACCESS_TIMEOUT=60)) as server:
        lab.client.knock(Keys(), "tcp/5001")
        lab.client.knock(Keys(), "tcp/5002", "-f", "2")
        lab.wait_rule(server, "tcp/5001")
        rule = lab.wait_rule(server, "tcp/5002")
        with lab.case("the short one goes in time"):
            server.wait_log(rf"Removed rule \d+ from FWKNOP_INPUT with expire time of "
                            rf"{rule.expires}\b", timeout=5)
            wait_for("the rule to go", lambda: "5002" not in [r.port for r in lab.rules()], 2)
        with lab.case("the long one stays"):
            expect([r.port for r in lab.rules()] == ["5001"], "the wrong rules are left")
    with lab.case("nothing of ours after the end"):
        expect(not lab.rules(), "rules are left after SIGTERM")


if __name__ == "__main__":
    sys.exit(main([digests, modes, requests, expiry]))
