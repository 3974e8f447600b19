"""Which attribute belongs to which picture, and what did not match?"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from data.features import attribute_columns
from data.splits import ids_without_split
from data.tables import named


@dataclass(frozen=True)
class JoinReport:
    """What a join matched and what it did not.

    Attributes:
        attributes: the columns that were added.
        matched: pictures that found a row in the table.
        without: ids of pictures that found none (their attributes are missing).
        unused: ids of table rows that match no picture.
    """

    attributes: tuple[str, ...]
    matched: int
    without: tuple[str, ...]
    unused: tuple[str, ...]

    def notes(self) -> list[str]:
        """One sentence for each kind of row that did not match; nothing when all did."""
        sentences = []
        if self.without:
            sentences.append(
                f"{len(self.without)} picture(s) have no row in the attribute table, first {named(self.without)}: "
                f"they are in no slice of {', '.join(self.attributes)}"
            )
        if self.unused:
            sentences.append(
                f"{len(self.unused)} row(s) of the attribute table match no picture, first {named(self.unused)}: not used"
            )
        return sentences


def join_attributes(rows: pd.DataFrame, table: pd.DataFrame) -> tuple[pd.DataFrame, JoinReport]:
    """`rows` with the attribute columns of `table`, matched by `image_id`; the order of `rows` is kept.

    An id that holds its picture's split (`val/joy/7`) and is not in the table is matched without it.

    Args:
        rows: one row a picture, with `image_id`.
        table: unique `image_id` and attribute columns (as `data.tables.read_table` returns it). A column that `rows`
            has too must not be in it.

    Raises:
        ValueError: nothing matches (ids of both sides shown), no attribute column, or a column in both.
    """
    attributes = attribute_columns(table)
    if not attributes:
        raise ValueError(f"the attribute table has no attribute column; its columns: {', '.join(map(str, table.columns))}")
    both = [name for name in attributes if name in rows.columns]
    if both:
        raise ValueError(
            f"attribute(s) {', '.join(both)} are already in the data: rename the column(s) in the attribute table"
        )
    bare = ids_without_split(rows)
    ids = pd.Index(rows["image_id"].where(rows["image_id"].isin(table["image_id"]) | ~bare.isin(table["image_id"]), bare))
    found = ids.isin(table["image_id"])
    if not found.any():
        raise ValueError(
            f"no id of the attribute table matches a picture: the table has {named(table['image_id'])}, "
            f"the pictures are {named(ids)}"
        )
    joined = rows.reset_index(drop=True).join(table.set_index("image_id")[attributes].reindex(ids).reset_index(drop=True))
    unused = table["image_id"][~table["image_id"].isin(ids)]
    return joined, JoinReport(tuple(attributes), int(found.sum()), tuple(ids[~found]), tuple(unused))
