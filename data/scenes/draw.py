"""How does a picture of the drawn world look?

Everything is drawn at twice the size and scaled down, with colours already under the picture's light; what shines by
itself (moon, windows, fire) keeps its colour. In a room, sky and weather are seen through the window.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

SIZE = 64
"""Side of a picture in pixels."""
_S = 2 * SIZE
Colour = tuple[int, int, int]

_AMBIENT = {
    "sunny": (1.0, 1.0, 1.0), "overcast": (0.8, 0.82, 0.86), "sunset": (1.0, 0.8, 0.66), "night": (0.44, 0.46, 0.66),
    "storm": (0.6, 0.62, 0.68),
}  # fmt: skip
_SKY = {
    "sunny": ((70, 140, 235), (190, 225, 255)), "overcast": ((140, 146, 154), (196, 200, 205)),
    "sunset": ((92, 58, 128), (255, 150, 60)), "night": ((6, 8, 32), (22, 26, 68)), "storm": ((40, 44, 54), (92, 98, 108)),
}  # fmt: skip
_GROUND = {"beach": (236, 214, 150), "forest": (70, 132, 56), "city": (128, 128, 132), "room": (150, 92, 56)}
_TONE = {"light": (248, 214, 186), "medium": (190, 130, 84), "dark": (88, 54, 36)}
_BRIGHT: tuple[Colour, ...] = ((220, 40, 50), (40, 90, 220), (250, 200, 30), (160, 60, 200), (30, 170, 90), (250, 120, 170))


def draw(scene: Mapping[str, Any], *, seed: int) -> Image.Image:
    """The picture `(64, 64)` RGB of one row of `sample_scenes`; the seed places and colours what the row leaves open."""
    rng = np.random.default_rng(seed)
    light, setting = scene["light"], scene["setting"]
    horizon = int(rng.integers(58, 72))
    if setting == "room":
        image = _room(scene, rng, horizon + 14)
    else:
        image = _sky(light, (_S, _S), horizon, rng)
        canvas = _Canvas(image, light, rng)
        {"beach": _beach, "forest": _forest, "city": _city}[setting](canvas, horizon)
    canvas = _Canvas(image, light, rng)
    middle = int(rng.integers(40, 88))
    feet = int(rng.integers(112, 124))
    if scene["extras"] in ("fire", "garbage"):
        beside = middle + (30 if middle < 64 else -30) + int(rng.integers(-4, 5))
        (_fire if scene["extras"] == "fire" else _garbage)(canvas, beside, feet + 2)
    if scene["subject"] == "person":
        _person(canvas, middle, feet, scene["figure_tone"], scene["held"])
    elif scene["subject"] != "none":
        _SUBJECTS[scene["subject"]](canvas, middle, feet)
    if setting != "room":
        image = _weather(image, scene["weather"], rng)
    if scene["extras"] == "confetti":
        canvas = _Canvas(image, light, rng)
        for x, y in rng.integers(0, _S, size=(60, 2)):
            canvas.shine.rectangle((x, y, x + 3, y + 3), fill=_BRIGHT[int(rng.integers(len(_BRIGHT)))])
    return _photographed(image.reduce(2), scene["camera"], rng)


class _Canvas:
    """Draws on an image: `shine` in true colours, the methods under the picture's light."""

    def __init__(self, image: Image.Image, light: str, rng: np.random.Generator) -> None:
        self.shine = ImageDraw.Draw(image)
        self.light = light
        self.rng = rng
        self._ambient = _AMBIENT[light]

    def lit(self, colour: Colour) -> Colour:
        red, green, blue = self._ambient
        return int(colour[0] * red), int(colour[1] * green), int(colour[2] * blue)

    def box(self, corners: tuple[float, ...], colour: Colour) -> None:
        self.shine.rectangle(corners, fill=self.lit(colour))

    def oval(self, corners: tuple[float, ...], colour: Colour) -> None:
        self.shine.ellipse(corners, fill=self.lit(colour))

    def shape(self, points: list[tuple[float, float]], colour: Colour) -> None:
        self.shine.polygon(points, fill=self.lit(colour))

    def line(self, points: list[tuple[float, float]], colour: Colour, width: int) -> None:
        self.shine.line(points, fill=self.lit(colour), width=width, joint="curve")

    def any_of(self, *colours: Colour) -> Colour:
        colour = colours[int(self.rng.integers(len(colours)))]
        shade = int(self.rng.integers(-18, 19))
        return tuple(min(255, max(0, part + shade)) for part in colour)  # type: ignore[return-value]


@lru_cache(maxsize=512)
def _gradient(light: str, width: int, height: int, horizon: int) -> Image.Image:
    top, bottom = np.array(_SKY[light][0], float), np.array(_SKY[light][1], float)
    share = np.clip(np.arange(height) / max(horizon, 1), 0, 1)[:, None, None]
    pixels = (top + (bottom - top) * share).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(np.broadcast_to(pixels, (height, width, 3))))


def _sky(light: str, size: tuple[int, int], horizon: int, rng: np.random.Generator) -> Image.Image:
    image = _gradient(light, *size, horizon).copy()
    pen = ImageDraw.Draw(image)
    width = size[0]
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
    return image


def _beach(canvas: _Canvas, horizon: int) -> None:
    shore = horizon + int(canvas.rng.integers(12, 22))
    canvas.box((0, horizon, _S, shore), (36, 116, 182))
    for _ in range(4):
        x, y = int(canvas.rng.integers(0, _S)), int(canvas.rng.integers(horizon + 2, shore - 1))
        canvas.line([(x, y), (x + 16, y)], (220, 238, 250), 2)
    canvas.box((0, shore, _S, _S), canvas.any_of(_GROUND["beach"]))


def _forest(canvas: _Canvas, horizon: int) -> None:
    canvas.box((0, horizon, _S, _S), canvas.any_of(_GROUND["forest"]))
    for _ in range(int(canvas.rng.integers(5, 8))):
        x, base = int(canvas.rng.integers(0, _S)), horizon + int(canvas.rng.integers(2, 12))
        height = int(canvas.rng.integers(34, 54))
        canvas.box((x - 2, base - 8, x + 2, base), (96, 64, 36))
        green = canvas.any_of((26, 92, 42), (34, 106, 50))
        for tier in range(3):
            top, wide = base - 6 - height * (tier + 1.4) / 3.4, 14 - 3 * tier
            canvas.shape([(x, top), (x - wide, top + height / 2.2), (x + wide, top + height / 2.2)], green)


def _city(canvas: _Canvas, horizon: int) -> None:
    left = -int(canvas.rng.integers(0, 10))
    lamp = (255, 226, 130) if canvas.light in ("night", "storm", "sunset") else canvas.lit((176, 200, 220))
    while left < _S:
        width, height = int(canvas.rng.integers(18, 30)), int(canvas.rng.integers(26, 54))
        wall = canvas.any_of((150, 104, 92), (120, 124, 140), (168, 148, 120), (104, 112, 120))
        canvas.box((left, horizon + 6 - height, left + width - 2, horizon + 8), wall)
        for x in range(left + 3, left + width - 6, 7):
            for y in range(horizon + 10 - height, horizon, 9):
                if canvas.rng.random() < 0.7:
                    canvas.shine.rectangle((x, y, x + 3, y + 4), fill=lamp)
        left += width
    canvas.box((0, horizon + 8, _S, _S), canvas.any_of(_GROUND["city"]))
    canvas.box((0, horizon + 20, _S, horizon + 22), (226, 226, 226))


def _room(scene: Mapping[str, Any], rng: np.random.Generator, floor: int) -> Image.Image:
    image = Image.new("RGB", (_S, _S))
    canvas = _Canvas(image, scene["light"], rng)
    canvas.box((0, 0, _S, floor), canvas.any_of((214, 190, 150), (186, 206, 160), (206, 176, 176), (176, 192, 210)))
    canvas.box((0, floor, _S, _S), canvas.any_of(_GROUND["room"]))
    canvas.box((0, floor, _S, floor + 2), (240, 232, 220))
    width, height = 60, 46
    x, y = int(rng.integers(6, _S - width - 6)), int(rng.integers(5, 12))
    view = _weather(_sky(scene["light"], (width, height), height - 2, rng), scene["weather"], rng)
    canvas.box((x - 4, y - 4, x + width + 3, y + height + 3), (246, 244, 238))
    image.paste(view, (x, y))
    canvas.box((x + width // 2 - 1, y, x + width // 2 + 1, y + height - 1), (246, 244, 238))
    return image


def _person(canvas: _Canvas, x: int, feet: int, tone: str, held: str) -> None:
    skin, shirt = _TONE[tone], canvas.any_of(*_BRIGHT, (240, 240, 240), (60, 150, 160))
    trousers = canvas.any_of((44, 50, 84), (70, 70, 74), (96, 80, 60))
    side = -1 if x > 64 else 1
    head, shoulder, hip = feet - 62, feet - 50, feet - 24
    canvas.box((x - 9, hip, x - 2, feet), trousers)
    canvas.box((x + 2, hip, x + 9, feet), trousers)
    canvas.box((x - 11, shoulder, x + 11, hip), shirt)
    hand = (x + side * 22, shoulder + 14)
    canvas.line([(x - side * 13, shoulder + 3), (x - side * 15, hip)], skin, 6)
    canvas.line([(x + side * 11, shoulder + 4), hand], skin, 6)
    canvas.oval((x - 12, head - 13, x + 12, head + 13), skin)
    hair = canvas.any_of((40, 30, 26), (120, 80, 40), (200, 170, 90), (150, 150, 150), (150, 60, 30))
    canvas.shine.pieslice((x - 13, head - 15, x + 13, head + 9), 185, 355, fill=canvas.lit(hair))
    for eye in (-5, 5):
        canvas.box((x + eye - 1, head + 1, x + eye + 1, head + 3), (20, 20, 24))
    if held != "nothing":
        _HELD[held](canvas, *hand)


def _balloon(canvas: _Canvas, x: int, y: int) -> None:
    canvas.line([(x, y), (x + 1, y - 24)], (240, 240, 240), 1)
    canvas.oval((x - 10, y - 48, x + 10, y - 22), canvas.any_of(*_BRIGHT))


def _gift(canvas: _Canvas, x: int, y: int) -> None:
    canvas.box((x - 11, y - 10, x + 11, y + 10), canvas.any_of(*_BRIGHT[:2], *_BRIGHT[3:5]))
    canvas.box((x - 2, y - 10, x + 2, y + 10), (255, 226, 90))
    canvas.box((x - 11, y - 2, x + 11, y + 2), (255, 226, 90))


def _umbrella(canvas: _Canvas, x: int, y: int) -> None:
    canvas.line([(x, y + 4), (x, y - 36)], (70, 60, 50), 2)
    colour = canvas.lit(canvas.any_of((30, 30, 36), (40, 110, 70), (150, 40, 50)))
    canvas.shine.pieslice((x - 22, y - 48, x + 22, y - 14), 180, 360, fill=colour)


def _knife(canvas: _Canvas, x: int, y: int) -> None:
    canvas.box((x - 2, y - 3, x + 3, y + 9), (70, 44, 26))
    canvas.shape([(x - 4, y - 3), (x + 4, y - 3), (x + 4, y - 22), (x - 2, y - 32)], (226, 234, 244))


_HELD = {"balloon": _balloon, "gift": _gift, "umbrella": _umbrella, "knife": _knife}


def _dog(canvas: _Canvas, x: int, feet: int) -> None:
    coat = canvas.any_of((120, 78, 44), (220, 208, 190), (60, 48, 40), (200, 150, 96))
    side = -1 if canvas.rng.random() < 0.5 else 1
    for leg in (-18, -10, 10, 18):
        canvas.box((x + leg - 2, feet - 16, x + leg + 2, feet), coat)
    canvas.oval((x - 24, feet - 32, x + 24, feet - 10), coat)
    canvas.line([(x - side * 22, feet - 24), (x - side * 32, feet - 38)], coat, 4)
    canvas.oval((x + side * 26 - 11, feet - 46, x + side * 26 + 11, feet - 26), coat)
    canvas.oval((x + side * 34 - 7, feet - 38, x + side * 34 + 7, feet - 29), coat)
    ear = tuple(part // 2 for part in coat)
    canvas.oval((x + side * 20 - 5, feet - 46, x + side * 20 + 5, feet - 28), (ear[0], ear[1], ear[2]))
    canvas.box((x + side * 38 - 2, feet - 37, x + side * 38 + 2, feet - 33), (16, 16, 18))


def _flower(canvas: _Canvas, x: int, feet: int) -> None:
    for shift in (-22, 0, 22)[: int(canvas.rng.integers(1, 4))]:
        top = feet - int(canvas.rng.integers(30, 44))
        canvas.line([(x + shift, feet), (x + shift, top)], (40, 130, 50), 3)
        petal = canvas.any_of((240, 90, 150), (250, 210, 50), (170, 90, 220), (235, 60, 60))
        for angle in np.linspace(0, 2 * np.pi, 6, endpoint=False):
            px, py = x + shift + 8 * np.cos(angle), top + 8 * np.sin(angle)
            canvas.oval((px - 5, py - 5, px + 5, py + 5), petal)
        canvas.oval((x + shift - 4, top - 4, x + shift + 4, top + 4), (90, 50, 20))


def _house(canvas: _Canvas, x: int, feet: int) -> None:
    canvas.box((x - 26, feet - 34, x + 26, feet), canvas.any_of((230, 220, 200), (200, 160, 130), (170, 190, 200)))
    canvas.shape([(x - 32, feet - 34), (x + 32, feet - 34), (x, feet - 60)], canvas.any_of((150, 50, 40), (90, 60, 50)))
    canvas.box((x - 6, feet - 20, x + 6, feet), (90, 56, 30))
    pane = (255, 230, 140) if canvas.light in ("night", "storm", "sunset") else canvas.lit((180, 215, 235))
    for shift in (-18, 12):
        canvas.shine.rectangle((x + shift, feet - 26, x + shift + 8, feet - 17), fill=pane)


def _snake(canvas: _Canvas, x: int, feet: int) -> None:
    skin = canvas.any_of((60, 130, 40), (150, 130, 30), (30, 30, 30), (160, 60, 40))
    along = np.linspace(-34, 34, 13)
    points = [(x + step, feet - 10 + 8 * float(np.sin(step / 7))) for step in along]
    canvas.line(points, skin, 8)
    for px, py in points[1:-1:2]:
        canvas.oval((px - 2, py - 2, px + 2, py + 2), (240, 220, 80))
    hx, hy = points[-1]
    canvas.oval((hx - 4, hy - 14, hx + 12, hy + 2), skin)
    canvas.line([(hx + 11, hy - 6), (hx + 18, hy - 8)], (230, 30, 40), 2)


_SUBJECTS = {"dog": _dog, "flower": _flower, "house": _house, "snake": _snake}


def _fire(canvas: _Canvas, x: int, feet: int) -> None:
    for wide, tall, colour in ((15, 34, (220, 50, 20)), (11, 25, (250, 130, 20)), (6, 14, (255, 226, 90))):
        tip = x + int(canvas.rng.integers(-4, 5))
        canvas.shine.polygon(
            [(x - wide, feet), (x - wide * 0.7, feet - tall * 0.55), (x - 3, feet - tall * 0.4), (tip, feet - tall),
             (x + 5, feet - tall * 0.45), (x + wide * 0.8, feet - tall * 0.6), (x + wide, feet)],
            fill=colour,
        )  # fmt: skip


def _garbage(canvas: _Canvas, x: int, feet: int) -> None:
    for _ in range(7):
        cx, cy = x + int(canvas.rng.integers(-14, 15)), feet - int(canvas.rng.integers(0, 12))
        radius = int(canvas.rng.integers(5, 9))
        canvas.oval(
            (cx - radius, cy - radius, cx + radius, cy + radius), canvas.any_of((86, 92, 40), (70, 56, 36), (110, 110, 60))
        )
    for _ in range(5):
        cx, cy = x + int(canvas.rng.integers(-16, 17)), feet - int(canvas.rng.integers(10, 26))
        canvas.shine.rectangle((cx, cy, cx + 2, cy + 2), fill=(20, 24, 10))


def _weather(image: Image.Image, weather: str, rng: np.random.Generator) -> Image.Image:
    width, height = image.size
    many = max(24, width * height // 200)
    if weather == "fog":
        return Image.blend(image, Image.new("RGB", image.size, (178, 184, 190)), 0.58)
    pen = ImageDraw.Draw(image)
    if weather == "rain":
        for x, y in rng.integers((-4, -8), (width, height), size=(many, 2)):
            pen.line((x, y, x - 3, y + 9), fill=(172, 200, 232), width=1)
    elif weather == "snow":
        for x, y in rng.integers(0, (width, height), size=(many, 2)):
            pen.ellipse((x, y, x + 3, y + 3), fill=(252, 252, 255))
    return image


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
