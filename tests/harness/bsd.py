# SPDX-License-Identifier: Apache-2.0
"""pfctl and ipfw, as the stand-ins in standins/ play them, each in a folder of its own."""

import fcntl
import json
import os
import subprocess
from typing import Any, Dict, List, NamedTuple, Optional

from .namespaces import die_with_parent

STANDINS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "standins")


class Call(NamedTuple):
    """One run of a stand-in."""
    arguments: List[str]
    input: str
    code: int
    errors: str
    trouble: str


class StandIn:
    """A program that the daemon takes for the packet filter's."""

    def __init__(self, name: str, root: str):
        self.name = name
        self.folder = os.path.join(root, f"standin-{name}")
        os.makedirs(self.folder)
        self.path = os.path.join(self.folder, name)
        os.symlink(os.path.join(STANDINS, name), self.path)

    def run(self, *arguments: str, text: str = "") -> "subprocess.CompletedProcess[str]":
        """As an administrator would."""
        return subprocess.run([self.path, *arguments], input=text, text=True, check=False, cwd="/",
                              env={"PATH": "/usr/bin", "LC_ALL": "C"}, capture_output=True,
                              timeout=30, preexec_fn=die_with_parent)

    def state(self) -> Dict[str, Any]:
        with open(self.path + ".state", encoding="utf-8") as file:
            return json.load(file)

    def change(self, **values: Any) -> None:
        """Sets parts of what it holds."""
        if not os.path.exists(self.path + ".state"):
            self.run(*(("-s", "rules") if self.name == "pfctl" else ("list",)))
            self.forget()
        with open(self.path + ".lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = {**self.state(), **values}
            with open(self.path + ".state.new", "w", encoding="utf-8") as file:
                json.dump(state, file)
            os.replace(self.path + ".state.new", self.path + ".state")

    def calls(self) -> List[Call]:
        if not os.path.exists(self.path + ".calls"):
            return []
        with open(self.path + ".calls", encoding="utf-8") as file:
            return [Call(**json.loads(line)) for line in file]

    def forget(self) -> None:
        """Begins a new transcript."""
        if os.path.exists(self.path + ".calls"):
            os.unlink(self.path + ".calls")

    def trouble(self, kind: Optional[str]) -> None:
        """See standins/standin.py; none: it behaves."""
        path = self.path + ".trouble"
        if kind is None:
            if os.path.exists(path):
                os.unlink(path)
            return
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write(kind)
        os.replace(path + ".new", path)

    def anchor(self, name: str = "fwknop") -> List[str]:
        """The rules of a pf anchor, as pfctl lists them."""
        return [line for _, line in self.state()["anchors"].get(name, [])]

    def set(self, number: int) -> List[str]:
        """The rules of a set of ipfw: number and text."""
        return [f"{rule['number']} {rule['text']}" for rule in self.state()["rules"]
                if rule["set"] == number]
