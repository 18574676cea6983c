#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts the instructions that a packet of each kind takes, with callgrind, and compares them with
reference.json. Times are noisy; these are not.

    tests/instructions/check.py build/dev/tests/instructions/packet_path
    tests/instructions/check.py --update …    after a change that is meant

The reference belongs to Debian 12's compiler and libraries and to the dev preset. OpenSSL takes its
plain code, so that the processor does not matter.
"""

import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import sys

REFERENCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "reference.json")
TOLERANCE = 0.02  # two runs on one machine do not differ; its C library may choose other code
FEW, MANY = 20, 220
KINDS = ("junk", "unexpected", "wrong_hmac", "wrong_hmac_1000", "replay", "good")


def collected(program: str, kind: str, frames: int) -> int:
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, kind,
         str(frames)], env={"PATH": os.environ["PATH"], "OPENSSL_ia32cap": "0:0"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=600)
    found = re.search(r"Collected : (\d+)", done.stdout)
    if done.returncode != 0 or not found:
        sys.exit(f"{kind}: callgrind of {program} failed:\n{done.stdout}")
    return int(found[1])


def per_frame(program: str, kind: str) -> int:
    few, many = (20, 40) if kind == "wrong_hmac_1000" else (FEW, MANY)
    more = collected(program, kind, many) - collected(program, kind, few)
    return round(more / (many - few))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--update", action="store_true", help="write reference.json anew")
    options = parser.parse_args()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = dict(zip(KINDS, pool.map(lambda kind: per_frame(options.program, kind), KINDS)))
    if options.update:
        with open(REFERENCE, "w", encoding="ascii") as file:
            json.dump(found, file, indent=2)
            file.write("\n")
    with open(REFERENCE, encoding="ascii") as file:
        reference = json.load(file)
    failed = False
    print(f"{'instructions for each packet':<32}{'now':>12}{'reference':>12}")
    for kind in KINDS:
        part = found[kind] / reference[kind] - 1
        remark = ""
        if part > TOLERANCE:
            failed, remark = True, "  MORE than may be"
        elif part < -TOLERANCE:
            remark = "  fewer: write it down with --update"
        print(f"{kind:<32}{found[kind]:>12,}{reference[kind]:>12,} {100 * part:+6.1f} %{remark}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
