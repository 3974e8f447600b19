"""Where does a drawn picture play: sky, ground, room, and the weather over them?"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from affect_workbench.data.synthetic.scenes.canvas import SIDE, Canvas

_SKY = {
    "sunny": ((70, 140, 235), (190, 225, 255)),
    "overcast": ((140, 146, 154), (196, 200, 205)),
    "sunset": ((92, 58, 128), (255, 150, 60)),
    "night": ((6, 8, 32), (22, 26, 68)),
    "storm": ((40, 44, 54), (92, 98, 108)),
}
_GROUND = {"beach": (236, 214, 150), "forest": (70, 132, 56), "city": (128, 128, 132), "room": (150, 92, 56)}
_FRAME = (246, 244, 238)
WINDOW = (60, 46)
"""Width and height of the view through the window of a room."""


@lru_cache(maxsize=512)
def _gradient(light: str, width: int, height: int, horizon: int) -> Image.Image:
    top, bottom = np.array(_SKY[light][0], float), np.array(_SKY[light][1], float)
    share = np.clip(np.arange(height) / max(horizon, 1), 0, 1)[:, None, None]
    pixels = (top + (bottom - top) * share).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(np.broadcast_to(pixels, (height, width, 3))))


def sky(canvas: Canvas, corner: tuple[int, int], size: tuple[int, int], horizon: int) -> None:
    """The sky down to `horizon` below the corner, with what stands in it at this light."""
    light, rng, width = canvas.light, canvas.rng, size[0]
    image = _gradient(light, *size, horizon).copy()
    pen = ImageDraw.Draw(image)
    radius = max(5, width // 13)
    x, y = int(rng.integers(radius, width - radius)), int(rng.integers(radius, max(radius + 1, horizon // 2)))
    if light == "sunny":
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(255, 236, 110))
    elif light == "sunset":
        y = horizon - radius // 2
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(255, 110, 40))
    elif light == "night":
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(240, 240, 222))
        for star in rng.integers(0, (width, max(horizon, 1)), size=(18, 2)):
            pen.point([tuple(star), (star[0] + 1, star[1])], fill=(250, 250, 250))
    else:
        grey = (226, 229, 233) if light == "overcast" else (62, 66, 76)
        for _ in range(3):
            cx, cy = int(rng.integers(0, width)), int(rng.integers(4, max(horizon // 2, 6)))
            for step in (-1, 0, 1):
                r = radius * (1.2 if step == 0 else 0.9)
                pen.ellipse((cx + step * radius - r, cy - r * 0.7, cx + step * radius + r, cy + r * 0.7), fill=grey)
        if light == "storm":
            y, points = 0, [(x, 0)]
            while y < horizon:
                y += max(6, horizon // 5)
                points.append((points[-1][0] + int(rng.integers(-8, 9)), y))
            pen.line(points, fill=(255, 250, 170), width=3)
    canvas.image.paste(image, corner)


def beach(canvas: Canvas, horizon: int) -> None:
    """Sea and sand below the horizon."""
    shore = horizon + int(canvas.rng.integers(12, 22))
    canvas.box((0, horizon, SIDE, shore), (36, 116, 182))
    for _ in range(4):
        x, y = int(canvas.rng.integers(0, SIDE)), int(canvas.rng.integers(horizon + 2, shore - 1))
        canvas.line([(x, y), (x + 16, y)], (220, 238, 250), 2)
    canvas.box((0, shore, SIDE, SIDE), canvas.any_of(_GROUND["beach"]))


def forest(canvas: Canvas, horizon: int) -> None:
    """Grass and firs."""
    canvas.box((0, horizon, SIDE, SIDE), canvas.any_of(_GROUND["forest"]))
    for _ in range(int(canvas.rng.integers(5, 8))):
        x, base = int(canvas.rng.integers(0, SIDE)), horizon + int(canvas.rng.integers(2, 12))
        height = int(canvas.rng.integers(34, 54))
        canvas.box((x - 2, base - 8, x + 2, base), (96, 64, 36))
        green = canvas.any_of((26, 92, 42), (34, 106, 50))
        for tier in range(3):
            top, wide = base - 6 - height * (tier + 1.4) / 3.4, 14 - 3 * tier
            canvas.shape([(x, top), (x - wide, top + height / 2.2), (x + wide, top + height / 2.2)], green)


def city(canvas: Canvas, horizon: int) -> None:
    """A street with houses along the horizon."""
    left = -int(canvas.rng.integers(0, 10))
    lamp = (255, 226, 130) if canvas.light in ("night", "storm", "sunset") else canvas.lit((176, 200, 220))
    while left < SIDE:
        width, height = int(canvas.rng.integers(18, 30)), int(canvas.rng.integers(26, 54))
        wall = canvas.any_of((150, 104, 92), (120, 124, 140), (168, 148, 120), (104, 112, 120))
        canvas.box((left, horizon + 6 - height, left + width - 2, horizon + 8), wall)
        for x in range(left + 3, left + width - 6, 7):
            for y in range(horizon + 10 - height, horizon, 9):
                if canvas.rng.random() < 0.7:
                    canvas.shine.rectangle((x, y, x + 3, y + 4), fill=lamp)
        left += width
    canvas.box((0, horizon + 8, SIDE, SIDE), canvas.any_of(_GROUND["city"]))
    canvas.box((0, horizon + 20, SIDE, horizon + 22), (226, 226, 226))


def room(canvas: Canvas, floor: int, window: tuple[int, int]) -> None:
    """Wall and floor, and the frame of a window whose view has its upper left corner at `window`."""
    (x, y), (width, height) = window, WINDOW
    canvas.box((0, 0, SIDE, floor), canvas.any_of((214, 190, 150), (186, 206, 160), (206, 176, 176), (176, 192, 210)))
    canvas.box((0, floor, SIDE, SIDE), canvas.any_of(_GROUND["room"]))
    canvas.box((0, floor, SIDE, floor + 2), (240, 232, 220))
    canvas.box((x - 4, y - 4, x + width + 3, y + height + 3), _FRAME)


def window_bar(canvas: Canvas, window: tuple[int, int]) -> None:
    """The bar down the middle of the window, in front of what is seen through it."""
    (x, y), (width, height) = window, WINDOW
    canvas.box((x + width // 2 - 1, y, x + width // 2 + 1, y + height - 1), _FRAME)


def weather(canvas: Canvas, corner: tuple[int, int], size: tuple[int, int], weather: str) -> None:
    """Fog, rain or snow over what is drawn already, in the part of the canvas that has this corner and size."""
    (left, top), (width, height) = corner, size
    image = canvas.image.crop((left, top, left + width, top + height))
    many = max(24, width * height // 200)
    pen = ImageDraw.Draw(image)
    if weather == "fog":
        image = Image.blend(image, Image.new("RGB", size, (178, 184, 190)), 0.58)
    elif weather == "rain":
        for x, y in canvas.rng.integers((-4, -8), size, size=(many, 2)):
            pen.line((x, y, x - 3, y + 9), fill=(172, 200, 232), width=1)
    elif weather == "snow":
        for x, y in canvas.rng.integers(0, size, size=(many, 2)):
            pen.ellipse((x, y, x + 3, y + 3), fill=(252, 252, 255))
    canvas.image.paste(image, corner)


OUTDOORS = {"beach": beach, "forest": forest, "city": city}
