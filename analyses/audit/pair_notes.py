"""What must be known of pairs before an audit is read: what is compared in them, and which pictures are left out?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from affect_workbench.analyses.inference.clusters import FEWEST_GROUPS
from affect_workbench.analyses.inference.pairs.pairing import Pairing
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.analyses.slices.pairs import crossing, group_codes, pair_codes
from affect_workbench.analyses.slices.sliced import Sliced
from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.columns import column_words

Row = tuple[str, str, int, str]


def pairing_of(specs: Sequence[SliceSpec], data: Sliced, *, min_count: int) -> Pairing | None:
    """Which slices are compared in the pairs of these pictures; None without pairs. Arguments as of `Pairing.of`.

    Raises:
        ValueError: pairs and groups cross so that hardly anything is independent.
    """
    if data.pairs is None or data.groups is None:
        return None
    crossed = _crossed(data.rows)
    if crossed and (left := int(data.groups.max()) + 1) < FEWEST_GROUPS:
        raise ValueError(
            f"{crossed:,} pairs (pair_id) hold pictures of several groups (group_id) that reach into other pairs, so that "
            f"only {plural(left, 'part of the data is', 'parts of the data are')} independent, fewer than {FEWEST_GROUPS}: "
            "give pairs inside groups or "
            "groups inside pairs, or leave one of the two columns out"
        )
    return Pairing.of(specs, data, min_count=min_count)


def _crossed(rows: pd.DataFrame) -> int:
    pairs, groups = pair_codes(rows), group_codes(rows.drop(columns="pair_id", errors="ignore"))
    return 0 if pairs is None or groups is None else crossing(pairs, groups)


def pair_notes(rows: pd.DataFrame, pairing: Pairing | None, *, min_count: int) -> list[str]:
    """Sentences for the reader."""
    if pairing is None:
        given = "pair_id" in rows and rows["pair_id"].notna().any()
        return ["no two pictures share a pair_id: nothing is compared in pairs"] if given else []
    notes = []
    for column, differ in pairing.differ.items():
        name, count, of = column_words(column), int(differ.sum()), pairing.complete[column]
        if column not in pairing.designed:
            if count and column in pairing.declared:
                notes.append(
                    f"only {count:,} of {of:,} pairs (pair_id) differ in {name}: its slices are compared with all other "
                    "pictures, pairs as groups"
                )
            continue
        also = {other: int((differ & mask).sum()) for other, mask in pairing.declared.items() if other != column}
        too = [f"{number:,} differ in {column_words(other)} too" for other, number in also.items() if number]
        notes.append(
            f"slices of {name} are compared in {count:,} pairs (pair_id) that differ in it"
            + (f", of which {', '.join(too)}: a difference in one may be caused by the other" if too else " only")
        )
        notes += _alike_note(rows, pairing, column)
    most = int(np.bincount(pairing.codes[pairing.codes >= 0]).max())
    if most > 2 and pairing.used.any():
        notes.append(
            f"pair_id holds up to {most:,} pictures: all pictures of one pair_id count as one pair, and the means "
            "of each side are compared"
        )
    if pairing.used.any():
        notes.append(
            "findings, label-tree levels, severity and outcomes are compared in pairs; the other analyses "
            "(accuracy, error rates, adjusted differences, distances) compare with all other pictures, pairs as "
            "groups"
        )
    same = [column_words(name) for name, mask in pairing.differ.items() if not mask.any()]
    if same:
        notes.append(
            f"pairs (pair_id) do not differ in {', '.join(same)}: slices of {'it' if len(same) == 1 else 'them'} are "
            "compared with all other pictures, pairs as groups"
        )
    units = np.unique(pairing.units[pairing.codes >= 0])
    if len(units) < len(np.unique(pairing.codes[pairing.codes >= 0])):
        notes.append(
            f"pairs lie in {len(units):,} groups (group_id), which are independent of each other while pairs "
            "within a group are not: tests and intervals in pairs are cluster-robust"
        )
    if crossed := _crossed(rows):
        notes.append(
            f"{crossed:,} pairs (pair_id) hold pictures of several groups (group_id) that reach into other pairs: "
            "everything connected through a pair or a group counts as one group"
        )
    return notes


def _alike_note(rows: pd.DataFrame, pairing: Pairing, column: str) -> list[str]:
    """Pairs all of whose pictures are on one side of an attribute that is compared in pairs; nothing where there is none."""
    concordant = pairing.concordant[column]
    if not concordant.any():
        return []
    first = rows["pair_id"].to_numpy(dtype=object)[concordant][0]
    count, of, pictures = len(np.unique(pairing.codes[concordant])), pairing.complete[column], int(concordant.sum())
    return [
        f"{count:,} of {of:,} pairs (pair_id) {'does' if count == 1 else 'do'} not differ in {column_words(column)}: "
        f"{'its' if count == 1 else 'their'} {pictures:,} pictures are not used in its comparison, first {str(first)!r}"
    ]


def pair_exclusions(pairing: Pairing | None, data: Sliced, *, specs: Sequence[SliceSpec], min_count: int) -> list[Row]:
    """What is left out of comparisons in pairs, as rows of `AuditResult.excluded`."""
    if pairing is None:
        return []
    found: list[Row] = []
    for one in data.attributes:
        if one.column not in pairing.designed:
            continue
        name, known = column_words(one.column), one.codes >= 0
        there = np.bincount(pairing.codes[known & (pairing.codes >= 0)], minlength=len(pairing.differ[one.column]))
        partner = known & (pairing.codes >= 0) & (there > 1)[pairing.codes]
        alone = int((known & ~partner).sum())
        concordant = pairing.concordant[one.column]
        if alone:
            found.append(("pictures", f"without a partner, {name}", alone, f"not used in comparisons in pairs of {name}"))
        if concordant.any():
            found.append(
                (
                    "pictures",
                    f"of pairs with equal {name}",
                    int(concordant.sum()),
                    f"{len(np.unique(pairing.codes[concordant])):,} pairs, not used in comparisons in pairs of {name}",
                )
            )
    for spec, used, count in zip(specs, pairing.used, pairing.pairs, strict=True):
        if not used and spec.order == 1 and spec.conditions[0].column in pairing.designed:
            found.append(
                (
                    "slice",
                    spec.name,
                    int(count),
                    f"fewer than {min_count} pairs have a picture in it and one beside it: compared with all other "
                    "pictures, pairs as groups (n: pairs)",
                )
            )
    return found
