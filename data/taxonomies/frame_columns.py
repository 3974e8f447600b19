"""Which columns of somebody's data frame are the ones that have a meaning of their own here?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from affect_workbench.data.tables.columns import VOTE_PREFIX
from affect_workbench.data.tables.frame_cells import frame_cells, with_text_names
from affect_workbench.data.tables.headers import ID_COLUMNS
from affect_workbench.data.tables.read import named
from affect_workbench.data.taxonomies.taxonomy import closest
from affect_workbench.keywords import column_name

_PREFIX = {"scores": "score_", "votes": VOTE_PREFIX}
_USUAL = {
    "label": ("label", "y_true", "truth", "true", "true_label", "target", "emotion", "ground_truth", "gold"),
    "predicted": ("predicted", "y_pred", "prediction", "predictions", "pred", "predicted_label", "y_hat"),
}


@dataclass(frozen=True)
class FrameColumns:
    """A frame whose columns are called as they are here.

    Attributes:
        rows: with `image_id`.
        prefixes: `scores` and `votes` -> what their columns start with, None where they were not named.
        notes: sentences about columns that gave way, and about ids.
    """

    rows: pd.DataFrame
    prefixes: Mapping[str, str | None]
    notes: tuple[str, ...]


def as_our_columns(
    frame: pd.DataFrame, single: Mapping[str, str | None], by_label: Mapping[str, str | Mapping[str, str] | None]
) -> FrameColumns:
    """The frame with the named columns under our names.

    Args:
        frame: one row a picture.
        single: our name of a column -> theirs, None where it was not named.
        by_label: `scores` or `votes` -> a pattern with one star, or label -> column; None where they were not named.

    Raises:
        TypeError: no data frame, or a name that is no name.
        ValueError: no row, no such column, a pattern without a star or that no column fits, or a column that is named twice.
    """
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"expected a data frame with one row a picture, got {type(frame).__name__}")
    if not len(frame):
        raise ValueError("the data frame has no rows: expected one row a picture")
    frame = with_text_names(frame)
    asked_for = {ours: theirs for ours, theirs in single.items() if theirs is not None}
    names = {_column(frame, theirs, keyword=ours): ours for ours, theirs in asked_for.items()}
    if len(names) < len(asked_for):
        raise ValueError(f"one column is named for two of {', '.join(f'{ours}=' for ours in single)}: each is another one")
    prefixes: dict[str, str | None] = {}
    for keyword, asked in by_label.items():
        columns = _of_labels(frame.drop(columns=list(names)), asked, keyword=keyword)
        prefixes[keyword] = _PREFIX[keyword] if columns else None
        names |= {column: _PREFIX[keyword] + label for label, column in columns.items()}
        if columns:
            names |= {name: "" for name in _names(frame) if name.startswith(_PREFIX[keyword]) and name not in names}
    giving_way = [name for name, ours in names.items() if not ours]
    giving_way += [name for name in _names(frame) if name in names.values() and name not in names]
    frame = frame.drop(columns=giving_way).rename(columns=names)
    notes = [f"column {name!r} gives way to the one that was named" for name in giving_way]
    if "image_id" not in frame:
        frame, note = _with_ids(frame)
        notes += note
    if "label" not in frame and (likely := likely_column(frame, "label")):
        notes.append(f"no column 'label': the truth is not known (label={likely!r} names a column that may hold it)")
    read = frame_cells(frame)
    return FrameColumns(read.rows, prefixes, (*notes, *read.notes))


def likely_column(frame: pd.DataFrame, ours: str) -> str | None:
    """The column that others often call what is `label` or `predicted` here; for a hint, since nobody can know."""
    return next((str(name) for name in frame if str(name).casefold() in _USUAL[ours]), None)


def _with_ids(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Ids from `id`, else from the index, where that was said."""
    for name in ID_COLUMNS:
        if name in frame:
            return frame.rename(columns={name: "image_id"}), []
    if isinstance(frame.index, pd.MultiIndex) or not frame.index.is_unique:
        raise ValueError("there is no column 'image_id' and the frame's index repeats: name the ids with image_id=")
    if isinstance(frame.index, pd.RangeIndex):
        note = "no column names the pictures: they are called by their row number (image_id= names one)"
        return frame.assign(image_id=frame.index.astype(str)), [note]
    return frame.assign(image_id=frame.index.astype(str)), []


def _of_labels(frame: pd.DataFrame, asked: str | Mapping[str, str] | None, *, keyword: str) -> dict[str, str]:
    """Label -> column."""
    if asked is None:
        return {}
    if isinstance(asked, Mapping):
        return {str(label): _column(frame, column, keyword=keyword) for label, column in asked.items()}
    expected = (
        f"{keyword}={asked!r}: expected a pattern in which one star stands for the label, such as "
        f"'{_PREFIX[keyword]}*', or a mapping of label to column"
    )
    if not isinstance(asked, str):
        raise TypeError(expected)
    if asked.count("*") != 1:
        raise ValueError(expected)
    before, after = asked.split("*")
    found = {
        name[len(before) : len(name) - len(after)]: name
        for name in _names(frame)
        if name.startswith(before) and name.endswith(after) and len(name) > len(before) + len(after)
    }
    if not found:
        raise ValueError(f"{keyword}={asked!r}: no column fits; the columns are {named(frame, most=12)}")
    return found


def _names(frame: pd.DataFrame) -> list[str]:
    return list(map(str, frame.columns))


def _column(frame: pd.DataFrame, asked: object, *, keyword: str) -> str:
    """The name of a column that was asked for; a column that is called by a number may be asked for by it."""
    name = column_name(asked, keyword=keyword)
    if name not in frame:
        raise ValueError(f"{keyword}={asked!r}: there is no such column; {closest(name, _names(frame))}")
    return name
