"""Pairs of pictures without any difference between their two sides: what is said of the sides is chance.

For `bench/promises.py`: `paired_null(seed)` gives predictions whose rows hold `pair_id`, the side (`coin`), a number and,
where asked for, an outer `group_id` or votes; audited with `AuditConfig(attributes=("coin",), ...)`, every interval should
hold zero in 95 % and every p be at most .05 in at most 5 %.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.predictions import Predictions
from data.taxonomy import Taxonomy

SIDES = ("heads", "tails", "edge")


def paired_null(
    seed: int, *, pairs: int = 200, each: int = 2, groups: int = 0, votes: bool = False, slopes: float = 1.0
) -> Predictions:
    """Predictions of `pairs` pairs, each of `each` pictures, whose sides are exchangeable.

    What a picture is read as, its label or votes and its number depend strongly on its pair.

    Args:
        seed: of everything.
        pairs: how many.
        each: 2, or 3 for triples.
        groups: outer groups, each with its own (on average no) difference between the sides; 0 for independent pairs.
        votes: shares of ten votes as truth instead of labels.
        slopes: how much the groups' own differences vary.
    """
    rng, taxonomy = np.random.default_rng([seed, 7]), Taxonomy.named("ekman6")
    k, group = len(taxonomy), np.arange(pairs) % max(groups, 1)
    taste = 1.5 * rng.normal(size=(pairs, 1, k)) + np.log(np.array([0.05, 0.1, 0.15, 0.2, 0.2, 0.3]))
    number = 2.0 * rng.normal(size=(pairs, 1)) + rng.normal(size=(pairs, each))
    if groups:
        taste = taste + slopes * rng.normal(size=(groups, each, k))[group]
        number = number + 0.5 * slopes * rng.normal(size=(groups, each))[group]
    said = (taste + rng.gumbel(size=(pairs, each, k))).argmax(axis=2)
    rows = pd.DataFrame({
        "image_id": [f"{pair}-{side}" for pair in range(pairs) for side in range(each)],
        "pair_id": np.repeat(np.arange(pairs), each),
        "coin": np.tile(SIDES[:each], pairs),
        "number": number.ravel(),
    })  # fmt: skip
    if groups:
        rows["group_id"] = np.repeat(group, each)
    shares = np.exp(taste - taste.max(axis=2, keepdims=True))
    shares = np.broadcast_to(shares / shares.sum(axis=2, keepdims=True), (pairs, each, k)).reshape(-1, k)
    if votes:
        counts = rng.multinomial(10, shares)
        rows = rows.assign(**{f"vote_{label}": counts[:, at] for at, label in enumerate(taxonomy.labels)})
    else:
        own = (np.log(shares) + rng.gumbel(size=shares.shape)).argmax(axis=1)
        rows["label"] = np.array(taxonomy.labels, dtype=object)[own]
    return Predictions(1.0 - np.eye(k)[said.ravel()], rows, taxonomy, "label")
