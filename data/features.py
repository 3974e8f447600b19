"""What are a set of picture features, what made them, and how are they kept together with their pictures?"""

from __future__ import annotations

import hashlib
import json
import mmap
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.atomic import atomic_folder, require_complete, write_json
from data.saved import read_record
from data.saved_arrays import read_npy, read_parquet
from data.splits import split_name, with_split_names
from data.tables import named, with_ids

SCHEMA = 1
CORE_COLUMNS = ("image_id", "path", "content", "label", "split", "group_id", "pair_id", "predicted")
"""Columns of `rows` with a fixed meaning (`content`: hash of the file; `group_id`: of one scene or person; `pair_id`:
pictures that differ in one attribute only; `predicted`: what some model said).

`vote_<label>` columns are votes; every other column is an attribute.
"""
VOTE_PREFIX = "vote_"
LARGEST_FEATURE = 1e15
"""Beyond this the squares of a vector may overflow in float32."""
_CHUNK = 65_536
_UNIT_ROWS = 8_192
_MAPPED_AT_ONCE = 1 << 28
"""Bytes of a file on disk that are looked through at once."""


@dataclass(frozen=True)
class FeatureSpec:
    """What made the numbers. Two feature sets can meet in one probe only when their specs agree.

    Attributes:
        width: length `d` of one feature vector.
        encoder: the model, e.g. `open_clip:ViT-L-14`; `unknown` where the source does not say.
        weights: tag, revision or checksum of its weights.
        layer: which layer was read.
        pooling: how tokens became one vector.
        image_size: side in pixels that pictures were scaled to, 0 where unknown.
        normalised: whether vectors were scaled to unit length.
    """

    width: int
    encoder: str = "unknown"
    weights: str = ""
    layer: str = ""
    pooling: str = ""
    image_size: int = 0
    normalised: bool = False

    def fingerprint(self) -> str:
        """Sixteen hex digits that change whenever any field or the meaning of a field changes."""
        record = json.dumps({"schema": SCHEMA, **asdict(self)}, sort_keys=True)
        return hashlib.sha256(record.encode()).hexdigest()[:16]

    def in_words(self) -> str:
        """One phrase for messages, e.g. `open_clip:ViT-L-14 (openai), 768 wide`."""
        weights = f" ({self.weights})" if self.weights else ""
        encoder = "an unnamed encoder" if self.encoder == "unknown" else self.encoder
        return f"{encoder}{weights}, {self.width} wide"


@dataclass(frozen=True)
class FeatureSet:
    """Features of `n` pictures with their rows; value `i` belongs to row `i`, always.

    Attributes:
        spec: what made the values.
        values: `(n, d)` float32 or float16; memory-mapped when loaded from a saved folder.
        rows: one row a picture: unique text `image_id`, optionally `path`, `label`, `split`, `group_id`, `pair_id`,
            `vote_<label>` columns, and attributes.

    Raises:
        ValueError: shapes disagree, ids repeat, values are NaN or infinite (how many, which pictures first).
        TypeError: values are not floating point.
    """

    spec: FeatureSpec
    values: npt.NDArray[Any]
    rows: pd.DataFrame

    def __post_init__(self) -> None:
        if self.values.ndim != 2:
            raise ValueError(f"features have shape {self.values.shape}: expected (pictures, width)")
        if self.values.dtype not in (np.float32, np.float16):
            raise TypeError(f"features are {self.values.dtype}: expected float32 or float16")
        if self.values.shape != (len(self.rows), self.spec.width):
            raise ValueError(
                f"features have shape {self.values.shape}: expected {(len(self.rows), self.spec.width)}, "
                "one row a picture and the spec's width"
            )
        if not len(self.rows):
            raise ValueError("a feature set needs at least one picture, got none")
        object.__setattr__(self, "rows", with_split_names(with_ids(self.rows, where="features")))
        self._require_finite()

    def __len__(self) -> int:
        return len(self.rows)

    def _require_finite(self) -> None:
        bad: list[npt.NDArray[np.int64]] = []
        for start in range(0, len(self), _CHUNK):
            part = self.values[start : start + _CHUNK]
            finite = np.isfinite(part).all(axis=1)
            if finite.all() and max(float(part.max()), -float(part.min())) > LARGEST_FEATURE:
                raise ValueError(
                    f"features hold numbers beyond ±{LARGEST_FEATURE:g}, whose squares overflow: encode them again"
                )
            give_back(self.values)
            if not finite.all():
                bad.append(start + np.flatnonzero(~finite))
        if bad:
            positions = np.concatenate(bad)
            raise ValueError(
                f"features of {len(positions)} picture(s) hold NaN or infinite values, first "
                f"{named(self.rows['image_id'].iloc[positions])}: encode them again or leave them out"
            )

    @property
    def attributes(self) -> list[str]:
        """Names of the attribute columns: everything that is neither core nor a vote."""
        return attribute_columns(self.rows)

    def fingerprint(self, within: npt.NDArray[np.int64] | None = None) -> str:
        """Sixteen hex digits of spec, ids and values: two sets with the same one are the same data.

        Args:
            within: positions, for the fingerprint that `take` of them would have.
        """
        ids = self.rows["image_id"] if within is None else self.rows["image_id"].iloc[within]
        digest = hashlib.sha256(self.spec.fingerprint().encode())
        digest.update("\n".join(ids).encode())
        for start in range(0, len(ids), _CHUNK):
            part = slice(start, start + _CHUNK)
            values = self.values[part] if within is None else gathered(self.values, within[part])
            digest.update(np.ascontiguousarray(values).tobytes())
            give_back(self.values)
        return digest.hexdigest()[:16]

    def take(self, positions: npt.NDArray[Any]) -> FeatureSet:
        """The pictures at `positions` (integers or a boolean mask `(n,)`), in that order.

        Raises:
            ValueError: nothing is left.
        """
        rows = _as_positions(positions)
        return FeatureSet(self.spec, gathered(self.values, rows), self.rows.iloc[rows])

    def where(self, *, split: str) -> FeatureSet:
        """The pictures of one split, by any of its names (`data.splits`).

        Raises:
            ValueError: no split column, or no such split (the existing ones are named).
        """
        if "split" not in self.rows:
            raise ValueError(f"these features have no split, so there is no split {split!r}")
        mask = (self.rows["split"] == split_name(split)).to_numpy()
        if not mask.any():
            raise ValueError(
                f"no picture is in split {split!r}; splits: {', '.join(sorted(self.rows['split'].dropna().unique()))}"
            )
        return self.take(mask)

    def save(self, folder: Path | str, *, overwrite: bool = False) -> None:
        """Writes `values.npy`, `rows.parquet`, `spec.json`; the folder appears whole or not at all.

        Raises:
            FileExistsError: the folder exists and `overwrite` is False.
        """
        with atomic_folder(Path(folder), overwrite=overwrite) as partial:
            np.save(partial / "values.npy", self.values, allow_pickle=False)
            self.rows.to_parquet(partial / "rows.parquet")
            write_json(
                partial / "spec.json",
                {"schema": SCHEMA, "spec": asdict(self.spec), "spec_fingerprint": self.spec.fingerprint()},
            )

    @classmethod
    def load(cls, folder: Path | str) -> FeatureSet:
        """Opens a saved folder; values stay on disk, memory-mapped.

        Raises:
            FileNotFoundError: no such folder, or a file is missing.
            ValueError: the folder is unfinished, damaged, or written by another schema.
        """
        folder = Path(folder)
        require_complete(folder, what="feature set")
        record = read_record(folder / "spec.json", schema=SCHEMA, otherwise="encode again")
        spec = record.record("spec").made(FeatureSpec)
        if spec.fingerprint() != record.text("spec_fingerprint"):
            raise ValueError(f"{folder}/spec.json does not match its fingerprint: it was edited; encode again")
        values = read_npy(folder / "values.npy", mapped=True, otherwise="encode again")
        rows = read_parquet(folder / "rows.parquet", needed=("image_id",), otherwise="encode again")
        try:
            return cls(spec, values, rows)
        except TypeError as error:
            raise TypeError(f"{folder}: {error}") from error
        except ValueError as error:
            raise ValueError(f"{folder}: {error}") from error

    @staticmethod
    def is_saved(folder: Path) -> bool:
        """Whether `folder` looks like a saved feature set (finished or not)."""
        return (folder / "spec.json").is_file() or (folder / "values.npy").is_file()


def unit_rows(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Features `(n, d)` at unit length, as a new float32 array; rows of zeros stay zeros."""
    unit = np.array(values, dtype=np.float32)
    for start in range(0, len(unit), _UNIT_ROWS):
        part = unit[start : start + _UNIT_ROWS]
        lengths = np.linalg.norm(part, axis=1, keepdims=True)
        np.divide(part, lengths, where=lengths > 0, out=part)
    return unit


def gathered(values: npt.NDArray[Any], positions: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """`values[positions]` as a new array; of a mapped file in the file's order, a part at a time that is then let go.

    Positions all over a file would otherwise make the whole of it this process's memory.
    """
    if _mapping(values) is None:
        return np.asarray(values[positions])
    out = np.empty((len(positions), *values.shape[1:]), values.dtype)
    for part in np.array_split(np.argsort(positions, kind="stable"), max(1, values.nbytes // _MAPPED_AT_ONCE)):
        out[part] = values[positions[part]]
        give_back(values)
    return out


def give_back(values: npt.NDArray[Any]) -> None:
    """Lets go of the pages of a memory-mapped file that were read, which count as the process's own memory until then.

    Does nothing to the values, and nothing at all for arrays in memory. The system keeps the pages for the next reader as
    long as it has room. Source: `MADV_DONTNEED` of https://man7.org/linux/man-pages/man2/madvise.2.html; of a mapping that
    may be written to, changes could be lost, so only read-only ones are let go.
    """
    mapping = _mapping(values)
    if mapping is not None and not values.flags.writeable and hasattr(mmap, "MADV_DONTNEED"):
        mapping.madvise(mmap.MADV_DONTNEED)


def _mapping(values: npt.NDArray[Any]) -> mmap.mmap | None:
    holder: Any = values
    while isinstance(holder, np.ndarray) and holder.base is not None:
        holder = holder.base
    return holder if isinstance(holder, mmap.mmap) else None


def attribute_columns(rows: pd.DataFrame) -> list[str]:
    """Columns of `rows` that are neither core nor votes."""
    return [str(name) for name in rows.columns if name not in CORE_COLUMNS and not str(name).startswith(VOTE_PREFIX)]


def require_same_spec(expected: FeatureSpec, given: FeatureSpec, *, what: str) -> None:
    """Refuses features that another encoder made than those `what` was fitted on.

    Raises:
        ValueError: both specs in words.
    """
    if expected.fingerprint() != given.fingerprint():
        differing = [name for name, value in asdict(expected).items() if getattr(given, name) != value]
        raise ValueError(
            f"{what} was trained on features of {expected.in_words()}, these are of {given.in_words()} "
            f"(differs in {', '.join(differing)}): encode the pictures with the probe's encoder, or train another probe"
        )


def _as_positions(positions: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    array = np.asarray(positions)
    return np.flatnonzero(array) if array.dtype == bool else array.astype(np.int64)
