"""The service level: what counts as a good run, judged once, when the run is written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Slo:
    """Limits a run must keep, all of them. `name` says which limits a stored verdict belongs to."""

    first_token_us: int = 3_000_000
    duration_us: int = 30_000_000

    @property
    def name(self) -> str:
        return f"first token {self.first_token_us / 1e6:g} s, answer {self.duration_us / 1e6:g} s"

    def met(self, status: str, first_token_us: int | None, duration_us: int) -> int | None:
        """1, 0, or None when the run does not count.

        A failed run misses. A stopped or waiting one counts only when it had broken a limit before:
        nobody can know how long the rest would have taken.
        """
        waited = duration_us if first_token_us is None else first_token_us
        broken = waited > self.first_token_us or duration_us > self.duration_us
        if status == "refused_budget":
            return None
        if status in ("cancelled", "interrupted"):
            return 0 if broken else None
        if status != "ok":
            return 0
        if first_token_us is None:  # an answer without text or not streamed: only the end counts
            return int(duration_us <= self.duration_us)
        return int(not broken)
