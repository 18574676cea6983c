# SPDX-License-Identifier: Apache-2.0
"""GnuPG homes of a test, with keys made on the spot and an agent that ends with them."""

import os
import shutil
import subprocess

from .failure import Failure, Missing

GPG = "/usr/bin/gpg"


class GpgHome:
    """A home directory; its path is short, because the agent's socket is in it. The agent
    remembers no pass phrase: a wrong one must not be helped out by an earlier right one."""

    def __init__(self, root: str, name: str):
        if not shutil.which(GPG):
            raise Missing(f"missing: {GPG}: install it with script/bootstrap")
        self.path = os.path.join(root, name)
        os.mkdir(self.path, 0o700)
        self.configure("gpg-agent.conf", "default-cache-ttl 0\nmax-cache-ttl 0")

    def __enter__(self) -> "GpgHome":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_agent()

    def stop_agent(self) -> None:
        subprocess.run(["gpgconf", "--homedir", self.path, "--kill", "all"], check=False,
                       capture_output=True, timeout=30)

    def configure(self, file: str, line: str) -> None:
        with open(os.path.join(self.path, file), "a", encoding="utf-8") as handle:
            handle.write(line + "\n")

    def gpg(self, *arguments: str, text: bytes = b"") -> bytes:
        done = subprocess.run(
            [GPG, "--homedir", self.path, "--batch", "--no-tty", "--quiet", "--pinentry-mode",
             "loopback", *arguments], input=text, check=False, capture_output=True, timeout=120)
        if done.returncode != 0:
            raise Failure(f"gpg {' '.join(arguments)} ended with {done.returncode}:\n"
                          f"{done.stderr.decode(errors='replace')}")
        return done.stdout

    def make_key(self, mail: str, sign: str, encrypt: str = "", pass_phrase: str = "") -> str:
        """A new key of these algorithms; gives its fingerprint."""
        self.gpg("--passphrase", pass_phrase, "--quick-generate-key", f"<{mail}>", sign, "sign",
                 "never")
        listing = self.gpg("--with-colons", "--list-keys", mail).decode()
        primary = next(line.split(":")[9] for line in listing.splitlines()
                       if line.startswith("fpr:"))
        if encrypt:
            self.gpg("--passphrase", pass_phrase, "--quick-add-key", primary, encrypt, "encrypt",
                     "never")
        return primary

    def give_public(self, name: str, other: "GpgHome", trusted: bool = False) -> None:
        """Copies a public key; with `trusted` the other side's own key vouches for it."""
        other.gpg("--import", text=self.gpg("--export", name))
        if trusted:
            listing = other.gpg("--with-colons", "--list-keys", name).decode()
            other.gpg("--quick-lsign-key", next(line.split(":")[9] for line in listing.splitlines()
                                                if line.startswith("fpr:")))
