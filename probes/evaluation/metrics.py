"""How good are probabilities and rankings of `n` pictures over `k` labels, and how sure are the figures?

`codes (n,)` are true label positions; `probabilities (n, k)` sum to 1; `scores (n, k)` only rank, larger is nearer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import rel_entr
from scipy.stats import spearmanr

from affect_workbench.arrays import Codes, Mask, Vectors
from affect_workbench.data.tables.columns import VOTE_PREFIX
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.evaluation.calibration import expected_calibration_error

DEPTHS = (1, 5, 10)
FLOOR = 1e-6
"""Probability below which none counts, so that one certain error does not make the divergence from votes infinite."""
DRAWS = 2_000
_PART = 2_000_000


def figures(probabilities: Vectors, codes: Codes, taxonomy: Taxonomy) -> dict[str, float]:
    """What one model gets right, all 0 to 1.

    Returns:
        `n`; `accuracy` with its 95 % Wilson interval `low`, `high`; `balanced_accuracy`, the mean recall of the labels that
        occur; `macro_f1`, the mean F1 of the labels that occur or are said; `top2`, the share whose label is among the two
        most probable; `ece`; and `recall_<label>` (NaN where a label has no picture).

    Raises:
        ValueError: no picture.
    """
    from sklearn.metrics import f1_score
    from statsmodels.stats.proportion import proportion_confint

    if not len(codes):
        raise ValueError("cannot measure: no picture has a label")
    y_pred = probabilities.argmax(axis=1)
    hit = y_pred == codes
    low, high = proportion_confint(int(hit.sum()), len(hit), method="wilson")
    sizes = np.bincount(codes, minlength=len(taxonomy))
    right = np.bincount(codes, weights=hit, minlength=len(taxonomy))
    recall = np.divide(right, sizes, where=sizes > 0, out=np.full(len(taxonomy), np.nan))
    return {
        "n": len(hit),
        "accuracy": float(hit.mean()),
        "low": float(low),
        "high": float(high),
        "balanced_accuracy": float(np.nanmean(recall)),
        "macro_f1": float(f1_score(codes, y_pred, average="macro", zero_division=0)),
        "top2": float((np.argsort(-probabilities, axis=1, kind="stable")[:, :2] == codes[:, None]).any(axis=1).mean()),
        "ece": expected_calibration_error(probabilities, codes),
        **{f"recall_{label}": float(value) for label, value in zip(taxonomy.labels, recall, strict=True)},
    }


def retrieval(scores: Vectors, codes: Codes, *, depths: Sequence[int] = DEPTHS) -> dict[str, float]:
    """Of the pictures nearest to a label, how many have it? `retrieval_1`, `retrieval_5`, `retrieval_10`, 0 to 1.

    For each label that occurs: the share, among the `depth` pictures that score it highest, of those that have it; then the
    mean over labels. A label with fewer pictures than `depth` cannot reach 1. This is the field's precision at k, which
    emotion papers call recall@k. Pictures with equal scores count by the average over all their orders, so that a model that
    ranks nothing gets each label's share of all pictures.
    Source of the tie rule: McSherry and Najork 2008, https://doi.org/10.1007/978-3-540-78646-7_38.
    """
    occurring = np.unique(codes)
    ranked = scores[:, occurring].astype(np.float64)
    has = codes[:, None] == occurring[None, :]
    found = {}
    for depth in depths:
        taken = min(depth, len(codes))
        edge = np.partition(ranked, len(codes) - taken, axis=0)[len(codes) - taken]
        above, level = ranked > edge, ranked == edge
        room = taken - above.sum(axis=0)
        hits = (has & above).sum(axis=0) + room * (has & level).sum(axis=0) / level.sum(axis=0)
        found[f"retrieval_{depth}"] = float((hits / taken).mean())
    return found


def vote_shares(rows: pd.DataFrame, taxonomy: Taxonomy) -> Vectors | None:
    """Share of the votes for each label `(n, k)`, NaN rows without votes; None where vote columns are missing.

    Votes for anything outside the taxonomy (Emotion6's neutral) are left aside.
    """
    columns = [VOTE_PREFIX + label for label in taxonomy.labels]
    if not all(name in rows for name in columns):
        return None
    votes = rows[columns].to_numpy(np.float64)
    totals = votes.sum(axis=1, keepdims=True)
    return np.divide(votes, totals, where=totals > 0, out=np.full_like(votes, np.nan))


def agreement(
    probabilities: Vectors, votes: Vectors, taxonomy: Taxonomy, *, valence: Vectors | None = None
) -> dict[str, float]:
    """How near are probabilities to people's votes?

    Returns:
        `kl`: mean Kullback-Leibler divergence of the probabilities (none below `FLOOR`) from the votes, in nats, 0 is the
        same; `js`: mean Jensen-Shannon divergence to base 2, 0 to 1; `spearman_polarity`: rank correlation of the expected
        polarity (-1 to 1, over the labels that have one) with that of the votes; `spearman_valence`: with people's valence,
        where given. NaN where nothing varies, or no picture has votes.
    """
    known = np.isfinite(votes).all(axis=1)
    truth, predicted = votes[known], np.maximum(probabilities[known].astype(np.float64), FLOOR)
    predicted = predicted / predicted.sum(axis=1, keepdims=True)
    if not len(truth):
        return dict.fromkeys(("kl", "js", "spearman_polarity", "spearman_valence"), float("nan"))
    expected, middle = _polarity(probabilities, taxonomy), (truth + predicted) / 2
    shannon = (rel_entr(truth, middle) + rel_entr(predicted, middle)).sum(axis=1) / (2 * np.log(2))
    return {
        "kl": float(rel_entr(truth, predicted).sum(axis=1).mean()),
        "js": float(shannon.clip(0, 1).mean()),
        "spearman_polarity": _spearman(expected[known], _polarity(truth, taxonomy)),
        "spearman_valence": float("nan") if valence is None else _spearman(expected, np.asarray(valence, np.float64)),
    }


def bootstrap_accuracy(hits: Mask, *, draws: int = DRAWS, seed: int = 0) -> tuple[float, float]:
    """95 % percentile interval of the mean accuracy over seeds and pictures, both drawn anew with replacement.

    Pictures are drawn once for all seeds of a draw, because all seeds read the same ones.

    Args:
        hits: `(seeds, n)`, whether the probe of a seed was right on a picture.
        draws: resamples.
        seed: of the draws.

    Raises:
        ValueError: fewer than two seeds: use the Wilson interval.
    """
    seeds, n = hits.shape
    if seeds < 2:
        raise ValueError("a bootstrap over seeds needs at least two probes: give --probe several folders")
    rng = np.random.default_rng(seed)
    part = max(1, _PART // n)
    means = []
    for start in range(0, draws, part):
        size = min(part, draws - start)
        pictures = rng.multinomial(n, np.full(n, 1 / n), size=size)
        drawn = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=size)
        means.append(((drawn @ hits.astype(np.float64)) * pictures).sum(axis=1) / (seeds * n))
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5])
    return float(low), float(high)


def _polarity(shares: Vectors, taxonomy: Taxonomy) -> Vectors:
    """Expected polarity `(n,)` over the labels that have one; NaN where they have no share."""
    signed = [position for position, label in enumerate(taxonomy.labels) if label in taxonomy.polarity]
    signs = np.array([taxonomy.polarity[taxonomy.labels[position]] for position in signed], dtype=np.float64)
    part = np.asarray(shares, dtype=np.float64)[:, signed]
    total = part.sum(axis=1)
    return np.divide(part @ signs, total, where=total > 0, out=np.full(len(part), np.nan))


def _spearman(a: Vectors, b: Vectors) -> float:
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < 3 or np.ptp(a[both]) == 0 or np.ptp(b[both]) == 0:
        return float("nan")
    return float(spearmanr(a[both], b[both]).statistic)
