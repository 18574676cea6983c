#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The completion scripts, loaded and asked by the shells themselves.

Usage: completions.py --ours <fwknop> --scripts <folder>
Exit status: 0 every shell completes as it should, 1 not, 2 a shell is missing.
"""

import argparse
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

# What is typed, what must be offered, what must not.
CASES = [
    ("fwknop --save-r", {"--save-rc-stanza"}, {"--save-packet"}),
    ("fwknop -P tcp", {"tcp", "tcpraw"}, {"udp", "--test"}),
    ("fwknop -n sec", {"second", "secret"}, {"first"}),
    ("fwknop -A tcp/22 --nat-", {"--nat-access", "--nat-local", "--nat-port"}, {"--access"}),
    ("fwknop --hmac-digest-type sha3_", {"sha3_256", "sha3_512"}, {"sha256"}),
]


def environment(home, program):
    return {"HOME": home, "PATH": os.path.dirname(program) + ":/usr/bin:/bin", "LC_ALL": "C.UTF-8",
            "TERM": "dumb"}


def ask_bash(typed, _awaited, script, env):
    words = typed.split(" ")
    quoted = " ".join(f"'{word}'" for word in words)
    code = (f"source '{script}'; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; "
            "_fwknop 2>/dev/null; printf '%s\\n' \"${COMPREPLY[@]}\"")
    done = subprocess.run(["bash", "--norc", "-c", code], env=env, capture_output=True, text=True,
                          timeout=30, check=True)
    return set(done.stdout.split())


def ask_fish(typed, _awaited, script, env):
    done = subprocess.run(["fish", "--no-config", "-c", f"source '{script}'; complete -C'{typed}'"],
                          env=env, capture_output=True, text=True, timeout=30, check=True)
    return {line.split("\t")[0] for line in done.stdout.splitlines()}


def ask_zsh(typed, awaited, script, env):
    """Zsh completes in an interactive shell only: one on a terminal of its own is asked."""
    child, terminal = pty.fork()
    if child == 0:
        os.execve(shutil.which("zsh"), ["zsh", "-f", "-i"], env)
    try:
        def read_until(end, seconds=20):
            text, late = "", time.monotonic() + seconds
            while end not in text and time.monotonic() < late:
                if select.select([terminal], [], [], 0.1)[0]:
                    text += os.read(terminal, 65536).decode(errors="replace")
            return text
        setup = ("unsetopt beep; PS1=; stty -echo; LISTMAX=1000; "
                 f"fpath=('{os.path.dirname(script)}' $fpath); autoload -Uz compinit; compinit -u -D; zstyle ':completion:*' verbose no; "
                 "zstyle ':completion:*' list-prompt ''; bindkey '^I' list-choices; "
                 "print RE''ADY\n")
        os.write(terminal, setup.encode())
        if "READY" not in read_until("READY"):
            return set()
        os.write(terminal, (typed + "\t").encode())
        text = read_until(awaited)  # further input would cut the listing short
        os.write(terminal, b"\x15print EN''D\n")
        text += read_until("END")
        return set(text.replace("\r", " ").split())
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(terminal)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ours", required=True)
    parser.add_argument("--scripts", required=True)
    options = parser.parse_args()
    shells = {"bash": (ask_bash, "fwknop.bash"), "fish": (ask_fish, "fwknop.fish"),
              "zsh": (ask_zsh, "_fwknop")}
    failures = 0
    with tempfile.TemporaryDirectory() as home:
        with open(os.path.join(home, ".fwknoprc"), "w", encoding="ascii") as rc:
            rc.write("[first]\n[second]\n[secret]\n")
        os.chmod(os.path.join(home, ".fwknoprc"), 0o600)
        for shell, (ask, name) in shells.items():
            if not shutil.which(shell):
                print(f"missing: {shell}: install it with script/bootstrap")
                return 2
            for typed, expected, unwanted in CASES:
                script = os.path.join(os.path.abspath(options.scripts), name)
                offered = ask(typed, max(expected), script, environment(home, os.path.abspath(options.ours)))
                good = expected <= offered and not unwanted & offered
                failures += not good
                print(f"{'ok  ' if good else 'FAIL'} {shell}: {typed}"
                      + ("" if good else f": offered {sorted(offered)}"))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
