"""How do label anchors lie to each other, does that follow what the labels mean, and how well can they be told apart?"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.arrays import Floats, Vectors
from affect_workbench.data.taxonomies.taxonomy import TAXONOMIES, Taxonomy

Array = Floats
EXACT_UP_TO = 8
"""Labels; 8! = 40,320 permutations are all tried, above that a sample is."""
PERMUTATIONS = 9_999


@dataclass(frozen=True)
class AnchorGeometry:
    """How `k` label anchors lie to each other.

    Attributes:
        taxonomy: the labels.
        cosines: `(k, k)` of the anchors as they are; what a prediction compares.
        centred: `(k, k)` of the anchors after their mean is taken away: in a hardly trained table all cosines are near 1,
            and only this shows structure. NaN for an anchor that is the mean.
        order: positions `(k,)` for display: positive labels, then neutral and unknown ones, then negative ones, alike ones
            side by side.
        labels: one row a label, see `label_table`.
        correlations: one row a (cosines, structure), see `correlation_table`.
    """

    taxonomy: Taxonomy
    cosines: Array
    centred: Array
    order: npt.NDArray[np.int64]
    labels: pd.DataFrame
    correlations: pd.DataFrame

    @property
    def smallest_angle(self) -> float:
        """Degrees between the two anchors that are nearest each other."""
        return 2 * float(self.labels["cap"].min())

    @property
    def margin(self) -> float:
        """Degrees to which any projector can separate the classes: the smallest `margin` of a label."""
        return float(self.labels["margin"].min())


def anchor_geometry(
    vectors: Vectors, taxonomy: Taxonomy, *, permutations: int = PERMUTATIONS, seed: int = 0
) -> AnchorGeometry:
    """The geometry of anchors `(k, m)`, one row a label of `taxonomy`.

    Args:
        vectors: of any length but zero; they are compared by cosine.
        taxonomy: the labels, in the order of the rows.
        permutations: sampled for a p where there are more labels than `EXACT_UP_TO`.
        seed: of that sample.

    Raises:
        ValueError: not one finite, nonzero row a label, or two labels with the same direction.
    """
    unit = _unit_rows(vectors, taxonomy)
    cosines = np.clip(unit @ unit.T, -1, 1)
    offset = unit - unit.mean(axis=0)
    lengths = np.linalg.norm(offset, axis=1, keepdims=True)
    offset = np.divide(offset, lengths, out=np.full_like(offset, np.nan), where=lengths > 1e-9)
    centred = np.clip(offset @ offset.T, -1, 1)
    return AnchorGeometry(
        taxonomy,
        cosines,
        centred,
        _order(centred, taxonomy),
        label_table(unit, taxonomy),
        correlation_table({"as they are": cosines, "centred": centred}, taxonomy, permutations=permutations, seed=seed),
    )


def label_table(unit: Array, taxonomy: Taxonomy) -> pd.DataFrame:
    """One row a label `j` with unit anchor `a_j`; angles in degrees on the unit sphere that anchors and pictures lie on.

    Columns: `label`; `polarity` (-1, 0, 1, NaN where unknown); `nearest`, the label of the nearest anchor, and its `cosine`;

    - `cap`: half the angle to the nearest anchor, the radius of the largest cap around `a_j` inside its Voronoi cell: every
      direction within it is surely read as `j`.
    - `margin`: the largest angle `t` such that some direction `u` exists all of whose neighbours within `t` are read as `j`:
      `sin t = max_u min_l u.(a_j - a_l) / |a_j - a_l|`, the largest cap *anywhere* inside the Voronoi cell. A projector may
      send class `j` to any direction, so no projector keeps it safer from all others at once than by `t`, and one that can
      send it to `u` reaches `t`. At least `cap`; 90 for two labels.
    - `gap`: `max_u min_l u.(a_j - a_l)`, the largest lead in cosine that a picture of class `j` can have over every other
      label: small for nearly collinear anchors, whose `margin` may still be wide.
    """
    cosines = np.clip(unit @ unit.T, -1, 1)
    np.fill_diagonal(cosines, -np.inf)
    nearest = cosines.argmax(axis=1)
    distances = np.linalg.norm(unit - unit[nearest], axis=1)
    rows = []
    for position in range(len(unit)):
        differences = unit[position] - np.delete(unit, position, axis=0)
        normals = differences / np.linalg.norm(differences, axis=1, keepdims=True)
        rows.append((_largest_smallest_product(normals), _largest_smallest_product(differences)))
    sines, gaps = np.array(rows).T
    return pd.DataFrame(
        {
            "label": list(taxonomy.labels),
            "polarity": _polarity(taxonomy),
            "nearest": [taxonomy.labels[position] for position in nearest],
            "cosine": cosines.max(axis=1),
            # Half the angle from the chord, which is exact for small angles too, where the arc cosine is not.
            "cap": np.degrees(np.arcsin(np.clip(distances / 2, 0, 1))),
            "margin": np.degrees(np.arcsin(np.clip(sines, 0, 1))),
            "gap": gaps,
        }
    )


def correlation_table(
    cosines: dict[str, Array], taxonomy: Taxonomy, *, permutations: int = PERMUTATIONS, seed: int = 0
) -> pd.DataFrame:
    """Do labels that mean alike lie alike? One row a (kind of cosines, structure).

    Columns: `cosines`, the key; `structure`, `polarity` (`polarity_agreement`: an expected r is positive) or `tree`
    (`tree_distance`: negative); `labels`, how many have a known polarity and are compared; `r`, Pearson's, over their pairs;
    `p`, two-sided, of Mantel's test (1967), which permutes the labels of one matrix, because pairs that share a label are
    not independent; `permutations` tried, and whether they are all there are (`exact`). A sampled p counts the data as one
    of the sample (Phipson & Smyth 2010), so it is never 0. `r` and `p` are NaN where either side does not vary, or fewer
    than three labels are compared.
    """
    known = np.flatnonzero(~np.isnan(_polarity(taxonomy)))
    structures = {"polarity": polarity_agreement(taxonomy), "tree": tree_distance(taxonomy)}
    rows = []
    for name, matrix in cosines.items():
        for structure, other in structures.items():
            part = np.ix_(known, known)
            r, p, tried, exact = mantel(matrix[part], other[part], permutations=permutations, seed=seed)
            rows.append((name, structure, len(known), r, p, tried, exact))
    return pd.DataFrame(rows, columns=["cosines", "structure", "labels", "r", "p", "permutations", "exact"])


def polarity_agreement(taxonomy: Taxonomy) -> Array:
    """`(k, k)`: 1 for two labels of one polarity, else 0; NaN where one is unknown. Neutral agrees with neutral only."""
    polarity = _polarity(taxonomy)
    agree: Array = (polarity[:, None] == polarity[None, :]).astype(np.float64)
    unknown = np.isnan(polarity)
    agree[unknown[:, None] | unknown[None, :]] = np.nan
    return agree


def tree_distance(taxonomy: Taxonomy) -> Array:
    """`(k, k)`: how far up the emotion tree two labels meet, NaN where a polarity is unknown.

    0 a label and itself, 1 in one group of Parrott's six, 2 in one polarity, 3 only at the root. A label without a
    counterpart among the six (awe, confusion) is a group of its own.
    """
    there = taxonomy.to(TAXONOMIES["parrott6"])
    groups = np.array([there[label] or f"{label} itself" for label in taxonomy.labels])
    distance = np.where(polarity_agreement(taxonomy) == 1, 2.0, 3.0)
    distance[groups[:, None] == groups[None, :]] = 1
    np.fill_diagonal(distance, 0)
    unknown = np.isnan(_polarity(taxonomy))
    distance[unknown[:, None] | unknown[None, :]] = np.nan
    return distance


def mantel(
    first: Array, second: Array, *, permutations: int = PERMUTATIONS, seed: int = 0
) -> tuple[float, float, int, bool]:
    """Correlation of two symmetric `(k, k)` matrices over their pairs, its two-sided p, permutations tried, all or a sample.

    See `correlation_table`.
    """
    k = len(first)
    upper = np.triu_indices(k, 1)
    x, y = first[upper], second[upper]
    if k < 3 or not np.isfinite(x).all() or np.ptp(x) < 1e-12 or np.ptp(y) < 1e-12:
        return math.nan, math.nan, 0, False
    exact = k <= EXACT_UP_TO
    orders = (
        _all_orders(k) if exact else np.random.default_rng(seed).permuted(np.tile(np.arange(k), (permutations, 1)), axis=1)
    )
    x = (x - x.mean()) / np.linalg.norm(x - x.mean())
    y = y - y.mean()
    y_scaled = np.zeros((k, k))
    y_scaled[upper] = y / np.linalg.norm(y)
    y_scaled += y_scaled.T
    r = float(x @ y_scaled[upper])
    shuffled = y_scaled[orders[:, upper[0]], orders[:, upper[1]]] @ x
    as_large = int((np.abs(shuffled) >= abs(r) - 1e-9).sum())
    p = as_large / len(orders) if exact else (as_large + 1) / (len(orders) + 1)
    return r, p, len(orders), exact


def _all_orders(k: int) -> npt.NDArray[np.int64]:
    return np.array(list(itertools.permutations(range(k))), dtype=np.int64)


def _largest_smallest_product(rows: Array) -> float:
    """`max_u min_l u.rows_l` over unit `u`, for rows `(l, m)` with one positive `u` at least.

    That is 1 / |v| for the shortest `v` with `rows v >= 1`: least distance programming by non-negative least squares
    (Lawson & Hanson 1974, ch. 23).
    """
    from scipy.optimize import nnls

    _, triangle = np.linalg.qr(rows.T)  # the same products in the rows' own span
    size = np.linalg.norm(rows, axis=1).max()
    scaled = triangle / size
    target = np.zeros(len(scaled) + 1)
    target[-1] = 1
    weights, _ = nnls(np.vstack([scaled, np.ones(scaled.shape[1])]), target)
    residual = np.append(scaled @ weights, weights.sum() - 1)
    return float(size * abs(residual[-1]) / np.linalg.norm(residual[:-1]))


def _order(centred: Array, taxonomy: Taxonomy) -> npt.NDArray[np.int64]:
    """Positive, neutral and unknown, negative; within these, from the label least like the others on to the next alike."""
    polarity = np.nan_to_num(_polarity(taxonomy), nan=0.0)
    alike = np.nan_to_num(centred, nan=0.0)
    order: list[int] = []
    for sign in (1, 0, -1):
        left = list(np.flatnonzero(polarity == sign))
        while left:
            last = order[-1] if order and polarity[order[-1]] == sign else None
            score = -alike[np.ix_(left, left)].sum(axis=1) if last is None else alike[last, left]
            order.append(int(left.pop(int(score.argmax()))))
    return np.array(order, dtype=np.int64)


def _polarity(taxonomy: Taxonomy) -> Array:
    return np.array([taxonomy.polarity.get(label, math.nan) for label in taxonomy.labels], dtype=np.float64)


def _unit_rows(vectors: Vectors, taxonomy: Taxonomy) -> Array:
    if vectors.ndim != 2 or len(vectors) != len(taxonomy):
        raise ValueError(f"anchors have shape {vectors.shape}: expected one row for each of {len(taxonomy)} labels")
    values = vectors.astype(np.float64)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or (lengths == 0).any():
        raise ValueError("anchors hold zero, NaN or infinite vectors: expected one direction per label")
    unit: Array = values / lengths
    twins = np.argwhere(np.triu(((unit[:, None] - unit[None]) ** 2).sum(axis=2) < 1e-12, k=1))
    if len(twins):
        first, second = (taxonomy.labels[position] for position in twins[0])
        raise ValueError(f"anchors of {first!r} and {second!r} have the same direction: they cannot be distinguished")
    return unit
