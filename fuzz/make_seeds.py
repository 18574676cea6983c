#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the first inputs of every fuzz target from the recorded packets and the example files.

    fuzz/make_seeds.py [FOLDER]     default: fuzz/corpus; what is there stays
"""

import base64
import hashlib
import json
import os
import struct
import sys
from typing import Dict, Iterator, List

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
VECTORS = os.path.join(ROOT, "tests", "vectors")
LINK_TYPES = {1: 0, 113: 1, 276: 2, 12: 3, 101: 3, 0: 4, 108: 4}  # DLT to the order of `link_type`
MAX_FRAMES = 6  # of one capture


def vectors() -> List[Dict[str, object]]:
    with open(os.path.join(VECTORS, "format3.json"), encoding="ascii") as file:
        return json.load(file)["vectors"]


def frames(path: str) -> Iterator[bytes]:
    with open(path, "rb") as file:
        data = file.read()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    link = LINK_TYPES.get(struct.unpack(order + "I", data[20:24])[0] & 0xffff, 0)
    at, count = 24, 0
    while at + 16 <= len(data) and count < MAX_FRAMES:
        caught, whole = struct.unpack(order + "II", data[at + 8:at + 16])
        yield bytes([link, min(255, whole - caught)]) + data[at + 16:at + 16 + caught]
        at, count = at + 16 + caught, count + 1


def every_tenth(items: List[Dict[str, object]]) -> List[Dict[str, object]]:
    return items[::10]


def seeds() -> Dict[str, List[bytes]]:
    chosen = every_tenth(vectors())
    encoded = [str(vector["encoded"]).encode() for vector in chosen]
    captures = sorted(name for name in os.listdir(os.path.join(VECTORS, "captures"))
                      if name.endswith(".pcap"))
    packets = [str(vector["packet"]).encode()
               for vector in chosen]
    packets = [packet for packet in packets if packet]
    with open(os.path.join(ROOT, "etc", "access.conf"), "rb") as file:
        access = file.read()
    with open(os.path.join(ROOT, "etc", "fwknopd.conf"), "rb") as file:
        server = file.read()
    digest = base64.b64encode(hashlib.sha256(b"x").digest()).rstrip(b"=")
    line = digest + b" 17 192.0.2.7 40000 198.51.100.9 62201 1700000000\n"
    key = b"KEY opensesame\nHMAC_KEY knockknock\n"
    return {
        "frame": [frame for name in captures
                  for frame in frames(os.path.join(VECTORS, "captures", name))],
        "payload": [bytes([mode]) + text for packet in packets for mode, text in
                    ((0, packet), (1, packet))] +
                   [bytes([mode]) + text for text in encoded for mode in (2, 3)],
        "fields": encoded,
        "http_carrier": [bytes([rules]) + b"GET /" + packet + b" HTTP/1.1\r\nUser-Agent: Fwknop/2.6"
                         b"\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n"
                         for packet in packets[:4] for rules in range(4)],
        "replay_file": [b"# <digest> <proto> ...\n" + 2 * line, line[:-1],
                        line.replace(b"192.0.2.7", b"2001:db8::7").replace(b"198.51.100.9",
                                                                          b"2001:db8::9")],
        "access_conf": [access, b"SOURCE ANY\n" + key + b"OPEN_PORTS tcp/22\nFORCE_NAT 10.0.0.1 22\n",
                        b"SOURCE 192.0.2.0/24, ::1\n%include_keys /k\nFW_ACCESS_TIMEOUT 9\0" + key,
                        b"%include /other\0SOURCE ANY\n" + key + b"CMD_CYCLE_OPEN /bin/a $IP\n"
                        b"CMD_CYCLE_CLOSE NONE\n",
                        b"%include_folder /f\0SOURCE: ANY;\n" + key + b"ACCESS_EXPIRE 12/31/2030\n"
                        b"REQUIRE_USERNAME bob\nSOURCE_WIDEN /24,/64\n",
                        b"SOURCE ANY\nGPG_DECRYPT_ID ABCD1234\nGPG_ALLOW_NO_PW Y\n"
                        b"GPG_REMOTE_ID 1234ABCD\nGPG_HOME_DIR /g\nENABLE_CMD_EXEC Y\n"
                        b"CMD_EXEC_USER root\n"],
        "fwknopd_conf": [server, b"PCAP_INTF eth0;\nIPT_INPUT_ACCESS ACCEPT, filter, INPUT, 1, X, 1;\n"
                         b"MAX_SPA_PACKET_AGE 30;\n", b"PROTECT_PORTS tcp/22,udp/5000-5100;\n"
                         b"NFT_MODE protect;\nFIREWALL_BACKEND nftables;\n",
                         b"ENABLE_IPT_FORWARDING Y;\nSNAT_TRANSLATE_IP 192.0.2.1;\nVERBOSE 2;\n"],
        "rc_file": [b"[default]\nFW_TIMEOUT 30\n[home]\nSPA_SERVER 192.0.2.1\nACCESS tcp/22\n"
                    b"ALLOW_IP source\nKEY x\nHMAC_KEY y\nUSE_HMAC Y\n", b"[a\n# b\n; c\nX: y\r\n"],
        "command_words": [b"/bin/sh -c 'a b' \"c d\" e\\ f", b"/x --ip=$IP $SRC:$PORT $DST_PORT",
                          b"'unclosed", b""],
        "gpg_framing": [b"\x85\x01\x0c" + bytes(268), b"\x84\x5e\x03" + bytes(93),
                        b"\xc1\x5e" + bytes(94), b"\x8c\x0d" + bytes(13)],
    }


def main() -> int:
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "corpus")
    for target, inputs in seeds().items():
        if not inputs:
            print(f"no seeds for {target}", file=sys.stderr)
            return 1
        os.makedirs(os.path.join(folder, target), exist_ok=True)
        for content in inputs:
            name = hashlib.sha1(content).hexdigest()
            with open(os.path.join(folder, target, name), "wb") as file:
                file.write(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
