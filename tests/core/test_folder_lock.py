"""Two processes never share a data folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import StorageError
from core.folder_lock import FolderLock

HOLD = """
import sys, time
from pathlib import Path
from core.folder_lock import FolderLock
lock = FolderLock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_a_second_process_is_refused_until_the_first_is_killed(tmp_path: Path) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(StorageError, match="Another Switchboard") as caught:
            FolderLock(tmp_path)
        assert "SWITCHBOARD_DATA_DIR" in caught.value.what_to_do
    finally:
        other.kill()
        other.communicate()
    FolderLock(tmp_path).close()


def test_a_folder_given_back_can_be_taken_again(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    lock.close()
    lock.close()
    FolderLock(tmp_path).close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="cannot be written"):
        FolderLock(tmp_path / "file" / "data")
