"""How do pictures that somebody chose by looking, on a map say, differ from the others; and do as many hold elsewhere?

Chosen because they look different, they do: intervals and tests of the pictures they were chosen among promise nothing. So
the pictures are cut into two halves (`kept_back`) before anybody looks: what was chosen among one half is compared again
among the other, where the tests are honest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from affect_workbench.analyses.inference.clusters import Compared, family_spreads, group_spreads, of_scores
from affect_workbench.analyses.inference.intervals import distance_from_zero
from affect_workbench.analyses.inference.verdicts import Rules, counted, verdicts
from affect_workbench.analyses.skew.findings import skew_table
from affect_workbench.analyses.slices.coding import CodedAttribute
from affect_workbench.analyses.slices.conditions import Condition, SliceSpec
from affect_workbench.analyses.slices.families import Family
from affect_workbench.analyses.slices.pairs import group_codes
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.analyses.slices.sums import slice_sums
from affect_workbench.arrays import Mask

_COLUMN = "place"
_CHOSEN, _REST = Condition(_COLUMN, "chosen"), Condition(_COLUMN, "rest")
_AGAIN = ("again", "again_low", "again_high", "q")
ATTRIBUTE_COLUMNS = ("slice", "where", "n", "rate", "complement_rate", "effect", "low", "high", "p", "q", "verdict")


@dataclass(frozen=True)
class Chosen:
    """Chosen pictures beside the others that they were chosen among.

    Attributes:
        n: how many were chosen.
        n_complement: how many others there are.
        in_groups: whether intervals have groups (or pairs) of pictures as their units.
        emotions: one row an emotion, in the order of the taxonomy: columns of `analyses.skew.findings.Finding`, and
            `label_rate`, its share among the chosen by labels or votes, NaN where none is known.
        attributes: one row a value of an attribute, the surest difference first: its share among the chosen (`rate`) and the
            others, `n` the chosen ones with a known value of the attribute; columns `ATTRIBUTE_COLUMNS`.
    """

    n: int
    n_complement: int
    in_groups: bool
    emotions: pd.DataFrame
    attributes: pd.DataFrame


def kept_back(rows: pd.DataFrame) -> Mask:
    """Which half of the pictures is kept back `(n,)`: by a hash of its id, pictures of one group or pair all together.

    Neither order nor number of the other pictures matters, except where they tie groups together.
    """
    own = pd.util.hash_array(rows["image_id"].to_numpy(dtype=object), categorize=False)
    groups = group_codes(rows)
    if groups is not None:
        least = np.full(int(groups.max()) + 1, np.iinfo(np.uint64).max, dtype=np.uint64)
        np.minimum.at(least, groups, own)
        own = least[groups]
    # The smallest of several hashes has small leading digits; its last ones are still even or odd by chance.
    return np.asarray(own % 2 == 1, dtype=bool)


def compared(data: SlicedPredictions, chosen: Mask, *, rules: Rules) -> Chosen:
    """The chosen pictures beside all others, as an audit compares a slice with its complement.

    Groups and pairs are units, votes are shares, the emotions are corrected for each other and the attributes for theirs.
    Pairs are not compared within.

    Args:
        data: the pictures that they were chosen among, with the attributes to compare.
        chosen: which `(n,)`.
        rules: what decides a verdict.

    Raises:
        ValueError: none of them, or all.
    """
    n = int(chosen.sum())
    if not 0 < n < len(data):
        raise ValueError(f"{n:,} of {len(data):,} pictures are chosen: nothing to compare with")
    place = CodedAttribute(_COLUMN, (_CHOSEN, _REST), np.where(chosen, 0, 1).astype(np.int64))
    part = replace(data, attributes=(place,))
    vars(part).update({"scores": data.scores, "groups": data.groups})
    sums = slice_sums(part.attributes, part.scores.columns, order=1, min_count=rules.min_count)
    spreads = group_spreads(sums, part, compared=of_scores(part.scores)) if part.groups is not None else {}
    cells = skew_table(sums, part, rules=rules.without_intersections, spreads=spreads)
    own = cells[cells["slice"] == _CHOSEN.name].set_index("emotion", drop=False)
    emotions = own.loc[list(data.predictions.taxonomy.labels)].reset_index(drop=True).assign(label_rate=np.nan)
    if "votes" in part.scores:
        sides = sums.inside[sums.specs.index(SliceSpec((_CHOSEN,)))]
        labelled = sides[part.scores.at["labelled"]]
        emotions["label_rate"] = sides[part.scores.at["votes"]] / np.where(labelled > 0, labelled, np.nan)
    return Chosen(n, len(data) - n, data.groups is not None, emotions, _attributes(data, place, rules))


def _attributes(data: SlicedPredictions, place: CodedAttribute, rules: Rules) -> pd.DataFrame:
    """Shares of the values of every attribute on both sides."""
    parts: list[dict[str, Any]] = []
    for attribute in data.attributes:
        size = len(attribute.conditions)
        counts = np.bincount((attribute.codes + 1) * 2 + place.codes, minlength=2 * (size + 1)).reshape(-1, 2)[1:].T
        known = counts.sum(axis=1)
        deff = freedom = np.full(size, np.inf)
        if data.groups is not None:
            values = np.eye(size)[np.maximum(attribute.codes, 0)]
            told = {"values": Compared(values, attribute.codes >= 0)}
            spread = family_spreads(Family((place,), place.codes, (2,)), data.groups, told)["values"]
            deff, freedom = spread.design_effect[0], np.broadcast_to(spread.freedom[0], size)
        columns: dict[str, Any] = {"hits": counts[0], "n": known[0], "other_hits": counts[1], "m": known[1]}
        names = {"slice": [one.name for one in attribute.conditions], "where": [_where(one) for one in attribute.conditions]}
        parts.append(names | columns | {"deff": deff, "freedom": freedom})
    table = pd.concat([pd.DataFrame(part) for part in parts], ignore_index=True)
    hits, n, other_hits, m, deff, freedom = (
        table[name].to_numpy(np.float64)[None] for name in ("hits", "n", "other_hits", "m", "deff", "freedom")
    )
    grouped = {} if data.groups is None else {"design_effect": deff, "freedom": freedom}
    evidence = counted(hits, n, other_hits, m, rules, **grouped)
    cells = verdicts(evidence, rules, families=np.zeros(1, dtype=np.int64))
    for name in ("rate", "complement_rate", "effect", "low", "high", "p", "q", "verdict"):
        table[name] = getattr(cells, name)[0]
    table.loc[~cells.tested[0], ["rate", "complement_rate", "effect", "low", "high"]] = np.nan
    sure, size_of = -distance_from_zero(table["low"], table["high"]), -table["effect"].abs().fillna(0.0)
    order = table.assign(sure=sure, size_of=size_of).sort_values(["sure", "size_of", "slice"], kind="stable").index
    return table.loc[order, list(ATTRIBUTE_COLUMNS)].reset_index(drop=True)


def _where(condition: Condition) -> dict[str, Any]:
    return {condition.column: condition.as_json()}


def replication(chosen: Chosen, again: Chosen, *, most: int = 5) -> pd.DataFrame:
    """What differed among the one half beside the same in the other, a row each; `holds` where it is skewed there too.

    Args:
        chosen: in the half in which the pictures were chosen.
        again: the same region of the other half, whose tests are corrected for everything that it was asked.
        most: at most this many attributes' values, the surest.

    Returns:
        Columns `what` (emotion, attribute), `name`, `effect`, `low`, `high`, the three of the other half (`again`,
        `again_low`, `again_high`), its `q`, and `holds`: of one sign, and skewed in both.
    """
    parts = []
    for what, name in (("emotion", "emotion"), ("attribute", "slice")):
        one, other = (getattr(side, f"{what}s").set_index(name) for side in (chosen, again))
        told = one[one["verdict"] == "skewed"].head(most if what == "attribute" else len(one))
        other = other.loc[told.index]
        holds = (other["verdict"] == "skewed") & (other["effect"] * told["effect"] > 0)
        ends = {new: other[old].astype(float) for new, old in zip(_AGAIN, ("effect", "low", "high", "q"), strict=True)}
        named = told[["effect", "low", "high"]].astype(float).assign(**ends, holds=holds, what=what)
        parts.append(named.rename_axis("name").reset_index())
    table: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return table[["what", "name", "effect", "low", "high", *_AGAIN, "holds"]]
