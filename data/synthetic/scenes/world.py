"""What can be in a picture of the drawn world, and how often?

Attributes are drawn independently of each other, so none confounds another; only `figure_tone` and `held` need a person
to show them and are missing elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from affect_workbench.data.taxonomies.taxonomy import closest

ATTRIBUTES: Mapping[str, tuple[tuple[str, float], ...]] = {
    "setting": (("beach", 0.25), ("forest", 0.25), ("city", 0.25), ("room", 0.25)),
    "light": (("sunny", 0.24), ("overcast", 0.16), ("sunset", 0.2), ("night", 0.22), ("storm", 0.18)),
    "weather": (("clear", 0.4), ("rain", 0.2), ("snow", 0.2), ("fog", 0.2)),
    "subject": (("person", 0.5), ("dog", 0.12), ("flower", 0.12), ("house", 0.08), ("snake", 0.1), ("none", 0.08)),
    "figure_tone": (("light", 1 / 3), ("medium", 1 / 3), ("dark", 1 / 3)),
    "held": (("nothing", 0.28), ("balloon", 0.18), ("gift", 0.18), ("umbrella", 0.18), ("knife", 0.18)),
    "extras": (("none", 0.4), ("fire", 0.2), ("garbage", 0.2), ("confetti", 0.2)),
    "camera": (("sharp", 0.5), ("noisy", 0.25), ("blurred", 0.25)),
}
"""Attribute -> (value, share). `light` is the sky and its light, `camera` the quality of the picture."""

PERSON_ONLY = ("figure_tone", "held")
NOT_SHOWN = None
"""Value of a person's attributes where no person is shown."""


def sample_scenes(n: int, *, rng: np.random.Generator, fixed: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Contents of `n` pictures: one row a picture, one text column an attribute.

    Args:
        n: how many.
        rng: where the draws come from.
        fixed: attribute -> value that every picture has.

    Raises:
        ValueError: an unknown attribute or value in `fixed`, or a person's attribute fixed for another subject.
    """
    fixed = dict(fixed or {})
    for name, value in fixed.items():
        require_value(name, value)
    if fixed.keys() & {*PERSON_ONLY} and fixed.setdefault("subject", "person") != "person":
        raise ValueError(f"{' and '.join(sorted(fixed.keys() & {*PERSON_ONLY}))} need subject 'person'")
    columns = {}
    for name, levels in ATTRIBUTES.items():
        drawn = rng.choice(len(levels), size=n, p=[share for _, share in levels])
        columns[name] = np.array([value for value, _ in levels], dtype=object)[drawn]
        if name in fixed:
            columns[name][:] = fixed[name]
    for name in PERSON_ONLY:
        columns[name][columns["subject"] != "person"] = NOT_SHOWN
    return pd.DataFrame(columns)


def require_attribute(attribute: str) -> None:
    """Refuses what the world does not have.

    Raises:
        ValueError: the unknown name and the nearest known one.
    """
    if attribute not in ATTRIBUTES:
        raise ValueError(f"the drawn world has no attribute {attribute!r}: {closest(attribute, ATTRIBUTES)}")


def require_value(attribute: str, value: str) -> None:
    """Refuses an attribute or a value that the world does not have.

    Raises:
        ValueError: the unknown name and the nearest known one.
    """
    require_attribute(attribute)
    legal = [level for level, _ in ATTRIBUTES[attribute]]
    if value not in legal:
        raise ValueError(f"attribute {attribute!r} has no value {value!r}: {closest(value, legal)}")
