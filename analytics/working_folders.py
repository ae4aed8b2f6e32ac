"""Folders for files that live only as long as their owner: an import, a backup, the spill of an open store."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import weakref
from pathlib import Path


class WorkingFolder:
    """A folder of its own, gone with its owner.

    The owner holds a lock on it, which the system lifts when the process dies, however it dies. So whoever makes the
    next one beside it sees which are forsaken, other containers on the same disk included (process numbers would lie).
    """

    def __init__(self, parent: Path, purpose: str) -> None:
        parent.mkdir(parents=True, exist_ok=True)
        clear_forsaken(parent, purpose)
        self.path, handle = _make(parent, purpose)
        self._end = weakref.finalize(self, _remove, self.path, handle)

    def close(self) -> None:
        """Remove the folder with all that is in it."""
        self._end()

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_: object) -> None:
        self.close()


def clear_forsaken(parent: Path, purpose: str) -> None:
    """Remove the working folders for `purpose` in `parent` whose owner is dead."""
    for folder in parent.glob(f"{purpose}-*"):
        with contextlib.suppress(OSError):  # in use, just removed by another, or a file system without locks
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(handle)


def _make(parent: Path, purpose: str) -> tuple[Path, int]:
    """A new folder, and the open handle that holds its lock."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=f"{purpose}-", dir=parent))
        try:
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:  # another process took it for forsaken before it was locked
            continue
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        if path.exists():
            return path, handle
        os.close(handle)


def _remove(path: Path, handle: int) -> None:
    shutil.rmtree(path, ignore_errors=True)
    os.close(handle)
