"""Files under content-addressed, opaque names: the same bytes, the same name, stored once."""

from __future__ import annotations

import hashlib

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage


def content_name(prefix: str, data: bytes, suffix: str) -> str:
    """Such as images/3f/a9/3fa9….png; it tells nothing of who or what is in the file."""
    digest = hashlib.sha256(data).hexdigest()
    return f"{prefix}/{digest[:2]}/{digest[2:4]}/{digest}{suffix}"


def store(prefix: str, data: bytes, suffix: str) -> str:
    """Store `data` and return its name. A half-written file of an earlier crash is replaced."""
    name = content_name(prefix, data, suffix)
    if default_storage.exists(name):
        if default_storage.size(name) == len(data):
            return name
        default_storage.delete(name)
    return default_storage.save(name, ContentFile(data))


def load(name: str) -> bytes:
    """Return the bytes stored under `name`; FileNotFoundError where there are none."""
    with default_storage.open(name, "rb") as stream:
        data: bytes = stream.read()
    return data


def discard(name: str) -> None:
    """Delete what is stored under `name`, if it is there."""
    default_storage.delete(name)
