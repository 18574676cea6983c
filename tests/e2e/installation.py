#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is installed is where a system looks for it, and the system's own tools accept it.

Everything goes into a temporary folder (DESTDIR); nothing of this machine changes.

Usage: installation.py <build folder> <sbin folder> <systemd's folder>
Exit status: 0 all is well, 1 it is not, and what is not is printed.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from typing import Dict, List

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from harness.failure import Failure, expect
from harness.programs import require_tools

# The most that systemd-analyze may give; 10 is no protection at all.
MAX_EXPOSURE = 2.0


def call(*argv: str, **environment: str) -> str:
    done = subprocess.run(argv, text=True, capture_output=True, check=False, timeout=120,
                          env={**os.environ, "LC_ALL": "C", **environment})
    expect(done.returncode == 0, f"'{' '.join(argv)}' ended with {done.returncode}:\n"
                                 f"{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


class Installation:
    """A tree as `cmake --install` makes it."""

    def __init__(self, build: str, sbin: str, systemd: str, root: str):
        self.build, self.root, self.systemd = build, root, systemd
        self.program = os.path.join(sbin, "fwknopd")
        self.install()

    def install(self) -> str:
        return call("cmake", "--install", self.build, DESTDIR=self.root)

    def at(self, path: str) -> str:
        return os.path.join(self.root, path.lstrip("/"))

    def owners(self) -> Dict[str, int]:
        """Numbers of the accounts of the tree's own."""
        with open(self.at("/etc/passwd"), encoding="ascii") as file:
            return {line.split(":")[0]: int(line.split(":")[2]) for line in file}

    def expect_file(self, path: str, mode: int, owner: int = 0) -> None:
        expect(os.path.exists(self.at(path)), f"{path} is missing")
        found = os.stat(self.at(path))
        expect(found.st_mode & 0o7777 == mode, f"{path} has mode {found.st_mode & 0o7777:o}")
        expect(found.st_uid == owner, f"{path} belongs to {found.st_uid}, not {owner}")


def places(tree: Installation) -> None:
    """Files and modes"""
    prefix = os.path.dirname(os.path.dirname(tree.program))
    for path, mode in ((tree.program, 0o755), (f"{prefix}/bin/fwknop", 0o755),
                       (f"{prefix}/share/man/man8/fwknopd.8", 0o644),
                       (f"{prefix}/share/man/man8/fwknop.8", 0o644),
                       (f"{prefix}/share/man/man5/fwknoprc.5", 0o644),
                       (f"{tree.systemd}/systemd/system/fwknopd.service", 0o644),
                       (f"{tree.systemd}/sysusers.d/fwknopd.conf", 0o644),
                       (f"{tree.systemd}/tmpfiles.d/fwknopd.conf", 0o644),
                       ("/etc/fwknop/fwknopd.conf", 0o600), ("/etc/fwknop/access.conf", 0o600),
                       ("/etc/apparmor.d/" + tree.program[1:].replace("/", "."), 0o644),
                       ("/etc/fail2ban/filter.d/fwknopd.conf", 0o644)):
        tree.expect_file(path, mode)


def kept(tree: Installation) -> None:
    """A second installation keeps the configuration"""
    with open(tree.at("/etc/fwknop/access.conf"), "w", encoding="ascii") as file:
        file.write("# mine\n")
    tree.install()
    with open(tree.at("/etc/fwknop/access.conf"), encoding="ascii") as file:
        expect(file.read() == "# mine\n", "it is overwritten")


def account(tree: Installation) -> None:
    """systemd-sysusers makes the account, systemd-tmpfiles gives it its files"""
    call("systemd-sysusers", f"--root={tree.root}",
         tree.at(f"{tree.systemd}/sysusers.d/fwknopd.conf"))
    owner = tree.owners().get("fwknop")
    expect(owner, f"no account: {tree.owners()}")
    os.makedirs(tree.at("/run"), exist_ok=True)
    call("systemd-tmpfiles", f"--root={tree.root}", "--create",
         tree.at(f"{tree.systemd}/tmpfiles.d/fwknopd.conf"))
    assert owner is not None
    tree.expect_file("/run/fwknop", 0o700, owner)
    tree.expect_file("/etc/fwknop", 0o750)
    for name in ("access.conf", "fwknopd.conf"):
        tree.expect_file(f"/etc/fwknop/{name}", 0o600, owner)


def unit(tree: Installation) -> None:
    """systemd-analyze accepts the unit, and calls it safe enough"""
    # It looks whether the program is there: for the one that is in the tree.
    path = os.path.join(tree.root, "fwknopd.service")
    with open(tree.at(f"{tree.systemd}/systemd/system/fwknopd.service"),
              encoding="utf-8") as file, open(path, "w", encoding="utf-8") as copy:
        text = file.read()
        expect(f"ExecStart={tree.program} -f\n" in text, "the program's path is not the installed")
        copy.write(text.replace(f"={tree.program}", f"={tree.at(tree.program)}"))
    said = call("systemd-analyze", "verify", "--man=no", path)
    expect(not said, said)
    said = call("systemd-analyze", "security", "--offline=true", "--no-pager", path)
    found = re.search(r"Overall exposure level for fwknopd\.service: ([\d.]+)", said)
    expect(found and float(found[1]) <= MAX_EXPOSURE, said)


def profile(tree: Installation) -> None:
    """apparmor_parser accepts the profile"""
    path = tree.at("/etc/apparmor.d/" + tree.program[1:].replace("/", "."))
    # Compiled, not loaded: that needs a kernel with AppArmor.
    call("apparmor_parser", "--skip-kernel-load", "--skip-cache", path)
    with open(path, encoding="utf-8") as file:
        expect(f"profile fwknopd {tree.program} " in file.read(), "it is for another program")


def main() -> int:
    build, sbin, systemd = sys.argv[1:]
    failed: List[str] = []
    root = tempfile.mkdtemp(prefix="fwknop-installation-")
    try:
        require_tools("cmake", "systemd-analyze", "systemd-sysusers", "systemd-tmpfiles",
                      "apparmor_parser")
        os.chmod(root, 0o755)
        tree = Installation(build, sbin, systemd, root)
        for check in (places, kept, account, unit, profile):
            name = (check.__doc__ or "").strip()
            try:
                check(tree)
                print(f"  ok    {name}", flush=True)
            except Failure as failure:
                failed.append(name)
                print(f"  FAIL  {name}\n{failure}", flush=True)
    except Failure as failure:
        failed.append("installation")
        print(failure)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
