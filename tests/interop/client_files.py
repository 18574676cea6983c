#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The client's files beside those of the 2.6 line, and where keys must not show up.

Usage: client_files.py --ours <path> [--theirs <path>]
Exit status: 0 all is well, 1 not (each case is printed), 2 a program is missing, or root is.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile

STANZA = "[x]\nSPA_SERVER 127.0.0.1\nALLOW_IP 192.0.2.7\nACCESS tcp/22\nKEY {}\nHMAC_KEY {}\n"
KEY, HMAC = "Zebra-Encryption", "Zebra-Authentication"
ASK = ["-D", "127.0.0.1", "-a", "192.0.2.7", "-A", "tcp/22"]
NOBODY = 65534


class Home:
    """A fresh home directory with an rc file."""

    def __init__(self, folder, rc):
        self.path = tempfile.mkdtemp(dir=folder)
        self.rc = os.path.join(self.path, ".fwknoprc")
        if rc is not None:
            self.write(".fwknoprc", rc)

    def write(self, name, text, mode=0o600):
        path = os.path.join(self.path, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def run(self, program, *arguments, text="", **more):
        return subprocess.run([program, *arguments], cwd=self.path, text=True, input=text,
                              env={"HOME": self.path, "PATH": "/usr/bin:/bin", "LOGNAME": "me"},
                              capture_output=True, timeout=60, check=False,
                              start_new_session=True, **more)


def message(done):
    return re.findall(r"^ *Message String: (.*)$", done.stdout, re.MULTILINE)[:1]


def example_of_the_other(ours, theirs, folder):
    """The commented example that theirs writes is read by ours, and the other way round."""
    for writer, reader in ((theirs, ours), (ours, theirs)):
        home = Home(folder, None)
        home.run(writer, "-T", *ASK, "--key-rijndael", "a")
        if not os.path.exists(home.rc):
            yield f"{writer} made no rc file"
        done = home.run(reader, "-T", "-v", *ASK, "--key-rijndael", "a")
        if done.returncode != 0 or message(done) != ["192.0.2.7,tcp/22"]:
            yield f"{reader} with the file of {writer}: {done.returncode} {done.stderr}"


def ten_megabytes(ours, theirs, folder):
    """A stanza behind ten megabytes of others is found."""
    others = "".join(f"[other{i}]\nSPA_SERVER 192.0.2.1\nACCESS tcp/1\nKEY {'k' * 24}\n"
                     for i in range(160000))
    home = Home(folder, others + STANZA.format(KEY, HMAC))
    if os.path.getsize(home.rc) < 10_000_000:
        yield "the file is too small to show anything"
    for program in (ours, theirs):
        done = home.run(program, "-T", "-v", "-n", "x")
        if done.returncode != 0 or message(done) != ["192.0.2.7,tcp/22"]:
            yield f"{program}: {done.returncode} {done.stderr[:300]}"


def endless_file(ours, _theirs, folder):
    """A file without end is refused, not read for ever."""
    done = Home(folder, None).run(ours, "-T", "-n", "x", "--rc-file", "/dev/zero")
    if done.returncode != 1 or "/dev/zero: File too large" not in done.stderr:
        yield f"{done.returncode} {done.stderr[:300]}"


def not_a_file(ours, theirs, folder):
    """A directory in the place of the rc file is an error that names it."""
    home = Home(folder, None)
    os.mkdir(home.rc)
    for program in (ours, theirs):
        done = home.run(program, "-T", "-v", "-n", "x")
        if done.returncode != 1:
            yield f"{program}: exit status {done.returncode}"
        if program == ours and f"{home.rc}: Is a directory" not in done.stderr:
            yield f"ours said: {done.stderr}"


def no_permission(ours, theirs, folder):
    """A file that the user may not read is an error that names it."""
    home = Home(folder, STANZA.format(KEY, HMAC))
    os.chmod(folder, 0o711)
    os.chmod(home.path, 0o755)
    for program in (ours, theirs):
        done = home.run(program, "-T", "-v", "-n", "x", user=NOBODY, group=NOBODY, extra_groups=[])
        if done.returncode != 1:
            yield f"{program}: exit status {done.returncode}"
        if program == ours and f"{home.rc}: Permission denied" not in done.stderr:
            yield f"ours said: {done.stderr}"


def key_sources(home):
    """(name, arguments, rc file, standard input) for every way in which keys come in."""
    rc = "[x]\nSPA_SERVER 127.0.0.1\nALLOW_IP 192.0.2.7\nACCESS tcp/22\n"
    keys = home.write("keys", f"127.0.0.1: {KEY}\n")
    hmac = home.write("hmac", f"127.0.0.1: {HMAC}\n")
    script = home.write("command", f"#!/bin/sh\necho {KEY}\n", 0o700)
    yield "rc", ["-n", "x"], STANZA.format(KEY, HMAC), ""
    yield "options", [*ASK, "--key-rijndael", KEY, "--key-hmac", HMAC], "", ""
    yield "options with =", [*ASK, f"--key-rijndael={KEY}", f"--key-hmac={HMAC}"], "", ""
    yield "key files", [*ASK, "-G", keys, "--get-hmac-key", hmac], "", ""
    yield "standard input", [*ASK, "--stdin", "--use-hmac"], "", f"{KEY}\n{HMAC}\n"
    yield "command", ["-n", "x"], f"{rc}KEY_COMMAND {script}\nHMAC_KEY {HMAC}\n", ""
    # What fails says so without the key.
    yield "same keys", [*ASK, "--key-rijndael", KEY, "--key-hmac", KEY], "", ""
    yield "long key", [*ASK, "--key-rijndael", KEY * 4, "--key-hmac", HMAC], "", ""
    yield "no base64", [*ASK, "--key-base64-rijndael", KEY + "!"], "", ""
    yield "broken rc", ["-n", "x"], f"{rc}KEY_BASE64 {KEY}!\nHMAC_KEY {HMAC}\n", ""
    yield "misspelt rc", ["-n", "x"], f"{rc}KYE_BASE64 {KEY}\nHMAC_KEY {HMAC}\n", ""


def nothing_leaks(ours, _theirs, folder):
    """No key in any output at any verbosity, nor in the file of the last command line."""
    runs = 0
    for verbosity in ([], ["-v"], ["-vvvv"]):
        home = Home(folder, "")
        for name, arguments, rc, text in list(key_sources(home)):
            home.write(".fwknoprc", rc)
            done = home.run(ours, "-T", *verbosity, *arguments, text=text)
            runs += 1
            kept = os.path.join(home.path, ".fwknop.run")
            saved = ""
            if os.path.exists(kept):
                with open(kept, encoding="ascii") as file:
                    saved = file.read()
            for place, said in (("output", done.stdout), ("error", done.stderr), ("run", saved)):
                if "Zebra" in said:
                    yield f"{name} {verbosity}: a key in {place}: {said}"
            expected = 0 if name in ("rc", "options", "options with =", "key files",
                                     "standard input", "command") else 1
            if done.returncode != expected:
                yield f"{name} {verbosity}: exit status {done.returncode}: {done.stderr}"
    if runs != 33:
        yield f"{runs} runs"


def nothing_in_proc(ours, _theirs, folder):
    """While the client waits, its command line and its environment hold no key."""
    home = Home(folder, "")
    script = home.write("look", "#!/bin/sh\ncat /proc/$PPID/cmdline /proc/$PPID/environ | "
                                "tr '\\0' ' ' > seen\necho secret\n", 0o700)
    home.write(".fwknoprc", f"[x]\nKEY_COMMAND {script}\n")
    for hmac in (["--key-hmac", HMAC], [f"--key-hmac={HMAC}"]):
        done = home.run(ours, "-T", *ASK, "-n", "x", *hmac)
        with open(os.path.join(home.path, "seen"), encoding="ascii") as file:
            seen = file.read()
        if done.returncode != 0 or "--key-hmac" not in seen or "HOME=" not in seen:
            yield f"the look did not work: {done.returncode} {seen} {done.stderr}"
        if "Zebra" in seen:
            yield f"a key in {seen}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ours", required=True)
    parser.add_argument("--theirs", default="/usr/bin/fwknop")
    options = parser.parse_args()
    for program in (options.ours, options.theirs):
        if not os.access(program, os.X_OK):
            print(f"{program} is missing", file=sys.stderr)
            return 2
    if os.geteuid() != 0:
        print("needs root, to be somebody else", file=sys.stderr)
        return 2
    failed = 0
    for check in (example_of_the_other, ten_megabytes, endless_file, not_a_file, no_permission,
                  nothing_leaks, nothing_in_proc):
        with tempfile.TemporaryDirectory(prefix="fwknop-files-") as folder:
            problems = list(check(os.path.abspath(options.ours), options.theirs, folder))
        failed += bool(problems)
        print(f"{'FAIL' if problems else 'ok  '} {check.__doc__.splitlines()[0]}")
        for each in problems:
            print(f"     {each}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
