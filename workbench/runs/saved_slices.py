"""Which slices did people choose on the map of a run, and how is one audited as an attribute?

They are kept in the run folder as `saved_slices.json`, with the ids of their pictures, so that they outlive the map; beside
it `saved_slices.csv` holds them as attributes, for `workbench audit --attributes`.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.arrays import Mask
from affect_workbench.data.storage.atomic import alone, write_json, write_text
from affect_workbench.data.storage.saved import read_record
from affect_workbench.data.tables.columns import CORE_COLUMNS, PROMPT_PREFIX, SCORE_PREFIX, VOTE_PREFIX
from affect_workbench.workbench.runs.files import SAVED_SLICES_FILE, SAVED_SLICES_TABLE
from affect_workbench.workbench.runs.reviews import REVIEW_LOCK

_SCHEMA = 1


@dataclass(frozen=True)
class SavedSlice:
    """Pictures that somebody chose on a map and gave a name.

    Attributes:
        name: what they are called, also as an attribute.
        pictures: their ids, of both halves.
        outline: of the region, one JSON list of `[x, y]` corners a polygon.
        chosen: when, in UTC, ISO 8601.
        half: whether one half of the pictures was kept back while they were chosen.
        asked: whether that half was asked then.
        holds: what held there: emotions, and values of attributes.

    Raises:
        ValueError: no name, or one that cannot be a column; no picture; no time with a zone.
    """

    name: str
    pictures: tuple[str, ...]
    outline: tuple[str, ...]
    chosen: str
    half: bool = False
    asked: bool = False
    holds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        named = bool(self.name.strip()) and self.name == self.name.strip()
        if not named or "," in self.name or self.name in CORE_COLUMNS or self.name.startswith(_TAKEN):
            raise ValueError(
                f"a slice cannot be called {self.name!r}: expected a name without a comma or blanks around it, that is no "
                f"column with a meaning of its own ({', '.join(CORE_COLUMNS[:6])}, …)"
            )
        if not self.pictures:
            raise ValueError(f"the slice {self.name!r} holds no picture")
        if datetime.fromisoformat(self.chosen).tzinfo is None:
            raise ValueError(f"a slice was chosen at {self.chosen!r}: expected a time with its zone")

    @property
    def status(self) -> str:
        """What kind of knowledge it is, in a word or two."""
        if not self.asked:
            return "exploratory"
        return "confirmed on the other half" if self.holds else "not confirmed on the other half"

    @property
    def title(self) -> str:
        """As it stands in a choice of slices."""
        return f"{self.name} (saved, {self.status})"


_TAKEN = (VOTE_PREFIX, SCORE_PREFIX, PROMPT_PREFIX)


def load_saved_slices(folder: Path | str) -> tuple[SavedSlice, ...]:
    """Those of a run, the oldest first; none where nobody saved one.

    Raises:
        ValueError: the file is damaged or of another schema.
    """
    path = Path(folder) / SAVED_SLICES_FILE
    if not path.is_file():
        return ()
    record = read_record(path, schema=_SCHEMA, otherwise="put a good copy back, or move it away")
    return tuple(one.made(SavedSlice) for one in record.records("slices"))


def save_slice(one: SavedSlice, folder: Path | str, *, attributes: Collection[str]) -> tuple[SavedSlice, ...]:
    """Adds a slice to those of the run, whoever put them there, and returns all of them.

    Args:
        one: the slice.
        folder: of the run.
        attributes: of the run, whose names are taken.

    Raises:
        ValueError: the name is taken; see `load_saved_slices`. Nothing is written then.
        OSError: the folder cannot be written to.
    """
    folder = Path(folder)
    with alone(folder / REVIEW_LOCK):
        there = load_saved_slices(folder)
        if one.name.casefold() in {name.casefold() for name in (*attributes, *(other.name for other in there))}:
            raise ValueError(f"{one.name!r} is taken by an attribute or another saved slice: give it another name")
        write_saved_slices((*there, one), folder)
    return (*there, one)


def write_saved_slices(slices: Sequence[SavedSlice], folder: Path | str) -> None:
    """Writes `saved_slices.json`, under a temporary name first. `save_slice` adds to what is there; this replaces it."""
    record = {"schema": _SCHEMA, "slices": [dict(vars(one)) for one in slices]}
    write_json(Path(folder) / SAVED_SLICES_FILE, record, durable=True)


def merged_slices(*lists: Sequence[SavedSlice]) -> tuple[SavedSlice, ...]:
    """The saved slices of several runs, of each name the first."""
    unique: dict[str, SavedSlice] = {}
    for one in (one for slices in lists for one in slices):
        unique.setdefault(one.name.casefold(), one)
    return tuple(unique.values())


def saved_table(slices: Sequence[SavedSlice], ids: npt.NDArray[np.object_], *, kept: Mask) -> pd.DataFrame:
    """Saved slices as attributes: `image_id`, and a column each, `yes` or `no`.

    A slice that was chosen while one half was kept back has values in that half only: an audit by it then rests on pictures
    that had no part in choosing it. Other cells are empty: such a picture is in no slice, nor in a complement.

    Args:
        slices: saved ones.
        ids: of the pictures on the map `(m,)`.
        kept: which of them are kept back `(m,)`.
    """
    columns: dict[str, Any] = {"image_id": ids}
    for one in slices:
        inside = pd.Series(np.where(pd.Series(ids).isin(one.pictures), "yes", "no"))
        columns[one.name] = inside.where(kept) if one.half else inside
    return pd.DataFrame(columns)


def write_saved_table(table: pd.DataFrame, folder: Path | str) -> Path:
    """Writes `saved_slices.csv`, under a temporary name first."""
    path = Path(folder) / SAVED_SLICES_TABLE
    write_text(path, table.to_csv(index=False, lineterminator="\n"))
    return path


def audit_command(result: AuditResult, slices: Sequence[SavedSlice], folder: Path | str) -> str:
    """The command that audits saved slices as attributes, beside what the run was audited by.

    Made of the command that made the run; of what is known of its data where it was made in another way.
    """
    folder, known = Path(folder), result.run.provenance
    table, out = str(folder / SAVED_SLICES_TABLE), f"{folder}-saved-slices"
    words = shlex.split(str(known.get("command", "")))
    if words[:2] != ["workbench", "audit"]:
        words = ["workbench", "audit", *_data(known)]
    words, given = _without(words, ("--attributes",))
    words = [word for word in _without(words, ("--out", "-o"))[0] if word != "--overwrite"]
    parts = ",".join(given).split(",") if given else []
    # Where attributes are named, only these are sliced by.
    named = [one.name for one in slices] if result.run.config.attributes else []
    return shlex.join([*words, "--attributes", ",".join([*parts, table, *named]), "--out", out])


def _without(words: Sequence[str], options: Sequence[str]) -> tuple[list[str], list[str]]:
    """The words without these options, and the values that they had."""
    left: list[str] = []
    values: list[str] = []
    following = iter(words)
    for word in following:
        name, equals, value = word.partition("=")
        if name in options:
            values.append(value if equals else next(following, ""))
        else:
            left.append(word)
    return left, values


def _data(known: Mapping[str, Any]) -> list[str]:
    if "probe" in known and "features" in known:
        return ["--features", str(known["features"]).split(" (", 1)[0], "--probe", str(known["probe"])]
    return ["--predictions", str(known.get("predictions", "PREDICTIONS.csv"))]
