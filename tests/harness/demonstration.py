# SPDX-License-Identifier: Apache-2.0
"""What script/demo shows: a hidden service, one knock, and the way back to hidden.

Each step is checked as it is told; one that does not go as told ends the show with exit 1.
"""

import os
import shutil
import signal
import sys
import tempfile
import time

from .failure import Failure, expect, wait_for
from .namespaces import Network
from .programs import DEBIAN, OURS, Client, Keys, Programs, Server, other_programs, require_tools, \
    stanza
from . import firewall
from .scenario import terminate
from .traffic import connect, echo_service, echoes, reachable

PORT = 22
SECONDS = 3
NAMES = {OURS: "fwknop-ng", DEBIAN: "fwknop 2.6"}
COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def painted(code: str, text: str) -> str:
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


def told(who: str, what: str, good: bool = True) -> None:
    print(f"  {who:<14} {painted('32' if good else '31', what)}", flush=True)


def caption(text: str) -> None:
    print(painted("2", f"  … {text}"), flush=True)


def reach(network: Network, who: str, expected: bool) -> None:
    namespace = network.client if who == "client" else network.other
    got_in = reachable(namespace, Network.gateway4, PORT, 1.0 if expected else 0.4)
    told(who, f"tcp/{PORT} " + ("answers" if got_in else "is silent"), got_in == expected)
    expect(got_in == expected, f"the {who} was expected to "
                               f"{'get in' if expected else 'see nothing at all'}")


def show(programs: Programs, client_kind: str, server_kind: str, root: str) -> None:
    """One pair of programs, from hidden to hidden."""
    print(painted("1", f"\n{NAMES[client_kind]} client → {NAMES[server_kind]} daemon"))
    access = stanza(Keys(), FW_ACCESS_TIMEOUT=SECONDS, REQUIRE_SOURCE_ADDRESS="Y")
    with Network() as network, echo_service(network.gateway, PORT), \
            Server(programs.path(server_kind, server=True), access, root=root,
                   namespace=network.gateway) as server:
        caption("a service listens, the packet filter drops everything, the daemon only watches")
        reach(network, "client", False)
        reach(network, "other host", False)
        caption("one encrypted, authenticated packet; the daemon never answers")
        client = Client(programs.path(client_kind, server=False), root=root,
                        namespace=network.client)
        started = time.monotonic()
        client.knock(Keys(), f"tcp/{PORT}")
        rule = wait_for("the daemon to open", lambda: next(
            iter(firewall.rules(network.gateway)), None), 5)
        told("gateway", f"opened for {rule.source.split('/')[0]} within "
                        f"{1000 * (time.monotonic() - started):.0f} ms")
        reach(network, "client", True)
        reach(network, "other host", False)
        session = connect(network.client, Network.gateway4, PORT)
        expect(session is not None, "the client could not keep a connection")
        caption(f"the grant lasts {SECONDS} s")
        wait_for("the daemon to close", lambda: not firewall.rules(network.gateway), SECONDS + 5)
        reach(network, "client", False)
        alive = session is not None and echoes(session)
        told("client", "the connection made meanwhile " + ("lives on" if alive else "is cut"),
             alive)
        expect(alive, "an established connection must survive")
        server.stop()
        expect("FWKNOP" not in network.gateway.run("iptables", "-S"), "the daemon left its chain")


def main() -> int:
    signal.signal(signal.SIGTERM, terminate)
    programs = Programs(os.environ.get("FWKNOPD"), os.environ.get("FWKNOP"))
    root = tempfile.mkdtemp(prefix="fwknop-demo-")
    try:
        require_tools(*other_programs())
        for client, server in ((OURS, OURS), (DEBIAN, OURS), (OURS, DEBIAN)):
            show(programs, client, server, root)
    except Failure as failure:
        print(painted("31", "\nnot as told: ") + str(failure))
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(root, ignore_errors=True)
    print(painted("1", "\nEverything went as told.") + " Nothing of it is left on this machine.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
