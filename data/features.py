"""What are a set of picture features, what made them, and how are they kept together with their pictures?"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.arrays import give_back, take_rows
from affect_workbench.data.storage.atomic import atomic_folder, require_complete, write_json
from affect_workbench.data.storage.saved import read_record
from affect_workbench.data.storage.saved_arrays import read_npy, read_parquet
from affect_workbench.data.tables.columns import attribute_columns
from affect_workbench.data.tables.read import named, with_ids
from affect_workbench.data.tables.splits import split_name, with_split_names
from affect_workbench.keywords import path_of, python_errors

SCHEMA = 1
LARGEST_FEATURE = 1e15
"""Beyond this the squares of a vector may overflow in float32."""
_CHUNK = 65_536


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


@dataclass(frozen=True, repr=False)
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
                "one row per picture and the spec's width"
            )
        if not len(self.rows):
            raise ValueError("a feature set needs at least one picture, got none")
        object.__setattr__(self, "rows", with_split_names(with_ids(self.rows, where="features")))
        self._require_finite()

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        names = named(self.attributes, most=6) or "none"
        return f"<FeatureSet of {len(self):,} pictures: {self.spec.in_words()}; attributes: {names}>"

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
                f"features of {plural(len(positions), 'picture')} hold NaN or infinite values, first "
                f"{named(self.rows['image_id'].iloc[positions])}: encode them again or leave them out"
            )

    @property
    def attributes(self) -> list[str]:
        """Names of the attribute columns: everything that is neither core nor a vote."""
        return attribute_columns(self.rows)

    def fingerprint(self, within: npt.NDArray[np.int64] | None = None) -> str:
        """Sixteen hex digits of spec, ids and values: two sets with the same one are the same data.

        Args:
            within: positions `(m,)`, for the fingerprint that `take` of them would have.
        """
        ids = self.rows["image_id"] if within is None else self.rows["image_id"].iloc[within]
        digest = hashlib.sha256(self.spec.fingerprint().encode())
        digest.update("\n".join(ids).encode())
        for start in range(0, len(ids), _CHUNK):
            part = slice(start, start + _CHUNK)
            values = self.values[part] if within is None else take_rows(self.values, within[part])
            digest.update(np.ascontiguousarray(values).tobytes())
            give_back(self.values)
        return digest.hexdigest()[:16]

    def take(self, positions: npt.NDArray[Any]) -> FeatureSet:
        """The pictures at `positions` (integers or a boolean mask `(n,)`), in that order.

        Raises:
            ValueError: nothing is left.
        """
        rows = _as_positions(positions)
        return FeatureSet(self.spec, take_rows(self.values, rows), self.rows.iloc[rows])

    def where(self, *, split: str) -> FeatureSet:
        """The pictures of one split, by any of its names (`data.tables.splits`).

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

    @python_errors()
    def save(self, folder: Path | str, *, overwrite: bool = False) -> None:
        """Writes `values.npy`, `rows.parquet`, `spec.json`; the folder appears whole or not at all.

        Raises:
            TypeError: no path.
            FileExistsError: the folder exists and `overwrite` is False.
        """
        with atomic_folder(path_of(folder, keyword="folder"), overwrite=overwrite) as partial:
            np.save(partial / "values.npy", self.values, allow_pickle=False)
            self.rows.to_parquet(partial / "rows.parquet")
            write_json(
                partial / "spec.json",
                {"schema": SCHEMA, "spec": asdict(self.spec), "spec_fingerprint": self.spec.fingerprint()},
            )

    @classmethod
    @python_errors()
    def load(cls, folder: Path | str) -> FeatureSet:
        """Opens a saved folder; values stay on disk, memory-mapped.

        Raises:
            FileNotFoundError: no such folder, or a file is missing.
            ValueError: the folder is unfinished, damaged, or written by another schema.
            TypeError: no path, or its values are not floating point.
        """
        folder = path_of(folder, keyword="folder")
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
