"""How does an open picture become the square of pixels that a model expects, without loading torch in every worker?"""

from __future__ import annotations

import signal
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from affect_workbench.arrays import Mask

Fit = Literal["shortest", "squash", "longest"]
_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True)
class PixelRecipe:
    """What a model does to a picture before it looks at it. The same pixels as open_clip's and transformers' own code.

    Attributes:
        size: side of the square in pixels.
        fit: `shortest` scales the shorter side and cuts the middle out, `squash` scales both sides, `longest` scales the
            longer side and fills up.
        resize: length the side is scaled to before cutting; 0 for `size`.
        interpolation: `nearest`, `bilinear`, `bicubic` or `lanczos`.
        mean: of each channel, for pixels from 0 to 1.
        deviation: of each channel.
        fill: grey value beside the picture with `longest`.

    Raises:
        ValueError: an unknown fit or interpolation.
    """

    size: int
    fit: Fit = "shortest"
    resize: int = 0
    interpolation: str = "bicubic"
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    deviation: tuple[float, float, float] = (0.5, 0.5, 0.5)
    fill: int = 0

    def __post_init__(self) -> None:
        if self.fit not in ("shortest", "squash", "longest"):
            raise ValueError(f"a picture cannot be fitted by {self.fit!r}: expected shortest, squash or longest")
        if self.interpolation not in _FILTERS:
            raise ValueError(f"unknown interpolation {self.interpolation!r}: expected one of {', '.join(_FILTERS)}")

    def pixels(self, picture: Image.Image) -> npt.NDArray[np.uint8]:
        """The square `(size, size, 3)`; scaling to mean and deviation is left to the device."""
        (width, height), to, by = picture.size, self.resize or self.size, _FILTERS[self.interpolation]
        if self.fit == "squash":
            return np.array(picture.resize((self.size, self.size), by))
        if self.fit == "longest":
            share = self.size / max(width, height)
            picture = picture.resize((max(1, round(width * share)), max(1, round(height * share))), by)
            square = Image.new("RGB", (self.size, self.size), (self.fill,) * 3)
            square.paste(picture, ((self.size - picture.width) // 2, (self.size - picture.height) // 2))
            return np.array(square)
        # Truncation and rounding as in torchvision's Resize and CenterCrop, so that pixels agree exactly.
        if width <= height:
            picture = picture.resize((to, max(1, int(to * height / width))), by)
        else:
            picture = picture.resize((max(1, int(to * width / height)), to), by)
        left, top = round((picture.width - self.size) / 2), round((picture.height - self.size) / 2)
        return np.array(picture.crop((left, top, left + self.size, top + self.size)))


def read_squares(paths: list[Path], recipe: PixelRecipe) -> tuple[npt.NDArray[np.uint8], Mask, list[str]]:
    """Opens pictures in a worker: squares `(n, size, size, 3)`, which are readable `(n,)`, why the others are not."""
    from affect_workbench.data.images.decode import UnreadablePicture, open_picture

    squares = np.zeros((len(paths), recipe.size, recipe.size, 3), dtype=np.uint8)
    readable = np.ones(len(paths), dtype=bool)
    reasons = []
    for at, path in enumerate(paths):
        try:
            squares[at] = recipe.pixels(open_picture(path))
        except (UnreadablePicture, OSError) as error:
            readable[at] = False
            reasons.append(" ".join(str(error).split()))
    return squares, readable, reasons


def worker_pool(workers: int) -> ProcessPoolExecutor:
    """Processes that open pictures; an interrupt at the keyboard is left to the process that they work for."""
    return ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)
    )
