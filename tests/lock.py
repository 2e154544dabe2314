"""Resolve the dependencies again into the two lock files: universal, hashed, without addresses."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
BUILD = "hatchling\neditables\n"


def resolve(*arguments: str) -> None:
    """Run the resolver for Python 3.11 and newer, on every platform."""
    command = (
        "uv",
        "pip",
        "compile",
        "--quiet",
        "--universal",
        "--python-version",
        "3.11",
        "--no-header",
        "--no-annotate",
    )
    subprocess.run([Path(sys.executable).parent / command[0], *command[1:], *arguments], cwd=ROOT, check=True)


def main() -> None:
    """Resolve everything together, then write each lock with that as its constraint."""
    with tempfile.TemporaryDirectory() as folder:
        build, together = Path(folder, "build.in"), str(Path(folder, "all.txt"))
        build.write_text(BUILD, encoding="utf-8")
        program = ("pyproject.toml", "--extra", "embedded", str(build))
        resolve(*program, "--group", "test", "-o", together)
        resolve("--generate-hashes", *program, "-c", together, "-o", "requirements.lock")
        resolve("--generate-hashes", "--group", "test", "-c", together, "-o", "tests/requirements.lock")


if __name__ == "__main__":
    main()
