# SPDX-License-Identifier: Apache-2.0
"""What the stand-ins of packet filters' programs share.

A stand-in is used through a symbolic link in a folder of the test's own, where it keeps what it
holds (`<name>.state`) and a transcript of all calls (`<name>.calls`, a JSON object per line). A
file `<name>.trouble` makes it misbehave: `hang`, `flood`, `fail`, `denied` or `break N`, which is
to fail at the Nth line of a script. Before a word `next`, it does so once."""

import fcntl
import json
import os
import sys
import time
from typing import Any, Callable, Dict, List


class Refused(Exception):
    """What the real program would not take; its text is what it says."""

    def __init__(self, text: str, code: int = 1):
        super().__init__(text)
        self.code = code


class Place:
    """The folder and the name by which the program was called."""

    def __init__(self) -> None:
        self.path = os.path.abspath(sys.argv[0])
        self.name = os.path.basename(self.path)
        self.breaks_at = 0

    def trouble(self) -> str:
        path = self.path + ".trouble"
        if not os.path.exists(path):
            return ""
        with open(path, encoding="ascii") as file:
            words = file.read().split()
        if words[:1] == ["next"]:
            os.unlink(path)
            words = words[1:]
        if words[:1] == ["break"]:
            self.breaks_at = int(words[1])
            return ""
        return " ".join(words)

    def load(self, empty: Dict[str, Any]) -> Dict[str, Any]:
        try:
            with open(self.path + ".state", encoding="utf-8") as file:
                return json.load(file)
        except FileNotFoundError:
            return empty

    def store(self, state: Dict[str, Any]) -> None:
        temporary = f"{self.path}.state.{os.getpid()}"
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(state, file, indent=1)
        os.replace(temporary, self.path + ".state")

    def note(self, call: Dict[str, Any]) -> None:
        with open(self.path + ".calls", "a", encoding="utf-8") as file:
            file.write(json.dumps(call) + "\n")


def check_surroundings() -> None:
    """Children of the daemon have an empty environment, and / as working directory."""
    odd = set(os.environ) - {"PATH", "LC_ALL", "LC_CTYPE"}  # Python adds the last one itself
    if odd or os.environ.get("LC_ALL") != "C" or os.getcwd() != "/":
        raise Refused(f"not run as it should be: {sorted(odd)} in {os.getcwd()}", 70)


def run(work: Callable[[Place, List[str], str, Dict[str, Any]], str], empty: Dict[str, Any]) -> int:
    """Does one call under a lock. `work` changes the state it is given and returns what to print."""
    place = Place()
    arguments = sys.argv[1:]
    with open(place.path + ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        trouble = place.trouble()
        text = sys.stdin.read() if {"-", "/dev/stdin"} & set(arguments) else ""
        call: Dict[str, Any] = {"arguments": arguments, "input": text, "trouble": trouble}
        code, out, err = 0, "", ""
        state = place.load(empty)
        if trouble in ("hang", "flood", "fail", "denied"):
            code = 1
            err = {"fail": "internal error", "denied": denied(place.name)}.get(trouble, "")
        else:
            try:
                check_surroundings()
                out = work(place, arguments, text, state)
            except Refused as refused:
                code, err = refused.code, str(refused)
            place.store(state)
        call["code"] = code
        call["errors"] = err
        place.note(call)
    if trouble == "hang":
        time.sleep(100)
    if trouble == "flood":
        for _ in range(40 * 1024):
            sys.stdout.write("x" * 1023 + "\n")
            sys.stderr.write("y" * 1023 + "\n")
        code = 0
    sys.stdout.write(out)
    if err:
        sys.stderr.write(f"{place.name}: {err}\n")
    return code


def denied(name: str) -> str:
    return "/dev/pf: Permission denied" if name == "pfctl" else "socket: Operation not permitted"
