"""How does a picture of the drawn world look: its place, what stands there, the weather, and the camera?

Everything is drawn at twice the size and scaled down.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from affect_workbench.data.synthetic.scenes.canvas import BRIGHT, SIDE, SIZE, Canvas
from affect_workbench.data.synthetic.scenes.places import OUTDOORS, room, sky, weather
from affect_workbench.data.synthetic.scenes.things import EXTRAS, SUBJECTS, person


def draw(scene: Mapping[str, Any], *, seed: int) -> Image.Image:
    """The picture `(64, 64)` RGB of one row of `sample_scenes`; the seed places and colours what the row leaves open."""
    rng = np.random.default_rng(seed)
    light, setting = scene["light"], scene["setting"]
    horizon = int(rng.integers(58, 72))
    if setting == "room":
        image = room(scene, rng, horizon + 14)
    else:
        image = sky(light, (SIDE, SIDE), horizon, rng)
        canvas = Canvas(image, light, rng)
        OUTDOORS[setting](canvas, horizon)
    canvas = Canvas(image, light, rng)
    middle = int(rng.integers(40, 88))
    feet = int(rng.integers(112, 124))
    if scene["extras"] in EXTRAS:
        beside = middle + (30 if middle < 64 else -30) + int(rng.integers(-4, 5))
        EXTRAS[scene["extras"]](canvas, beside, feet + 2)
    if scene["subject"] == "person":
        person(canvas, middle, feet, scene["figure_tone"], scene["held"])
    elif scene["subject"] != "none":
        SUBJECTS[scene["subject"]](canvas, middle, feet)
    if setting != "room":
        image = weather(image, scene["weather"], rng)
    if scene["extras"] == "confetti":
        canvas = Canvas(image, light, rng)
        for x, y in rng.integers(0, SIDE, size=(60, 2)):
            canvas.shine.rectangle((x, y, x + 3, y + 3), fill=BRIGHT[int(rng.integers(len(BRIGHT)))])
    return _photographed(image.reduce(2), scene["camera"], rng)


@lru_cache(maxsize=1)
def _grain() -> npt.NDArray[np.int16]:
    return np.random.default_rng(0).normal(0, 1, size=(SIZE * 4, SIZE * 4, 3)).__mul__(64).astype(np.int16)


def _photographed(image: Image.Image, camera: str, rng: np.random.Generator) -> Image.Image:
    if camera == "blurred":
        return image.filter(ImageFilter.GaussianBlur(1.0))
    strength = 16 if camera == "noisy" else 4
    x, y = rng.integers(0, SIZE * 3, size=2)
    pixels = np.asarray(image, np.int16) + (_grain()[y : y + SIZE, x : x + SIZE] * strength >> 6)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
