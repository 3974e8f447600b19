"""What is the label of a picture that shows several people, or that people gave several labels?

A picture is one row. Each of its annotations has one vote, in equal shares for its labels; a picture's votes are the mean of
its annotations'. The label is the one that leads alone: a tie is no label, since whichever comes first would always win.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from affect_workbench.data.datasets.checks import ATTRIBUTES, Problem
from affect_workbench.data.datasets.layouts.layout import FileLayout, Found, Source, table_of_records
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.delimited import read_cells
from affect_workbench.data.tables.columns import VOTE_PREFIX
from affect_workbench.data.taxonomies.label_identity import meaning
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.data.taxonomies.words import EMOTIC as EMOTIC_LABELS
from affect_workbench.data.taxonomies.words import WORD_POLARITY

MIXED = "mixed"
"""The value of an attribute in which the people in a picture differ."""
_COLUMNS = ("Folder", "Filename", "Categorical_Labels")
_POLARITY = {label: WORD_POLARITY[meaning(label)] for label in EMOTIC_LABELS if meaning(label) in WORD_POLARITY}
_RATINGS = ("valence", "arousal", "dominance")


def merged(records: Sequence[Mapping[str, Any]], *, labels: Sequence[str]) -> tuple[pd.DataFrame, list[str]]:
    """One row a picture, with `vote_<label>` columns and `label`, of one record an annotation.

    Args:
        records: `path`, `labels` (a list, maybe empty), and attributes. Numbers become their mean, texts that differ
            `MIXED`.
        labels: all labels, in order.

    Returns:
        The rows in the order of their first records, and sentences that count what was merged.
    """
    pictures: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        pictures.setdefault(str(record["path"]), []).append(record)
    rows: list[dict[str, Any]] = []
    for path, given_of in pictures.items():
        given = [list(dict.fromkeys(one["labels"])) for one in given_of]
        given = [chosen for chosen in given if chosen]
        votes = {label: sum((label in chosen) / len(chosen) for chosen in given) / (len(given) or 1) for label in labels}
        attributes = {name: _one_of([one.get(name) for one in given_of]) for one in given_of for name in one}
        rows.append(
            {"path": path}
            | {name: value for name, value in attributes.items() if name not in ("path", "labels")}
            | {VOTE_PREFIX + label: votes[label] for label in labels}
        )
    table = table_of_records(rows)
    votes_of = table[[VOTE_PREFIX + label for label in labels]].astype(float) if rows else pd.DataFrame()
    label, notes = leading(votes_of)
    several = sum(len(given_of) > 1 for given_of in pictures.values())
    if several:
        notes.insert(
            0,
            f"{plural(several, 'picture has', 'pictures have')} more than one annotation: a picture is one row, its votes "
            "are the mean of theirs",
        )
    table[list(votes_of.columns)] = votes_of
    return table.assign(label=label), notes


def leading(votes: pd.DataFrame, beside: pd.DataFrame | None = None) -> tuple[pd.Series, list[str]]:
    """The label `(n,)` with more votes than any other label and any of `beside`; missing where there is none."""
    every = votes if beside is None else votes.join(beside)
    if every.empty:
        return pd.Series([None] * len(votes), index=votes.index, dtype=object), []
    most = every.max(axis=1)
    alone = every.eq(most, axis=0).sum(axis=1) == 1
    first = every.fillna(-math.inf).idxmax(axis=1)
    clear = (most > 0) & alone & first.isin(votes.columns)
    label = first.astype(str).str.removeprefix(VOTE_PREFIX).astype(object).where(clear, None)
    notes = [
        f"{plural(int((~clear).sum()), 'picture has', 'pictures have')} no label that leads alone: no label, votes kept"
    ]
    return label, notes if not clear.all() else []


def _one_of(values: list[Any]) -> Any:
    """The mean of numbers, the text that all agree on, or `MIXED`."""
    known = [value for value in values if value is not None and value == value]
    if not known:
        return None
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in known):
        return math.fsum(known) / len(known)
    return known[0] if all(value == known[0] for value in known) else MIXED


def _emotic_files(source: Source) -> list[Path]:
    return source.tables(*_COLUMNS)


def _emotic(source: Source, files: Sequence[Path]) -> Found:
    problems: list[Problem] = []
    records: list[dict[str, Any]] = []
    taxonomy = Taxonomy("emotic26", EMOTIC_LABELS, _POLARITY)
    splits: dict[str, str | None] = {}
    for file in files:
        split = source.split_of(file)
        for number, row in enumerate(read_cells(file).frame().to_dict("records"), start=1):
            path = f"{row['Folder']}/{row['Filename']}"
            labels = _literal(row["Categorical_Labels"])
            if not isinstance(labels, list) or not all(taxonomy.knows(label) for label in labels):
                said = f"{file.name}, row {number}: {row['Categorical_Labels']!r} is no list of EMOTIC's categories"
                problems.append(Problem(ATTRIBUTES, path, said))
                labels = []
            ratings = _literal(row.get("Continuous_Labels", ""))
            known = isinstance(ratings, list) and len(ratings) == len(_RATINGS)
            splits.setdefault(path, split)
            records.append(
                {"path": path, "labels": [taxonomy.resolve(label) for label in labels], "split": splits[path]}
                | (dict(zip(_RATINGS, map(float, ratings), strict=True)) if known else {})
                | {name: row[name.capitalize()] or None for name in ("gender", "age") if name.capitalize() in row}
            )
    rows, notes = merged(records, labels=taxonomy.labels)
    notes.insert(0, "a person's categories share one vote equally: EMOTIC gives several to most people, and no weights")
    notes.append(f"gender and age are those of the people in a picture, `{MIXED}` where these differ")
    return Found(rows, notes, problems, taxonomy)


def _literal(cell: str) -> Any:
    """The list that a cell writes as Python does; None where it is none."""
    try:
        return ast.literal_eval(cell)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


EMOTIC = FileLayout("emotic", "EMOTIC", f"CSV with the columns {', '.join(_COLUMNS)}", _emotic_files, _emotic)
