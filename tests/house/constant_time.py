#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a stranger must not guess byte by byte is compared in constant time, and by nothing else.

Whoever can measure how long a comparison takes learns how much of his guess was right, if it ends
at the first difference. So: where secrets are compared today they are compared by the functions
made for it; and no other comparison appears where secrets are at hand.

    constant_time.py [<root of the project>]
"""

import pathlib
import re
import sys
from typing import Dict, List

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
ROOT = ROOT if ROOT.is_dir() else ROOT.parents[2]

# The comparisons of secrets that there are. One that goes away must go away here, too.
COMPARISONS: Dict[str, str] = {
    "src/core/crypto/secret.cpp": r"sodium_memcmp\(data_, other\.data_, size_\) == 0",
    "src/core/crypto/digest.cpp": r"CRYPTO_memcmp\(a\.data\(\), b\.data\(\), a\.size\(\)\) == 0",
    "src/core/crypto/hmac.cpp": r"!crypto::equal_constant_time\(spelled_text, tag\)",
    "src/core/spa/fields.cpp": r"crypto::equal_constant_time\(\*expected, digest_text\)",
}

# Functions that end at the first difference; and where they compare nothing secret.
EARLY = re.compile(r"\b(memcmp|strn?cmp|strn?casecmp|bcmp|(?:std::|ranges::)equal|mismatch|"
                   r"lexicographical_compare\w*)\s*\(")
HARMLESS: Dict[str, int] = {
    "src/client/http_transport.cpp": 1,    # the scheme of a URL
    "src/client/rc_file.cpp": 1,           # names, whatever their case
    "src/firewall/helper_request.cpp": 1,  # arguments of programs
    "src/firewall/nft_element.cpp": 1,     # what the kernel lists
    "src/core/policy/config_line.cpp": 1,  # names, whatever their case
    "src/core/crypto/cipher.cpp": 1,       # "Salted__", which everybody knows
    "src/core/spa/ip_address.cpp": 1,      # the prefix of a mapped address
}

# == and != between things that are called as secrets are. Nothing, a number, an end are no guess.
NAMES = r"(?:\w*(?:hmac|secret|passphrase|password)\w*|mac|tag|spelled\w*|expected|digest_text|" \
        r"key_text)(?![\w.]|->)(?:\(\))?"
TEXTS = r"\w+(?:\.|->)(?:text|bytes|view)\(\)"  # of secret_bytes, as they are read
OTHER = r"(?!\s*(?:nullptr|\d|'|\"\"|std::nullopt|[\w.]+npos|\w+\.end\(\)|[\w:]+::\w+\b(?!\()))"
BARE = [re.compile(rf"\*?\b{NAMES}\s*[=!]=(?!=){OTHER}"),
        re.compile(rf"[\w)\]]\s*[=!]=\s*\*?{NAMES}\s*[;)&|?]"),
        re.compile(rf"(?:key|hmac|secret|pass)\w*(?:\.|->)(?:text|bytes)\(\)\s*[=!]=(?!=){OTHER}"),
        re.compile(rf"[=!]=\s*\w*(?:key|hmac|secret|pass)\w*(?:\.|->)(?:text|bytes)\(\)")]
SIZE = re.compile(r"_size\b|\.size\(\)|_type\b|_length\b")


def without_comments(text: str) -> str:
    return re.sub(r"//[^\n]*", "", text)


def wrong_in(path: str, text: str) -> List[str]:
    found = []
    early = 0
    for number, line in enumerate(without_comments(text).splitlines(), 1):
        if EARLY.search(line):
            early += 1
        for pattern in BARE if not path.startswith("src/firewall/") else ():  # rules, no secrets
            match = pattern.search(line)
            if match and not SIZE.search(match[0]):
                found.append(f"{path}:{number}: compare it with crypto::equal_constant_time, or "
                             f"as secret_bytes: {line.strip()}")
                break
    if early != HARMLESS.get(path, 0):
        found.append(f"{path}: {early} comparisons that end at the first difference, "
                     f"{HARMLESS.get(path, 0)} of them known to be harmless: use "
                     "crypto::equal_constant_time, or say in constant_time.py why not")
    return found


def main() -> int:
    wrong: List[str] = []
    files = sorted(path for folder in ("src", "include") for path in (ROOT / folder).rglob("*.?pp"))
    for path in files:
        name = path.relative_to(ROOT).as_posix()
        wrong += wrong_in(name, path.read_text(encoding="utf-8"))
    for name, pattern in COMPARISONS.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        if not re.search(pattern, without_comments(text)):
            wrong.append(f"{name}: where is the comparison in constant time ({pattern})?")
    if len(files) < 100:
        wrong.append(f"{ROOT}: only {len(files)} files, this is not the project")
    print("\n".join(wrong) or f"{len(files)} files, {len(COMPARISONS)} places where secrets are "
                              "compared, all in constant time")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
