"""Which pairs of pictures show a claim? One of the slice beside one of the others that is labelled the same.

That an emotion is predicted more often in a slice is shown by a picture of it that is predicted so beside one of the others,
of the same label or nearest votes, that is not; that it is predicted less often, the other way round. Of those that agree in
their labels the pair is taken that agrees in most other attributes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.arrays import Floats, Mask, Positions
from affect_workbench.data.tables.columns import column_words
from affect_workbench.workbench.report.cards.assessed import Assessed
from affect_workbench.workbench.report.cards.card import MatchedPair, ShownPicture
from affect_workbench.workbench.report.evidence.choice import Claims
from affect_workbench.workbench.report.evidence.gallery import Gallery

MOST_PAIRS = 3
MOST_APART = 0.3
"""Share of the votes in which two pictures may differ and still count as voted the same."""
_SAME = "the same votes"
_TRIED, _MOST = 40, 20_000
"""Pictures of the slice, those that show the claim best, for which another is looked for; and of either side, at most."""


@dataclass(frozen=True)
class Match:
    """Two pictures that are labelled the same and predicted otherwise.

    Attributes:
        inside: position in the samples of the one in the slice.
        beside: of the one in its complement.
        apart: share of the votes in which they differ (0 of the same label); NaN where no label is known.
        differ: other attributes in which they differ.
    """

    inside: int
    beside: int
    apart: float
    differ: tuple[str, ...]


def matches(claims: Claims, assessed: Assessed, attributes: Sequence[str]) -> list[Match]:
    """Pairs that show the claim of a card in its direction, the most alike first; each picture once.

    Args:
        claims: of the audit's samples.
        assessed: what is claimed.
        attributes: columns in which the two of a pair should agree as far as possible.
    """
    if assessed.finding is None:
        return []
    where, emotion = assessed.finding["where"], str(assessed.finding["emotion"])
    inside, so, more = claims.inside(where), claims.predicted == emotion, assessed.direction > 0
    others: Mask = SliceSpec.from_json(where).universe(claims.samples) & ~inside
    shares, known = claims.shares(emotion), np.isfinite(claims.truth[:, 0])
    if known.any():
        inside, others = inside & known, others & known
    # Toward more those come first that ought least to be predicted so; toward less, those that ought most to be.
    first, second = _some(np.flatnonzero(inside & (so == more))), _some(np.flatnonzero(others & (so != more)))
    first = claims.ranked(first, shares[first] if more else -shares[first])[:_TRIED]
    second = claims.ranked(second, -shares[second] if more else shares[second])
    if not len(first) or not len(second):
        return []
    columns = [column for column in attributes if column not in where]
    places = _places(claims.samples.iloc[np.concatenate([first, second])], columns)
    own, theirs = places[: len(first)], places[len(first) :]
    free, found = np.ones(len(second), dtype=bool), []
    for at, place in zip(first, own, strict=True):
        apart = np.abs(claims.truth[second] - claims.truth[at]).sum(axis=1) / 2
        differ = np.minimum(np.abs(theirs - place), 1.0)
        order = np.lexsort((differ.sum(axis=1), np.nan_to_num(apart).round(6)))
        order = order[free[order]]
        if not len(order):
            break
        best = order[0]
        if apart[best] > (MOST_APART if claims.has_votes else 0):
            continue
        free[best] = False
        names = tuple(column for column, gap in zip(columns, differ[best], strict=True) if gap > 0.25)
        found.append(
            (
                float(np.nan_to_num(apart[best])),
                float(differ[best].sum()),
                Match(int(at), int(second[best]), float(apart[best]), names),
            )
        )
    return [match for _, _, match in sorted(found, key=lambda one: one[:2])]


def matched_pairs(
    result: AuditResult, assessed: Assessed, claims: Claims, gallery: Gallery
) -> tuple[str, tuple[MatchedPair, ...]]:
    """What the pairs of a card show, in words, and at most `MOST_PAIRS` of them; nothing where nothing is claimed."""
    if assessed.finding is None or assessed.kind in ("labels", "carried", "none", "too few"):
        return "", ()
    pairs: list[MatchedPair] = []
    for match in matches(claims, assessed, result.run.attributes):
        shown = _shown(result, gallery, match)
        if shown is not None:
            pairs.append(MatchedPair(*shown, _shared(match, claims)))
        if len(pairs) == MOST_PAIRS:
            break
    if not pairs:
        return "No matched pair of pictures shows it: none of the other pictures is labelled the same.", ()
    like = _like(result.run.truth, exact=all(pair.shared.startswith(_SAME) for pair in pairs))
    return f"{like}, different predictions; on the left {assessed.finding['slice']}.", tuple(pairs)


def _like(truth: str, *, exact: bool) -> str:
    """What the two of each pair have in common."""
    if truth == "none":
        return "Similar pictures"
    return f"{'The same' if exact or truth == 'labels' else 'Similar'} {'label' if truth == 'labels' else 'votes'}"


def _shown(result: AuditResult, gallery: Gallery, match: Match) -> tuple[ShownPicture, ShownPicture] | None:
    """Both pictures of a pair; None where one of them cannot be shown."""
    before, both = len(gallery.pictures), [match.inside, match.beside]
    numbers = gallery.together(result.samples.index[both])
    if not numbers:
        return None
    inside, beside = (
        ShownPicture(gallery.pictures[number], number, number >= before, str(result.samples["predicted"].iloc[at]))
        for number, at in zip(numbers, both, strict=True)
    )
    return inside, beside


def _shared(match: Match, claims: Claims) -> str:
    if np.isnan(match.apart):
        same = "no label is known"
    elif not claims.has_votes:
        same = "the same label"
    else:
        same = _SAME if match.apart < 0.005 else f"votes that differ by {100 * match.apart:.0f} %"
    rest = f"; they differ also in {', '.join(map(column_words, match.differ))}" if match.differ else "; otherwise alike"
    return same + rest


def _some(at: Positions) -> Positions:
    """At most `_MOST` of them, evenly spread."""
    return at if len(at) <= _MOST else at[np.linspace(0, len(at) - 1, _MOST).astype(np.int64)]


def _places(samples: pd.DataFrame, columns: Sequence[str]) -> Floats:
    """Where each picture lies in each attribute `(n, c)`: 0 to 1 by rank of a number, else so that values are 1 apart."""
    if not columns:
        return np.zeros((len(samples), 0))
    return np.column_stack([_ranks(samples[column]) for column in columns])


def _ranks(column: pd.Series) -> Floats:
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return np.asarray(column.rank(pct=True).fillna(-1), dtype=np.float64)
    return np.asarray(pd.factorize(column)[0], dtype=np.float64)
