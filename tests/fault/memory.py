#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Memory runs out, at this allocation and at that, for one or for many, while packets are handled,
grants end, files are read again: the daemon goes on or ends with 1 and a line; it is never left
alive but deaf, and never grants what is not on record.

The program's own allocations fail in every part of its life. Those of the libraries fail while a
packet is handled, a grant ends, and the daemon does. What a reload asks of libpcap (reloads_*) fails
by hand: it does not bear all of it, see docs/reliability.md."""

import errno
import os
import signal
import sys
from typing import Callable, List, Sequence

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from faults import Call
from harness.backends import BACKENDS, Backend
from harness.failure import Failure, expect, wait_for
from harness.scenario import Lab, main
from sweep import NEXT_KNOCK, Sweep, scenario, short_knock

ALL_OF = 12  # first allocations of a part that are failed one by one; of the others a sample
SAMPLE = 12
NO_RESERVE = "Ending without cleaning up"
OURS, THEIRS = "program", "library"  # who asks for memory


def allocations(sweep: Sweep, owner: str, part: Callable[[], bool],
                prepare: Callable[[], object]) -> int:
    memory = Call("malloc", owner)
    prepare()
    before = sweep.faults.calls().get(memory, 0)
    sweep.faults.record()
    expect(part(), f"{part.__name__} does not even work with all memory")
    sweep.faults.record(False)
    return sweep.faults.calls()[memory] - before


def sample(count: int) -> List[int]:
    rest = range(ALL_OF, count, max(1, (count - ALL_OF) // SAMPLE))
    return [*range(min(ALL_OF, count)), *rest]


def short_of_memory(sweep: Sweep, owner: str, part: Callable[[], bool],
                    prepare: Callable[[], object], skip: int, times: int) -> str:
    server = sweep.server or sweep.start()
    prepare()
    mark = server.mark()
    what = f"allocation {skip} of '{part.__name__}', {times} times"
    with sweep.faults.failing("malloc", owner, error=errno.ENOMEM, skip=skip, times=times,
                              must=False) as fault:
        try:
            well = part()
        except Failure:
            if server.running():
                raise
            well = False
    if fault.struck == 0:
        return "not reached"
    # It may be about to end.
    if not server.running() or (not sweep.knock(NEXT_KNOCK) and not server.running()):
        sweep.ended_well(what, mark)
        if NO_RESERVE not in server.log():
            sweep.nothing_left(what)
            return "ended in order"
        sweep.start()  # takes care of what is left
        sweep.end()
        sweep.nothing_left(f"{what}, after another start")
        return "ended at once"
    expect(sweep.opened(1), f"{what}: the knock after it opened nothing; the daemon said:\n"
                            + server.log()[mark:])
    sweep.healthy(what)
    mark = server.mark()
    server.send(signal.SIGUSR1)
    server.wait_log("Packets on record", after=mark)
    return "went well" if well else "refused"


def end_without_memory(sweep: Sweep, owner: str) -> None:
    """Nothing is left in the packet filter, whichever of the allocations fails."""
    sweep.end()
    skip, struck = 0, 1
    while struck:
        server = sweep.start()
        expect(sweep.knock(), "a knock opened nothing")
        with sweep.faults.failing("malloc", owner, error=errno.ENOMEM, skip=skip, times=1,
                                  must=False) as fault:
            server.send(signal.SIGTERM)
            code = server.wait(15)
        sweep.server = None
        what = f"allocation {skip}"
        expect(code in (0, 1), f"{what}: ended with {code}\n{server.log()}")
        sweep.nothing_left(f"{what}\n{server.log()}")
        struck = fault.struck
        skip += 1 if skip < ALL_OF else SAMPLE
    expect(skip > 1, "nothing failed")
    print(f"        {skip} or more allocations", flush=True)


PARTS = ("knock", "expire", "reload", "end")


def shortage(lab: Lab, backend: Backend, owner: str, parts: Sequence[str]) -> None:
    sweep = Sweep(lab, backend)
    try:
        sweep.start()
        expect(sweep.knock(), "the first knock opened nothing")

        def knock() -> bool:
            """Where a library in C had no memory the packet is counted, and nothing is said."""
            return sweep.knock(1.5)
        for part, prepare in ((knock, lambda: None),
                              (sweep.expire, lambda: short_knock(sweep)),
                              (sweep.reload, lambda: None)):
            if part.__name__ not in parts:
                continue
            sweep.server or sweep.start()
            count = allocations(sweep, owner, part, prepare)
            for times in (1, 20):
                said: dict = {}
                with lab.case(f"{part.__name__}: {count} allocations, {times} fail at a time"):
                    for skip in sample(count) if part != sweep.expire else sample(count)[::5]:
                        try:
                            became = short_of_memory(sweep, owner, part, prepare, skip, times)
                        except Failure:
                            if sweep.server is not None and sweep.server.running():
                                sweep.server.kill()
                            sweep.server = None
                            backend.close_host(lab.net)
                            raise
                        said[became] = said.get(became, 0) + 1
                    print(f"        {said}", flush=True)
                    expect(sum(said.values()) - said.get("not reached", 0) > 0, "nothing failed")
        if "end" in parts:
            with lab.case("the end"):
                end_without_memory(sweep, owner)
    finally:
        sweep.end()
    wait_for("nothing to be left", lambda: not backend.ours(lab.net.gateway), 5)


def program(lab: Lab, backend: Backend) -> None:
    """The daemon's own code gets no memory, in every part of its life."""
    shortage(lab, backend, OURS, PARTS)


def libraries(lab: Lab, backend: Backend) -> None:
    """A library gets no memory, but for a reload."""
    shortage(lab, backend, THEIRS, [part for part in PARTS if part != "reload"])


def reloads(lab: Lab, backend: Backend) -> None:
    """A library gets no memory while the configuration is read again."""
    shortage(lab, backend, THEIRS, ["reload"])


if __name__ == "__main__":
    sys.exit(main([scenario(function, backend) for backend in BACKENDS
                   for function in (program, libraries, reloads)]))
