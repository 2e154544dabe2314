"""Breaks one rule of the lock or of the queue at a time, in a copy of the tree, and expects the tests to notice: `make mutants`.

Every mutant is an exact replacement; a source that has changed since is an error, as are tests that fail unbroken.
Exit code 1 when a mutant survives or could not be judged. Words on the command line choose mutants by name.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.mutations import MUTANTS
from tests.chaos.mutations.mutant import Mutant

ROOT = Path(__file__).parents[2]
LIMIT_SECONDS = 600
"""For the tests of one mutant."""
UNBROKEN_SECONDS = 1_800
"""For all of them at once, on the unbroken copy."""
PASSED, FAILED = 0, 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one mutant."""

    mutant: Mutant
    word: str
    detail: str
    seconds: float

    @property
    def killed(self) -> bool:
        """Whether the tests noticed."""
        return self.word == "killed"


def main(names: list[str]) -> int:
    """Try every chosen mutant; print a table; return the exit code."""
    chosen = [mutant for mutant in MUTANTS if not names or any(name in mutant.name for name in names)]
    if not chosen:
        say(f"no mutant is called {names}; there are: {', '.join(mutant.name for mutant in MUTANTS)}")
        return 2
    with tempfile.TemporaryDirectory(prefix="vg-mutants-") as folder:
        copy = Path(folder)
        copied(copy)
        tests = tuple(dict.fromkeys(test for mutant in chosen for test in mutant.tests))
        code, said = pytest(copy, tests, UNBROKEN_SECONDS)
        if code != PASSED:
            say(f"{said}\nthe tests fail although nothing is broken")
            return 1
        outcomes = []
        for mutant in chosen:
            outcome = tried(copy, mutant)
            say(f"{outcome.word:<9} {outcome.seconds:5.1f} s  {mutant.name:<46} {outcome.detail}")
            outcomes.append(outcome)
    killed = sum(outcome.killed for outcome in outcomes)
    say(f"{killed} of {len(outcomes)} mutants were noticed")
    return 0 if killed == len(outcomes) else 1


def say(line: str) -> None:
    """Write a line at once: the run takes minutes."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def copied(folder: Path) -> None:
    """Copy the working files: what git knows and what is new, with today's edits."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    for name in filter(None, names):
        source, target = ROOT / name, folder / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def tried(folder: Path, mutant: Mutant) -> Outcome:
    """Break the copy, run the tests, mend it."""
    began = time.monotonic()
    before: dict[Path, str] = {}
    try:
        for edit in mutant.edits:
            path = folder / edit.file
            text = path.read_text(encoding="utf-8")
            before.setdefault(path, text)
            if text.count(edit.old) != 1:
                return Outcome(mutant, "STALE", f"{edit.file} has it {text.count(edit.old)} times: {edit.old!r}", 0.0)
            path.write_text(text.replace(edit.old, edit.new), encoding="utf-8")
        code, said = pytest(folder, mutant.tests)
    finally:
        for path, text in before.items():
            path.write_text(text, encoding="utf-8")
    seconds = time.monotonic() - began
    if code == FAILED:
        return Outcome(mutant, "killed", "by " + ", ".join(failures(said)), seconds)
    if code == PASSED:
        return Outcome(mutant, "SURVIVED", " ".join(mutant.tests), seconds)
    return Outcome(mutant, "UNJUDGED", f"pytest ended with {code}: {said[-2000:]}", seconds)


def pytest(folder: Path, tests: tuple[str, ...], seconds: int = LIMIT_SECONDS) -> tuple[int, str]:
    """Run these tests on the copy; return pytest's exit code and output."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "", "--maxfail=1", *tests]
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return FAILED, f"FAILED - nothing within {seconds} s"
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


def failures(said: str) -> list[str]:
    """Return the names of the failed tests."""
    lines = [line.split(" - ")[0] for line in said.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    return [line.partition("::")[2] or line for line in lines]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
