"""Which few pictures stand behind the numbers of a report? Chosen so that one picture serves many numbers, kept once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.workbench.interface.thumbnails import thumbnail_uri
from affect_workbench.workbench.report.evidence.choice import Claims, Evidence, caption, worst_first

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
class ShownPictures:
    """Places in `Gallery.pictures` of some pictures behind a number, and of how many they are."""

    n: int
    shown: tuple[int, ...]


@dataclass(frozen=True)
class Claim:
    """What a skew of a slice rests on: in words, of how many pictures, some of them with a note each."""

    words: str
    n: int
    shown: tuple[int, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class SlicePictures:
    """The pictures of one slice: furthest from their labels, most typical, and of each emotion it is predicted as.

    `claims` has those that show a skew, by emotion: where the slice is read so less often they are not read so.
    """

    name: str
    n: int
    worst: tuple[int, ...]
    typical: tuple[int, ...]
    cells: Mapping[str, ShownPictures]
    claims: Mapping[str, Claim]


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

    def together(self, rows: pd.Index) -> tuple[int, ...]:
        """Numbers of all of these samples, or of none, and none comes in, where one cannot be shown beside the others."""
        before = len(self.pictures)
        numbers = [self._number(index) for index in rows]
        there = [self.pictures[number].thumbnail is not None for number in numbers if number is not None]
        if len(there) == len(rows) and len(set(there)) <= 1:
            return tuple(number for number in numbers if number is not None)
        del self.pictures[before:]
        self._numbers = {index: number for index, number in self._numbers.items() if number < before}
        return ()

    def shows(self, claim: Evidence, *, most: int) -> list[tuple[int, str]]:
        """Numbers of at most `most` of the pictures of a claim, the best first, and what is noted of each."""
        index = claim.samples.index[claim.at[: _TRIED * most]]
        chosen = self.of(index, most=most)
        places = {self._numbers[one]: place for place, one in enumerate(index) if one in self._numbers}
        return [(number, claim.note(places[number])) for number in chosen]

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
        path = row.get("path")
        small = thumbnail_uri(path)
        if small is None and isinstance(path, str) and any(one.thumbnail for one in self.pictures):
            return None
        self.pictures.append(Picture(str(row["image_id"]), caption(row), small))
        self._numbers[index] = len(self.pictures) - 1
        return self._numbers[index]


def slice_pictures(
    result: AuditResult, gallery: Gallery, names: Sequence[str], *, claims: Claims | None = None
) -> list[SlicePictures]:
    """Worst, most typical and read-so pictures of the named slices, and those that show their skews.

    What shows a skew comes first, in case the gallery fills up; the others borrow what has been shown already.
    """
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
    shown = _shown(result, gallery, frozenset(names), claims or Claims(samples, result.taxonomy))
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
            name,
            len(positions),
            worst[name],
            typical[name],
            {
                label: ShownPictures(len(rows), gallery.of(gallery.known_first(rows), most=_OF_A_CELL))
                for label, rows in zip(labels, cells[name], strict=True)
            },
            shown.get(name, {}),
        )
        for name, positions in inside.items()
    ]


def _shown(result: AuditResult, gallery: Gallery, names: frozenset[str], claims: Claims) -> dict[str, dict[str, Claim]]:
    """Slice -> emotion -> what shows its skew, of skews toward less; toward more, the cell itself shows it."""
    findings = result.findings
    less = findings[(findings["verdict"] == "skewed") & (findings["effect"] < 0) & findings["slice"].isin(names)]
    found: dict[str, dict[str, Claim]] = {}
    for row in less.itertuples():
        claim = claims.of(row)
        shown = gallery.shows(claim, most=_OF_A_CELL)
        of_slice = found.setdefault(str(row.slice), {})
        of_slice[str(row.emotion)] = Claim(
            claim.words, len(claim), tuple(number for number, _ in shown), tuple(note for _, note in shown)
        )
    return found


def typical_first(rows: pd.DataFrame) -> pd.DataFrame:
    """Pictures predicted as most of `rows` are, those with a margin nearest to the median of these first."""
    if rows.empty:
        return rows
    usual = rows[rows["predicted"] == rows["predicted"].mode().iloc[0]]
    margin = usual["audit_margin"].astype(float)
    return usual.loc[(margin - margin.median()).abs().sort_values(kind="stable").index]
