#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every call by which the daemon meets the system fails once, in every part of its life.

Which calls these are is not written down here: a first run records them. Whatever fails, the daemon
goes on and the next knock opens, or it ends with a status other than 0, a line that says why, and
no rule left; it never grants what is not on record, loses no descriptor, leaves no child and does
not spin."""

import errno
import os
import re
import signal
import sys
import time
from typing import Callable, Dict, List, NamedTuple, Optional

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from faults import FOR_EVER, Call, Faults
from harness import vitals
from harness.backends import BACKENDS, Backend
from harness.failure import Failure, expect, wait_for
from harness.namespaces import Network
from harness.programs import Keys, Server, stanza, write_private
from harness.scenario import Lab, main

KEYS = Keys()
SECONDS = 1  # that a grant lasts
ACCESS = stanza(KEYS, FW_ACCESS_TIMEOUT=SECONDS)
NEXT_KNOCK = 10.0  # seconds for the one after the fault; a repair may be under way
PORTS = "tcp/22,tcp/7000-7999"

# What the kernel says when it fails such a call, other than for arguments that are wrong.
ERRORS: Dict[str, int] = {
    "open": errno.EMFILE, "read": errno.EIO, "pread": errno.EIO, "write": errno.ENOSPC,
    "fsync": errno.EIO, "fdatasync": errno.EIO, "ftruncate": errno.EIO, "fstat": errno.EIO,
    "rename": errno.EIO, "unlink": errno.EROFS, "mkdir": errno.ENOSPC, "lseek": errno.EIO,
    "socket": errno.EMFILE, "bind": errno.ENOMEM, "listen": errno.EADDRINUSE,
    "accept": errno.EMFILE, "setsockopt": errno.ENOMEM, "getsockname": errno.ENOBUFS,
    "send": errno.ENOBUFS, "sendto": errno.ENOBUFS, "sendmsg": errno.ENOBUFS,
    "recv": errno.ENOMEM, "recvfrom": errno.ENOBUFS, "recvmsg": errno.ENOBUFS,
    "dup": errno.EMFILE, "fcntl": errno.EMFILE, "pipe": errno.EMFILE, "pipe2": errno.EMFILE,
    "memfd_create": errno.EMFILE, "eventfd": errno.EMFILE, "timerfd_create": errno.EMFILE,
    "epoll_create1": errno.EMFILE, "epoll_ctl": errno.ENOSPC, "epoll_wait": errno.EINTR,
    "poll": errno.ENOMEM, "pidfd_open": errno.EMFILE, "ioctl": errno.ENODEV,
    "fork": errno.EAGAIN, "execve": errno.ENOENT, "posix_spawn": errno.EAGAIN,
    "pthread_create": errno.EAGAIN, "mmap": errno.ENOMEM,
}
# These have scenarios of their own, or fail for wrong arguments only.
LEFT_OUT = {"malloc": "memory.py", "timerfd_settime": "wrong arguments only"}
# Boost.Asio does not tell when the pipe that its signals come by cannot be waited for, which is the
# first registration of all: a shortage that lasts ends the start at the second.
UNTOLD = Call("epoll_ctl", "pipe")
PIPES_KNOW_NO_ERRORS = {Call("read", "pipe"), Call("write", "pipe")}

SAYS_SO = re.compile(r"\[\*\]|Could not|Cannot|cannot|could not|refused because|failed|"
                     r"trying again|is lost|Internal failure|Unable|Warning: Could|Out of", re.I)
GAVE_UP = re.compile(r"Could not open the firewall|packet refused because")


def counts(call: Call) -> bool:
    return call.function not in LEFT_OUT and call not in PIPES_KNOW_NO_ERRORS


class Life(NamedTuple):
    """How a daemon is started, and how often it is looked at."""
    lab: Lab
    backend: Backend
    faults: Faults

    def serve(self, wait: bool = True) -> Server:
        return self.lab.serve(ACCESS, config=self.config(62201), wait=wait,
                              extra_environment=self.faults.environment)

    def config(self, port: int) -> Dict[str, object]:
        return {**self.backend.config(PORTS.split(",")),
                "PCAP_FILTER": f"udp port 62201 or udp port {port}"}


class Sweep:
    """One packet filter's."""

    def __init__(self, lab: Lab, backend: Backend):
        self.lab, self.backend = lab, backend
        self.faults = Faults(lab.root)
        self.life = Life(lab, backend, self.faults)
        self.server: Optional[Server] = None
        self.port = 7000
        self.filter = 62202
        self.descriptors = 0
        backend.close_host(lab.net)

    # The daemon.

    def start(self) -> Server:
        self.server = self.life.serve()
        self.descriptors = len(vitals.descriptors(self.server.pid))
        return self.server

    def end(self) -> None:
        if self.server is not None:
            with self.server:
                pass
            self.server = None

    def granted(self, port: int) -> bool:
        """Whether the packet filter lets tcp/`port` in. Grants stand in lists of their own."""
        text = self.backend.policy(self.lab.net.gateway)
        return re.search(rf"--dport {port} .*_exp_|\. {port} timeout", text) is not None

    # The parts of a life; each gives back whether it went well.

    def knock(self, timeout: float = NEXT_KNOCK) -> bool:
        self.port += 1
        mark = self.server.mark() if self.server else 0
        self.lab.client.knock(KEYS, f"tcp/{self.port}", "-f", "30")
        return self.opened(timeout, mark)

    def opened(self, timeout: float, mark: Optional[int] = None) -> bool:
        server, port = self.server, self.port
        assert server is not None
        mark = server.mark() if mark is None else mark

        def probe() -> bool:
            return self.granted(port) or not server.running() \
                or bool(GAVE_UP.search(server.log(), mark))
        try:
            wait_for("the grant", probe, timeout)
        except Failure:
            return False
        return server.running() and self.granted(port)

    def expire(self) -> bool:
        """From just before the end of a grant until it is gone."""
        server, port = self.server, self.port
        assert server is not None
        wait_for("the end of the grant",
                 lambda: not self.granted(port) or not server.running(), SECONDS + 12)
        return server.running()

    def reload(self) -> bool:
        """With another filter, so that the interface is opened anew."""
        server = self.server
        assert server is not None
        self.filter += 1
        write_private(server.config, "".join(f"{name} {value};\n" for name, value in
                                             self.life.config(self.filter).items()))
        mark = server.mark()
        server.send(signal.SIGHUP)
        told = server.wait_log(r"is in force|stays in force", after=mark)
        return "is in force" in told.group(0)

    # What must be true after each fault.

    def ended_well(self, what: str, mark: int) -> None:
        server = self.server
        assert server is not None
        code = server.wait(15)
        log = server.log()
        expect(code == 1, f"{what}: ended with {code}\n{log}")
        expect(SAYS_SO.search(log, mark), f"{what}: ended without a word:\n{log[mark:]}")
        self.server = None

    def nothing_left(self, what: str) -> None:
        left = self.backend.ours(self.lab.net.gateway)
        expect(not left, f"{what}: left in the packet filter: {left}")

    def on_record(self, what: str, server: Server) -> None:
        with open(server.replay_file, encoding="ascii") as file:
            records = sum(1 for line in file if not line.startswith("#"))
        granted = len(re.findall("^Added access rule", server.log(), re.MULTILINE))
        expect(records >= granted, f"{what}: {granted} grants, {records} of them on record")

    def healthy(self, what: str) -> None:
        server = self.server
        assert server is not None
        wait_for(f"{what}: children to end", lambda: not vitals.children(server.pid), 15)
        try:
            wait_for("descriptors",
                     lambda: len(vitals.descriptors(server.pid)) == self.descriptors, 2)
        except Failure:
            raise Failure(f"{what}: {self.descriptors} descriptors before, now "
                          f"{sorted(vitals.descriptors(server.pid).values())}") from None
        before = vitals.own_cpu(server.pid)
        time.sleep(0.1)
        used = vitals.own_cpu(server.pid) - before
        expect(used < 0.05, f"{what}: used {used:.3f} s of CPU in 0.1 s of nothing to do")
        self.on_record(what, server)

    def fail_once(self, call: Call, part: Callable[[], bool], prepare: Callable[[], object],
                  skip: int = 0) -> str:
        """What became of it, in a word."""
        server = self.server or self.start()
        prepare()
        mark = server.mark()
        what = f"{call} in '{part.__name__}'"
        with self.faults.failing(call.function, call.place, error=ERRORS[call.function], skip=skip,
                                 times=1, must=False) as fault:
            well = part()
        if fault.struck == 0:
            return "not called"
        if not server.running():
            self.ended_well(what, mark)
            self.nothing_left(what)
            return "ended"
        if not well:
            expect(SAYS_SO.search(server.log(), mark),
                   f"{what}: went wrong without a word:\n{server.log()[mark:]}")
        expect(self.knock(), f"{what}: the knock after it opened nothing; the daemon said:\n"
                             + server.log()[mark:])
        self.healthy(what)
        return "went well all the same" if well else "refused"


def attempt(sweep: Sweep, lab: Lab, part: Callable[[], bool], call: Call,
            prepare: Callable[[], object]) -> None:
    with lab.case(f"{part.__name__}: {call}"):
        try:
            said = sweep.fail_once(call, part, prepare)
            print(f"        {said}", flush=True)
        except Failure:
            # The next one gets a daemon of its own.
            if sweep.server is not None and sweep.server.running():
                sweep.server.kill()
            sweep.server = None
            raise


def recorded(sweep: Sweep, part: Callable[[], bool], prepare: Callable[[], object]) -> List[Call]:
    prepare()
    before = sweep.faults.calls()
    sweep.faults.record()
    expect(part(), f"{part.__name__} does not even work without a fault")
    time.sleep(0.2)  # what follows
    sweep.faults.record(False)
    return [call for call, count in sorted(sweep.faults.calls().items())
            if count > before.get(call, 0) and counts(call)]


def short_knock(sweep: Sweep) -> None:
    """A grant that is about to end."""
    sweep.port += 1
    sweep.lab.client.knock(KEYS, f"tcp/{sweep.port}")
    expect(sweep.opened(NEXT_KNOCK), "a knock opened nothing")


def running(lab: Lab, backend: Backend) -> None:
    """Faults while it runs: a knock, the end of a grant, a reload."""
    sweep = Sweep(lab, backend)
    try:
        sweep.start()
        expect(sweep.knock(), "the first knock opened nothing")
        sweep.healthy("at first")
        for part, prepare in ((sweep.knock, lambda: None),
                              (sweep.expire, lambda: short_knock(sweep)),
                              (sweep.reload, lambda: None)):
            sweep.server or sweep.start()
            calls = recorded(sweep, part, prepare)
            expect(len(calls) >= 3, f"only {calls} were recorded")
            for call in calls:
                attempt(sweep, lab, part, call, prepare)
    finally:
        sweep.end()
    sweep.nothing_left("at the end")


def starting(lab: Lab, backend: Backend) -> None:
    """Faults while it starts: it does, or it says why not and leaves nothing behind."""
    sweep = Sweep(lab, backend)
    sweep.faults.record()
    sweep.start()
    sweep.faults.record(False)
    sweep.end()
    calls = list(filter(counts, sorted(sweep.faults.calls())))
    for call in calls:
        with lab.case(f"start: {call}"):
            lasting = call == UNTOLD
            if lasting:
                call = Call("epoll_ctl", "")
            with sweep.faults.failing(call.function, call.place, error=ERRORS[call.function],
                                      times=FOR_EVER if lasting else 1):
                server = sweep.server = sweep.life.serve(wait=False)
                wait_for("it to start or to end", lambda server=server: not server.running()
                         or re.search(server.ready, server.log()), 15)
            try:
                # Some things are not tried before all the rest works.
                if server.running() and (sweep.knock() or server.running()):
                    expect(sweep.opened(1), f"{call}: started, but the knock opened nothing:\n"
                                            + server.log())
                    sweep.end()
                    print("        starts all the same", flush=True)
                else:
                    sweep.ended_well(str(call), 0)
                    print("        " + server.lines()[-1][:150], flush=True)
                sweep.nothing_left(str(call))
            except Failure:
                if server.running():
                    server.kill()
                sweep.server = None
                backend.close_host(lab.net)
                raise


def ending(lab: Lab, backend: Backend) -> None:
    """Faults while it ends: it ends, and what it could not clean up is in the log."""
    sweep = Sweep(lab, backend)
    sweep.start()
    expect(sweep.knock(), "a knock opened nothing")
    sweep.faults.record()
    sweep.end()
    sweep.faults.record(False)
    calls = list(filter(counts, sorted(sweep.faults.calls())))
    for call in calls:
        with lab.case(f"end: {call}"):
            server = sweep.start()
            expect(sweep.knock(), "a knock opened nothing")
            with sweep.faults.failing(call.function, call.place, error=ERRORS[call.function],
                                      times=1):
                server.send(signal.SIGTERM)
                try:
                    code = server.wait(15)
                except Failure:
                    server.kill()
                    raise
            sweep.server = None
            left = backend.ours(lab.net.gateway)
            print(f"        {code}, {len(left)} lines left", flush=True)
            expect(not left or (code == 1 and SAYS_SO.search(server.log())),
                   f"{call}: ended with {code}, left {left}:\n{server.log()}")
            if left:  # the next start takes care of it
                sweep.start()
                sweep.end()
                sweep.nothing_left(f"{call}, after another start")


def scenario(function: Callable[[Lab, Backend], None], backend: Backend) -> Callable[[Lab], None]:
    def run(lab: Lab) -> None:
        function(lab, backend)
    run.__name__ = f"{function.__name__}_{backend.name}"
    run.__doc__ = function.__doc__
    return run


if __name__ == "__main__":
    sys.exit(main([scenario(function, backend) for backend in BACKENDS
                   for function in (starting, running, ending)]))
