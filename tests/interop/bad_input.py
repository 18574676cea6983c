# SPDX-License-Identifier: Apache-2.0
"""Directives that must stop a start, as rows: what is wrong, and what the complaint must name."""

from typing import List, NamedTuple

GOOD_STANZA = "SOURCE ANY\nKEY a-key-of-the-test\nHMAC_KEY an-hmac-key-of-the-test\n"
# The line after GOOD_STANZA, and the only line of a fwknopd.conf: where the bad one stands.
ACCESS_LINE, CONFIG_LINE = 4, 1


class Bad(NamedTuple):
    """One bad line; `value` is the part the complaint must repeat."""
    text: str
    value: str


BAD_CONFIG: List[Bad] = [
    Bad("PCAP_DISPATCH_COUNT 0;", "0"),
    Bad("PCAP_LOOP_SLEEP 8388609;", "8388609"),
    Bad("MAX_SNIFF_BYTES 0;", "0"),
    Bad("MAX_SNIFF_BYTES 32769;", "32769"),
    Bad("MAX_SPA_PACKET_AGE 0;", "0"),
    Bad("MAX_SPA_PACKET_AGE 100001;", "100001"),
    Bad("MAX_SPA_PACKET_AGE soon;", "soon"),
    Bad("RULES_CHECK_THRESHOLD 131072;", "131072"),
    Bad("UDPSERV_PORT 0;", "0"),
    Bad("UDPSERV_PORT 70000;", "70000"),
    Bad("TCPSERV_PORT 70000;", "70000"),
    Bad("TCPSERV_PORT -1;", "-1"),
    Bad("UDPSERV_SELECT_TIMEOUT 0;", "0"),
    Bad("SYSLOG_FACILITY LOG_NOWHERE;", "LOG_NOWHERE"),
    Bad("IPT_INPUT_ACCESS ACCEPT, filter, INPUT, 1, FWKNOP_INPUT;", "IPT_INPUT_ACCESS"),
    Bad("IPT_INPUT_ACCESS ACCEPT, filter, INPUT, 65537, FWKNOP_INPUT, 1;", "65537"),
    Bad("IPT_INPUT_ACCESS ACCEPT, filter, INPUT, 1, FWKNOP INPUT, 1;", "FWKNOP INPUT"),
    Bad("IPT_INPUT_ACCESS ACCEPT, filter, INPUT, first, FWKNOP_INPUT, 1;", "first"),
    Bad("ENABLE_NFQ_CAPTURE Y;", "ENABLE_NFQ_CAPTURE"),
    Bad("FIREWALL_BACKEND carrier-pigeon;", "carrier-pigeon"),
]

BAD_ACCESS: List[Bad] = [
    Bad("OPEN_PORTS tcp/99999", "99999"),
    Bad("OPEN_PORTS icmp/1", "icmp/1"),
    Bad("OPEN_PORTS 22", "22"),
    Bad("RESTRICT_PORTS tcp/", "tcp/"),
    Bad("RESTRICT_PORTS tcp/ssh", "tcp/ssh"),
    Bad("DESTINATION 300.1.1.1", "300.1.1.1"),
    Bad("DESTINATION 10.0.0.1,", "10.0.0.1,"),
    Bad("HMAC_DIGEST_TYPE sha7", "sha7"),
    Bad("ENCRYPTION_MODE PCBC", "PCBC"),
    Bad("ENCRYPTION_MODE ROT13", "ROT13"),
    Bad("FW_ACCESS_TIMEOUT 8388609", "8388609"),
    Bad("FW_ACCESS_TIMEOUT -1", "-1"),
    Bad("FW_ACCESS_TIMEOUT forever", "forever"),
    Bad("MAX_FW_TIMEOUT 8388609", "8388609"),
    Bad("ACCESS_EXPIRE 13/45/2020", "13/45/2020"),
    Bad("ACCESS_EXPIRE tomorrow", "tomorrow"),
    Bad("ACCESS_EXPIRE_EPOCH never", "never"),
    Bad("CMD_EXEC_USER no-such-user-here", "no-such-user-here"),
    Bad("CMD_EXEC_GROUP no-such-group-here", "no-such-group-here"),
    Bad("KEY", ""),
    Bad("FW_ACCESS_TIMEOUT", ""),
]

# Whole stanzas: the line is that of the bad directive where there is one.
BAD_SOURCE: List[Bad] = [Bad(f"SOURCE {value}", value) for value in (
    "10.0.0.0/0", "gateway.invalid", "10.0.0.1,", "10.0.0.256", "10.0.0.0/33", "fd00::/129", "10.0")]

BAD_KEYS = [
    ("KEY_BASE64 is not base64", "SOURCE ANY\nKEY_BASE64 !not!base64!\n"),
    ("KEY_BASE64 is the placeholder", "SOURCE ANY\nKEY_BASE64 __CHANGEME__\n"),
    ("KEY is the placeholder", "SOURCE ANY\nKEY __CHANGEME__\n"),
    ("HMAC_KEY_BASE64 is the placeholder",
     "SOURCE ANY\nKEY a-key\nHMAC_KEY_BASE64 __CHANGEME__\n"),
    ("both keys are the same", "SOURCE ANY\nKEY the-same-key\nHMAC_KEY the-same-key\n"),
    ("no key at all", "SOURCE ANY\nOPEN_PORTS tcp/22\n"),
    ("an HMAC key alone", "SOURCE ANY\nHMAC_KEY an-hmac-key\n"),
    ("a key of 33 bytes", "SOURCE ANY\nKEY " + "k" * 33 + "\n"),
    ("CMD_CYCLE_OPEN without a close", GOOD_STANZA + "CMD_CYCLE_OPEN /bin/true\n"),
    ("FORCE_NAT without forwarding", GOOD_STANZA + "FORCE_NAT 10.0.0.5 22\n"),
    ("no stanza", "# nothing here\n"),
    ("directives before the first SOURCE only", "KEY a-key\n"),
]

BAD_OPTIONS = [["--no-such-option"], ["-i"], ["-C", "many"], ["--interface"]]
