#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Includes point one way, and the pure part of the house stays pure.

Two looks. At the text: which of our folders and which libraries a file names. And through the
compiler's eyes (-M over the compile commands of a build): no source of src/core, no planner, sees
a header of Asio or of any other Boost library that does input or output.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', re.MULTILINE)

# Folder of the file -> the folders of ours that it may name. The longest match counts.
OURS = {
    "include/fwknop": ("fwknop",),
    "src/core": ("fwknop", "core"),
    "src/core/crypto": ("fwknop", "core/crypto"),
    "src/core/spa": ("fwknop", "core/crypto", "core/spa"),
    "src/core/frame": ("fwknop", "core/frame"),
    "src/core/replay": ("fwknop", "core/moment.hpp", "core/crypto", "core/spa", "core/replay"),
    "src/core/policy": ("fwknop", "core/moment.hpp", "core/crypto", "core/spa", "core/policy"),
    "src/gpg": ("fwknop", "core", "gpg"),
    "src/firewall": ("fwknop", "core", "firewall"),
    "src/daemon": ("fwknop", "core", "firewall", "gpg", "daemon"),
    "src/client": ("fwknop", "core", "gpg", "client"),
}
# A library's headers -> the only folders that may name them. The longest match counts.
LIBRARIES = {
    "openssl/": ("src/core/crypto",),
    "openssl/ssl.h": ("src/client",),  # TLS, to which crypto is a means
    "sodium": ("src/core/crypto",),
    "gpgme": ("src/gpg",),
    "pcap": ("src/daemon",),
    "boost/asio": ("src/firewall", "src/daemon", "src/client"),
    "boost/beast": ("src/daemon", "src/client"),
    "boost/url": ("src/client",),
    "boost/log": ("src/daemon",),
    "boost/program_options": ("src/daemon", "src/client"),
}
# What the pure sources may name of Boost: values and containers.
PURE_BOOST = ("boost/system/", "boost/unordered/", "boost/container_hash/", "boost/multi_index",
              "boost/core/")
IMPURE = re.compile(r"/boost/(asio|beast|log|process|program_options|filesystem|thread)[/.]")
PLANNERS = ("grant", "change", "backend_choice", "filter_limits", "ipfw_planner", "ipfw_rule",
            "iptables_rule", "iptables_save", "iptables_planner", "iptables_programs", "pf_planner",
            "pf_rule")
NOT_PLANNERS = ("grant_keeper",)


def folder_of(path: str) -> str:
    """The longest key of OURS that holds the file."""
    return max((key for key in OURS if path.startswith(key + "/")), key=len, default="")


def is_pure(path: str) -> bool:
    if path.startswith(("src/core/", "include/")):
        return True
    stem = pathlib.Path(path).stem
    return (path.startswith("src/firewall/") and stem.startswith(PLANNERS)
            and not stem.startswith(NOT_PLANNERS))


def look_at_text(path: str) -> list[str]:
    """What a file must not name."""
    wrong = []
    folder = folder_of(path)
    if not folder:
        return [f"{path}: in no known folder; add it to OURS in tests/house/includes.py"]
    ours = {key.split("/", 1)[1].split("/")[0] for key in OURS} | {"fwknop"}
    for name in INCLUDE.findall((ROOT / path).read_text(encoding="utf-8")):
        if name.split("/")[0] in ours and "/" in name and not name.startswith(OURS[folder]):
            wrong.append(f"{path}: names {name}; {folder} may name {', '.join(OURS[folder])}")
        library = max((key for key in LIBRARIES if name.startswith(key)), key=len, default="")
        folders = LIBRARIES.get(library, (folder,))
        if not path.startswith(tuple(f + "/" for f in folders)):
            wrong.append(f"{path}: names {name}, which belongs to {', '.join(folders)}")
        if is_pure(path) and name.startswith("boost/") and not name.startswith(PURE_BOOST):
            wrong.append(f"{path}: names {name}; pure code may name {', '.join(PURE_BOOST)}")
    return wrong


def look_through_compiler(entry: dict) -> list[str]:
    """The impure headers that a pure source gets to see, directly or not."""
    words = shlex.split(entry["command"])
    compiler = next(i for i, word in enumerate(words) if re.search(r"(g|c|clang)\+\+[-\d.]*$", word))
    flags = [word for word in words[compiler:] if word.startswith(("-I", "-D", "-std"))]
    path = str(pathlib.Path(entry["file"]).resolve().relative_to(ROOT))
    listed = subprocess.run([words[compiler], *flags, "-M", entry["file"]], check=False,
                            capture_output=True, text=True, cwd=entry["directory"])
    if listed.returncode != 0:
        return [f"{path}: the compiler cannot list its headers: {listed.stderr.strip()}"]
    seen = [word for word in listed.stdout.split() if IMPURE.search(word)]
    return [f"{path}: sees {word}" for word in seen[:1]]


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: includes.py <build folder>", file=sys.stderr)
        return 2
    files = sorted(str(path.relative_to(ROOT))
                   for top in ("include", "src") for path in (ROOT / top).rglob("*.[ch]pp"))
    wrong = [line for path in files for line in look_at_text(path)]

    with open(os.path.join(sys.argv[1], "compile_commands.json"), encoding="utf-8") as handle:
        commands = {str(pathlib.Path(entry["file"]).resolve()): entry
                    for entry in json.load(handle)}
    pure = [entry for path, entry in commands.items()
            if path.startswith(str(ROOT / "src")) and is_pure(str(pathlib.Path(path).relative_to(ROOT)))]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for lines in pool.map(look_through_compiler, pure):
            wrong += lines

    for line in wrong:
        print(line, file=sys.stderr)
    if len(files) < 100 or len(pure) < 30:
        print(f"only {len(files)} files and {len(pure)} pure sources found: is this the project?",
              file=sys.stderr)
        return 1
    if not wrong:
        print(f"{len(files)} files name what they may; {len(pure)} pure sources see no I/O library")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
