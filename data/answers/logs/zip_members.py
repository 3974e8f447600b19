"""What is in a ZIP file whose members are stored, deflated or packed by Zstandard?

The standard library unpacks Zstandard (method 93) from Python 3.14 on; Arrow does it everywhere.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

_ZSTANDARD = 93
_HEADER = struct.Struct("<4s22xHH")
"""A member's own header: signature, and at its end the lengths of name and extra field (APPNOTE 6.3.10, 4.3.7)."""


def members(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Names and contents, each name once: the last of several members with one name holds.

    Args:
        path: the file.
        wanted: whether a member of this name is to be unpacked.

    Raises:
        ValueError: not a ZIP file, a damaged member, or one packed in another way.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            for name, info in {info.filename: info for info in archive.infolist()}.items():
                if wanted(name):
                    yield name, _packed(path, info) if info.compress_type == _ZSTANDARD else archive.read(info)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, struct.error) as error:
        raise ValueError(f"{path} cannot be read as a ZIP file: {error}") from error


def _packed(path: Path, info: zipfile.ZipInfo) -> bytes:
    """The content of a member packed by Zstandard, checked against its sum."""
    import pyarrow as pa

    with path.open("rb") as file:
        file.seek(info.header_offset)
        signature, name, extra = _HEADER.unpack(file.read(_HEADER.size))
        if signature != b"PK\3\4":
            raise zipfile.BadZipFile(f"no member at the place of {info.filename!r}")
        file.seek(name + extra, 1)
        packed = file.read(info.compress_size)
    try:
        found = bytes(pa.CompressedInputStream(pa.BufferReader(packed), "zstd").read())
    except (OSError, pa.ArrowException) as error:
        raise zipfile.BadZipFile(f"member {info.filename!r} is damaged") from error
    if len(found) != info.file_size or zlib.crc32(found) != info.CRC:
        raise zipfile.BadZipFile(f"member {info.filename!r} is damaged")
    return found
