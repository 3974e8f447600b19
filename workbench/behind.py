"""Which few pictures stand behind the numbers of a report? Chosen so that one picture serves many numbers, kept once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analyses.audit import AuditResult
from analyses.slices import SliceSpec
from workbench.thumbnails import thumbnail_uri

MOST_PICTURES = 180
"""Pictures in a report, those of its leading findings with them: about a quarter of a megabyte."""
_OF_A_SLICE = 3
_OF_A_CELL = 3
_TYPICAL = 24
"""So many pictures nearest to the middle of a slice count as typical."""
_TRIED = 4
"""Times the wanted number that is looked at before a gallery gives fewer."""


@dataclass(frozen=True)
class Picture:
    """A picture behind a number: its id, what else is known in words, and itself where its file is there."""

    id: str
    what: str
    thumbnail: str | None


@dataclass(frozen=True)
class Behind:
    """Places in `Gallery.pictures` of some pictures behind a number, and of how many they are."""

    n: int
    shown: tuple[int, ...]


@dataclass(frozen=True)
class SlicePictures:
    """The pictures of one slice: read most against their labels, most typical, and of each emotion it is read as."""

    name: str
    n: int
    worst: tuple[int, ...]
    typical: tuple[int, ...]
    cells: Mapping[str, Behind]


class Gallery:
    """The pictures of one report: each has a number, whoever asks for it, and is opened once.

    Attributes:
        pictures: in the order in which they were asked for first.
    """

    def __init__(self, samples: pd.DataFrame, *, most: int = MOST_PICTURES) -> None:
        self.pictures: list[Picture] = []
        self._samples, self._most = samples, most
        self._numbers: dict[Any, int] = {}

    def of(self, rows: pd.Index, *, most: int) -> tuple[int, ...]:
        """Numbers of at most `most` of the samples named by `rows`, the first; full, the gallery gives only what it has.

        Where files are there at all, a picture that cannot be shown is passed over for the next one.
        """
        chosen: list[int] = []
        for index in rows[: _TRIED * most]:
            number = self._number(index)
            if number is not None:
                chosen.append(number)
            if len(chosen) == most:
                break
        return tuple(chosen)

    def known_first(self, rows: pd.Index) -> pd.Index:
        """The same rows, those whose picture is in the gallery already first."""
        known = rows.isin(list(self._numbers))
        return rows[known].append(rows[~known])

    def _number(self, index: Any) -> int | None:
        if index in self._numbers:
            return self._numbers[index]
        if len(self.pictures) >= self._most:
            return None
        row = self._samples.loc[index]
        path, label = row.get("path"), row.get("label")
        small = thumbnail_uri(path)
        if small is None and isinstance(path, str) and any(one.thumbnail for one in self.pictures):
            return None
        what = f"read as {row['predicted']}" + (f", labelled {label}" if pd.notna(label) else "")
        self.pictures.append(Picture(str(row["image_id"]), what, small))
        self._numbers[index] = len(self.pictures) - 1
        return self._numbers[index]


def slice_pictures(result: AuditResult, gallery: Gallery, names: Sequence[str]) -> list[SlicePictures]:
    """Worst, most typical and read-so pictures of the named slices; cells borrow what the slices have shown already."""
    samples, labels = result.samples, result.taxonomy.labels
    where = result.slices.set_index("slice")["where"]
    order = samples.index.get_indexer(worst_first(samples).index)  # once: every slice and cell is a part of it
    said = np.array([labels.index(label) for label in samples["predicted"]])
    inside: dict[str, npt.NDArray[np.int64]] = {}
    for name in names:
        mask = SliceSpec.from_json(where[name]).mask(samples)
        inside[name] = order[mask[order]]
    cells = {
        name: [samples.index[positions[said[positions] == label]] for label in range(len(labels))]
        for name, positions in inside.items()
    }
    for some in cells.values():  # one of each cell first, in case the gallery fills up
        for rows in some:
            gallery.of(gallery.known_first(rows), most=1)
    worst = {name: gallery.of(samples.index[positions], most=_OF_A_SLICE) for name, positions in inside.items()}
    typical = {
        name: gallery.of(
            gallery.known_first(typical_first(samples.iloc[np.sort(positions)]).index[:_TYPICAL]), most=_OF_A_SLICE
        )
        for name, positions in inside.items()
    }
    return [
        SlicePictures(
            name, len(positions), worst[name], typical[name],
            {
                label: Behind(len(rows), gallery.of(gallery.known_first(rows), most=_OF_A_CELL))
                for label, rows in zip(labels, cells[name], strict=True)
            },
        )
        for name, positions in inside.items()
    ]  # fmt: skip


def worst_first(rows: pd.DataFrame) -> pd.DataFrame:
    """Lowest agreement with the truth first; among equals the prediction that was surest."""
    order = rows.assign(sureness=-rows["audit_margin"].astype(float))
    by = ["audit_agreement", "sureness", "image_id"]
    return rows.loc[order.sort_values(by, na_position="last", kind="stable").index]


def typical_first(rows: pd.DataFrame) -> pd.DataFrame:
    """Pictures read as most of `rows` are, those with a margin nearest to the median of these first."""
    if rows.empty:
        return rows
    usual = rows[rows["predicted"] == rows["predicted"].mode().iloc[0]]
    margin = usual["audit_margin"].astype(float)
    return usual.loc[(margin - margin.median()).abs().sort_values(kind="stable").index]
