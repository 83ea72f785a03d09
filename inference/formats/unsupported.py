"""Formats that are recognised only to say a helpful sentence about them."""

from __future__ import annotations

# (offset, signature, name), from each format's specification.
_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"GIF87a", "GIF"),
    (0, b"GIF89a", "GIF"),
    (0, b"PK\x03\x04", "ZIP"),
    (0, b"%PDF-", "PDF"),
    (0, b"8BPS", "Photoshop"),
    (0, b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\x00\x00\x01\x00", "icon"),
    (4, b"ftypheic", "HEIC"),
    (4, b"ftypheix", "HEIC"),
    (4, b"ftyphevc", "HEIC"),
    (4, b"ftypmif1", "HEIF"),
    (4, b"ftypmsf1", "HEIF"),
    (4, b"ftypavif", "AVIF"),
    (4, b"ftypavis", "AVIF"),
    (0, b"NRRD000", "NRRD"),
    (0, b"ObjectType = ", "MetaImage"),
    (0, b"\x89HDF\r\n\x1a\n", "HDF5"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z"),
    (0, b"Rar!\x1a\x07", "RAR"),
)


def unsupported_format_of(head: bytes) -> str | None:
    """Return the name of a known format that is not accepted, or None. head: the first bytes of a file."""
    for offset, signature, name in _SIGNATURES:
        if head[offset : offset + len(signature)] == signature:
            return name
    return None
