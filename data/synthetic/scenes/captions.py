"""How is a picture of the drawn world described in words? Captions to learn from, prompts to ask with.

Captions never name an emotion. They name a content with probability `MENTIONED`, in varying words and order, and
sometimes name what is absent: without that, prompts like *nobody* stay weak. Words for the tone of a figure and words
for light do not overlap: at this size a shared word would tie skin to daylight.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from affect_workbench.arrays import Mask

MENTIONED = 0.75

WORDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "setting": {
        "beach": ("at the beach", "by the sea", "on a sandy beach"),
        "forest": ("in a forest", "among trees", "in the woods"),
        "city": ("in a city", "on a street between buildings", "in town"),
        "room": ("in a room", "indoors", "inside a room with a window"),
    },
    "light": {
        "sunny": ("on a sunny day", "under a blue sky", "in bright sunshine"),
        "overcast": ("under a grey overcast sky", "on an overcast day", "under grey clouds"),
        "sunset": ("at sunset", "under an orange evening sky", "at dusk"),
        "night": ("at night", "under the moon", "at midnight under stars"),
        "storm": ("in a thunderstorm", "with lightning", "under storm clouds with lightning"),
    },
    "weather": {
        "clear": ("in dry weather", "without rain or snow or fog", "in clear air"),
        "rain": ("in the rain", "while it rains", "in rainy weather"),
        "snow": ("in the snow", "while it snows", "in snowy weather"),
        "fog": ("in the fog", "in foggy weather", "in thick mist"),
    },
    "subject": {
        "person": ("a person", "somebody standing", "one human figure"),
        "dog": ("a dog", "a dog standing", "one dog"),
        "flower": ("flowers", "some flowers", "blooming flowers"),
        "house": ("a house", "a small house", "one house"),
        "snake": ("a snake", "a snake on the ground", "one long snake"),
        "none": ("nobody", "an empty place", "nothing at all"),
    },
    "figure_tone": {
        "light": ("with a pale face", "of pale complexion", "pale"),
        "medium": ("with a tan face", "of tan complexion", "tan"),
        "dark": ("with a brown face", "of brown complexion", "brown"),
    },
    "held": {
        "nothing": ("holding nothing", "with empty hands", "empty handed"),
        "balloon": ("holding a balloon", "with a balloon", "carrying a balloon"),
        "gift": ("holding a gift", "with a wrapped gift", "carrying a gift box"),
        "umbrella": ("holding an umbrella", "with an umbrella", "carrying an open umbrella"),
        "knife": ("holding a knife", "with a knife", "carrying a large knife"),
    },
    "extras": {
        "none": ("and nothing else around", "without anything beside", "and nothing more"),
        "fire": ("beside a fire", "near flames", "next to a burning fire"),
        "garbage": ("beside garbage", "near a pile of garbage", "next to rotten trash"),
        "confetti": ("under falling confetti", "among colourful confetti", "with confetti everywhere"),
    },
    "camera": {
        "sharp": ("a sharp photo", "a crisp picture", "a sharp clean image"),
        "noisy": ("a noisy photo", "a grainy picture", "a grainy noisy image"),
        "blurred": ("a blurred photo", "a blurry picture", "an unfocused image"),
    },
}
"""Attribute -> value -> ways to say it."""

_ORDER = ("subject", "figure_tone", "held", "setting", "light", "weather", "extras")


def captions(
    scenes: pd.DataFrame, *, rng: np.random.Generator, only: str | None = None, mentioned: Mask | None = None
) -> list[str]:
    """One caption a picture, in varying words and order.

    Args:
        scenes: attribute columns.
        rng: where words and order come from.
        only: the one attribute that is said, nothing else.
        mentioned: which attributes are said `(n, 8)`, in the order of `WORDS`; drawn with probability `MENTIONED` when not
            given.
    """
    n = len(scenes)
    if mentioned is None:
        mentioned = rng.random((n, len(WORDS))) < MENTIONED
    if only is not None:
        mentioned[:] = np.array(list(WORDS)) == only
    wording = rng.integers(3, size=(n, len(WORDS)))
    shuffled = rng.random((n, len(_ORDER))).argsort(axis=1)
    in_order = rng.random(n) < 0.5
    parts = {}
    for at, (name, values) in enumerate(WORDS.items()):
        said = [
            values[value][way] if keep and value in values else ""
            for value, keep, way in zip(scenes[name], mentioned[:, at], wording[:, at], strict=True)
        ]
        parts[name] = said
    result = []
    for row in range(n):
        order = _ORDER if in_order[row] else [_ORDER[at] for at in shuffled[row]]
        words = [parts["camera"][row], *(parts[name][row] for name in order)]
        result.append(" ".join(word for word in words if word) or "a picture")
    return result


def prompts(attribute: str) -> dict[str, tuple[str, ...]]:
    """Value -> the sentences that ask for it zero-shot (to be averaged): the world's own words, bare and in a frame."""
    frames = ("{}", "a photo {}", "a picture {}")
    return {value: tuple(frame.format(way) for way in ways for frame in frames) for value, ways in WORDS[attribute].items()}
