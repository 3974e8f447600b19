"""Which columns of a table are the scores (or votes) of labels, and which only look like it (`score_entropy`)?

A column that starts like a score counts as one where its ending names a label: one of the labels in `predicted` and `label`,
or a word that is a label somewhere (`data.taxonomies.label_identity.is_emotion_word`). Of the others:

- an ending that is a statistic (entropy, max, margin, ...), or a column of text, is left aside;
- where the rows of the named columns add up to 1 (or 100), the others are no part of that and are left aside;
- where they add up with the others only, these are labels;
- where a column `predicted` says which label each picture gets, and never this one, it is left aside;
- so it is where it is never the largest. Anything else is refused: nobody can know.

Where fewer than two endings name a label that is known here, all but the statistics are labels.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from affect_workbench.arrays import Vectors
from affect_workbench.data.tables.column_types import numbers_of
from affect_workbench.data.tables.columns import SCORE_PREFIX, VOTE_PREFIX
from affect_workbench.data.tables.read import named
from affect_workbench.data.taxonomies.label_identity import Counts, is_emotion_word, meaning, plain
from affect_workbench.data.taxonomies.label_overlap import LabelsApartError
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

STATISTICS = frozenset(
    {
        "argmax",
        "count",
        "counts",
        "energy",
        "entropy",
        "gap",
        "logsumexp",
        "loss",
        "margin",
        "max",
        "maximum",
        "mean",
        "median",
        "min",
        "minimum",
        "n",
        "nll",
        "norm",
        "num",
        "perplexity",
        "range",
        "rank",
        "sd",
        "std",
        "sum",
        "top",
        "top1",
        "total",
        "totals",
        "uncertainty",
        "var",
        "variance",
    }
)
"""Words that make a column a number about all labels, unless a label has exactly that name."""
_ROUNDING = 0.02


@dataclass(frozen=True)
class LabelColumns:
    """Columns of one prefix.

    Attributes:
        of: ending -> column, of those that are labels.
        aside: columns that start alike and name no label.
    """

    of: dict[str, str]
    aside: tuple[str, ...] = ()


def label_columns(
    rows: pd.DataFrame, *, asked: str | None, usual: str, taxonomy: Taxonomy | None, expected: Sequence[str], option: str
) -> LabelColumns:
    """The columns with a prefix that stand for labels.

    Of columns with the usual prefix, which nobody asked for, those count that name an expected label (any two where none
    is known): a lone `score_text` is somebody's attribute.

    Args:
        rows: the table.
        asked: the prefix that was asked for.
        usual: the prefix that is tried otherwise.
        taxonomy: the labels, where they were asked for.
        expected: the labels seen elsewhere in the table.
        option: what asks for the prefix.

    Raises:
        ValueError: no column with the prefix asked for, no label in common with the expected ones, or a column of which
            nobody can know whether it is a label.
    """
    prefix = usual if asked is None else asked
    found = {ending: prefix + ending for ending in endings(rows, prefix)}
    if asked is not None and not found:
        raise ValueError(
            f"no column starts with {asked!r} ({option}); the columns are {', '.join(map(str, rows.columns[:12]))}"
        )
    statistics = {ending: column for ending, column in found.items() if _is_statistic(ending, expected)}
    if taxonomy is not None:
        inside = {ending: column for ending, column in found.items() if taxonomy.knows(ending)}
        outside = [column for ending, column in found.items() if ending not in inside]
        if inside:
            return LabelColumns(inside, tuple(outside))
        return LabelColumns({}, tuple(statistics.values())) if asked is None else LabelColumns(found)
    forms = {plain(label) for label in expected} | {meaning(label) for label in expected}
    matching = [ending for ending in found if plain(ending) in forms or meaning(ending) in forms]
    if asked is None and (len(found) < 2 or (forms and not matching)):
        emotions = [column for ending, column in found.items() if is_emotion_word(ending)]
        if len(emotions) >= 2 and len(found) >= 2:
            raise LabelsApartError(
                f"no label in common: the columns {named(emotions)} name other labels than the table, which has "
                f"{named(expected)}",
                "spell the same labels in the same way, or leave the columns out",
                never_meet=("predicted" if usual == SCORE_PREFIX else "label") not in rows,
            )
        return LabelColumns({}, tuple(statistics.values()))
    known = {
        ending: column
        for ending, column in found.items()
        if ending in matching or (ending not in statistics and is_emotion_word(ending))
    }
    if len(known) < 2:
        known = {ending: column for ending, column in found.items() if ending not in statistics}
        return _without_a_stranger(rows, known, statistics)
    others = {ending: column for ending, column in found.items() if ending not in known}
    return _with_others(rows, known, others, statistics, option=option)


def other_models(rows: pd.DataFrame, scores: dict[str, str]) -> list[str]:
    """Columns of another model: the same label endings under one other prefix, for every label."""
    used = set(scores.values())
    prefixes: dict[str, list[str]] = {}
    for column in map(str, rows.columns):
        for label in scores:
            if column.endswith(label) and column not in used and not column.startswith(VOTE_PREFIX):
                prefixes.setdefault(column.removesuffix(label), []).append(column)
    return [column for columns in prefixes.values() if len(columns) == len(scores) for column in columns]


def label_matrix(rows: pd.DataFrame, columns: dict[str, str], taxonomy: Taxonomy, *, what: str) -> Vectors:
    """The columns as `(n, k)` in the taxonomy's order.

    Args:
        rows: the table.
        columns: ending -> column.
        taxonomy: the `k` labels.
        what: what the columns hold, for messages.

    Raises:
        ValueError: two columns stand for one label, a label has none, or a cell is no number.
    """
    owner: dict[str, str] = {}
    for label, column in columns.items():
        if owner.setdefault(taxonomy.resolve(label), column) != column:
            raise ValueError(
                f"two {what} columns stand for {taxonomy.resolve(label)!r}: {owner[taxonomy.resolve(label)]}, {column}"
            )
    missing = [label for label in taxonomy.labels if label not in owner]
    if missing:
        raise ValueError(f"no {what} column for {', '.join(missing)} of taxonomy {taxonomy.name!r}: expected one per label")
    columns_in_order = [owner[label] for label in taxonomy.labels]
    return np.column_stack(
        [numbers_of(rows[name], where=f"{what} column {name!r}", ids=rows["image_id"]) for name in columns_in_order]
    )


def require_column_each(seen: Counts, taxonomy: Taxonomy, columns: LabelColumns, *, where: str, votes: bool) -> None:
    """Refuses a label that is predicted or true and has no column, where the columns say which labels there are.

    Args:
        seen: the labels in a column of labels.
        taxonomy: the labels of the columns.
        columns: those of the votes or of the scores.
        where: the column of labels.
        votes: whether the columns hold votes.

    Raises:
        ValueError: the labels without a column, and what the columns are.
    """
    wanting = [label for label in seen if not taxonomy.knows(label)]
    if not wanting:
        return
    ending, column = next(iter(columns.of.items()))
    near = difflib.get_close_matches(plain(wanting[0]), taxonomy.labels, n=1, cutoff=0.75)
    mend = "one per label (0 where nobody voted so)" if votes else "one per label, or leave those rows out"
    columns_wanted = named([column.removesuffix(ending) + label for label in wanting])
    raise ValueError(
        f"{where} {named(wanting)} {'has' if len(wanting) == 1 else 'have'} no column "
        f"{columns_wanted} beside {named(columns.of.values())}: add {mend}"
        + (f"; or is {wanting[0]!r} {near[0]!r}?" if near else "")
    )


def with_vote_names(rows: pd.DataFrame, taxonomy: Taxonomy) -> pd.DataFrame:
    """The rows with their `vote_<label>` columns in the taxonomy's spelling; those for other words stay as they are.

    Raises:
        ValueError: two columns stand for one label.
    """
    votes = [str(name) for name in rows.columns if str(name).startswith(VOTE_PREFIX)]
    names = {
        name: VOTE_PREFIX + taxonomy.resolve(name.removeprefix(VOTE_PREFIX))
        for name in votes
        if taxonomy.knows(name.removeprefix(VOTE_PREFIX))
    }
    if len(set(names.values())) < len(names):
        raise ValueError(f"two vote columns stand for one label of {taxonomy.name}: {', '.join(names)}")
    return rows if all(name == new for name, new in names.items()) else rows.rename(columns=names)


def endings(rows: pd.DataFrame, prefix: str) -> list[str]:
    """What follows the prefix in the columns that start with it."""
    return [str(name)[len(prefix) :] for name in rows.columns if str(name).startswith(prefix) and name != prefix]


def _with_others(
    rows: pd.DataFrame, known: dict[str, str], others: dict[str, str], statistics: dict[str, str], *, option: str
) -> LabelColumns:
    own = _numbers(rows, known)
    possible = {
        ending: column
        for ending, column in others.items()
        if ending not in statistics and np.isfinite(_numbers(rows, {ending: column})).all()
    }
    if not possible or _adds_up(own):
        return LabelColumns(known, tuple(others.values()))
    if _adds_up(_numbers(rows, known | possible)):
        whole = {ending: column for ending, column in (known | others).items() if ending in known or ending in possible}
        return LabelColumns(whole, tuple(column for ending, column in others.items() if ending not in possible))
    if "predicted" not in rows:
        winning = [
            column
            for ending, column in possible.items()
            if (_numbers(rows, {ending: column})[:, 0] > np.nan_to_num(own, nan=-np.inf).max(axis=1)).any()
        ]
        if winning:
            raise LabelsApartError(
                f"nobody can know whether {named(winning)} {'is a label' if len(winning) == 1 else 'are labels'} beside "
                f"{named(known.values())}: no emotion word that is known here",
                f"name the labels with --taxonomy, add a column 'predicted', or rename the column ({option})",
            )
    return LabelColumns(known, tuple(others.values()))


def _without_a_stranger(rows: pd.DataFrame, labels: dict[str, str], statistics: dict[str, str]) -> LabelColumns:
    """All of the labels, but for one without which the rows add up, and with which they do not."""
    if len(labels) > 2 and not _adds_up(_numbers(rows, labels)):
        for stranger in labels:
            rest = {ending: column for ending, column in labels.items() if ending != stranger}
            if _adds_up(_numbers(rows, rest)):
                return LabelColumns(rest, (labels[stranger], *statistics.values()))
    return LabelColumns(labels, tuple(statistics.values()))


def _is_statistic(ending: str, expected: Sequence[str]) -> bool:
    return plain(ending) not in map(plain, expected) and not STATISTICS.isdisjoint(plain(ending).split())


def _numbers(rows: pd.DataFrame, columns: dict[str, str]) -> Vectors:
    return np.asarray(rows[list(columns.values())].apply(pd.to_numeric, errors="coerce"), dtype=np.float64)


def _adds_up(values: Vectors) -> bool:
    """Whether rows are shares of 1, or of 100."""
    if values.shape[1] < 2 or not np.isfinite(values).all() or (values < 0).any():
        return False
    sums = values.sum(axis=1)
    return any(bool((np.abs(sums / whole - 1) <= _ROUNDING).all()) for whole in (1.0, 100.0))
