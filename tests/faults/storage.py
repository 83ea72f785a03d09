"""A store of files that finds no room for those of a folder while a file beside them says so."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import IO

from cases.storage import WholeFileSystemStorage

FULL = "{folder}.full"


class FillableStorage(WholeFileSystemStorage):
    def _save(self, name: str, content: IO[bytes]) -> str:
        folder = name.partition("/")[0]
        if Path(self.path(FULL.format(folder=folder))).exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        return super()._save(name, content)
