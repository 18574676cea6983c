#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The example configuration files are true: what they say is what the daemon does.

fwknopd.conf: each line that is commented out is the default, or said to be an example; uncommented
alone it is accepted; a range in its comment is the range.
access.conf: refused as shipped, for its keys; accepted once they are filled in; so is each of its
examples.

Usage: example_files.py <source folder> <fwknopd>
Exit status: 0 all is true, 1 something is not (each is printed).
"""

import os
import re
import subprocess
import sys
import tempfile

# What only works where something else is there, and what the daemon says without it.
NEEDS = {
    "ACCESS_FOLDER": "/etc/fwknop/access.d' could not be opened",
    "%include": "/etc/fwknop/more.conf' was not found",
    "%include_folder": "/etc/fwknop/access.d' could not be opened",
    "%include_keys": "/home/alice/fwknop.keys",
    "GPG_DECRYPT_ID": "Unable to stat the GPG home directory '/etc/fwknop/gnupg'",
}
# Of an example, what fwknopd.conf must have for it.
OTHER_FILE = {"FORCE_NAT": "ENABLE_IPT_FORWARDING Y;\n"}
KEYS = ("KEY_BASE64 MDEyMzQ1Njc4OWFiY2RlZg==", "HMAC_KEY_BASE64 ZmVkY2JhOTg3NjU0MzIxMA==")
PLACEHOLDER = re.compile(r"^(KEY_BASE64|HMAC_KEY_BASE64)\s+__CHANGEME__$", re.MULTILINE)
BASE_STANZA = "SOURCE ANY\nREQUIRE_SOURCE_ADDRESS Y\n" + "\n".join(KEYS) + "\n"


class Daemon:
    """The program, with configuration files of its own."""

    def __init__(self, program, folder):
        self.program, self.folder = os.path.abspath(program), folder

    def run(self, option, config, access):
        for name, text in (("fwknopd.conf", config), ("access.conf", access)):
            path = os.path.join(self.folder, name)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w",
                      encoding="utf-8") as file:
                file.write(text)
        done = subprocess.run([self.program, option, "-c", "fwknopd.conf", "-a", "access.conf"],
                              cwd=self.folder, capture_output=True, text=True, check=False,
                              timeout=60)
        return done.returncode, done.stdout + done.stderr

    def complaint(self, config="", access=BASE_STANZA):
        """Everything it says against these files; empty when it takes them without a word."""
        code, said = self.run("--exit-parse-config", config, access)
        if code == 0 and said.strip() == "Configs parsed, exiting.":
            return ""
        return f"exit {code}: {said.strip()}"

    def settings(self, config):
        """Every directive's value, as --dump-config has them."""
        _, said = self.run("--dump-config", config, BASE_STANZA)
        return {name: "" if value == "<not set>" else value
                for name, value in re.findall(r"^ *\d+\. (\w+) +=  '(.*)'(?:  \(.*\))?$", said,
                                              re.MULTILINE)}


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def filled(text):
    keys = dict(line.split(" ", 1) for line in KEYS)
    return PLACEHOLDER.sub(lambda found: f"{found[1]} {keys[found[1]]}", text)


def judge(complaint, names):
    """Nothing, or why that is not what it should be. `names`: the directives of the example."""
    needed = [NEEDS[name] for name in names if name in NEEDS]
    if needed:
        return "" if all(text in complaint for text in needed) else f"unexpected: {complaint!r}"
    return complaint


def is_on(line):
    """A switch that is commented out with N refuses nothing."""
    return not re.search(r"\sN;$", line)


def default_of(name, settings, source):
    if name == "CMD_EXEC_TIMEOUT" and not settings[name]:
        header = read(source, "src", "core", "policy", "server_config.hpp")
        return re.search(r"\bcmd_exec_timeout = (\d+);", header)[1]
    return settings[name]


def check_range(daemon, name, words):
    found = re.search(r"\((\d+) to (\d+)\)", words)
    if not found:
        return
    low, high = int(found[1]), int(found[2])
    for value, good in ((low - 1, False), (low, True), (high, True), (high + 1, False)):
        said = daemon.complaint(f"{name} {value};\n")
        if good != (not said):
            yield f"{name} {value}: {'refused' if good else 'accepted'}, said to be {found[0]}"


def check_server_file(daemon, source):
    text = read(source, "etc", "fwknopd.conf")
    said = daemon.complaint(text)
    if said:
        yield f"as shipped: {said}"
    defaults = daemon.settings("")
    lines = re.findall(r"((?:^# .*\n|^#\n)*)^#([A-Z_]+)\s+(.*);$", text, re.MULTILINE)
    if len(lines) < 40:
        yield f"only {len(lines)} directives were found"
    for words, name, value in lines:
        line = f"{name} {value};"
        if name not in defaults:
            yield f"{name}: the daemon does not list it"
            continue
        # The daemon's own folders, not those that the options of this test name.
        meant = re.sub(r"^\$(\w+)", lambda found: defaults[found[1]], value)
        default = default_of(name, defaults, source)
        if name == "ACCESS_FILE":
            default = defaults["FWKNOP_CONF_DIR"] + "/access.conf"  # -a is given here
        if not default and value not in ("N", "0"):
            if "for example" not in re.sub(r"\s*\n#\s*", " ", words):
                yield f"{line}: there is no default, and the text does not say `for example`"
        elif meant != default and not (not default and value in ("N", "0")):
            yield f"{line}: the default is '{default}'"
        wrong = judge(daemon.complaint(line + "\n"), [name] if is_on(line) else [])
        if wrong:
            yield f"{line}: {wrong}"
        if value.isdigit():
            yield from check_range(daemon, name, words)


def examples(text):
    """Each run of lines that are commented out, as it reads uncommented."""
    for block in re.findall(r"(?:^#(?:[A-Z]+[A-Z0-9_]*|%\w+)\s+\S.*\n)+", text, re.MULTILINE):
        yield re.sub("^#", "", block, flags=re.MULTILINE)


def check_access_file(daemon, source):
    text = read(source, "etc", "access.conf")
    line = text[:text.index("\nKEY_BASE64")].count("\n") + 2
    said = daemon.complaint(access=text)
    if "KEY_BASE64 value is not properly set" not in said or f"access.conf:{line})" not in said:
        yield f"as shipped: {said!r}, expected the placeholder of line {line} to be named"
    good = filled(text)
    said = daemon.complaint(access=good)
    if said:
        yield f"with keys: {said}"
    found = list(examples(text))
    if len(found) < 6:
        yield f"only {len(found)} examples were found"
    for block in found:
        # A stanza stands alone; what is none belongs behind one, line by line.
        whole = block.startswith("SOURCE")
        for piece in [block] if whole else block.splitlines(keepends=True):
            names = re.findall(r"^(\S+)", piece, re.MULTILINE)
            access = filled(re.sub("(?m)^#(?=(HMAC_)?KEY)", "", piece) if whole else good + piece)
            config = "".join(OTHER_FILE.get(name, "") for name in names)
            wrong = judge(daemon.complaint(config, access),
                          names + re.findall(r"^(\S+)", config, re.MULTILINE))
            if wrong:
                yield f"{piece.strip()}\n  {wrong}"


def main():
    source, program = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="fwknop-examples-") as folder:
        daemon = Daemon(program, folder)
        problems = [f"etc/fwknopd.conf: {text}"
                    for text in check_server_file(daemon, source)]
        problems += [f"etc/access.conf: {text}"
                     for text in check_access_file(daemon, source)]
    print("\n".join(problems) or "the example files are true")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
