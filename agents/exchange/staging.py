"""A file on its way to the disk, so that it need not be in memory."""

from __future__ import annotations

import contextlib
from pathlib import Path

from agents.exchange.limits import MAX_FILE_BYTES, MB
from core.errors import InvalidInput, StorageError


class Staging:
    """`add` what comes, then `done`; or `drop`. Every error removes what was written. Blocks."""

    def __init__(self, path: Path, folder: Path) -> None:
        """`folder`: what people know it as. Raises StorageError."""
        self._path, self._folder = path, folder
        self._bytes = 0
        try:
            self._out = path.open("xb")
        except OSError as exc:
            raise unwritable(folder, exc) from exc

    def add(self, data: bytes) -> None:
        """Raises InvalidInput when it is too much, StorageError."""
        self._bytes += len(data)
        try:
            if self._bytes > MAX_FILE_BYTES:
                raise InvalidInput(f"The file has more than {MAX_FILE_BYTES / MB:,.0f} MB.")
            self._out.write(data)
        except InvalidInput:
            self.drop()
            raise
        except OSError as exc:
            self.drop()
            raise unwritable(self._folder, exc) from exc

    def done(self) -> Path:
        """The whole file. Raises StorageError."""
        try:
            self._out.close()
        except OSError as exc:
            self.drop()
            raise unwritable(self._folder, exc) from exc
        return self._path

    def drop(self) -> None:
        """Removes it. Idempotent."""
        with contextlib.suppress(OSError):
            self._out.close()
        self._path.unlink(missing_ok=True)


def unwritable(folder: Path, exc: OSError) -> StorageError:
    return StorageError(
        f"A file in {folder} cannot be read or written: {exc.strerror or exc}.",
        what_to_do="Free some space, or give the user that runs Switchboard the right to write there.",
    )
