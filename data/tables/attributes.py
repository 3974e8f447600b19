"""Which column of a table belongs to which picture, what did not match, and do two tables say the same?"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.arrays import Mask
from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.columns import CORE_COLUMNS, VOTE_PREFIX, attribute_columns
from affect_workbench.data.tables.read import named
from affect_workbench.data.tables.splits import ids_without_split

_OF_THE_DATA = ("path", "content")
"""Core columns that say where the pictures lie: those of the data count where both have them."""


@dataclass(frozen=True)
class JoinReport:
    """What a join matched and what it did not.

    Attributes:
        attributes: the attribute columns that were added.
        matched: pictures that found a row in the table.
        without: ids of pictures that found none (their attributes are missing).
        unused: ids of table rows that match no picture.
        core: the core columns (truth, votes, split, groups, pairs) that were added.
        filled: column -> cells that were empty in the data and are taken from the table.
        aside: columns that are not used, since the data have their own.
    """

    attributes: tuple[str, ...]
    matched: int
    without: tuple[str, ...]
    unused: tuple[str, ...]
    core: tuple[str, ...] = ()
    filled: tuple[tuple[str, int], ...] = ()
    aside: tuple[str, ...] = ()

    def notes(self, *, among: Collection[str] | None = None) -> list[str]:
        """One sentence for each thing to know; nothing when all rows matched and only attributes were added.

        Args:
            among: ids of the pictures that count; all when not given.
        """
        sentences = []
        if self.core:
            sentences.append(f"taken from the attribute table: {', '.join(self.core)}")
        for name, cells in self.filled:
            sentences.append(
                f"{name}: {plural(cells, 'cell that was empty in the data is', 'cells that were empty in the data are')} "
                "filled from the attribute table"
            )
        if self.aside:
            sentences.append(f"{', '.join(self.aside)} of the attribute table: not used, the data have their own")
        without = self.without if among is None else [name for name in self.without if name in among]
        if without:
            what = f"they are in no slice of {', '.join(self.attributes)}" if self.attributes else "nothing is added to them"
            sentences.append(
                f"{plural(len(without), 'picture has', 'pictures have')} no "
                f"row in the attribute table, first {named(without)}: {what}"
            )
        if self.unused:
            sentences.append(
                f"{plural(len(self.unused), 'row of the attribute table matches', 'rows of the attribute table match')} no "
                f"picture, first {named(self.unused)}: not used"
            )
        return sentences


def join_attributes(rows: pd.DataFrame, table: pd.DataFrame) -> tuple[pd.DataFrame, JoinReport]:
    """`rows` with the columns of `table`, matched by `image_id`; the order of `rows` is kept.

    Core columns (truth, votes, split, groups, pairs) come along like attributes. Of a column in both, what is empty in
    `rows` is filled.

    An id that holds its picture's split (`val/joy/7`) and is not in the table is matched without it.

    Args:
        rows: one row a picture, with `image_id`.
        table: unique `image_id` and other columns (as `data.tables.read.read_table` returns it).

    Raises:
        ValueError: nothing matches (ids of both sides shown), no column, or a column in both that differs (its name, how
            many pictures, the first ones).
    """
    names = [str(name) for name in table.columns if name != "image_id"]
    if not names:
        raise ValueError("the attribute table has no column besides its ids: expected attributes, or group_id, label, votes")
    bare = ids_without_split(rows)
    ids = pd.Index(rows["image_id"].where(rows["image_id"].isin(table["image_id"]) | ~bare.isin(table["image_id"]), bare))
    found = ids.isin(table["image_id"])
    if not found.any():
        raise ValueError(
            f"no id of the attribute table matches a picture: the table has {named(table['image_id'])}, "
            f"the pictures are {named(ids)}"
        )
    theirs = table.set_index("image_id").reindex(ids).reset_index(drop=True)
    joined = rows.reset_index(drop=True)
    both = [name for name in names if name in joined.columns and name not in _OF_THE_DATA]
    filled = []
    for name in both:
        differing = _differing(joined[name], theirs[name])
        if differing.any():
            what = "core column" if name in CORE_COLUMNS or name.startswith(VOTE_PREFIX) else "attribute"
            raise ValueError(
                f"{what} {name!r} is in the data and in the attribute table, and differs for "
                f"{plural(int(differing.sum()), 'picture')}, "
                f"first {named(ids[differing])}: remove or rename it in one of the two"
            )
        empty = (joined[name].isna() & theirs[name].notna()).to_numpy()
        if empty.any():
            filled.append((name, int(empty.sum())))
            joined[name] = joined[name].astype(object).where(~empty, theirs[name].astype(object)).infer_objects()
    aside = tuple(name for name in _OF_THE_DATA if name in names and name in joined.columns)
    new = [name for name in names if name not in both and name not in aside]
    attributes = attribute_columns(theirs[new])
    unused = table["image_id"][~table["image_id"].isin(ids)]
    return joined.join(theirs[new]), JoinReport(
        tuple(attributes),
        int(found.sum()),
        tuple(ids[~found]),
        tuple(unused),
        core=tuple(name for name in new if name not in attributes),
        filled=tuple(filled),
        aside=aside,
    )


def _differing(ours: pd.Series, theirs: pd.Series) -> Mask:
    """Where both have a value `(n,)` and it is another one; case and outer blanks of text do not matter."""
    known = (ours.notna() & theirs.notna()).to_numpy()
    differing = np.zeros(len(ours), dtype=bool)
    if known.any():
        numbers = [pd.api.types.is_numeric_dtype(column) for column in (ours, theirs)]
        if all(numbers):
            one, two = (column[known].to_numpy(np.float64) for column in (ours, theirs))
            differing[known] = ~np.isclose(one, two, rtol=1e-9, atol=1e-12)
        else:
            one, two = (_as_said(column[known]) for column in (ours, theirs))
            differing[known] = one != two
    return differing


def _as_said(column: pd.Series) -> npt.NDArray[np.object_]:
    return column.astype(str).str.removesuffix(".0").str.strip().str.casefold().to_numpy(dtype=object)
