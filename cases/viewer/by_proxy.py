"""Pictures that the proxy sends in our place (X-Accel-Redirect), once we have let this reader see them.

The proxy reads them from the disk, by their stored name, under an address of its own that no client reaches.
"""

from __future__ import annotations

import stat
from pathlib import Path

from django.conf import settings
from django.core.files.storage import FileSystemStorage, default_storage
from django.http import HttpResponse


def answer(name: str, content_type: str) -> HttpResponse | None:
    """An answer without a body, for which the proxy sends what is stored as `name`.

    None where we send it ourselves: no proxy is named, pictures lie in an object store, or the proxy could
    not read this one, as those that were stored before it was allowed to.
    """
    if not settings.X_ACCEL_LOCATION or not isinstance(default_storage, FileSystemStorage):
        return None
    if not _is_open_to_the_group(Path(default_storage.path("")), Path(default_storage.path(name))):
        return None
    location = f"{settings.X_ACCEL_LOCATION}{name}"
    return HttpResponse(content_type=content_type, headers={"X-Accel-Redirect": location})


def _is_open_to_the_group(root: Path, path: Path) -> bool:
    """Whether the group of the file can read it, through every folder below `root`."""
    folders = [parent for parent in path.parents if parent.is_relative_to(root) and parent != root]
    return bool(path.stat().st_mode & stat.S_IRGRP) and all(
        parent.stat().st_mode & stat.S_IXGRP for parent in folders
    )
