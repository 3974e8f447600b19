"""What stands in a drawn picture: a person and what is held, an animal, a flower, a house, and what lies around?"""

from __future__ import annotations

import numpy as np

from affect_workbench.data.synthetic.scenes.canvas import BRIGHT, SIDE, Canvas

_TONE = {"light": (248, 214, 186), "medium": (190, 130, 84), "dark": (88, 54, 36)}


def clothes(canvas: Canvas, x: int, feet: int) -> None:
    """Shirt and trousers of a person."""
    shirt = canvas.any_of(*BRIGHT, (240, 240, 240), (60, 150, 160))
    trousers = canvas.any_of((44, 50, 84), (70, 70, 74), (96, 80, 60))
    canvas.box((x - 9, feet - 24, x - 2, feet), trousers)
    canvas.box((x + 2, feet - 24, x + 9, feet), trousers)
    canvas.box((x - 11, feet - 50, x + 11, feet - 24), shirt)


def skin(canvas: Canvas, x: int, feet: int, tone: str) -> None:
    """Arms and face of a person."""
    colour, shoulder, side = _TONE[tone], feet - 50, _outward(x)
    canvas.line([(x - side * 13, shoulder + 3), (x - side * 15, feet - 24)], colour, 6)
    canvas.line([(x + side * 11, shoulder + 4), hand(x, feet)], colour, 6)
    canvas.oval((x - 12, feet - 75, x + 12, feet - 49), colour)


def hair_and_eyes(canvas: Canvas, x: int, feet: int) -> None:
    """What a face has that is not skin."""
    head = feet - 62
    hair = canvas.any_of((40, 30, 26), (120, 80, 40), (200, 170, 90), (150, 150, 150), (150, 60, 30))
    canvas.shine.pieslice((x - 13, head - 15, x + 13, head + 9), 185, 355, fill=canvas.lit(hair))
    for eye in (-5, 5):
        canvas.box((x + eye - 1, head + 1, x + eye + 1, head + 3), (20, 20, 24))


def hand(x: int, feet: int) -> tuple[int, int]:
    """Where a person at `x` holds something."""
    return x + _outward(x) * 22, feet - 36


def _outward(x: int) -> int:
    """The side on which a person has room to hold something: +1 is the right."""
    return -1 if x > 64 else 1


def _balloon(canvas: Canvas, x: int, y: int) -> None:
    canvas.line([(x, y), (x + 1, y - 24)], (240, 240, 240), 1)
    canvas.oval((x - 10, y - 48, x + 10, y - 22), canvas.any_of(*BRIGHT))


def _gift(canvas: Canvas, x: int, y: int) -> None:
    canvas.box((x - 11, y - 10, x + 11, y + 10), canvas.any_of(*BRIGHT[:2], *BRIGHT[3:5]))
    canvas.box((x - 2, y - 10, x + 2, y + 10), (255, 226, 90))
    canvas.box((x - 11, y - 2, x + 11, y + 2), (255, 226, 90))


def _umbrella(canvas: Canvas, x: int, y: int) -> None:
    canvas.line([(x, y + 4), (x, y - 36)], (70, 60, 50), 2)
    colour = canvas.lit(canvas.any_of((30, 30, 36), (40, 110, 70), (150, 40, 50)))
    canvas.shine.pieslice((x - 22, y - 48, x + 22, y - 14), 180, 360, fill=colour)


def _knife(canvas: Canvas, x: int, y: int) -> None:
    canvas.box((x - 2, y - 3, x + 3, y + 9), (70, 44, 26))
    canvas.shape([(x - 4, y - 3), (x + 4, y - 3), (x + 4, y - 22), (x - 2, y - 32)], (226, 234, 244))


CARRIED = {"balloon": _balloon, "gift": _gift, "umbrella": _umbrella, "knife": _knife}


def _dog(canvas: Canvas, x: int, feet: int) -> None:
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


def _flower(canvas: Canvas, x: int, feet: int) -> None:
    for shift in (-22, 0, 22)[: int(canvas.rng.integers(1, 4))]:
        top = feet - int(canvas.rng.integers(30, 44))
        canvas.line([(x + shift, feet), (x + shift, top)], (40, 130, 50), 3)
        petal = canvas.any_of((240, 90, 150), (250, 210, 50), (170, 90, 220), (235, 60, 60))
        for angle in np.linspace(0, 2 * np.pi, 6, endpoint=False):
            px, py = x + shift + 8 * np.cos(angle), top + 8 * np.sin(angle)
            canvas.oval((px - 5, py - 5, px + 5, py + 5), petal)
        canvas.oval((x + shift - 4, top - 4, x + shift + 4, top + 4), (90, 50, 20))


def _house(canvas: Canvas, x: int, feet: int) -> None:
    canvas.box((x - 26, feet - 34, x + 26, feet), canvas.any_of((230, 220, 200), (200, 160, 130), (170, 190, 200)))
    canvas.shape([(x - 32, feet - 34), (x + 32, feet - 34), (x, feet - 60)], canvas.any_of((150, 50, 40), (90, 60, 50)))
    canvas.box((x - 6, feet - 20, x + 6, feet), (90, 56, 30))
    pane = (255, 230, 140) if canvas.light in ("night", "storm", "sunset") else canvas.lit((180, 215, 235))
    for shift in (-18, 12):
        canvas.shine.rectangle((x + shift, feet - 26, x + shift + 8, feet - 17), fill=pane)


def _snake(canvas: Canvas, x: int, feet: int) -> None:
    skin = canvas.any_of((60, 130, 40), (150, 130, 30), (30, 30, 30), (160, 60, 40))
    along = np.linspace(-34, 34, 13)
    points = [(x + step, feet - 10 + 8 * float(np.sin(step / 7))) for step in along]
    canvas.line(points, skin, 8)
    for px, py in points[1:-1:2]:
        canvas.oval((px - 2, py - 2, px + 2, py + 2), (240, 220, 80))
    hx, hy = points[-1]
    canvas.oval((hx - 4, hy - 14, hx + 12, hy + 2), skin)
    canvas.line([(hx + 11, hy - 6), (hx + 18, hy - 8)], (230, 30, 40), 2)


SUBJECTS = {"dog": _dog, "flower": _flower, "house": _house, "snake": _snake}


def fire(canvas: Canvas, x: int, feet: int) -> None:
    """Flames."""
    x = _nudged(canvas, x)
    for wide, tall, colour in ((15, 34, (220, 50, 20)), (11, 25, (250, 130, 20)), (6, 14, (255, 226, 90))):
        tip = x + int(canvas.rng.integers(-4, 5))
        canvas.shine.polygon(
            [
                (x - wide, feet),
                (x - wide * 0.7, feet - tall * 0.55),
                (x - 3, feet - tall * 0.4),
                (tip, feet - tall),
                (x + 5, feet - tall * 0.45),
                (x + wide * 0.8, feet - tall * 0.6),
                (x + wide, feet),
            ],
            fill=colour,
        )


def garbage(canvas: Canvas, x: int, feet: int) -> None:
    """A heap with flies."""
    x = _nudged(canvas, x)
    for _ in range(7):
        cx, cy = x + int(canvas.rng.integers(-14, 15)), feet - int(canvas.rng.integers(0, 12))
        radius = int(canvas.rng.integers(5, 9))
        canvas.oval(
            (cx - radius, cy - radius, cx + radius, cy + radius), canvas.any_of((86, 92, 40), (70, 56, 36), (110, 110, 60))
        )
    for _ in range(5):
        cx, cy = x + int(canvas.rng.integers(-16, 17)), feet - int(canvas.rng.integers(10, 26))
        canvas.shine.rectangle((cx, cy, cx + 2, cy + 2), fill=(20, 24, 10))


def confetti(canvas: Canvas) -> None:
    """Paper in all colours, in front of everything."""
    for x, y in canvas.rng.integers(0, SIDE, size=(60, 2)):
        canvas.shine.rectangle((x, y, x + 3, y + 3), fill=BRIGHT[int(canvas.rng.integers(len(BRIGHT)))])


def _nudged(canvas: Canvas, x: int) -> int:
    return x + int(canvas.rng.integers(-4, 5))


EXTRAS = {"fire": fire, "garbage": garbage}
