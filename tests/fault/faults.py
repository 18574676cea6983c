# SPDX-License-Identifier: Apache-2.0
"""Faults on demand: the test's side of boundary.hpp.

A fault that was asked for and never struck is a failure: nothing was tested then."""

import contextlib
import mmap
import os
import struct
from typing import Dict, Iterator, NamedTuple, Optional, Tuple

from harness.failure import Failure, Missing, wait_for
from harness.processes import SANITIZER_ENVIRONMENT

HALF = -1  # in the place of an errno: half of the bytes are written
FOR_EVER = 1_000_000

# boundary.hpp has the same numbers, and checks them when it is compiled.
MAGIC = 0x544c4146
HEAD = struct.Struct("<IIqII")
RULE = struct.Struct("<24s72siIIIII")
CALL = struct.Struct("<24s72sI")
MAX_RULES, MAX_CALLS = 8, 500
SIZE = HEAD.size + MAX_RULES * RULE.size + MAX_CALLS * CALL.size


class Call(NamedTuple):
    """A boundary: a function, and what it is called for."""
    function: str
    place: str

    def __str__(self) -> str:
        return f"{self.function}({self.place})"


class Rule:
    """Calls that fail; see boundary.hpp."""

    def __init__(self, memory: mmap.mmap, number: int, what: str):
        self.memory_, self.at_, self.what = memory, HEAD.size + number * RULE.size, what

    @property
    def seen(self) -> int:
        return RULE.unpack_from(self.memory_, self.at_)[5]

    @property
    def struck(self) -> int:
        return RULE.unpack_from(self.memory_, self.at_)[6]

    def wait(self, times: int = 1, timeout: float = 10.0) -> None:
        wait_for(f"{self.what} to fail {times} times", lambda: self.struck >= times, timeout)


class Faults:
    """The board of one daemon."""

    def __init__(self, root: str, name: str = "board"):
        library = os.environ.get("FWKNOP_FAULTS", "")
        if not os.access(library, os.R_OK):
            raise Missing(f"missing: the library of faults ({library or 'no path given'}): build "
                          "the target fault_boundary and name it with FWKNOP_FAULTS")
        path = os.path.join(root, name)
        with open(path, "wb") as file:
            file.truncate(SIZE)
        with open(path, "r+b") as file:
            self.memory_ = mmap.mmap(file.fileno(), SIZE)
        struct.pack_into("<I", self.memory_, 0, MAGIC)
        self.used_ = 0
        # A sanitizer wants to come first, and gets every call all the same.
        self.environment: Dict[str, str] = {
            "LD_PRELOAD": os.path.abspath(library), "FWKNOP_FAULT_FILE": path,
            "ASAN_OPTIONS": SANITIZER_ENVIRONMENT["ASAN_OPTIONS"] + ":verify_asan_link_order=0"}

    @contextlib.contextmanager
    def failing(self, function: str, place: str = "", *, error: int, skip: int = 0,
                times: int = FOR_EVER, must: bool = True) -> Iterator[Rule]:
        """While this lasts, `times` calls fail after `skip` of them."""
        number, self.used_ = self.used_, self.used_ + 1
        if number == MAX_RULES:
            raise Failure("too many faults at once")
        rule = Rule(self.memory_, number, f"{function}({place})")
        RULE.pack_into(self.memory_, rule.at_, function.encode(), place.encode(), error, skip,
                       times, 0, 0, 0)
        self.active_(rule, True)
        try:
            yield rule
            if must and rule.struck == 0:
                raise Failure(f"{rule.what} was never made to fail: it was called {rule.seen} "
                              "times")
        finally:
            self.active_(rule, False)
            self.used_ = number

    def active_(self, rule: Rule, yes: bool) -> None:
        struct.pack_into("<I", self.memory_, rule.at_ + RULE.size - 4, yes)

    def step_clock(self, seconds: int) -> None:
        """The system clock of the daemon is wrong by so much from now on."""
        struct.pack_into("<q", self.memory_, 8, seconds)

    def record(self, yes: bool = True) -> None:
        struct.pack_into("<I", self.memory_, 4, yes)

    def calls(self) -> Dict[Call, int]:
        """What was called while it was recorded, and how often."""
        used = HEAD.unpack_from(self.memory_, 0)[4]
        if used == MAX_CALLS:
            raise Failure("more boundaries than the board has room for")
        found = {}
        for number in range(used):
            function, place, count = CALL.unpack_from(
                self.memory_, HEAD.size + MAX_RULES * RULE.size + number * CALL.size)
            found[Call(text(function), text(place))] = count
        return found


def text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode()
