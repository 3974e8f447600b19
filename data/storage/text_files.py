"""What text does a file hold, whichever program wrote it, and which are its lines?"""

from __future__ import annotations

import codecs
from pathlib import Path

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def text_of(path: Path, *, most: int | None = None) -> str:
    """The file's text: UTF-8, with or without a byte order mark, or UTF-16 with one. Line ends stay as they are.

    Args:
        path: the file.
        most: bytes to read of a file that is longer, up to the last end of a line among them; all when not given.

    Raises:
        FileNotFoundError: no such file.
        ValueError: bytes that are not such text; the message names the line, not the file.
    """
    with Path(path).open("rb") as file:
        data = file.read(-1 if most is None else most)
        if file.read(1):
            data = data[: data.rfind(b"\n") + 1]
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-16":
            raise ValueError("its byte order mark says UTF-16, but it is not: save it as UTF-8") from error
        before, byte = data[: error.start], data[error.start]
        line = len(before.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"))
        raise ValueError(f"line {line} holds the byte 0x{byte:02x}, which is not UTF-8: save the file as UTF-8") from error
    if "\0" in text:
        line = len(lines_of(text[: text.index("\0")])) or 1
        raise ValueError(f"line {line} holds a zero byte, as in UTF-16 without a byte order mark: save the file as UTF-8")
    return text


def lines_of(text: str) -> list[str]:
    r"""The lines of a text, which end at `\n`, `\r\n` or `\r` and nowhere else.

    `str.splitlines` would also split at U+2028, U+0085 and form feeds, which stand inside captions and cells.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines
