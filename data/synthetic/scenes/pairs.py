"""Which pairs of contents differ in one attribute only, so that a difference in what a model says has one cause?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from affect_workbench.data.synthetic.scenes.world import (
    ATTRIBUTES,
    NOT_SHOWN,
    PERSON_ONLY,
    require_attribute,
    require_value,
    sample_scenes,
)


def paired_scenes(
    pairs: int, attribute: str, *, rng: np.random.Generator, values: Sequence[str] | None = None
) -> pd.DataFrame:
    """Contents of `2 * pairs` pictures: `pair_id`, one text column an attribute, and `seed`, with which to draw the picture.

    The pictures of a pair lie one after the other, have the same `seed` and differ in nothing but the attribute. Where
    only one of them shows a person (`subject`), only that one has a tone and holds something.

    Args:
        pairs: how many.
        attribute: in what they differ. For what only persons show, all pictures are of persons.
        rng: where the draws come from.
        values: the two values, that of the first picture first; None for two different ones at random in each pair.

    Raises:
        ValueError: an unknown attribute or value, or `values` that are not two different ones.
    """
    require_attribute(attribute)
    for value in values or ():
        require_value(attribute, value)
    if values is not None and (len(values) != 2 or values[0] == values[1]):
        raise ValueError(f"a pair has two different values of {attribute}, not {', '.join(values) or 'none'}")
    with_person = attribute in PERSON_ONLY or attribute == "subject"
    common = sample_scenes(pairs, rng=rng, fixed={"subject": "person"} if with_person else None)
    known = np.array([value for value, _ in ATTRIBUTES[attribute]], dtype=object)
    two = np.array([rng.permutation(known)[:2] if values is None else values for _ in range(pairs)], dtype=object)
    scenes = common.loc[common.index.repeat(2)].reset_index(drop=True)
    scenes[attribute] = two.reshape(-1)
    scenes.loc[scenes["subject"] != "person", list(PERSON_ONLY)] = NOT_SHOWN
    scenes.insert(0, "pair_id", [f"{attribute} {number:05d}" for number in np.repeat(np.arange(pairs), 2)])
    return scenes.assign(seed=np.repeat(rng.integers(2**63, size=pairs), 2))
