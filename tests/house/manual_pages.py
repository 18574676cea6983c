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
TABLES = {
    "fwknoprc.5": ("src/client/rc_file.cpp", r'^    directive\{"([A-Z0-9_]+)"'),
}


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


def main():
    folder, client, daemon = sys.argv[1:]
    man = os.path.join(folder, "man")
    problems = list(lint(folder))
    for program, page in ((client, "fwknop.8"), (daemon, "fwknopd.8")):
        problems += missing(options(program), os.path.join(man, page))
    for page, (source, pattern) in TABLES.items():
        with open(os.path.join(folder, source), encoding="utf-8") as file:
            names = re.findall(pattern, file.read(), re.MULTILINE)
        problems += missing(names, os.path.join(man, page))
    print("\n".join(problems) or "the manual pages are complete")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
