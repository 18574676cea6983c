# SPDX-License-Identifier: Apache-2.0
"""Programs started by a test: their output in files, their end checked."""

import os
import re
import signal
import subprocess
import threading
import time
from typing import Dict, List, NamedTuple, Optional, Sequence

from .failure import Failure, expect, wait_for
from .namespaces import Namespace, die_with_parent

SANITIZER = re.compile(r"ERROR: (Address|Leak|Thread|Undefined\w*)Sanitizer|runtime error:")

# A finding of a sanitizer must end the program with a status no test expects.
SANITIZER_EXIT = 99
SANITIZER_ENVIRONMENT = {
    "ASAN_OPTIONS": f"exitcode={SANITIZER_EXIT}:abort_on_error=0:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": f"halt_on_error=1:print_stacktrace=1:exitcode={SANITIZER_EXIT}",
    "LSAN_OPTIONS": f"exitcode={SANITIZER_EXIT}",
}


class Completed(NamedTuple):
    """A program that ran to its end."""
    argv: Sequence[str]
    code: int
    out: str
    err: str

    def succeeded(self) -> "Completed":
        expect(self.code == 0, f"'{' '.join(self.argv)}' ended with {self.code}:\n"
                               f"{indented(self.out + self.err)}")
        return self


def indented(text: str, last: int = 40) -> str:
    lines = text.splitlines()
    cut = [f"    … {len(lines) - last} lines before"] if len(lines) > last else []
    return "\n".join(cut + ["    " + line for line in lines[-last:]])


def decoded(output: object) -> str:
    """What a time-out leaves: bytes even in text mode, or nothing."""
    return output.decode(errors="replace") if isinstance(output, bytes) else str(output or "")


def check_sanitizers(name: str, code: Optional[int], text: str) -> None:
    found = SANITIZER.search(text)
    if found or code == SANITIZER_EXIT:
        start = text.rfind("\n", 0, found.start()) + 1 if found else 0
        raise Failure(f"{name}: a sanitizer reported (exit {code}):\n"
                      f"{indented(text[start:start + 6000], 80)}")


def environment(home: str, extra: Optional[Dict[str, str]] = None) -> Dict[str, str]:
    """A small environment of our own, so that nothing of the caller's changes a result."""
    result = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": home, "LC_ALL": "C",
              "LOGNAME": "knocker", **SANITIZER_ENVIRONMENT}
    for name in ("ASAN_SYMBOLIZER_PATH", "GCOV_ERROR_FILE", "TZ"):
        if name in os.environ:
            result[name] = os.environ[name]
    result.update(extra or {})
    return result


def run(argv: Sequence[str], *, home: str, namespace: Optional[Namespace] = None,
        extra_environment: Optional[Dict[str, str]] = None, timeout: float = 30.0,
        text: str = "") -> Completed:
    """Runs a program to its end; a time-out or a sanitizer's report is a failure."""
    def start() -> "subprocess.CompletedProcess[str]":
        return subprocess.run(argv, env=environment(home, extra_environment), input=text,
                              text=True, errors="replace", capture_output=True, check=False,
                              cwd=home, timeout=timeout, preexec_fn=die_with_parent)
    try:
        if namespace is None:
            done = start()
        else:
            with namespace.entered():
                done = start()
    except subprocess.TimeoutExpired as late:
        raise Failure(f"'{' '.join(argv)}' still ran after {timeout:g} s; it said:\n"
                      f"{indented(decoded(late.stdout) + decoded(late.stderr))}") from None
    check_sanitizers(argv[0], done.returncode, done.stdout + done.stderr)
    return Completed(argv, done.returncode, done.stdout, done.stderr)


class Process:
    """A program that keeps running, in a namespace, with its output in files."""

    def __init__(self, name: str, argv: Sequence[str], *, directory: str, namespace: Namespace,
                 extra_environment: Optional[Dict[str, str]] = None):
        self.name = name
        self.argv = list(argv)
        self.out_ = os.path.join(directory, f"{name}.out")
        self.err_ = os.path.join(directory, f"{name}.err")
        with open(self.out_, "ab") as out, open(self.err_, "ab") as err, namespace.entered():
            self.child_ = subprocess.Popen(  # pylint: disable=consider-using-with
                argv, env=environment(directory, extra_environment), stdin=subprocess.DEVNULL,
                stdout=out, stderr=err, cwd=directory, preexec_fn=die_with_parent,
                start_new_session=True)
        self.judged_ = False

    @property
    def pid(self) -> int:
        return self.child_.pid

    def log(self) -> str:
        """All it wrote so far, standard error after standard output."""
        text = ""
        for path in (self.out_, self.err_):
            with open(path, encoding="utf-8", errors="replace") as file:
                text += file.read()
        return text

    def lines(self) -> List[str]:
        return self.log().splitlines()

    def mark(self) -> int:
        """A place in the log, for wait_log(after=…)."""
        return len(self.log())

    def running(self) -> bool:
        return self.child_.poll() is None

    def wait_log(self, pattern: str, *, after: int = 0, timeout: float = 10.0) -> "re.Match[str]":
        """Waits for a line; fails at once, with the log, when the program is gone."""
        expression = re.compile(pattern, re.MULTILINE)

        def probe() -> "Optional[re.Match[str]]":
            alive = self.running()
            found = expression.search(self.log(), after)
            if not found and not alive:
                raise Failure(f"{self.name} ended with {self.child_.returncode} before it said "
                              f"'{pattern}'; it said:\n{indented(self.log())}")
            return found
        try:
            return wait_for(f"'{pattern}' from {self.name}", probe, timeout)
        except Failure as failure:
            if str(failure).startswith("waited"):
                raise Failure(f"{failure}; it said:\n{indented(self.log()[after:])}") from None
            raise

    def send(self, number: int) -> None:
        # Not reaped yet means that the number is still this process's.
        expect(self.running(), f"{self.name} has ended with {self.child_.returncode}; it said:\n"
                               f"{indented(self.log())}")
        os.kill(self.pid, number)

    def wait(self, timeout: float = 10.0) -> int:
        try:
            code = self.child_.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} still ran after {timeout:g} s; it said:\n"
                          f"{indented(self.log())}") from None
        self.judged_ = True
        check_sanitizers(self.name, code, self.log())
        return code

    def stop(self, number: int = signal.SIGTERM, timeout: float = 10.0) -> float:
        """Ends it by a signal it must obey with exit 0; gives back the seconds it took."""
        started = time.monotonic()
        if self.running():
            self.send(number)
        code = self.wait(timeout)
        expect(code == 0, f"{self.name} ended with {code} after signal {int(number)}; it said:\n"
                          f"{indented(self.log())}")
        return time.monotonic() - started

    def reap_in_background(self) -> None:
        """For a daemon that another program is about to end: no zombie may look alive to it."""
        threading.Thread(target=self.child_.wait, daemon=True).start()

    def kill(self) -> None:
        """Ends it as a crash would."""
        self.child_.kill()
        self.child_.wait()
        self.judged_ = True
        check_sanitizers(self.name, None, self.log())

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        # After a failure the first failure counts, but the process must go all the same.
        if kind is not None:
            if self.running():
                self.child_.kill()
                self.child_.wait()
        elif not self.judged_:
            self.stop()
