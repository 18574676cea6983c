#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""--wait: the client knocks, and comes back when the door is open, or says that it stays shut."""

import os
import sys
import threading
from typing import List

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from harness.failure import expect, wait_for
from harness.namespaces import Namespace, Network
from harness.processes import Completed
from harness.programs import Keys, stanza
from harness.scenario import Lab, main
from harness.traffic import connect, echo_service, echoes, reachable

PORT = 22


def knock_and_wait(lab: Lab, seconds: int, *, destination: str = Network.gateway4,
                   allow: str = Network.client4, keys: Keys = Keys()) -> Completed:
    return lab.client.run(keys, "-A", f"udp/53,tcp/{PORT}", "-a", allow, f"--wait={seconds}", "-v",
                          destination=destination)


def datagrams_sent(namespace: Namespace) -> int:
    names, values = [line.split() for line in namespace.run("cat", "/proc/net/snmp").splitlines()
                     if line.startswith("Udp:")]
    return int(values[names.index("OutDatagrams")])


def door_opens(lab: Lab) -> None:
    """Exit status 0, and the very next connection gets in, over both families."""
    net = lab.net
    with echo_service(net.gateway, PORT), lab.serve(stanza(Keys(), FW_ACCESS_TIMEOUT=60)):
        for destination, allow in ((Network.gateway4, Network.client4),
                                   (Network.gateway6, Network.client6)):
            with lab.case(f"to {destination}"):
                expect(not reachable(net.client, destination, PORT), "open before the knock")
                done = knock_and_wait(lab, 20, destination=destination, allow=allow)
                done.succeeded()
                expect(f"tcp/{PORT} of {destination} is open after " in done.out, done.out)
                made = connect(net.client, destination, PORT)
                expect(made is not None and echoes(made), "shut after the client said open")
                made.close()  # type: ignore[union-attr]


def door_stays_shut(lab: Lab) -> None:
    """Exit status 2 and a line that says so, when the server does not take the packet."""
    with echo_service(lab.net.gateway, PORT), \
            lab.serve(stanza(Keys(), FW_ACCESS_TIMEOUT=60)):
        with lab.case("a key that the server has not"):
            done = knock_and_wait(lab, 2, keys=Keys(hmac="another"))
            expect(done.code == 2, f"exit status {done.code}\n{done.out}")
            expect(f"tcp/{PORT} of {Network.gateway4} is still shut after 2 s" in done.err,
                   done.err)
            expect(not lab.rules(), "a rule was made")


def packet_is_lost(lab: Lab) -> None:
    """Nobody listens when the first packet comes; the second one opens."""
    done: List[Completed] = []
    with echo_service(lab.net.gateway, PORT):
        # The second packet goes out at half time.
        client = threading.Thread(target=lambda: done.append(knock_and_wait(lab, 16)))
        client.start()
        try:
            packets = wait_for("the first packet", lambda: datagrams_sent(lab.net.client), 5)
            with lab.serve(stanza(Keys(), FW_ACCESS_TIMEOUT=60)):
                client.join()
                with lab.case("the second packet opened"):
                    done[0].succeeded()
                    expect(len(lab.rules()) == 2, "\n".join(r.text for r in lab.rules()))
                    expect(datagrams_sent(lab.net.client) > packets, "no second packet")
        finally:
            client.join()


if __name__ == "__main__":
    sys.exit(main([door_opens, door_stays_shut, packet_is_lost]))
