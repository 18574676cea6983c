# SPDX-License-Identifier: Apache-2.0
"""One test script: named scenarios, each a function of a Lab.

    python3 tests/interop/knocks.py digests --client debian --server ours
"""

import argparse
import contextlib
import inspect
import os
import shutil
import signal
import sys
import tempfile
import time
from typing import Callable, Dict, Iterator, List, Optional, Sequence

from . import firewall
from .failure import Failure, expect, wait_for
from .namespaces import Network
from .processes import indented
from .programs import (DEBIAN, OURS, Client, Keys, Knock, Programs, Server, other_programs,
                       require_tools)

# A rule's second is fixed when the daemon decides; the clock may have moved since the client ran.
EXPIRY_SLACK = 2.0


class Lab:
    """A private network, a client and a server kind, and what they said so far."""

    def __init__(self, programs: Programs, client: str, server: str, root: str):
        self.programs = programs
        self.client_kind, self.server_kind = client, server
        self.root = root
        self.net = Network()
        self.failures: List[str] = []
        self.cases = 0
        self.client = Client(programs.path(client, server=False), root=root,
                             namespace=self.net.client)

    @property
    def ours(self) -> bool:
        """Whether the server under test is ours."""
        return self.server_kind == OURS

    def serve(self, access: str, **options: object) -> Server:
        return Server(self.programs.path(self.server_kind, server=True), access, root=self.root,
                      namespace=self.net.gateway, **options)  # type: ignore[arg-type]

    def rules(self, v6: bool = False) -> List[firewall.Rule]:
        return firewall.rules(self.net.gateway, v6)

    @contextlib.contextmanager
    def case(self, name: str) -> Iterator[None]:
        """One claim of a batch: its failure is told and the others still run."""
        self.cases += 1
        try:
            yield
            print(f"  ok    {name}", flush=True)
        except Failure as failure:
            self.failures.append(name)
            print(f"  FAIL  {name}\n{indented(str(failure))}", flush=True)

    def wait_rule(self, server: Server, service: str, *, source: Optional[str] = None,
                  v6: bool = False, timeout: float = 10.0) -> firewall.Rule:
        """The grant for `tcp/22` or the like, once the packet filter holds it."""
        def probe() -> Optional[firewall.Rule]:
            return next((rule for rule in self.rules(v6) if rule.service == service
                         and source in (None, rule.source)), None)
        mark = server.mark()
        try:
            return wait_for(f"a rule for {service}", probe, timeout)
        except Failure as failure:
            raise Failure(f"{failure}; rules:\n"
                          + indented("\n".join(rule.text for rule in self.rules(v6)))
                          + f"\nthe daemon said (last lines, {mark} characters before):\n"
                          + indented(server.log(), 15)) from None

    def close(self) -> None:
        self.net.__exit__()

    def fence(self, server: Server, keys: Keys, port: int) -> None:
        """A good knock and its rule: everything sent before it has been decided."""
        self.client.knock(keys, f"tcp/{port}")
        self.wait_rule(server, f"tcp/{port}")


def expect_rule(rule: firewall.Rule, knock: Knock, seconds: float, *,
                source: str = Network.client4 + "/32") -> None:
    expect(rule.source == source, f"the rule is for {rule.source}, not {source}: {rule.text}")
    expect(rule.target == "ACCEPT", f"the rule does not accept: {rule.text}")
    expect(rule.destination is None, f"the rule names a destination: {rule.text}")
    low, high = knock.before + seconds - EXPIRY_SLACK, knock.after + seconds + EXPIRY_SLACK
    expect(rule.expires is not None and low <= rule.expires <= high,
           f"expires at {rule.expires}, expected {low:.0f} to {high:.0f}: {rule.text}")


Scenario = Callable[[Lab], None]


def terminate(number: int, _frame: object) -> None:
    # Unwinds the context managers, which end what was started. A second signal (timeout(1) sends
    # two) must not interrupt that.
    for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def main(scenarios: Sequence[Scenario], arguments: Optional[Sequence[str]] = None) -> int:
    known: Dict[str, Scenario] = {function.__name__: function for function in scenarios}
    parser = argparse.ArgumentParser(
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="scenarios:\n" + "\n".join(
            f"  {name:<22} {(inspect.getdoc(function) or '').splitlines()[0]}"
            for name, function in known.items()))
    parser.add_argument("scenario", nargs="+", choices=[*known, "all"])
    parser.add_argument("--client", choices=(OURS, DEBIAN), default=OURS)
    parser.add_argument("--server", choices=(OURS, DEBIAN), default=OURS)
    parser.add_argument("--ours-server", default=os.environ.get("FWKNOPD"))
    parser.add_argument("--ours-client", default=os.environ.get("FWKNOP"))
    parser.add_argument("--keep", action="store_true", help="keep the temporary directory")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, terminate)
    signal.signal(signal.SIGHUP, terminate)
    chosen = list(known) if "all" in options.scenario else options.scenario
    failed = [name for name in chosen if not run_one(known[name], options)]
    return 1 if failed else 0


def run_one(function: Scenario, options: argparse.Namespace) -> bool:
    title = f"{function.__name__}: {options.client} client, {options.server} daemon"
    root = tempfile.mkdtemp(prefix="fwknop-proof-")
    started = time.monotonic()
    problem = ""
    cases = 0
    try:
        print(title, flush=True)
        require_tools(*other_programs())
        lab = Lab(Programs(options.ours_server, options.ours_client), options.client,
                  options.server, root)
        try:
            function(lab)
        finally:
            lab.close()
        cases = lab.cases
        if lab.failures:
            problem = f"{len(lab.failures)} of {lab.cases} cases failed: " \
                      + ", ".join(lab.failures)
        elif not cases:
            problem = "the scenario checked nothing"
    except Failure as failure:
        problem = str(failure)
    finally:
        if options.keep:
            print(f"  files kept in {root}")
        else:
            shutil.rmtree(root, ignore_errors=True)
    seconds = time.monotonic() - started
    if problem:
        print(f"FAILED {title} ({seconds:.1f} s)\n{problem}", flush=True)
        return False
    print(f"passed {title}: {cases} cases in {seconds:.1f} s", flush=True)
    return True
