"""Do two picture files look the same, whatever their format, size and compression? 64 bits a picture."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.fft import dctn

from affect_workbench.arrays import Mask
from affect_workbench.data.images.preprocess import worker_pool
from affect_workbench.data.storage.progress import progress_bar

BITS = 64
_SIDE = 32
_FLAT = 1.0
"""Root mean square, in grey levels, of the coefficients that are compared; below it their signs are noise."""
_PORTION = 64
_WORTH_WORKERS = 256


@dataclass(frozen=True)
class Hashes:
    """Perceptual hashes of `n` pictures, in the order of their rows.

    Attributes:
        values: `(n,)` uint64; 0 where missing.
        missing: `(n,)`: no such file, unreadable, or too even to have a hash (a blank page is like any other).
        reasons: one line for every unreadable file, with its path.

    Raises:
        ValueError: shapes disagree.
        TypeError: values are not uint64, or missing is not boolean.
    """

    values: npt.NDArray[np.uint64]
    missing: Mask
    reasons: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.values.ndim != 1 or self.values.shape != self.missing.shape:
            raise ValueError(
                f"hashes have shape {self.values.shape}, missing {self.missing.shape}: expected (pictures,) for both"
            )
        if self.values.dtype != np.uint64 or self.missing.dtype != np.bool_:
            raise TypeError(f"hashes are {self.values.dtype}, missing {self.missing.dtype}: expected uint64 and bool")

    def __len__(self) -> int:
        return len(self.values)


def perceptual_hash(picture: Image.Image) -> int | None:
    """64 bits that copies of a picture share but for a few; None for a picture without any structure.

    The grey picture is scaled to 32 x 32; the lowest 8 x 8 of its cosine transform, the constant left out and the next
    diagonal's corner taken instead, are compared with their median. Scaling, another format, strong compression and small
    changes of brightness or contrast move few bits; a crop, a turn or a mirror image moves many.
    Source: C. Zauner, https://www.phash.org/docs/pubs/thesis_zauner.pdf, 3.2.1 (DCT hash).
    """
    small = picture.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX, reducing_gap=None)
    waves = dctn(np.asarray(small, dtype=np.float64), norm="ortho")
    low = np.append(waves[:8, :8].ravel()[1:], waves[8, 8])
    if np.sqrt((low**2).mean()) < _FLAT * _SIDE / 8:
        return None
    packed = np.packbits(low > np.median(low))
    return int.from_bytes(packed.tobytes(), "big")


def hashes(paths: Sequence[Path | str], *, workers: int = 1, progress: bool = False) -> Hashes:
    """The perceptual hash of every picture file; a file that cannot be read has none and a reason.

    Args:
        paths: `n` files.
        workers: processes that decode; few pictures are done in this one.
        progress: show a progress bar on standard error.

    Raises:
        ValueError: fewer than one worker.
    """
    if workers < 1:
        raise ValueError(f"workers is {workers}: expected at least 1")
    portions = [list(map(Path, paths[start : start + _PORTION])) for start in range(0, len(paths), _PORTION)]
    values = np.zeros(len(paths), dtype=np.uint64)
    missing = np.ones(len(paths), dtype=bool)
    reasons: list[str] = []
    alone = workers == 1 or len(paths) < _WORTH_WORKERS
    pool = nullcontext() if alone else worker_pool(workers)
    with (
        pool as executor,
        progress_bar(total=len(paths), desc="comparing pictures", unit="picture", progress=progress) as bar,
    ):
        results = map(_portion, portions) if executor is None else executor.map(_portion, portions)
        at = 0
        for found, lines in results:
            for value in found:
                if value is not None:
                    values[at], missing[at] = value, False
                at += 1
            reasons += lines
            bar.update(len(found))
    return Hashes(values, missing, tuple(reasons))


def _portion(paths: list[Path]) -> tuple[list[int | None], list[str]]:
    from affect_workbench.data.images.decode import UnreadablePicture, open_picture

    found: list[int | None] = []
    reasons = []
    for path in paths:
        try:
            found.append(perceptual_hash(open_picture(path)))
        except (UnreadablePicture, OSError) as error:
            found.append(None)
            reasons.append(" ".join(str(error).split()))
    return found, reasons
