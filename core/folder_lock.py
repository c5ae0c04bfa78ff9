"""One process per data folder: two would each take the other's runs for lost ones.

The lock belongs to the open file, so the system gives it back when the process ends, however it ends.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import IO

from core.errors import StorageError

NAME = ".lock"


class FolderLock:
    """Held from construction until `close`. Raises StorageError when another process holds it."""

    def __init__(self, folder: Path) -> None:
        self._file: IO[str] | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = (folder / NAME).open("a+")
        except OSError as exc:
            raise StorageError(
                f"The data folder {folder} cannot be written: {exc.strerror or exc}.",
                what_to_do="Give the user that runs Switchboard the right to write there, or set "
                "SWITCHBOARD_DATA_DIR to another folder.",
            ) from exc
        try:
            _lock(self._file)
        except OSError as exc:
            self.close()
            raise StorageError(
                f"Another Switchboard is using the data folder {folder}.",
                what_to_do="Use the one that is running, stop it, or set SWITCHBOARD_DATA_DIR to "
                "another folder.",
            ) from exc

    def close(self) -> None:
        """Gives the folder back. Idempotent."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None


def _lock(file: IO[str]) -> None:
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
