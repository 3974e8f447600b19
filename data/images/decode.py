"""Can this picture file be opened, and as what?

A picture is always three channels of eight bits, upright, on white. What cannot be shown whole is refused with a reason.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".jp2", ".jfif")
"""Endings, in lower case, of the files that count as pictures when a folder is listed."""
UNOPENED_SUFFIXES = (
    ".avif",
    ".avifs",
    ".heic",
    ".heics",
    ".heif",
    ".heifs",
    ".hif",
    ".jxl",
    ".jpe",
    ".jif",
    ".jfi",
    ".j2k",
    ".j2c",
    ".jpc",
    ".jpf",
    ".jpx",
    ".jpm",
    ".apng",
    ".mpo",
    ".dib",
    ".pbm",
    ".pnm",
    ".pam",
    ".pfm",
    ".svg",
    ".svgz",
    ".eps",
    ".psd",
    ".psb",
    ".xcf",
    ".tga",
    ".icb",
    ".vda",
    ".ico",
    ".cur",
    ".icns",
    ".pcx",
    ".xbm",
    ".xpm",
    ".sgi",
    ".rgb",
    ".exr",
    ".hdr",
    ".qoi",
    ".dds",
    ".wmf",
    ".emf",
    ".jng",
    ".mng",
    ".dng",
    ".cr2",
    ".cr3",
    ".crw",
    ".nef",
    ".nrw",
    ".arw",
    ".srf",
    ".sr2",
    ".orf",
    ".rw2",
    ".raf",
    ".pef",
    ".srw",
    ".x3f",
    ".3fr",
    ".iiq",
    ".kdc",
    ".dcr",
    ".raw",
)
"""Endings, in lower case, of pictures that are not opened where a folder is listed: they are counted and named."""
MAX_PIXELS = 178_956_970
"""Pillow's own limit for refusing a picture (half a gigabyte of RGB); the header is checked before anything is decoded."""
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000")
"""Formats that are tried. Those that run other programs (EPS) or fetch other files are not."""
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation -> what turns the picture upright; https://www.cipa.jp/std/documents/e/DC-008-2012_E.pdf, tag 274."""
_ORIENTATION = 274
_NO_FILES = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


class UnreadablePicture(ValueError):
    """A file that is no picture, or not a whole one; `reason` is one line without the path."""

    def __init__(self, path: Path | str, reason: str) -> None:
        self.path, self.reason = str(path), reason
        super().__init__(f"{path} cannot be read as a picture: {reason}")

    def __reduce__(self) -> tuple[type[UnreadablePicture], tuple[str, str]]:
        return type(self), (self.path, self.reason)


@dataclass(frozen=True)
class Inspection:
    """What one look at a picture file found.

    Attributes:
        content: `content_id` of the file, empty where it could not be read.
        reason: why it is unreadable; empty for a good picture.
        missing: whether there is no such file.
    """

    content: str = ""
    reason: str = ""
    missing: bool = False


def is_picture_name(path: Path) -> bool:
    """Whether the name ends like a picture's and is not hidden (`._x.jpg` is a Mac's bookkeeping, not a picture)."""
    return path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith(".")


def open_picture(path: Path) -> Image.Image:
    """The picture at `path`: mode RGB, upright, alpha on white, 16 bits scaled to 8, first frame; free of metadata.

    Raises:
        FileNotFoundError: no such file.
        UnreadablePicture: empty, no picture, cut short, of no size, or more than `MAX_PIXELS`.
    """
    return _decoded(_bytes(path), path)


def content_id(path: Path) -> str:
    """The first 16 hex digits of the SHA-256 of the file's bytes: equal for byte-identical copies.

    Raises:
        OSError: no such file, or not a file that can be read (see `UnreadablePicture` for pipes, devices and folders).
    """
    _require_file(path)
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def thumbnail(path: Path, side: int = 96, *, quality: int = 80) -> bytes:
    """A small JPEG of the picture, its longer side at most `side` pixels, of JPEG `quality` 1 to 95, without metadata.

    Raises:
        FileNotFoundError: no such file.
        UnreadablePicture: see `open_picture`.
        ValueError: `side` is below 1.
    """
    if side < 1:
        raise ValueError(f"thumbnail side is {side}: expected at least 1 pixel")
    # A JPEG can be decoded at a half, a quarter or an eighth; twice the wanted side leaves enough to average over.
    picture = _decoded(_bytes(path), path, draft=2 * side)
    picture.thumbnail((side, side))
    small = io.BytesIO()
    picture.save(small, "JPEG", quality=quality, optimize=True)
    return small.getvalue()


def inspect_picture(path: Path) -> Inspection:
    """Reads the file once: its content id, and whether it decodes to the last byte. Never raises for a bad file."""
    try:
        data = _bytes(path)
    except FileNotFoundError:
        return Inspection(reason="the file does not exist", missing=True)
    except UnreadablePicture as error:
        return Inspection(reason=error.reason)
    content = hashlib.sha256(data).hexdigest()[:16]
    try:
        _decoded(data, path, draft=1, convert=False)
    except UnreadablePicture as error:
        return Inspection(content=content, reason=error.reason)
    return Inspection(content)


def _require_file(path: Path) -> None:
    """Refuses, without opening it, what is no plain file: a pipe that nobody writes to would be waited for for ever.

    Raises:
        OSError: no such file.
        UnreadablePicture: a folder, pipe, device or socket.
    """
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode):
        what = next((name for test, name in _NO_FILES if test(mode)), "no plain file")
        raise UnreadablePicture(path, f"it is {what}, not a file: it is not opened")


def _bytes(path: Path) -> bytes:
    try:
        _require_file(path)
        data = Path(path).read_bytes()
    except FileNotFoundError as error:
        raise FileNotFoundError(f"no picture at {path}: the file does not exist") from error
    except OSError as error:
        raise UnreadablePicture(path, (error.strerror or type(error).__name__).lower()) from error
    if not data:
        raise UnreadablePicture(path, "the file is empty")
    return data


def _decoded(data: bytes, path: Path, *, draft: int = 0, convert: bool = True) -> Image.Image:
    """The decoded picture; `draft` allows a JPEG to come smaller, without `convert` it keeps its mode."""
    try:
        with _quiet(), Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if 0 in image.size:
                raise UnreadablePicture(path, f"its size is {image.width} x {image.height} pixels")
            if image.width * image.height > MAX_PIXELS:
                raise UnreadablePicture(path, _too_large(f"{image.width} x {image.height}"))
            if draft:
                image.draft(None, (draft, draft))
            image.load()
            if not convert:
                return image
            turn, picture = _turn(image), _on_white(image)
    except UnreadablePicture:
        raise
    except Image.DecompressionBombError as error:
        raise UnreadablePicture(path, _too_large(f"more than {2 * MAX_PIXELS:,}")) from error
    except UnidentifiedImageError as error:
        raise UnreadablePicture(path, "its content is no picture format the workbench opens") from error
    except MemoryError as error:
        raise UnreadablePicture(path, "it does not fit into memory") from error
    except Exception as error:  # Pillow's decoders raise anything at all on damaged files
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UnreadablePicture(path, reason) from error
    picture = picture if turn is None else picture.transpose(turn)
    picture.info = {}  # a kept EXIF block would turn the picture a second time
    return picture


def _too_large(size: str) -> str:
    return f"its header says {size} pixels: at most {MAX_PIXELS:,} in all are decoded"


def _turn(image: Image.Image) -> Image.Transpose | None:
    """What turns the picture upright; a damaged EXIF block says nothing."""
    try:
        return _UPRIGHT.get(int(image.getexif().get(_ORIENTATION, 1)))
    except Exception:  # the picture itself is whole, only its EXIF is not
        return None


def _on_white(image: Image.Image) -> Image.Image:
    """The frame as RGB, transparent parts white."""
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(_eight_bits(image)).convert("RGB")
    if image.has_transparency_data or image.mode in ("La", "PA", "RGBa"):
        colours = image.convert("LA").convert("RGBA") if image.mode == "La" else image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), colours).convert("RGB")
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Grey values `(height, width)` in 0 to 255.

    16-bit values, also when Pillow holds them in mode I, are divided by 257 (65535 becomes 255); floats in 0 to 1 are
    multiplied by 255; anything else is stretched from its lowest to its highest value.
    """
    values = np.asarray(image).astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("it holds NaN or infinite values")
    low, high = float(values.min()), float(values.max())
    if image.mode.startswith("I") and low >= 0 and high <= 65_535:
        scaled = values / 257.0
    elif image.mode == "F" and low >= 0 and high <= 1:
        scaled = values * 255.0
    elif image.mode == "F" and low >= 0 and high <= 255:
        scaled = values
    else:
        scaled = (values - low) * (255.0 / max(high - low, 1e-12))
    return np.round(scaled).astype(np.uint8)


_lock = threading.Lock()
_open_now = 0
_silenced: warnings.catch_warnings | None = None


@contextmanager
def _quiet() -> Iterator[None]:
    """Pillow's warnings (large, odd EXIF, malformed MPO) are dropped: this module checks or mends what they tell.

    `warnings.catch_warnings` alone is not safe in threads: the first picture silences, the last one restores.
    """
    global _open_now, _silenced
    with _lock:
        if _open_now == 0:
            _silenced = warnings.catch_warnings()
            _silenced.__enter__()
            warnings.simplefilter("ignore")
        _open_now += 1
    try:
        yield
    finally:
        with _lock:
            _open_now -= 1
            if _open_now == 0 and _silenced is not None:
                _silenced.__exit__(None, None, None)
                _silenced = None
