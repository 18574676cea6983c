# SPDX-License-Identifier: Apache-2.0
"""firewalld in a gateway, on a system bus of its own that only who enters its mounts can see."""

import contextlib
import os
from typing import Iterator, List

from .failure import Failure, wait_for
from .namespaces import Namespace
from .processes import Process, run

BUS = """<busconfig><type>system</type>
<listen>unix:path=/run/dbus/system_bus_socket</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/>
<allow send_type="method_call"/><allow send_type="method_return"/><allow send_type="error"/>
<allow send_type="signal"/><allow receive_type="method_call"/><allow receive_type="method_return"/>
<allow receive_type="error"/><allow receive_type="signal"/></policy></busconfig>
"""


class Firewalld:
    """Running until `close`; the files it writes are in `root`."""

    def __init__(self, root: str, namespace: Namespace, backend: str = "iptables"):
        self.root, self.namespace = os.path.join(root, "firewalld"), namespace
        self.settings = os.path.join(self.root, "etc")
        os.makedirs(self.settings)
        with open(os.path.join(self.settings, "firewalld.conf"), "w", encoding="ascii") as file:
            file.write(f"DefaultZone=drop\nFirewallBackend={backend}\nIPv6_rpfilter=no\n")
        bus = os.path.join(self.root, "bus.conf")
        with open(bus, "w", encoding="ascii") as file:
            file.write(BUS)
        self.bus_ = Process(
            "dbus-daemon",
            ["unshare", "--mount", "--propagation", "private", "sh", "-c",
             "mount -t tmpfs run /run && mkdir /run/dbus && exec dbus-daemon --nofork "
             f"--print-address --config-file={bus}"], directory=self.root, namespace=namespace)
        try:
            self.bus_.wait_log("unix:path=")
            self.start()
        except BaseException:
            self.bus_.kill()
            raise

    @property
    def wrapper(self) -> List[str]:
        """What to put before a command line that is to see this bus."""
        return ["nsenter", f"--mount=/proc/{self.bus_.pid}/ns/mnt", "--"]

    def start(self) -> None:
        self.daemon_ = Process(
            "firewalld",
            [*self.wrapper, "firewalld", "--nofork", "--nopid", "--system-config", self.settings,
             "--log-file", os.path.join(self.root, "log")],
            directory=self.root, namespace=self.namespace)

        def state() -> bool:
            if not self.daemon_.running():
                raise Failure(f"firewalld ended; it said:\n{self.daemon_.log()}")
            return run([*self.wrapper, "firewall-cmd", "--state"], home=self.root,
                       namespace=self.namespace).out.strip() == "running"
        try:
            wait_for("firewalld to run", state, 20, pause=0.1)
        except BaseException:
            self.daemon_.kill()
            raise

    def stop(self) -> None:
        """Ends firewalld and keeps the bus."""
        self.daemon_.stop()

    def command(self, *arguments: str) -> str:
        return run([*self.wrapper, "firewall-cmd", *arguments], home=self.root,
                   namespace=self.namespace).succeeded().out

    def close(self) -> None:
        for process in (self.daemon_, self.bus_):
            if process.running():
                process.kill()


@contextlib.contextmanager
def firewalld(root: str, namespace: Namespace, backend: str = "iptables") -> Iterator[Firewalld]:
    made = Firewalld(root, namespace, backend)
    try:
        yield made
    finally:
        made.close()
