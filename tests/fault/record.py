#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The replay file cannot be written, or the clock is set: nothing is granted that is not on record,
nothing is granted twice, and nothing stays open longer than it should."""

import contextlib
import errno
import os
import re
import resource
import signal
import sys
import time
from typing import List

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from faults import FOR_EVER, HALF, Faults
from harness.failure import expect, wait_for
from harness.namespaces import Network
from harness.programs import Keys, Server, stanza
from harness.scenario import Lab, main
from harness.traffic import send_udp

KEYS = Keys()
ACCESS = stanza(KEYS, FW_ACCESS_TIMEOUT=60)
REFUSED = r"refused because it could not be recorded in the replay file: "
HOUR = 3600


def records(server: Server) -> List[str]:
    with open(server.replay_file, encoding="ascii") as file:
        return [line for line in file.read().splitlines() if not line.startswith("#")]


def ports(lab: Lab) -> List[str]:
    return sorted(str(rule.port) for rule in lab.rules())


def disk(lab: Lab) -> None:
    """Every way in which the replay file fails: refused, told, and well again afterwards."""
    faults = Faults(lab.root)
    port = 7000
    with lab.serve(ACCESS, extra_environment=faults.environment) as server:
        lab.fence(server, KEYS, port)
        for name, function, error, words in (
                ("a full disk", "write", errno.ENOSPC, "No space left on device"),
                ("a quota", "write", errno.EDQUOT, "Disk quota exceeded"),
                ("a disk that takes half of a line", "write", HALF, "No space left on device"),
                ("a disk that loses what it took", "fdatasync", errno.EIO, "Input/output error"),
                ("a file system gone read-only", "write", errno.EROFS, "Read-only file system"),
                ("a file that cannot be looked at", "fstat", errno.EIO, "Input/output error")):
            with lab.case(f"{name}: refused, and the line says why"):
                port += 2
                before, mark = records(server), server.mark()
                packet = lab.client.packet(KEYS, f"tcp/{port}")
                with contextlib.ExitStack() as stack:
                    stack.enter_context(faults.failing(function, "digest.cache", error=error,
                                                       times=1 if error == HALF else FOR_EVER))
                    if error == HALF:  # then nothing at all; what is there must be cut off again
                        stack.enter_context(faults.failing("write", "digest.cache",
                                                           error=errno.ENOSPC))
                    send_udp(lab.net.client, Network.gateway4, packet)
                    server.wait_log(REFUSED + words, after=mark)
                lab.fence(server, KEYS, port + 1)
                expect(str(port) not in ports(lab), "it opened all the same")
                # Half a line of before has been cut off or ended, and the new one is whole.
                fresh = records(server)
                expect(fresh[:len(before)] == before, "what was on record is not any more")
                expect(all(len(line.split()) == 7 for line in fresh), "\n".join(fresh))
            with lab.case(f"{name}: the packet that was refused is not good any more"):
                # Replays have few lines for each minute: the next good knock tells that it was seen.
                send_udp(lab.net.client, Network.gateway4, packet)
                lab.fence(server, KEYS, port + 100)
                expect(str(port) not in ports(lab), "it opened")
        with lab.case("a whole batch is refused, and no other"):
            packets = [lab.client.packet(KEYS, f"tcp/{7200 + number}") for number in range(5)]
            with faults.failing("fdatasync", "digest.cache", error=errno.EIO):
                mark = server.mark()
                for packet in packets:
                    send_udp(lab.net.client, Network.gateway4, packet)
                wait_for("five refusals", lambda: len(re.findall(
                    REFUSED, server.log()[mark:])) == 5)
            lab.fence(server, KEYS, 7210)
            expect(not [each for each in ports(lab) if each.startswith("720")], f"{ports(lab)}")
        with lab.case("as many lines on record as grants, at least"):
            granted = len(re.findall("^Added access rule", server.log(), re.MULTILINE))
            expect(len(records(server)) >= granted, f"{granted} grants, {len(records(server))}")
    with lab.case("the next start reads it without a complaint"), \
            lab.serve(ACCESS, run_directory=server.run_directory) as again:
        expect("invalid digest file entry" not in again.log(), again.log())


def removed(lab: Lab) -> None:
    """Somebody removes the replay file, and writing a new one fails: refused until it works."""
    faults = Faults(lab.root)
    with lab.serve(ACCESS, extra_environment=faults.environment) as server:
        lab.fence(server, KEYS, 7200)
        for number, (function, place, error) in enumerate((
                ("open", "digest.cache.new", errno.EMFILE),
                ("write", "digest.cache.new", errno.ENOSPC),
                ("fsync", "digest.cache.new", errno.EIO),
                ("rename", "digest.cache.new", errno.EIO),
                ("fsync", "run", errno.EIO))):
            with lab.case(f"{function} of {place}"):
                if os.path.exists(server.replay_file):
                    os.unlink(server.replay_file)
                port, mark = 7201 + 2 * number, server.mark()
                with faults.failing(function, place, error=error):
                    lab.client.knock(KEYS, f"tcp/{port}")
                    server.wait_log(REFUSED, after=mark)
                expect(not os.path.exists(server.replay_file + ".new"), "a half-written file stays")
                lab.fence(server, KEYS, port + 1)
                expect(str(port) not in ports(lab), "it opened all the same")
        with lab.case("all that was ever accepted is on record again"):
            # A fence for each fault, the first one, and those that were refused.
            expect(len(records(server)) == 11, "\n".join(records(server)))


def real_limit(lab: Lab) -> None:
    """The kernel's own refusal, by a limit on the size of files: no stand-in."""
    with lab.serve(ACCESS) as server:
        lab.fence(server, KEYS, 7250)
        size = os.path.getsize(server.replay_file)
        before = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
        with lab.case("refused"):
            # The log is a file as well, and can be written no more: the rules tell.
            mark = server.mark()
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size, before[1]))
            lab.client.knock(KEYS, "tcp/7251")
            server.send(signal.SIGUSR1)
            time.sleep(0.5)
            expect("7251" not in ports(lab), "it opened")
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, before)
        with lab.case("well again, and the log goes on after its own trouble"):
            lab.fence(server, KEYS, 7252)
            server.wait_log("Added access rule to .* tcp/7252", after=mark)


def clock_forward(lab: Lab) -> None:
    """An hour forward: old packets stay replays, grants end in their own time."""
    clock(lab, HOUR)


def clock_back(lab: Lab) -> None:
    """An hour back: the same, and nothing stays open for an hour."""
    clock(lab, -HOUR)


def clock(lab: Lab, step: int) -> None:
    faults = Faults(lab.root)
    offset = ["--time-offset-plus" if step > 0 else "--time-offset-minus", "60min"]
    with lab.serve(stanza(KEYS, FW_ACCESS_TIMEOUT=60),
                   extra_environment=faults.environment) as server:
        first = lab.client.packet(KEYS, "tcp/7300", "-f", "6")
        send_udp(lab.net.client, Network.gateway4, first)
        lab.wait_rule(server, "tcp/7300")
        opened = time.monotonic()
        unused = lab.client.packet(KEYS, "tcp/7301")
        faults.step_clock(step)
        with lab.case("a packet of the right time is too old, or too new, and the line says so"):
            mark = server.mark()
            send_udp(lab.net.client, Network.gateway4, unused)
            server.wait_log(r"SPA data time difference is too great \((3[56]\d\d) seconds\)",
                            after=mark)
        with lab.case("what was accepted before the step is a replay after it"):
            mark = server.mark()
            send_udp(lab.net.client, Network.gateway4, first)
            server.wait_log("Replay detected", after=mark)
        with lab.case("who has the same clock gets in"):
            second = lab.client.packet(KEYS, "tcp/7302", "-f", "6", *offset)
            send_udp(lab.net.client, Network.gateway4, second)
            rule = lab.wait_rule(server, "tcp/7302")
            reopened = time.monotonic()
            expect(abs((rule.expires or 0) - (time.time() + step + 6)) < 5, rule.text)
        with lab.case("a grant of before the step ends in its own time"):
            wait_for("its end", lambda: "7300" not in ports(lab), 12)
            lasted = time.monotonic() - opened
            expect(4 < lasted, f"it lasted {lasted:.1f} s, not 6")
        with lab.case("and so does one of after it"):
            faults.step_clock(0)
            wait_for("its end", lambda: "7302" not in ports(lab), 12)
            lasted = time.monotonic() - reopened
            expect(4 < lasted, f"it lasted {lasted:.1f} s, not 6")
        with lab.case("back in the right time: replays of both times are still known"):
            for packet in (first, second):
                mark = server.mark()
                send_udp(lab.net.client, Network.gateway4, packet)
                server.wait_log("Replay detected", after=mark)
            expect(not ports(lab), f"{ports(lab)}")
        with lab.case("the next knock opens"):
            lab.fence(server, KEYS, 7303)
    with lab.case("a start in another time knows all replays"):
        faults.step_clock(step)
        with lab.serve(ACCESS, extra_environment=faults.environment,
                       run_directory=server.run_directory) as again:
            for packet in (first, second):
                mark = again.mark()
                send_udp(lab.net.client, Network.gateway4, packet)
                again.wait_log("Replay detected", after=mark)
            expect(not ports(lab), f"{ports(lab)}")
        faults.step_clock(0)


if __name__ == "__main__":
    sys.exit(main([disk, removed, real_limit, clock_forward, clock_back]))
