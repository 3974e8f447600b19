"""What is the drawn world drawn on?

Everything is drawn at twice the size, with colours already under the picture's light; what shines by itself (moon, windows,
fire) keeps its colour.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from affect_workbench.data.synthetic.scenes.streams import Streams

SIZE = 64
"""Side of a picture in pixels."""
SIDE = 2 * SIZE
"""Side of the canvas."""
Colour = tuple[int, int, int]

_AMBIENT = {
    "sunny": (1.0, 1.0, 1.0),
    "overcast": (0.8, 0.82, 0.86),
    "sunset": (1.0, 0.8, 0.66),
    "night": (0.44, 0.46, 0.66),
    "storm": (0.6, 0.62, 0.68),
}
BRIGHT: tuple[Colour, ...] = ((220, 40, 50), (40, 90, 220), (250, 200, 30), (160, 60, 200), (30, 170, 90), (250, 120, 170))


class Canvas:
    """One part draws on an image: `shine` in true colours, the methods under the picture's light.

    Attributes:
        image: what is drawn on, `(SIDE, SIDE)` RGB.
        shine: its pen.
        light: value of the attribute `light`.
    """

    def __init__(self, image: Image.Image, light: str, streams: Streams, part: str) -> None:
        self.image = image
        self.shine = ImageDraw.Draw(image)
        self.light = light
        self._streams = streams
        self._part = part
        self._ambient = _AMBIENT[light]

    @property
    def rng(self) -> np.random.Generator:
        """The part's own random numbers."""
        return self._streams[self._part]

    def lit(self, colour: Colour) -> Colour:
        """The colour under the picture's light."""
        red, green, blue = self._ambient
        return int(colour[0] * red), int(colour[1] * green), int(colour[2] * blue)

    def box(self, corners: tuple[float, ...], colour: Colour) -> None:
        """A filled rectangle."""
        self.shine.rectangle(corners, fill=self.lit(colour))

    def oval(self, corners: tuple[float, ...], colour: Colour) -> None:
        """A filled ellipse."""
        self.shine.ellipse(corners, fill=self.lit(colour))

    def shape(self, points: list[tuple[float, float]], colour: Colour) -> None:
        """A filled polygon."""
        self.shine.polygon(points, fill=self.lit(colour))

    def line(self, points: list[tuple[float, float]], colour: Colour, width: int) -> None:
        """A line through the points."""
        self.shine.line(points, fill=self.lit(colour), width=width, joint="curve")

    def any_of(self, *colours: Colour) -> Colour:
        """One of the colours, a little lighter or darker."""
        colour = colours[int(self.rng.integers(len(colours)))]
        shade = int(self.rng.integers(-18, 19))
        return tuple(min(255, max(0, part + shade)) for part in colour)  # type: ignore[return-value]
