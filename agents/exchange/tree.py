"""Nodes that name their parents as a tree: parents first, whatever a file says of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Ordered:
    """`keys`: parents before children. `parents`: of each; None for a first one."""

    keys: tuple[str, ...]
    parents: Mapping[str, str | None]
    notes: tuple[str, ...]
    """What was mended, in sentences."""


def order(nodes: Iterable[tuple[str, str | None]]) -> Ordered:
    """The tree of (key, parent) pairs, siblings in the order they are given in.

    One whose parent is not there becomes a first one; so does the earliest of a circle. Nothing is
    left out.
    """
    parents = dict(nodes)
    orphans = 0
    for key, parent in parents.items():
        if parent is not None and parent not in parents:
            parents[key] = None
            orphans += 1
    circles = _cut_circles(parents)
    children: dict[str, list[str]] = {}
    for key, parent in parents.items():
        if parent is not None:
            children.setdefault(parent, []).append(key)
    keys: list[str] = []
    waiting = [key for key, parent in parents.items() if parent is None][::-1]
    while waiting:
        key = waiting.pop()
        keys.append(key)
        waiting.extend(reversed(children.get(key, ())))
    notes = []
    if orphans:
        notes.append(f"{_messages(orphans)} without what came before.")
    if circles:
        notes.append("Messages that follow each other in a circle were put in order.")
    return Ordered(keys=tuple(keys), parents=parents, notes=tuple(notes))


def _cut_circles(parents: dict[str, str | None]) -> int:
    """Makes the first node of each circle a first one of the tree; gives how many circles."""
    done: set[str] = set()
    cut = 0
    for key in parents:
        path: list[str] = []
        on_path: set[str] = set()
        at: str | None = key
        while at is not None and at not in done and at not in on_path:
            path.append(at)
            on_path.add(at)
            at = parents[at]
        if at is not None and at in on_path:
            parents[at] = None
            cut += 1
        done.update(path)
    return cut


def newest_leaf(keys: Sequence[str], parents: Mapping[str, str | None]) -> str | None:
    """The last one nothing follows."""
    followed = {parent for parent in parents.values() if parent is not None}
    return next((key for key in reversed(keys) if key not in followed), None)


def _messages(count: int) -> str:
    return "1 message stands" if count == 1 else f"{count:,} messages stand"
