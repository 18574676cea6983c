#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The daemon with two of root's powers and no other, with every packet filter."""

import os
import re
import shutil
import sys
from typing import List

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from harness.backends import BACKENDS, Backend
from harness.failure import expect, wait_for
from harness.namespaces import Network
from harness.programs import Keys, Server, stanza
from harness.scenario import Lab, main
from harness.traffic import echo_service, reachable

KEYS = Keys()


def unprivileged(lab: Lab) -> None:
    """An account of its own with CAP_NET_ADMIN and CAP_NET_RAW, as the shipped unit has it."""
    powers = "-all,+net_admin,+net_raw"
    public = os.path.join(lab.root, "public")
    os.makedirs(public)
    for directory in (lab.root, public):
        os.chmod(directory, 0o755)
    program = shutil.copy(lab.programs.path(lab.server_kind, server=True), public)
    os.chmod(program, 0o755)
    # The files become the account's before the program starts.
    own = 'chown -R 65534:65534 "$(dirname "$6")" && exec setpriv --reuid 65534 --regid 65534 ' \
          f'--clear-groups --no-new-privs --inh-caps={powers} --ambient-caps={powers} ' \
          f'--bounding-set={powers} "$@"'
    for backend in BACKENDS:
        powerless_but_two(lab, backend, program, ["sh", "-c", own, "sh"])


def powerless_but_two(lab: Lab, backend: Backend, program: str, wrapper: List[str]) -> None:
    net = lab.net
    backend.close_host(net)
    places = ((Network.client4, Network.gateway4), (Network.client6, Network.gateway6))
    with echo_service(net.gateway, 22), \
            Server(program, stanza(KEYS, FW_ACCESS_TIMEOUT=3), root=lab.root,
                   namespace=net.gateway, config=backend.config(["tcp/22"]),
                   wrapper=wrapper) as server:
        with lab.case(f"{backend.name}: no other power, no other user"):
            with open(f"/proc/{server.pid}/status", encoding="ascii") as file:
                text = file.read()
            expect(re.search(r"^Uid:\s+65534\s+65534\s", text, re.M), text)
            expect(re.search(r"^CapEff:\s+0+3000$", text, re.M), text)
        with lab.case(f"{backend.name}: opens and closes, for both families"):
            for client, gateway in places:
                expect(not reachable(net.client, gateway, 22), f"{gateway} is open")
                lab.client.knock(KEYS, "tcp/22", allow=client, destination=gateway)
                wait_for(f"{gateway} to open",
                         lambda where=gateway: reachable(net.client, where, 22), 3)
            for _, gateway in places:
                wait_for(f"{gateway} to close",
                         lambda where=gateway: not reachable(net.client, where, 22), 8)
        if backend.restores_at_once:
            with lab.case(f"{backend.name}: notices what others remove"):
                backend.flush_all(net.gateway)
                server.wait_log("was missing and is made again")
        server.stop()
        with lab.case(f"{backend.name}: leaves nothing"):
            left = backend.ours(net.gateway)
            expect(not left, f"{left}")


if __name__ == "__main__":
    sys.exit(main([unprivileged]))
