"""How does a picture of the drawn world look: its place, what stands there, the weather, and the camera?

Everything is drawn at twice the size and scaled down. Each attribute has its own random numbers: pictures of one seed that
differ in one attribute are alike wherever that attribute cannot be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from affect_workbench.arrays import Mask
from affect_workbench.data.synthetic.scenes.canvas import SIDE, SIZE, Canvas
from affect_workbench.data.synthetic.scenes.places import OUTDOORS, WINDOW, room, sky, weather, window_bar
from affect_workbench.data.synthetic.scenes.streams import Streams
from affect_workbench.data.synthetic.scenes.things import (
    CARRIED,
    EXTRAS,
    SUBJECTS,
    clothes,
    confetti,
    hair_and_eyes,
    hand,
    skin,
)
from affect_workbench.data.synthetic.scenes.world import require_attribute

_PAINTED_AS: Mapping[str, tuple[str, ...]] = {"subject": ("subject", "figure_tone")}
"""Attribute -> the attributes whose parts it consists of, where these are more than itself."""
_KEY = (0, 255, 0)
"""A colour that nothing is painted in."""
_BLUR = 1.0
_BLUR_REACH = 3
"""Pixels that Pillow's Gaussian blur (three box blurs) carries a colour at this radius."""


def draw(scene: Mapping[str, Any], *, seed: int) -> Image.Image:
    """The picture `(64, 64)` RGB of one row of `sample_scenes`; the seed places and colours what the row leaves open."""
    streams = Streams(seed)
    image = Image.new("RGB", (SIDE, SIDE))
    for attribute, paint in _parts(scene, _Layout.drawn(streams["layout"])):
        paint(Canvas(image, scene["light"], streams, attribute))
    return _photographed(image.reduce(2), scene["camera"], streams["camera"])


def region(scene: Mapping[str, Any], attribute: str, *, seed: int) -> Mask:
    """Which pixels `(64, 64)` of `draw(scene, seed=seed)` show an attribute, at least in part.

    Things hide what is behind them, fog hides nothing. A blurred picture's regions are as much wider as the blur reaches.
    The region of `light` is the sky, although light tints all else; that of `camera` is the whole picture; that of the
    subject `person` includes skin, not what is held. Where nothing is painted (e.g. `held: nothing`), the region is empty.

    Raises:
        ValueError: an unknown attribute.
    """
    require_attribute(attribute)
    if attribute == "camera":
        return np.ones((SIZE, SIZE), dtype=bool)
    own = _PAINTED_AS.get(attribute, (attribute,))
    streams, shown = Streams(seed), np.zeros((SIDE, SIDE), dtype=bool)
    for name, paint in _parts(scene, _Layout.drawn(streams["layout"])):
        image = Image.new("RGB", (SIDE, SIDE), _KEY)
        paint(Canvas(image, scene["light"], streams, name))
        painted = (np.asarray(image) != _KEY).any(axis=2)
        if name in own:
            shown |= painted
        elif name != "weather" or scene["weather"] != "fog":
            shown &= ~painted
    mask: Mask = np.logical_or.reduce(shown.reshape(SIZE, 2, SIZE, 2), axis=(1, 3))
    if scene["camera"] == "blurred":
        return np.asarray(Image.fromarray(mask).convert("L").filter(ImageFilter.MaxFilter(2 * _BLUR_REACH + 1))) > 0
    return mask


@dataclass(frozen=True)
class _Layout:
    """Where things are on the canvas, whatever they are."""

    horizon: int
    middle: int
    feet: int
    window: tuple[int, int]

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> _Layout:
        width, _ = WINDOW
        horizon, middle, feet = (int(rng.integers(*bounds)) for bounds in ((58, 72), (40, 88), (112, 124)))
        return cls(horizon, middle, feet, (int(rng.integers(6, SIDE - width - 6)), int(rng.integers(5, 12))))

    @property
    def beside(self) -> int:
        return self.middle + (30 if self.middle < 64 else -30)


def _parts(scene: Mapping[str, Any], at: _Layout) -> Iterator[tuple[str, Callable[[Canvas], None]]]:
    """Attribute and what it paints, from back to front."""
    indoors = scene["setting"] == "room"
    if indoors:
        corner, size, horizon = at.window, WINDOW, WINDOW[1] - 2
        yield "setting", lambda canvas: room(canvas, at.horizon + 14, at.window)
    else:
        corner, size, horizon = (0, 0), (SIDE, SIDE), at.horizon
    yield "light", lambda canvas: sky(canvas, corner, size, horizon)
    falling = ("weather", lambda canvas: weather(canvas, corner, size, scene["weather"]))
    if indoors:
        yield falling
        yield "setting", lambda canvas: window_bar(canvas, at.window)
    else:
        yield "setting", lambda canvas: OUTDOORS[scene["setting"]](canvas, at.horizon)
    if scene["extras"] in EXTRAS:
        yield "extras", lambda canvas: EXTRAS[scene["extras"]](canvas, at.beside, at.feet + 2)
    yield from _subject(scene, at)
    if not indoors:
        yield falling
    if scene["extras"] == "confetti":
        yield "extras", confetti


def _subject(scene: Mapping[str, Any], at: _Layout) -> Iterator[tuple[str, Callable[[Canvas], None]]]:
    subject, held = scene["subject"], scene["held"]
    if subject in SUBJECTS:
        yield "subject", lambda canvas: SUBJECTS[subject](canvas, at.middle, at.feet)
    if subject == "person":
        yield "subject", lambda canvas: clothes(canvas, at.middle, at.feet)
        yield "figure_tone", lambda canvas: skin(canvas, at.middle, at.feet, scene["figure_tone"])
        yield "subject", lambda canvas: hair_and_eyes(canvas, at.middle, at.feet)
        if held in CARRIED:
            yield "held", lambda canvas: CARRIED[held](canvas, *hand(at.middle, at.feet))


@lru_cache(maxsize=1)
def _grain() -> npt.NDArray[np.int16]:
    return np.random.default_rng(0).normal(0, 1, size=(SIZE * 4, SIZE * 4, 3)).__mul__(64).astype(np.int16)


def _photographed(image: Image.Image, camera: str, rng: np.random.Generator) -> Image.Image:
    if camera == "blurred":
        return image.filter(ImageFilter.GaussianBlur(_BLUR))
    strength = 16 if camera == "noisy" else 4
    x, y = rng.integers(0, SIZE * 3, size=2)
    pixels = np.asarray(image, np.int16) + (_grain()[y : y + SIZE, x : x + SIZE] * strength >> 6)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
