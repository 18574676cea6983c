# SPDX-License-Identifier: Apache-2.0
"""The two pairs of programs, and how a test runs them: ours and Debian's."""

import contextlib
import itertools
import os
import shutil
import time
from typing import Dict, List, NamedTuple, Optional, Sequence

from .failure import Missing
from .namespaces import Namespace, Network
from .processes import Completed, Process, run

OURS, DEBIAN = "ours", "debian"
DEBIAN_SERVER, DEBIAN_CLIENT = "/usr/sbin/fwknopd", "/usr/bin/fwknop"


class Programs(NamedTuple):
    """Where the programs are; paths of ours may be absent until they are asked for."""
    ours_server: Optional[str]
    ours_client: Optional[str]

    def path(self, who: str, server: bool) -> str:
        if who == DEBIAN:
            path = DEBIAN_SERVER if server else DEBIAN_CLIENT
            advice = "install the peers with script/bootstrap"
        else:
            path = (self.ours_server if server else self.ours_client) or ""
            advice = (f"build it and name it with {'--ours-server' if server else '--ours-client'}"
                      f" or {'FWKNOPD' if server else 'FWKNOP'}")
        if not path or not os.access(path, os.X_OK):
            kind = "fwknopd" if server else "fwknop"
            raise Missing(f"missing: {'our' if who == OURS else who} {kind} ({path or 'no path given'}): {advice}")
        return os.path.abspath(path)


def require_tools(*names: str) -> None:
    """The tools every test needs; a missing one is a failure that says what to do."""
    if os.geteuid() != 0:
        raise Missing("needs root: network namespaces and packet filters are its matter")
    for name in names:
        if not shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin"):
            raise Missing(f"missing: {name}: install it with script/bootstrap")


def write_private(path: str, text: str) -> str:
    """A configuration file as fwknopd wants it: mode 0600."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w",
              encoding="utf-8") as file:
        file.write(text)
    return path


class Keys(NamedTuple):
    """What a client and a stanza share."""
    key: str = "encryption-key-of-the-test"
    hmac: Optional[str] = "hmac-key-of-the-test"
    hmac_type: Optional[str] = None

    def lines(self) -> str:
        """In the form that .fwknoprc and access.conf have in common."""
        text = f"KEY {self.key}\n"
        if self.hmac:
            text += f"HMAC_KEY {self.hmac}\n"
        if self.hmac_type:
            text += f"HMAC_DIGEST_TYPE {self.hmac_type}\n"
        return text


def stanza(keys: Keys, source: str = "ANY", **directives: object) -> str:
    more = "".join(f"{name} {value}\n" for name, value in directives.items())
    return f"SOURCE {source}\n{keys.lines()}{more}\n"


class Server(Process):
    """A fwknopd in a gateway, with a directory of its own for files, log and state."""

    counter_ = itertools.count(1)
    ready = r"Starting fwknopd main event loop|Kicking off UDP server to listen on port"

    def __init__(self, program: str, access: str, *, root: str, namespace: Namespace,
                 interface: str = Network.interface, config: Optional[Dict[str, object]] = None,
                 arguments: Sequence[str] = (), run_directory: Optional[str] = None,
                 wait: bool = True, patience: float = 30.0, wrapper: Sequence[str] = (),
                 extra_environment: Optional[Dict[str, str]] = None):
        self.directory = os.path.join(root, f"server{next(self.counter_)}")
        os.mkdir(self.directory, 0o700)
        # A caller that starts a daemon again after another one names the old directory.
        self.run_directory = run_directory or os.path.join(self.directory, "run")
        os.makedirs(self.run_directory, 0o700, exist_ok=True)
        self.access = write_private(os.path.join(self.directory, "access.conf"), access)
        self.config = write_private(
            os.path.join(self.directory, "fwknopd.conf"),
            "".join(f"{name} {value};\n" for name, value in (config or {}).items()))
        super().__init__(
            "fwknopd",
            [*wrapper, program, "-f", "-c", self.config, "-a", self.access, "-r", self.run_directory,
             "-i", interface, *arguments],
            directory=self.directory, namespace=namespace, extra_environment=extra_environment)
        if wait:
            try:
                self.wait_log(self.ready, timeout=patience)
            except BaseException:
                self.__exit__(BaseException)
                raise

    @property
    def helper(self) -> Optional[int]:
        """The process that starts programs for it; the incumbent has none."""
        with open(f"/proc/{self.pid}/task/{self.pid}/children", encoding="ascii") as file:
            for child in map(int, file.read().split()):
                with contextlib.suppress(OSError), \
                        open(f"/proc/{child}/comm", encoding="ascii") as name:
                    if name.read().strip() == "fwknopd-helper":
                        return child
        return None

    @property
    def replay_file(self) -> str:
        return os.path.join(self.run_directory, "digest.cache")


class Client:
    """Runs a fwknop client; keys travel in an rc file, never in arguments."""

    def __init__(self, program: str, *, root: str, namespace: Namespace):
        self.program = program
        self.namespace = namespace
        self.home = os.path.join(root, f"client-{namespace.label}")
        os.makedirs(self.home, 0o700, exist_ok=True)

    def run(self, keys: Keys, *arguments: str, rc: str = "", destination: Optional[str] = None,
            namespace: Optional[Namespace] = None) -> Completed:
        """Any command line beside the keys; `rc` adds lines to the stanza."""
        path = write_private(os.path.join(self.home, "rc"), f"[knock]\n{keys.lines()}{rc}")
        argv = [self.program, "--rc-file", path, "-n", "knock", "--no-save-args", *arguments]
        if destination:
            argv += ["-D", destination]
        return run(argv, home=self.home, namespace=namespace or self.namespace)

    def knock(self, keys: Keys, access: str, *arguments: str, allow: str = Network.client4,
              destination: str = Network.gateway4, rc: str = "") -> "Knock":
        """Asks for `access`; gives back when, for the expected expiry."""
        who = ["-s"] if allow == "source" else ["-a", allow]
        before = time.time()
        self.run(keys, "-A", access, *who, *arguments, destination=destination,
                 rc=rc).succeeded()
        return Knock(before, time.time())

    def packet(self, keys: Keys, access: str, *arguments: str, allow: str = Network.client4) -> bytes:
        """A sealed packet, not sent."""
        path = os.path.join(self.home, "packet")
        if os.path.exists(path):
            os.unlink(path)
        who = ["-s"] if allow == "source" else ["-a", allow]
        self.run(keys, "-T", "-B", path, "-A", access, *who, *arguments,
                 destination=Network.gateway4).succeeded()
        with open(path, "rb") as file:
            return file.read().strip()


class Knock(NamedTuple):
    """Seconds of the clock just before and just after a client ran."""
    before: float
    after: float


def other_programs() -> List[str]:
    return ["ip", "iptables", "ip6tables", "iptables-save", "iptables-restore", "setpriv"]
