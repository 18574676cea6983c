#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs our client beside the one of the 2.6 line with the same arguments.

Each row of the table is a command line (and perhaps an rc file, an environment, standard input).
Both programs run it with --test -v in homes of their own; nothing is sent. Compared are the exit
status, whether there was an error, and the printed fields that are not random. Rows where ours
differs on purpose say how.

Usage: client_options.py --ours <path> [--theirs <path>] [--case NAME]
Exit status: 0 all rows agree, 1 some do not (each is printed), 2 a program is missing.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from harness.gpg import GpgHome  # pylint: disable=wrong-import-position

# Random, or dependent on something random.
RANDOM_FIELDS = {"Random Value", "Timestamp", "Encoded Data", "SPA Data Digest", "HMAC",
                 "Final SPA Data"}
BASE = ["-D", "127.0.0.1", "-s", "-A", "tcp/22", "--key-rijndael", "abc"]
HMAC = BASE + ["--key-hmac", "def"]
GPG_SPREAD = 16  # characters; RSA numbers and compressed text are not always equally long
RC = "[{}]\nSPA_SERVER 127.0.0.1\nALLOW_IP source\nACCESS tcp/22\nKEY abc\n{}\n"


class Row:
    """One command line. `ours` says why ours fails where theirs does not ("refuses"), or the other
    way round ("accepts"); such rows check both statuses and no fields."""

    def __init__(self, name, arguments, rc=None, env=None, stdin="", ours=None, ignore=(),
                 files=None, saves=False, gpg=False):
        self.name, self.arguments, self.rc = name, arguments, rc
        self.env, self.stdin, self.ours, self.ignore = env or {}, stdin, ours, set(ignore)
        self.files = files or {}
        self.saves = saves  # the rc file afterwards is compared, too
        self.gpg = gpg


def rows():
    yield Row("access", HMAC)
    yield Row("access-many", HMAC + ["-A", "tcp/22,udp/53,tcp/65535"])
    yield Row("access-long-list", HMAC + ["-A", ",".join(f"tcp/{p}" for p in range(22, 34))])
    yield Row("allow-ip", HMAC + ["-a", "192.0.2.7"])
    yield Row("allow-ip-unspecified", HMAC + ["-a", "0.0.0.0"])
    yield Row("no-destination", ["-s", "-A", "tcp/22", "--key-rijndael", "abc"])
    yield Row("no-hmac", BASE)
    for value in ("0", "1", "30", "65536"):
        yield Row(f"timeout-{value}", HMAC + ["-f", value])
    yield Row("timeout-65537", HMAC + ["-f", "65537"])
    yield Row("timeout-negative", HMAC + ["-f", "-1"])
    yield Row("timeout-word", HMAC + ["-f", "abc"], ours="refuses")
    yield Row("command", HMAC + ["-C", "id -u"])
    yield Row("command-and-access", HMAC + ["-C", "id", "-A", "tcp/22"])
    yield Row("command-timeout", HMAC + ["-C", "id", "-f", "30"])
    yield Row("command-empty", ["-D", "127.0.0.1", "-s", "-C", "", "--key-rijndael", "a"])
    yield Row("command-192", HMAC + ["-C", "x" * (192 - len("0.0.0.0,"))],
              ours="accepts")  # theirs takes its own packet of 400 characters for a GPG one
    for name, value in (("colon", "10.0.0.5:80"), ("comma", "10.0.0.5,80"), ("bare", "10.0.0.5"),
                        ("name", "some.host:80")):
        yield Row(f"nat-{name}", HMAC + ["-N", value])
    yield Row("nat-timeout", HMAC + ["-N", "10.0.0.5:80", "-f", "9"])
    yield Row("nat-port", HMAC + ["-N", "10.0.0.5:80", "--nat-port", "9000"])
    yield Row("nat-local", HMAC + ["--nat-local"])
    yield Row("nat-local-name", HMAC + ["--nat-local", "-D", "localhost"])
    yield Row("nat-local-timeout", HMAC + ["--nat-local", "-f", "9"])
    yield Row("nat-local-port", HMAC + ["--nat-local", "--nat-port", "9000"])
    yield Row("nat-local-access", HMAC + ["--nat-local", "-N", "10.0.0.5:80"])
    yield Row("nat-port-alone", HMAC + ["--nat-port", "9000"])
    yield Row("nat-random-port", HMAC + ["-N", "10.0.0.5:80", "--nat-rand-port"],
              ignore=["Message String"])
    yield Row("nat-several-ports", HMAC + ["-A", "tcp/1,tcp/2", "--nat-local", "--nat-port", "9"])
    for name, value in (("zero", "h:0"), ("high", "h:65536"), ("none", "h:"), ("slash", "a/b:33"),
                        ("commas", "a,b:33")):
        yield Row(f"nat-bad-{name}", HMAC + ["-N", value])
    yield Row("nat-bad-empty", HMAC + ["-N", ":22"], ours="refuses")
    for name, value in (("case", "TCP/22"), ("slash", "tcp22"), ("blank", "tcp/22, udp/53"),
                        ("zero", "tcp/0"), ("high", "tcp/65536"), ("icmp", "icmp/1"), ("empty", "")):
        yield Row(f"access-bad-{name}", HMAC + ["-A", value])
    for name, value in (("octet", "1.2.3.256"), ("short", "1.2.3"), ("empty", "")):
        yield Row(f"allow-bad-{name}", HMAC + ["-a", value])
    yield Row("allow-ipv6", HMAC + ["-a", "2001:db8::7"], ours="accepts")
    for value in ("md5", "SHA1", "sha256", "sha384", "sha512", "sha3_256", "sha3_512"):
        yield Row(f"digest-{value}", HMAC + ["-m", value])
        yield Row(f"hmac-digest-{value}", HMAC + ["--hmac-digest-type", value])
    yield Row("digest-bad", HMAC + ["-m", "foo"])
    yield Row("hmac-digest-bad", HMAC + ["--hmac-digest-type", "foo"])
    for value in ("CBC", "ctr", "CFB", "OFB", "ECB", "legacy"):
        yield Row(f"mode-{value}", BASE + ["-M", value])
    yield Row("mode-PCBC", BASE + ["-M", "PCBC"])
    yield Row("mode-bad", BASE + ["-M", "foo"])
    yield Row("mode-legacy-hmac", HMAC + ["-M", "legacy"])
    yield Row("mode-legacy-long-key", BASE + ["--key-rijndael", "k" * 20, "-M", "legacy"])
    yield Row("key-32", BASE + ["--key-rijndael", "k" * 32])
    yield Row("key-33", BASE + ["--key-rijndael", "k" * 33])
    yield Row("key-empty", BASE + ["--key-rijndael", ""], ours="refuses")
    yield Row("key-base64", BASE[:-2] + ["--key-base64-rijndael", "YWJj"])
    yield Row("key-base64-bad", BASE[:-2] + ["--key-base64-rijndael", "!!!"])
    yield Row("key-base64-33", BASE[:-2] + ["--key-base64-rijndael", "YWJj" * 11])
    yield Row("hmac-base64", BASE + ["--key-base64-hmac", "ZGVm"])
    yield Row("hmac-base64-bad", BASE + ["--key-base64-hmac", "!!!"])
    yield Row("hmac-base64-135", BASE + ["--key-base64-hmac", "a" * 180])
    yield Row("hmac-200", BASE + ["--key-hmac", "h" * 200])
    yield Row("keys-identical", BASE + ["--key-hmac", "abc"])
    yield Row("no-key", BASE[:-2])
    yield Row("no-hmac-key", BASE + ["--use-hmac"])
    yield Row("key-stdin", BASE[:-2] + ["--stdin"], stdin="abc\n")
    yield Row("key-fd", BASE[:-2] + ["--fd", "0"], stdin="abc\n")
    key_file = {"keys": "other: x\n127.0.0.1: one\n127.0.0.1:  two\n"}
    yield Row("key-file", BASE[:-2] + ["-G", "keys"], files=key_file)
    yield Row("key-file-hmac", BASE + ["--get-hmac-key", "keys"], files=key_file)
    yield Row("key-file-same", BASE[:-2] + ["-G", "keys", "--get-hmac-key", "keys"], files=key_file)
    yield Row("key-file-missing", BASE[:-2] + ["-G", "nofile"])
    yield Row("key-file-no-line", BASE[:-2] + ["-G", "keys", "-D", "nohost"], files=key_file)
    yield Row("port", HMAC + ["-p", "65535"])
    yield Row("port-high", HMAC + ["-p", "65536"])
    yield Row("source-port", HMAC + ["-S", "1234"])
    yield Row("source-port-high", HMAC + ["-S", "65536"])
    yield Row("random-port", HMAC + ["-r"], ignore=["destination port"])
    yield Row("protocol-udp", HMAC + ["-P", "UDP"])
    yield Row("protocol-tcp", HMAC + ["-P", "tcp"])
    yield Row("protocol-http", HMAC + ["-P", "Http", "-u", "x"])
    yield Row("http-proxy", HMAC + ["-H", "proxy:8080", "-p", "80"])
    yield Row("http-proxy-after-udp", HMAC + ["-P", "udp", "-H", "proxy"])
    yield Row("http-proxy-before-udp", HMAC + ["-H", "proxy", "-P", "udp"])
    yield Row("http-proxy-empty", HMAC + ["-H", ""])
    yield Row("http-proxy-bad-port", HMAC + ["-H", "proxy:0"])
    yield Row("user-agent-two-lines", HMAC + ["-P", "http", "-u", "a\r\nb"], ours="refuses")
    # Nothing is asked in these: an address is given, or the question is refused.
    allow = HMAC + ["-a", "192.0.2.7"]
    yield Row("resolve-and-allow", allow + ["-R"])
    yield Row("resolve-before-source", ["-R"] + HMAC)
    yield Row("resolve-url-and-allow", allow + ["--resolve-url", "https://127.0.0.1/"])
    yield Row("resolve-http-only-and-allow", allow + ["--resolve-http-only"])
    yield Row("resolve-wget-and-allow", allow + ["--resolve-ip-http", "-w", "/no/wget",
                                                 "--use-wget-user-agent"])
    resolve = ["-D", "127.0.0.1", "-A", "tcp/22", "--key-rijndael", "abc"]
    for name, url in (("https", "https://127.0.0.1/"), ("scheme", "ftp://127.0.0.1/"),
                      ("port", "http://127.0.0.1:0/"), ("port-high", "http://127.0.0.1:65536/")):
        yield Row(f"resolve-http-only-{name}",
                  resolve + ["--resolve-http-only", "--resolve-url", url])
    yield Row("protocol-bad", HMAC + ["-P", "foo"])
    random = ["source port"]
    for name in ("udpraw", "TCPraw", "icmp"):
        raw = HMAC + ["-P", name]
        yield Row(f"protocol-{name}", raw, ignore=random)
        yield Row(f"protocol-{name}-spoof", raw + ["-Q", "192.0.2.9"], ignore=random)
        yield Row(f"protocol-{name}-ports", raw + ["-S", "1234", "-p", "53"])
        yield Row(f"protocol-{name}-no-source-port", raw + ["-S", "0"], ignore=random)
        yield Row(f"protocol-{name}-spoof-bad", raw + ["-Q", "192.0.2.256"])
        yield Row(f"protocol-{name}-spoof-empty", raw + ["--spoof-source", ""], ours="refuses")
        yield Row(f"protocol-{name}-spoof-ipv6", raw + ["-Q", "2001:db8::9"])
        yield Row(f"protocol-{name}-spoof-both-ipv6", raw + ["-Q", "2001:db8::9", "-D", "::1"],
                  ours="accepts")
        yield Row(f"protocol-{name}-icmp-type", raw + ["--icmp-type", "8", "--icmp-code", "3"],
                  ignore=random)
    for name in ("udp", "tcp", "http"):
        yield Row(f"protocol-{name}-spoof", HMAC + ["-P", name, "-Q", "192.0.2.9"])
    for name in ("udp", "tcp"):
        yield Row(f"protocol-{name}-icmp-type", HMAC + ["-P", name, "--icmp-type", "8"])
    yield Row("spoof-no-destination", ["-Q", "192.0.2.9"] + HMAC[2:] + ["-P", "udp"])
    for option, last in (("type", 40), ("code", 15)):
        for value in (0, last, last + 1, -1):
            yield Row(f"icmp-{option}-{value}", HMAC + ["-P", "icmp", f"--icmp-{option}={value}"],
                      ignore=random)
        yield Row(f"icmp-{option}-word", HMAC + ["-P", "icmp", f"--icmp-{option}", "x"],
                  ours="refuses")
        yield Row(f"icmp-{option}-high-udp", HMAC + [f"--icmp-{option}", str(last + 1)])
    yield Row("server-resolve-ipv4", HMAC + ["--server-resolve-ipv4"])
    yield Row("spoof-user", HMAC + ["-U", "alice b"])
    yield Row("spoof-user-empty", HMAC + ["-U", ""])
    yield Row("spoof-user-bad", HMAC + ["-U", "a:b"])
    yield Row("env-spoof-user", HMAC, env={"SPOOF_USER": "eve", "LOGNAME": "log"})
    yield Row("env-logname", HMAC, env={"LOGNAME": "log", "USER": "usr"})
    yield Row("env-user", HMAC, env={"USER": "usr"})
    yield Row("env-empty", HMAC, env={"LOGNAME": ""})
    for value in ("60", "60sec", "5min", "2hours", "1days", "65536"):
        yield Row(f"time-plus-{value}", HMAC + ["--time-offset-plus", value])
        yield Row(f"time-minus-{value}", HMAC + ["--time-offset-minus", value])
    for value in ("65537", "foo"):
        yield Row(f"time-bad-{value}", HMAC + ["--time-offset-plus", value])
    yield Row("missing-allow", ["-D", "127.0.0.1", "-A", "tcp/22", "--key-rijndael", "a"])
    yield Row("missing-access", ["-D", "127.0.0.1", "-s", "--key-rijndael", "a"])
    yield Row("unknown-option", HMAC + ["--bogus"])
    yield Row("ambiguous-option", HMAC + ["--key", "x"])
    yield Row("missing-value", HMAC + ["-A"])
    yield Row("prefix", HMAC + ["--acces", "udp/53"])
    yield Row("equals", HMAC + ["--access=udp/53"])
    yield Row("adjacent", HMAC + ["-Audp/53"])
    yield Row("words", ["word"] + HMAC + ["word"])
    yield Row("repeated", HMAC + ["-A", "udp/1", "-A", "udp/2"])
    yield Row("version", ["-V"])
    yield Row("help", ["-h"])
    yield Row("stanza", ["-n", "foo"], rc=RC.format("foo", ""))
    yield Row("stanza-case", ["-n", "FOO"], rc=RC.format("foo", ""))
    yield Row("stanza-crlf", ["-n", "foo"], rc=RC.format("foo", "").replace("\n", "\r\n"))
    yield Row("stanza-missing", ["-n", "bar"], rc=RC.format("foo", ""))
    yield Row("stanza-default", [], rc=RC.format("default", ""))
    yield Row("stanza-over-default", ["-n", "foo"],
              rc="[default]\nACCESS tcp/1\nFW_TIMEOUT 5\n" + RC.format("foo", ""))
    yield Row("options-over-stanza", ["-n", "foo", "-A", "udp/9", "-p", "9"],
              rc=RC.format("foo", "SPA_SERVER_PORT 8"))
    yield Row("stanza-with-no-rc", HMAC + ["-n", "foo", "--no-rc-file"])
    yield Row("stanza-twice", ["-n", "foo"], rc=RC.format("foo", "[foo]\nACCESS tcp/9"))
    yield Row("no-stanza-name", HMAC, rc="ACCESS tcp/9\n")
    yield Row("other-stanza-broken", ["-n", "foo"], rc="[bar]\nBOGUS x\n" + RC.format("foo", ""))
    for line in ("ACCESS tcp/9 # x", "ACCESS: tcp/9", "ACCESS:tcp/9", "  ACCESS \t tcp/9  ",
                 "ACCESS tcp/9;x", "# ACCESS x", "; ACCESS x", "FW_TIMEOUT 9", "SPOOF_USER bob",
                 "TIME_OFFSET 5min", "TIME_OFFSET -5min", "DIGEST_TYPE md5", "NAT_LOCAL Y",
                 "NAT_ACCESS 10.0.0.5:80", "NAT_PORT 9000", "HMAC_KEY def", "HMAC_KEY_BASE64 ZGVm",
                 "ENCRYPTION_MODE ctr", "SPA_SERVER_PORT 9", "SPA_SOURCE_PORT 9", "USE_HMAC N",
                 "ALLOW_IP 192.0.2.9", "KEY_BASE64 ZGVm", "SERVER_RESOLVE_IPV4 Y",
                 "SPA_SERVER_PROTO tcp", "SPA_SERVER_PROTO http", "HTTP_USER_AGENT x",
                 "USE_WGET_USER_AGENT Y", "WGET_CMD /no/wget", "RESOLVE_IP_HTTPS Y",
                 "RESOLVE_IP_HTTP Y", "RESOLVE_HTTP_ONLY Y", "RESOLVE_URL https://127.0.0.1/",
                 "SPOOF_SOURCE_IP 192.0.2.9", "NO_SAVE_ARGS Y", "USE_GPG N", "VERBOSE Y",
                 # refused
                 "BOGUS x", "ACCESS", "ACCESS = tcp/9", "SPA_SERVER_PORT 65536", "FW_TIMEOUT 99999",
                 "DIGEST_TYPE xx", "ENCRYPTION_MODE xx", "SPA_SERVER_PROTO xx", "KEY_BASE64 !!",
                 "HMAC_KEY_BASE64 !!", "ALLOW_IP foo.bar", "USE_HMAC Y"):
        yield Row("rc " + line, ["-n", "foo"], rc=RC.format("foo", line),
                  ours="accepts" if line == "ACCESS:tcp/9" else None)


    yield Row("rc raw", ["-n", "foo"], ignore=random,
              rc=RC.format("foo", "SPA_SERVER_PROTO udpraw\nSPOOF_SOURCE_IP 192.0.2.9"))
    yield Row("rc raw, udp on the command line", ["-n", "foo", "-P", "udp"],
              rc=RC.format("foo", "SPA_SERVER_PROTO udpraw\nSPOOF_SOURCE_IP 192.0.2.9"))
    yield Row("rc raw, bad source", ["-n", "foo"],
              rc=RC.format("foo", "SPA_SERVER_PROTO udpraw\nSPOOF_SOURCE_IP x"))

    save = HMAC + ["--save-rc-stanza"]
    for name, more in (("new", ["-n", "x", "-a", "192.0.2.7", "-f", "30", "-p", "9", "-S", "7"]),
                       ("destination", ["-a", "192.0.2.7", "-N", "10.0.0.5:80", "-m", "sha512"]),
                       ("many", ["-n", "x", "-a", "192.0.2.7", "-M", "ctr", "-U", "bob", "-r",
                                 "--use-hmac", "--hmac-digest-type", "md5", "--nat-local",
                                 "--time-offset-plus", "60", "--no-save-args", "-P", "tcp"]),
                       ("raw", ["-n", "x", "-a", "192.0.2.7", "-P", "udpraw", "-Q", "192.0.2.9",
                                "-S", "53"]),
                       # (Theirs writes RESOLVE_IP_HTTPS N for -R, and then does not resolve.)
                       ("web", ["-n", "x", "-a", "192.0.2.7", "-P", "http", "-u", "me",
                                "--use-wget-user-agent", "--resolve-url", "https://a/x",
                                "-w", "/no/wget"]),
                       ("proxy", ["-n", "x", "-a", "192.0.2.7", "-H", "proxy:80"])):
        yield Row(f"save-stanza-{name}", save + more, rc="[default]\n[y]\nKEY z\n",
                  ignore=["destination port"], saves=True)
    # Both replace keys without a question; ours keeps those that this command line does not give.
    yield Row("save-stanza-force", save + ["-n", "x", "-a", "192.0.2.7", "--force-stanza"],
              rc="[x]\nKEY old\nHMAC_KEY oldh\nFW_TIMEOUT 9\n[y]\nKEY z\n", saves=True)
    yield Row("save-stanza-key-gen", ["--key-gen", "--save-rc-stanza", "-n", "x", "-s", "-A",
                                      "tcp/22", "-D", "127.0.0.1", "-a", "192.0.2.7"],
              rc="[default]\n", saves=True)


def gpg_rows(home):
    """Sealed with GnuPG, and opened again: `home` has the secret keys of both sides."""
    home.make_key("signer@test", "rsa2048")
    home.make_key("server@test", "rsa2048", "rsa2048")
    home.make_key("curve@test", "ed25519", "cv25519")
    base = ["-D", "127.0.0.1", "-s", "-A", "tcp/22", "--gpg-home-dir", home.path]
    to = base + ["--gpg-recipient-key", "server@test"]
    signed = to + ["--gpg-signer-key", "signer@test", "--gpg-no-signing-pw"]
    for name, arguments, ours in (
            ("plain", signed + ["-g"], None),
            ("hmac", signed + ["-g", "--key-hmac", "def"], None),
            ("implied", signed, None),
            ("implied-by-alias", base + ["--gpg-recipient", "server@test", "--gpg-signer-key",
                                         "signer@test", "--gpg-no-signing-pw"], None),
            ("mode", signed + ["-M", "Asymmetric"], None),
            ("over-mode", signed + ["-g", "-M", "CBC"], None),
            ("over-legacy", signed + ["-g", "-M", "legacy"], None),
            ("digest", signed + ["-g", "-m", "sha512", "-f", "30"], None),
            ("agent", to + ["--gpg-signer-key", "signer@test", "--gpg-agent"], None),
            ("exe", signed + ["--gpg-exe", "/usr/bin/gpg"], None),
            ("key-for-pass-phrase", to + ["--gpg-signer-key", "signer@test", "--key-rijndael",
                                          "abc"], None),
            ("keys-identical", to + ["--gpg-signer-key", "signer@test", "--key-rijndael", "abc",
                                     "--key-hmac", "abc"], None),
            # Theirs sends what no server opens; ours makes its beginning what servers expect.
            ("curve", base + ["--gpg-recipient-key", "curve@test", "--gpg-signer-key",
                              "curve@test", "--gpg-no-signing-pw"], "accepts"),
            # refused
            ("unsigned", to, None),
            ("no-pass-phrase", to + ["--gpg-signer-key", "signer@test"], None),
            ("no-recipient", base + ["-g", "--gpg-no-signing-pw"], None),
            ("no-recipient-mode", base[:-2] + ["-M", "Asymmetric"], None),
            ("ambiguous", base + ["--gpg-recipient-key", "test", "--gpg-no-signing-pw"], None),
            ("unknown-recipient", base + ["--gpg-recipient-key", "x@y", "--gpg-no-signing-pw"],
             None),
            ("unknown-signer", to + ["--gpg-signer-key", "x@y", "--gpg-no-signing-pw"], None),
            ("missing-exe", signed + ["--gpg-exe", "/nonexistent"], None),
            ("missing-home", signed + ["--gpg-home-dir", "/nonexistent"], None)):
        yield Row("gpg-" + name, arguments, ours=ours, gpg=True)
    here = f"GPG_HOMEDIR {home.path}\nGPG_RECIPIENT server@test\nGPG_SIGNER signer@test\n"
    for name, lines in (("use", "USE_GPG Y\nGPG_NO_SIGNING_PW Y"), ("agent", "USE_GPG_AGENT Y"),
                        ("use-agent", "USE_GPG Y\nUSE_GPG_AGENT Y"), ("not", "USE_GPG N"),
                        ("pass-phrase", "GPG_SIGNING_PW abc"),
                        ("use-pass-phrase", "USE_GPG Y\nGPG_SIGNING_PW abc"),
                        ("use-pass-phrase-base64", "USE_GPG Y\nGPG_SIGNING_PW_BASE64 YWJj"),
                        ("pass-phrase-bad", "USE_GPG Y\nGPG_SIGNING_PW_BASE64 !!"),
                        ("mode", "ENCRYPTION_MODE Asymmetric\nGPG_NO_SIGNING_PW Y"),
                        ("exe", "USE_GPG Y\nGPG_NO_SIGNING_PW Y\nGPG_EXE /usr/bin/gpg")):
        yield Row("gpg-rc-" + name, ["-n", "foo"], rc=RC.format("foo", here + lines), gpg=True,
                  ours="accepts" if name == "mode" else None)  # theirs wants USE_GPG besides
    yield Row("gpg-save-stanza", signed + ["-a", "192.0.2.7", "--save-rc-stanza", "-n", "x"],
              rc="[default]\n", saves=True, gpg=True)
    yield Row("gpg-save-stanza-use", signed + ["-g", "-a", "192.0.2.7", "--save-rc-stanza", "-n",
                                               "x"], rc="[default]\n", saves=True, gpg=True)


def run(program, row, folder):
    """Exit status, standard output, standard error, contents of the -B file."""
    home = os.path.join(folder, "home")
    os.makedirs(home)
    for name, text in row.files.items():
        with open(os.path.join(home, name), "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(os.path.join(home, name), 0o600)
    with open(os.path.join(home, ".fwknoprc"), "w", encoding="ascii", newline="") as file:
        file.write(row.rc or "# empty\n")
    os.chmod(os.path.join(home, ".fwknoprc"), 0o600)
    packet = os.path.join(home, "packet")
    environment = {"HOME": home, "PATH": os.environ.get("PATH", "")} | row.env
    done = subprocess.run([program, "--test", "-v", "-B", packet] + row.arguments, cwd=home,
                          env=environment, input=row.stdin, capture_output=True, text=True,
                          timeout=20, start_new_session=True, check=False)
    saved = ""
    if os.path.exists(packet):
        with open(packet, encoding="ascii") as file:
            saved = file.read()
    return done.returncode, done.stdout, done.stderr, saved


def saved_stanzas(folder):
    """The rc file as a dictionary of stanzas, of directives; new keys by their length."""
    found, stanza = {}, None
    with open(os.path.join(folder, "home", ".fwknoprc"), encoding="ascii") as file:
        for line in file:
            if line.startswith("["):
                stanza = found.setdefault(line.strip(), {})
            elif line.strip():
                name, value = line.split(None, 1)
                value = value.strip()
                # Theirs writes down what it implies, and its own --verbose is everyone's.
                if name not in ("USE_HMAC", "VERBOSE"):
                    stanza[name] = len(value) if name.endswith("_BASE64") else value.lower()
    return found


def fields(output, part=0):
    """The first field list and the transport's list, as a dictionary; part 1 is what was opened
    again."""
    parts = output.split("Dump of the Decoded Data") + [""]
    return dict(re.findall(r"^ *([A-Za-z/ ]+?): (.*)$", parts[part], re.MULTILINE))


def gpg_fields(output):
    """What was found out about the signature."""
    return {name: value for name, value in fields(output, 1).items() if name.startswith("GPG")}


def seconds_off(found):
    """The time stamp's distance from now; both runs happen within a few seconds."""
    import time
    return int(found.get("Timestamp", "0")) - time.time()


def compare(row, ours, theirs):
    """What differs, as a list of lines."""
    (our_status, our_out, our_err, our_file), (their_status, their_out, _, their_file) = ours, theirs
    if row.ours == "refuses":
        return [] if (our_status, their_status) == (1, 0) and our_err and not our_file else [
            f"expected ours 1 and theirs 0: {our_status} and {their_status}"]
    if row.ours == "accepts":
        return [] if (our_status, their_status) == (0, 1) else [
            f"expected ours 0 and theirs 1: {our_status} and {their_status}"]
    if our_status != their_status:
        return [f"exit status: ours {our_status}, theirs {their_status}; ours said: "
                f"{our_err.strip()!r}"]
    if our_status != 0:
        wrong = [] if our_err.strip() else ["ours failed without an error text"]
        return wrong + (["ours failed and wrote a packet"] if our_file and not their_file
                        else [])
    wrong = []
    our_fields, their_fields = fields(our_out), fields(their_out)
    if "Final SPA Data" not in our_fields and "Final SPA Data" not in their_fields:
        return []  # --help, --version
    for name in their_fields.keys() | our_fields.keys():
        if name in RANDOM_FIELDS or name in row.ignore:
            continue
        if our_fields.get(name) != their_fields.get(name):
            wrong.append(f"{name}: ours {our_fields.get(name)!r}, theirs {their_fields.get(name)!r}")
    if "Final SPA Data" not in our_fields:
        return wrong
    if abs(seconds_off(our_fields) - seconds_off(their_fields)) > 5:
        wrong.append(f"Timestamp: ours {our_fields.get('Timestamp')}, "
                     f"theirs {their_fields.get('Timestamp')}")
    # The plain text but for the random number and the time, and everything's size.
    plain = [re.sub(r"^\d{16}:([^:]*):\d+:", r"\1:", f.get("Encoded Data", ""))
             for f in (our_fields, their_fields)]
    if plain[0] != plain[1] and "Message String" not in row.ignore:
        wrong.append(f"Encoded Data: ours {plain[0]!r}, theirs {plain[1]!r}")
    spread = GPG_SPREAD if row.gpg else 0
    for name in ("SPA Data Digest", "HMAC", "Final SPA Data"):
        if abs(len(our_fields.get(name, "")) - len(their_fields.get(name, ""))) > spread:
            wrong.append(f"{name}: the lengths differ")
    if our_out.count("SPA Field Values:") != their_out.count("SPA Field Values:"):
        wrong.append("the number of field lists differs")
    if our_file.rstrip("\n") != our_fields.get("Final SPA Data"):
        wrong.append("the saved packet is not the printed one")
    if gpg_fields(our_out) != gpg_fields(their_out):
        wrong.append(f"signature: ours {gpg_fields(our_out)}, theirs {gpg_fields(their_out)}")
    if abs(len(our_file) - len(their_file)) > spread:
        wrong.append(f"saved packet: ours {len(our_file)} bytes, theirs {len(their_file)}")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ours", required=True)
    parser.add_argument("--theirs", default="/usr/bin/fwknop")
    parser.add_argument("--case")
    options = parser.parse_args()
    for program in (options.ours, options.theirs):
        if not os.access(program, os.X_OK):
            print(f"{program} is missing", file=sys.stderr)
            return 2
    with tempfile.TemporaryDirectory(prefix="fwknop-gpg-") as folder:
        with GpgHome(folder, "h") as home:
            return run_table([*rows(), *gpg_rows(home)], options)


def run_table(table, options):
    table = [row for row in table if options.case in (None, row.name)]
    if not table:
        print(f"no case is called {options.case!r}", file=sys.stderr)
        return 2
    failed = 0
    for row in table:
        with tempfile.TemporaryDirectory(prefix="fwknop-options-") as folder:
            results = []
            for name, program in (("ours", options.ours), ("theirs", options.theirs)):
                os.mkdir(os.path.join(folder, name))
                results.append(run(os.path.abspath(program), row, os.path.join(folder, name)))
            wrong = compare(row, *results)
            if row.saves:
                stanzas = [saved_stanzas(os.path.join(folder, name)) for name in ("ours", "theirs")]
                if stanzas[0] != stanzas[1]:
                    wrong.append(f"rc file: ours {stanzas[0]}, theirs {stanzas[1]}")
        for line in wrong:
            print(f"FAILED {row.name}: {line}")
            failed += 1
    print(f"{len(table)} cases, {failed} differences")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
