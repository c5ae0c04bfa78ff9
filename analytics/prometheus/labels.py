"""Values of labels: a name is a series for ever, so only names from closed lists become one."""

from __future__ import annotations

from collections.abc import Callable

OTHER = "_OTHER"
NONE = "none"
MOST_SEEN = 64


class ModelNames:
    """A model's label: its catalogue id or a configured id, else _OTHER.

    People may ask for any id of a provider, and each would be a series.
    """

    def __init__(self, known: Callable[[str], str | None]) -> None:
        """`known`: the name under which a model is counted; None when it is nobody's."""
        self._known = known
        self._found: dict[str, str] = {}

    def __call__(self, model_id: str) -> str:
        found = self._found.get(model_id)
        if found is None:
            found = self._known(model_id) or OTHER
            if len(self._found) < MOST_SEEN * 16:
                self._found[model_id] = found
        return found

    def forget(self) -> None:
        """After the catalogue changed."""
        self._found.clear()


class FirstNames:
    """The first so many names that come; later ones are _OTHER. For names that code gives, such as
    tools and error types, where a closed list does not exist."""

    def __init__(self, most: int = MOST_SEEN) -> None:
        self._most = most
        self._seen: set[str] = set()

    def __call__(self, name: str | None) -> str:
        if not name:
            return NONE
        if name not in self._seen:
            if len(self._seen) >= self._most or len(name) > 100:
                return OTHER
            self._seen.add(name)
        return name
