"""How do thousands of pictures become one `FeatureSet` a place, in constant memory, and surviving a kill?

Pictures go through the model in batches, and one pass gives what it computes at all places. That is kept in shards: a run
that was interrupted goes on after its last one. Every batch holds the same pictures whether or not the run was interrupted,
so the numbers are the same to the last bit.
A picture is known by its bytes: copies are run once, and a second run does only those that are new.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from PIL.Image import Image
from PIL.Image import new as new_picture

from affect_workbench.arrays import Mask, Positions
from affect_workbench.data.datasets.manifest import Manifest
from affect_workbench.data.features import FeatureSet, FeatureSpec
from affect_workbench.data.images.decode import UnreadablePicture, open_picture
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.progress import progress_bar
from affect_workbench.data.storage.saved_arrays import read_npz
from affect_workbench.probes.attach.inputs import prepare
from affect_workbench.probes.attach.model import MultimodalModel
from affect_workbench.probes.attach.pooling import NoCommonSplit
from affect_workbench.probes.attach.structure import SIDE
from affect_workbench.probes.attach.taps import CONNECTOR_IN, CONNECTOR_OUT, Place, checked_places, places_of, record

QUESTION = "Which emotion does this picture show?"
"""What the model is asked while it is listened to, unless something else is given."""
BATCH = 8
SHARD = 128
"""Pictures a shard; at most one shard is done again after a kill."""
_AGAIN = "remove it, and its pictures are run again"
_AHEAD = 2
"""Batches that are decoded before they are needed."""
_VALUES = "values-"
Values = npt.NDArray[np.float32]
Texts = npt.NDArray[np.str_]


@dataclass(frozen=True)
class Recorded:
    """What a recording made.

    Attributes:
        features: place as text -> features of every readable picture; rows in the manifest's order.
        unreadable: one row a picture that was skipped: `image_id`, `path`, `reason`.
        new: pictures that went through the model now.
        reused: pictures that an earlier or interrupted run had done, or that are copies.
    """

    features: dict[str, FeatureSet]
    unreadable: pd.DataFrame
    new: int
    reused: int


def record_pictures(
    model: MultimodalModel,
    manifest: Manifest,
    places: Sequence[str | Place],
    *,
    out: Path,
    question: str = QUESTION,
    batch: int = BATCH,
    progress: bool = True,
) -> Recorded:
    """What the model computes at the places for all pictures, written to a feature folder each: `out/PLACE/`.

    Args:
        model: stays as it is.
        manifest: the pictures.
        places: see `probes.attach.taps.places_of`.
        out: folder of the feature folders; those of an earlier run with the same places lend what they have.
        question: what the model is asked with every picture.
        batch: pictures a forward pass; fewer take less memory.
        progress: show a bar with pictures a second and the time left.

    Raises:
        ValueError: no picture can be read, no such place, a batch of none, or `out` holds features of another model or
            question.
    """
    if batch < 1:
        raise ValueError(f"{batch} pictures a forward pass: expected at least one")
    if not len(manifest):
        raise ValueError("no pictures are given: expected at least one")
    runner = _Runner(model, checked_places(model, places), question)
    rows = manifest.rows.assign(path=[str(path) for path in manifest.paths()])
    contents = rows["content"].to_numpy(dtype=str)
    earlier = _Earlier.read(runner, out)
    folder = out / f"shards-{runner.key()}"
    folder.mkdir(parents=True, exist_ok=True)
    finished = [_Shard.read(file, len(runner.places)) for file in sorted(folder.glob("*.npz"))]
    known = np.concatenate([earlier.contents, *(shard.contents for shard in finished)])
    unique, first = np.unique(contents, return_index=True)
    todo = rows.iloc[first[~np.isin(unique, known)]]
    new = 0
    for shard in _new_shards(runner, todo, batch, folder=folder, progress=progress):
        finished.append(shard)
        new += int(shard.readable.sum())
    index = _Index.of(contents, [earlier, *finished])
    unreadable = _unreadable(rows.iloc[np.flatnonzero(index.source < 0)], finished)
    kept = np.flatnonzero(index.source >= 0)
    if not len(kept):
        first_one = unreadable.iloc[0]
        raise ValueError(
            f"none of {plural(len(rows), 'picture')} can be read, first {first_one['path']!r}: {first_one['reason']}"
        )
    features = {}
    for place, values in zip(runner.places, _assembled(index, kept, [earlier, *finished], folder), strict=True):
        made = FeatureSet(runner.spec(place, values.shape[1]), values, rows.iloc[kept])
        made.save(out / place.folder, overwrite=True)
        features[str(place)] = FeatureSet.load(out / place.folder)
    for leftover in out.glob(f"shards-{8 * '[0-9a-f]'}"):
        shutil.rmtree(leftover)
    return Recorded(features, unreadable, new, len(kept) - new)


def place_widths(model: MultimodalModel) -> dict[str, int]:
    """Place -> width of its vectors, for all places of the model, from one forward pass of an empty picture."""
    batch = prepare(model, [new_picture("RGB", (SIDE, SIDE))], [QUESTION])
    return {place: vectors.shape[1] for place, vectors in record(model, batch, places_of(model)).items()}


def spec_of(model: MultimodalModel, place: Place, width: int, question: str) -> FeatureSpec:
    """What makes a place's features; behind the connector the question is part of it."""
    asked = "" if place.where in (CONNECTOR_IN, CONNECTOR_OUT) else f", asked {_digest(question)}"
    return FeatureSpec(width, f"attach:{model.source.name}", model.fingerprint(), place.where, place.pool + asked)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]


@dataclass(frozen=True)
class _Result:
    """What came of a batch: vectors of the readable pictures `(r, d)` a place, and why each other one gave none.

    Attributes:
        readable: `(b,)`.
        reasons: of the others, in order.
        values: an array a place; none where no picture was readable.
    """

    readable: Mask
    reasons: list[str]
    values: list[Values]

    @classmethod
    def joined(cls, parts: Sequence[_Result]) -> _Result:
        some = [part.values for part in parts if part.values]
        return cls(
            np.concatenate([part.readable for part in parts]),
            [reason for part in parts for reason in part.reasons],
            [np.concatenate(of_place) for of_place in zip(*some, strict=True)],
        )


@dataclass
class _Runner:
    """Runs batches of pictures, one at a time where the model leaves no other way."""

    model: MultimodalModel
    places: list[Place]
    question: str
    alone: bool = False

    def spec(self, place: Place, width: int) -> FeatureSpec:
        """What makes a place's features."""
        return spec_of(self.model, place, width, self.question)

    def key(self) -> str:
        """Eight hex digits that change with everything that the features depend on."""
        return _digest(self.model.fingerprint(), self.question, *map(str, self.places))

    def run(self, opened: Sequence[Image | str]) -> _Result:
        """What comes of pictures, some of which are the reason why they cannot be read."""
        pictures = [one for one in opened if not isinstance(one, str)]
        found = self._run(pictures) if pictures else _Result(np.empty(0, dtype=bool), [], [])
        readable = np.array([not isinstance(one, str) for one in opened])
        reasons = iter(found.reasons)
        readable[readable] = found.readable
        why = [
            one if isinstance(one, str) else next(reasons) for one, fine in zip(opened, readable, strict=True) if not fine
        ]
        return _Result(readable, why, found.values)

    def _run(self, pictures: list[Image]) -> _Result:
        if self.alone and len(pictures) > 1:
            return _Result.joined([self._run([picture]) for picture in pictures])
        try:
            batch = prepare(self.model, pictures, [self.question] * len(pictures))
        except ValueError as error:
            if len(pictures) > 1:
                return _Result.joined([self._run([picture]) for picture in pictures])
            return _Result(np.array([False]), [" ".join(str(error).split())], [])
        try:
            vectors = list(record(self.model, batch, self.places).values())
        except NoCommonSplit:
            self.alone = True
            return self._run(pictures)
        except torch.OutOfMemoryError as error:
            raise ValueError(
                f"not enough memory for {plural(len(pictures), 'picture')} at a time: take a smaller batch"
            ) from error
        fine = np.all([np.isfinite(one).all(axis=1) for one in vectors], axis=0)
        return _Result(fine, ["the model gave NaN or infinite values"] * int((~fine).sum()), [one[fine] for one in vectors])


def _new_shards(runner: _Runner, todo: pd.DataFrame, batch: int, *, folder: Path, progress: bool) -> Iterator[_Shard]:
    """Shards of the pictures still to do, each written before the next is begun.

    They are in the order of their contents and cut evenly: what an interrupted run left is the end of the same list, cut at
    the same places.
    """
    parts = [todo.iloc[start : start + SHARD] for start in range(0, len(todo), SHARD)]
    before = len(list(folder.glob("*.npz")))
    batches = [
        [Path(one) for one in part["path"].iloc[at : at + batch]] for part in parts for at in range(0, len(part), batch)
    ]
    with (
        ThreadPoolExecutor(_AHEAD) as pool,
        progress_bar(total=len(todo), desc="recording", unit=" pictures", progress=progress, smoothing=0.1) as bar,
    ):
        opened = _ahead(pool, batches)
        for number, part in enumerate(parts, start=before):
            results = []
            for pictures in islice(opened, -(-len(part) // batch)):
                results.append(runner.run(pictures))
                bar.update(len(pictures))
            contents = part["content"].to_numpy(dtype=str)
            yield _Shard.write(folder / f"{number:06d}.npz", contents, _Result.joined(results))


def _ahead(pool: ThreadPoolExecutor, batches: list[list[Path]]) -> Iterator[list[Image | str]]:
    """The batches' pictures in order, decoded ahead; the reason in place of one that cannot be read."""
    waiting: deque[Future[list[Image | str]]] = deque()
    for batch in batches:
        waiting.append(pool.submit(lambda paths: [_picture(path) for path in paths], batch))
        if len(waiting) > _AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _picture(path: Path) -> Image | str:
    try:
        return open_picture(path)
    except FileNotFoundError:
        return "the file does not exist"
    except UnreadablePicture as error:
        return error.reason


@dataclass(frozen=True)
class _Earlier:
    """What a finished run left: contents of its pictures `(s,)`, and an array `(s, d)` a place, on disk."""

    contents: Texts
    arrays: list[Values]

    @property
    def readable(self) -> Mask:
        return np.ones(len(self.contents), dtype=bool)

    def values(self) -> list[Values]:
        return self.arrays

    @classmethod
    def read(cls, runner: _Runner, out: Path) -> _Earlier:
        """What is in `out`, where all places are there with the same pictures.

        Raises:
            ValueError: features of another model or question.
        """
        found = []
        for place in runner.places:
            folder = out / place.folder
            if FeatureSet.is_saved(folder):
                there = FeatureSet.load(folder)
                _require_same(there.spec, runner.spec(place, there.spec.width), folder)
                found.append(there)
        contents = [one.rows["content"].to_numpy(dtype=str) for one in found]
        if len(found) < len(runner.places) or not all(np.array_equal(one, contents[0]) for one in contents):
            return cls(np.empty(0, dtype="U16"), [])
        return cls(contents[0], [one.values for one in found])


def _require_same(there: FeatureSpec, asked: FeatureSpec, folder: Path) -> None:
    differing = [name for name, value in asdict(asked).items() if getattr(there, name) != value]
    if differing:
        pairs = ", ".join(f"{name} {getattr(there, name)!r}, not {getattr(asked, name)!r}" for name in differing)
        raise ValueError(f"{folder} holds other features ({pairs}): choose another folder")


@dataclass(frozen=True)
class _Shard:
    """What a file holds: contents `(s,)`, which were readable `(s,)`, why each other one is not, in order.

    The features `(r, d)` of the readable ones stay in the file, so that memory does not grow with the number of pictures.
    """

    file: Path
    contents: Texts
    readable: Mask
    reasons: Texts

    def values(self) -> list[Values]:
        """An array a place, read anew; none where no picture was readable."""
        stored = read_npz(self.file, otherwise=_AGAIN)
        return [stored[name] for name in sorted(stored) if name.startswith(_VALUES)]

    @classmethod
    def write(cls, file: Path, contents: Texts, result: _Result) -> _Shard:
        """Puts everything into the file; it appears whole or not at all."""
        shard = cls(file, contents, result.readable, np.array(result.reasons, dtype=str))
        arrays = {f"{_VALUES}{number:04d}": values for number, values in enumerate(result.values)}
        partial = file.with_suffix(".partial")
        with partial.open("wb") as target:
            np.savez(target, allow_pickle=False, contents=contents, readable=shard.readable, reasons=shard.reasons, **arrays)
        os.replace(partial, file)
        return shard

    @classmethod
    def read(cls, file: Path, places: int) -> _Shard:
        """A shard that an interrupted run left.

        Raises:
            ValueError: it is damaged.
        """
        stored = read_npz(file, otherwise=_AGAIN)
        kinds = {"contents": "U", "readable": "b", "reasons": "U"}
        fits = all(name in stored and stored[name].dtype.kind == kind for name, kind in kinds.items())
        if fits:
            fine = int(stored["readable"].sum())
            rows = [len(stored[name]) for name in stored if name.startswith(_VALUES)]
            fits = rows == ([fine] * places if fine else []) and len(stored["reasons"]) == len(stored["contents"]) - fine
        if not fits or len(stored["readable"]) != len(stored["contents"]):
            raise ValueError(f"{file} is damaged: {_AGAIN}")
        return cls(file, stored["contents"], stored["readable"], stored["reasons"])


@dataclass(frozen=True)
class _Index:
    """Where each of `n` pictures' features are: number of the source (-1 for none) and row in it, `(n,)` each."""

    source: Positions
    row: Positions

    @classmethod
    def of(cls, contents: Texts, sources: Sequence[_Earlier | _Shard]) -> _Index:
        known = pd.Index(np.concatenate([one.contents[one.readable] for one in sources]))
        sizes = [int(one.readable.sum()) for one in sources]
        once = np.flatnonzero(~known.duplicated())
        at = np.append(once, -1)[known[once].get_indexer(pd.Index(contents))]
        source = np.append(np.repeat(np.arange(len(sources)), sizes), -1)
        row = np.append(np.concatenate([np.arange(size) for size in sizes]), -1)
        return cls(source[at], row[at])


def _assembled(index: _Index, kept: Positions, sources: Sequence[_Earlier | _Shard], folder: Path) -> list[Values]:
    """An array a place of the pictures at `kept`, on disk, filled source by source."""
    source, row = index.source[kept], index.row[kept]
    arrays: list[Values] = []
    for number in np.unique(source):
        given = sources[number].values()
        if not arrays:
            shapes = [(len(kept), one.shape[1]) for one in given]
            files = [folder / f"place-{at:04d}.npy" for at in range(len(given))]
            arrays = [
                np.lib.format.open_memmap(file, "w+", np.float32, shape) for file, shape in zip(files, shapes, strict=True)
            ]
        wanted = np.flatnonzero(source == number)
        for some in (wanted[start : start + SHARD] for start in range(0, len(wanted), SHARD)):
            for target, values in zip(arrays, given, strict=True):
                target[some] = values[row[some]]
    return arrays


def _unreadable(rows: pd.DataFrame, shards: Sequence[_Shard]) -> pd.DataFrame:
    why = {
        str(content): str(reason)
        for shard in shards
        for content, reason in zip(shard.contents[~shard.readable], shard.reasons, strict=True)
    }
    return rows[["image_id", "path"]].assign(reason=rows["content"].map(why)).reset_index(drop=True)
