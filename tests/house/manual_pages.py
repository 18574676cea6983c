#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The manual pages are well formed, and leave out no option and no directive.

Usage: manual_pages.py <source folder> <fwknop> <fwknopd>
Exit status: 0 all is there, 1 something is missing (each is printed).
"""

import glob
import os
import re
import subprocess
import sys

# Where a page's directives are defined.
TABLES = (
    ("fwknoprc.5", "src/client/rc_file.cpp", r'^    directive\{"([A-Z0-9_]+)"'),
    ("fwknopd.conf.5", "src/core/policy/server_directives.cpp", r'^    \{"([A-Z0-9_]+)",'),
    ("access.conf.5", "src/core/policy/access_directives.cpp", r'^    \{"([A-Z0-9_]+)",'),
    ("access.conf.5", "src/core/policy/access_config.cpp", r'name == "([%\w]+)"'),
)
# A row of server_directives.cpp: name, default, lowest and highest number.
SERVER_ROW = re.compile(r"""\{"([A-Z0-9_]+)",\s[^"]*"([^"]*)",\s+"[^"]*",?\s*"""
                        r"""(?:\{([\d']+), ([\d']+)\})?,?\s*\}""")
# The parts of fwknopd.conf.5 whose directives do nothing.
WITHOUT_EFFECT = ("Accepted, without effect", "Not in this version")


def lint(folder):
    pages = sorted(glob.glob(os.path.join(folder, "man", "*.[1-9]")))
    done = subprocess.run(["mandoc", "-Tlint", "-W", "warning", *pages], capture_output=True,
                          text=True, check=False)
    yield from (done.stdout + done.stderr).splitlines()


def words(page):
    """Everything on the page, as a reader sees it, without bold and underline."""
    text = subprocess.run(["mandoc", "-Tutf8", "-O", "width=200", page], capture_output=True,
                          text=True, check=True).stdout
    return re.sub(".\b", "", text).replace("\N{HYPHEN}", "-").replace("\N{MINUS SIGN}", "-")


def options(program):
    text = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
    return re.findall(r"^ +(?:-\w(?:,| \[) )?(--[\w-]+)", text, re.MULTILINE)


def missing(names, page):
    known = words(page)
    if not names:
        yield f"{os.path.basename(page)}: no name was found to look for"
    for name in names:
        if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", known):
            yield f"{os.path.basename(page)}: {name} is not mentioned"


def entries(page):
    """What the page says about each directive that does something, as plain text."""
    with open(page, encoding="utf-8") as file:
        parts = re.split(r"^\.S[sh] ", file.read(), flags=re.MULTILINE)
    for part in parts:
        if part.startswith(WITHOUT_EFFECT):
            continue
        for item in re.split(r"^\.It ", part, flags=re.MULTILINE)[1:]:
            head, _, body = item.partition("\n")
            text = re.sub(r"^\.[A-Z][a-z] ", "", body, flags=re.MULTILINE)
            text = re.sub(r"\s+(?=[.,;])", "", " ".join(text.split()))
            names = re.findall(r"\b[A-Z][A-Z0-9_]{3,}\b", head) if head.startswith("Cm ") else []
            for name in names:
                yield name, text


def untold(folder):
    """Defaults and ranges of fwknopd.conf that its page does not have."""
    with open(os.path.join(folder, "src/core/policy/server_directives.cpp"),
              encoding="utf-8") as file:
        rows = {name: rest for name, *rest in SERVER_ROW.findall(file.read())}
    found = dict(entries(os.path.join(folder, "man", "fwknopd.conf.5")))
    if len(rows) < 80 or len(rows.keys() & found.keys()) < 40:
        yield f"fwknopd.conf.5: only {len(rows)} rows and {len(found)} entries were found"
    for name in rows.keys() & found.keys():
        default, low, high = (text.replace("'", "") for text in rows[name])
        if default and f"default is {default}" not in found[name]:
            yield f"fwknopd.conf.5: {name}: it does not say that the default is {default}"
        if high and f"{low} to {high}" not in found[name]:
            yield f"fwknopd.conf.5: {name}: it does not say {low} to {high}"


def main():
    folder, client, daemon = sys.argv[1:]
    man = os.path.join(folder, "man")
    problems = list(lint(folder))
    for program, page in ((client, "fwknop.8"), (daemon, "fwknopd.8")):
        problems += missing(options(program), os.path.join(man, page))
    for page, source, pattern in TABLES:
        with open(os.path.join(folder, source), encoding="utf-8") as file:
            names = re.findall(pattern, file.read(), re.MULTILINE)
        problems += missing(names, os.path.join(man, page))
    problems += untold(folder)
    print("\n".join(problems) or "the manual pages are complete")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
