"""How much disk the pinned requirements take, and how much the tutorial app's two packages would.

    python -m bench.install_size

Measured in the environment that runs it: the files of the distributions that requirements.txt names
(their RECORD), as disk blocks. Development packages and pip are not in it, nor is compiled bytecode,
which grows with use; `bytecode` is what there is of it now.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

from bench.figures import Line, figure, say

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements.txt"
TUTORIAL = ("streamlit", "openai")


def pinned(text: str) -> Iterator[str]:
    """The names in a requirements file that apply to this machine."""
    for line in text.splitlines():
        if re.match(r"[A-Za-z0-9]", line):
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate():
                yield _canonical(requirement.name)


def closure(names: tuple[str, ...]) -> set[str]:
    """These packages and everything they need."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = _canonical(waiting.pop())
        if name in found:
            continue
        try:
            requires = distribution(name).requires or []
        except PackageNotFoundError:
            continue  # needed on other machines only
        found.add(name)
        for requirement in map(Requirement, requires):
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return found


def disk_mb(names: set[str], *, bytecode: bool = False) -> float:
    files = {path for name in names for path in _files(distribution(name))}
    files = {path for path in files if (path.suffix == ".pyc") == bytecode}
    return sum(path.stat().st_blocks * 512 for path in files if path.is_file()) / 1e6


def _files(package: Distribution) -> Iterator[Path]:
    for entry in package.files or ():
        path = Path(str(package.locate_file(entry)))
        yield path
        if path.suffix == ".py":
            yield Path(importlib.util.cache_from_source(path))


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> None:
    ours, theirs = set(pinned(REQUIREMENTS.read_text("utf-8"))), closure(TUTORIAL)
    note = "of the running environment, development packages left out"
    lines: list[Line] = [
        figure("install.size", disk_mb(ours), "MB", baseline=disk_mb(theirs), note=note),
        figure("install.bytecode", disk_mb(ours, bytecode=True), "MB"),
        figure("install.packages", len(ours), "packages", baseline=len(theirs)),
    ]
    say(lines)


if __name__ == "__main__":
    main()
