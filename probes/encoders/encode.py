"""How do thousands of picture files become one `FeatureSet`, fast, in constant memory, and surviving a kill?

Pictures are decoded in worker processes that never load torch, encoded in batches, and kept in shards beside the result:
a run that was interrupted goes on after its last shard. Every batch holds the same pictures whether or not the run was
interrupted, so the numbers are the same to the last bit.
A picture is known by its bytes: a second run encodes only those it has not seen.
"""

from __future__ import annotations

import os
import re
import shutil
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from tqdm import tqdm

from affect_workbench.arrays import Mask
from affect_workbench.data.features import FeatureSet, FeatureSpec
from affect_workbench.data.images.preprocess import PixelRecipe, read_squares, worker_pool
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.progress import progress_bar
from affect_workbench.data.storage.saved_arrays import read_npz
from affect_workbench.probes.encoders.vision import VisionEncoder

BATCH = 64
SHARD = 2_048
"""Pictures a shard; at most one shard is done again after a kill."""
_WORTH_WORKERS = 256
_AHEAD = 3
_AGAIN = "remove it, and its pictures are encoded again"
Decoded = tuple[npt.NDArray[np.uint8], Mask, list[str]]
Earlier = tuple[npt.NDArray[np.str_], npt.NDArray[Any]]
"""Contents and features of an earlier run, on disk."""


@dataclass(frozen=True)
class Encoded:
    """What an encoding run made.

    Attributes:
        features: of every readable picture; rows in the manifest's order.
        unreadable: one row a picture that was skipped: `image_id`, `path`, `reason`.
        new: pictures that were encoded now.
        reused: pictures whose features were there already (an earlier run, an interrupted one, or a copy).
    """

    features: FeatureSet
    unreadable: pd.DataFrame
    new: int
    reused: int


def encode(
    rows: pd.DataFrame, paths: Sequence[Path], encoder: VisionEncoder, *, out: Path, workers: int = -1, progress: bool = True
) -> Encoded:
    """Features of all pictures, written to the feature folder `out`.

    Args:
        rows: one row a picture with `image_id` and `content` (hash of its bytes).
        paths: where each picture is `(n,)`.
        encoder: what looks at them.
        out: feature folder; one that is there already, made by the same encoder, lends what it has and is replaced.
        workers: processes that decode; -1 takes one a core, 0 decodes in this one.
        progress: show a bar with pictures a second and the time left.

    Raises:
        ValueError: no picture can be read, or `out` was made by another encoder.
    """
    contents = rows["content"].to_numpy(dtype=str)
    unique, first = np.unique(contents, return_index=True)
    earlier = _earlier(out, encoder)
    shards = out.with_name(f"{out.name}.shards-{encoder.spec.fingerprint()[:8]}")
    shards.mkdir(parents=True, exist_ok=True)
    finished = [_Shard.read(file) for file in sorted(shards.glob("*.npz"))]
    known = np.concatenate([earlier[0], *(shard.contents for shard in finished)])
    # Sorted, cut evenly and done in order: what an interrupted run left is the end of the same list, cut at the same places.
    todo = first[~np.isin(unique, known)]
    parts = [todo[start : start + SHARD] for start in range(0, len(todo), SHARD)]
    batches = [
        [Path(paths[at]) for at in part[start : start + BATCH]] for part in parts for start in range(0, len(part), BATCH)
    ]
    with (
        _decoded(batches, encoder.recipe, workers=workers) as decoded,
        progress_bar(total=len(todo), desc="encoding", unit=" pictures", progress=progress, smoothing=0.1) as bar,
    ):
        for part in parts:
            finished.append(_encoded_shard(contents[part], decoded, encoder, bar, shards / f"{len(finished):06d}.npz"))
    features, unreadable = _assembled(rows, contents, encoder, (earlier, finished), shards)
    features.save(out, overwrite=True)
    for leftover in out.parent.iterdir():
        if re.fullmatch(rf"{re.escape(out.name)}\.shards-[0-9a-f]{{8}}", leftover.name):
            shutil.rmtree(leftover)
    new = len(todo) - sum(int((~shard.readable).sum()) for shard in finished[len(finished) - len(parts) :])
    return Encoded(FeatureSet.load(out), unreadable, new, len(features) - new)


@dataclass(frozen=True)
class _Shard:
    """What a file of features is of: contents `(s,)`, which were readable `(s,)`, why each other one is not, in order.

    The features `(s, d)` themselves stay in the file, so that memory does not grow with the number of pictures.
    """

    file: Path
    contents: npt.NDArray[np.str_]
    readable: Mask
    reasons: npt.NDArray[np.str_]

    def values(self) -> npt.NDArray[np.float32]:
        """The features `(s, d)`, read anew."""
        features: npt.NDArray[np.float32] = read_npz(self.file, otherwise=_AGAIN)["values"]
        return features

    def write(self, values: npt.NDArray[np.float32]) -> None:
        """Puts everything into the file; it appears whole or not at all."""
        partial = self.file.with_suffix(".partial")
        with partial.open("wb") as target:
            np.savez(
                target,
                allow_pickle=False,
                contents=self.contents,
                values=values,
                readable=self.readable,
                reasons=self.reasons,
            )
        os.replace(partial, self.file)

    @classmethod
    def read(cls, file: Path) -> _Shard:
        stored = read_npz(file, otherwise=_AGAIN)
        kinds = {"contents": "U", "readable": "b", "reasons": "U", "values": "f"}
        wrong = [name for name, kind in kinds.items() if name not in stored or stored[name].dtype.kind != kind]
        if not wrong:
            n, failed = len(stored["contents"]), int((~stored["readable"]).sum())
            sizes = {"readable": n, "values": n, "reasons": failed}
            wrong = [name for name, size in sizes.items() if len(stored[name]) != size]
        if wrong:
            raise ValueError(f"{file} is damaged ({', '.join(wrong)} missing, or not as expected): {_AGAIN}")
        return cls(file, stored["contents"], stored["readable"], stored["reasons"])


def _encoded_shard(
    contents: npt.NDArray[np.str_], decoded: Iterator[Decoded], encoder: VisionEncoder, bar: tqdm[None], file: Path
) -> _Shard:
    values = np.zeros((len(contents), encoder.spec.width), dtype=np.float32)
    readable = np.zeros(len(contents), dtype=bool)
    reasons: dict[int, str] = {}
    for start in range(0, len(contents), BATCH):
        squares, fine, why = next(decoded)
        reasons |= dict(zip((start + np.flatnonzero(~fine)).tolist(), why, strict=True))
        at = start + np.flatnonzero(fine)
        if len(at):
            values[at] = encoder.encode(squares[fine])
            readable[at] = np.isfinite(values[at]).all(axis=1)
            reasons |= dict.fromkeys(at[~readable[at]].tolist(), "the encoder gave NaN or infinite values")
        bar.update(len(squares))
    shard = _Shard(file, contents, readable, np.array([reasons[at] for at in sorted(reasons)], dtype=str))
    shard.write(values)
    return shard


@contextmanager
def _decoded(batches: list[list[Path]], recipe: PixelRecipe, *, workers: int) -> Iterator[Iterator[Decoded]]:
    """The batches' pixels in order, decoded ahead by worker processes where there are enough to be worth it."""
    count = (os.cpu_count() or 1) if workers < 0 else workers
    if not count or sum(map(len, batches)) < _WORTH_WORKERS:
        yield (read_squares(batch, recipe) for batch in batches)
        return
    with worker_pool(count) as pool:
        try:
            yield _ahead(pool, batches, recipe, count)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _ahead(pool: ProcessPoolExecutor, batches: list[list[Path]], recipe: PixelRecipe, count: int) -> Iterator[Decoded]:
    waiting: deque[Future[Decoded]] = deque()
    for batch in batches:
        waiting.append(pool.submit(read_squares, batch, recipe))
        if len(waiting) > count * _AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _earlier(out: Path, encoder: VisionEncoder) -> Earlier:
    """Contents and features that an earlier run of the same encoder left at `out`."""
    if not FeatureSet.is_saved(out):
        return np.empty(0, dtype="U16"), np.empty((0, encoder.spec.width), dtype=np.float32)
    there = FeatureSet.load(out)
    require_same_encoder(there.spec, encoder.spec, out)
    if "content" not in there.rows:
        raise ValueError(f"{out} holds features without the pictures' hashes: choose another --out")
    return there.rows["content"].to_numpy(dtype=str), there.values


def require_same_encoder(there: FeatureSpec, given: FeatureSpec, out: Path) -> None:
    """Refuses to mix features of two encoders in one folder.

    Raises:
        ValueError: both in words.
    """
    if there.fingerprint() != given.fingerprint():
        raise ValueError(f"{out} holds features of {there.in_words()}, asked are {given.in_words()}: choose another --out")


def _assembled(
    rows: pd.DataFrame,
    contents: npt.NDArray[np.str_],
    encoder: VisionEncoder,
    stored: tuple[Earlier, list[_Shard]],
    folder: Path,
) -> tuple[FeatureSet, pd.DataFrame]:
    """All readable pictures in the order of `rows`, copied source by source into an array on disk."""
    earlier, shards = stored
    readable = [np.ones(len(earlier[0]), dtype=bool), *(shard.readable for shard in shards)]
    known = [earlier[0], *(shard.contents for shard in shards)]
    why = {
        str(content): str(reason)
        for shard in shards
        for content, reason in zip(shard.contents[~shard.readable], shard.reasons, strict=True)
    }
    index = pd.Index(np.concatenate([some[fine] for some, fine in zip(known, readable, strict=True)]))
    first = np.flatnonzero(~index.duplicated())
    found = index[first].get_indexer(pd.Index(contents))
    at = first[np.maximum(found, 0)] if len(first) else np.zeros(len(rows), dtype=np.int64)
    whose = np.repeat(np.arange(len(readable)), [int(fine.sum()) for fine in readable])
    inside = np.concatenate([np.flatnonzero(fine) for fine in readable])
    there = found >= 0
    source, position = np.full(len(rows), -1), np.zeros(len(rows), dtype=np.int64)
    source[there], position[there] = whose[at[there]], inside[at[there]]
    kept = np.flatnonzero(source >= 0)
    left = rows.iloc[np.flatnonzero(source < 0)]
    unreadable = pd.DataFrame(
        {
            "image_id": left["image_id"].to_numpy(),
            "path": left["path"].to_numpy() if "path" in left else "",
            "reason": [why.get(content, "cannot be read") for content in contents[source < 0]],
        }
    )
    if not len(kept):
        raise ValueError(
            f"none of {plural(len(rows), 'picture')} can be read, first {unreadable['path'].iloc[0]!r}: "
            f"{unreadable['reason'].iloc[0]}"
        )
    dtype = np.float32 if encoder.precision == torch.float32 else np.float16
    values = np.lib.format.open_memmap(folder / "values.npy", mode="w+", dtype=dtype, shape=(len(kept), encoder.spec.width))
    for number in np.unique(source[kept]):
        features = earlier[1] if number == 0 else shards[number - 1].values()
        wanted = np.flatnonzero(source[kept] == number)
        for start in range(0, len(wanted), SHARD):
            some = wanted[start : start + SHARD]
            values[some] = features[position[kept[some]]]
    return FeatureSet(encoder.spec, values, rows.iloc[kept]), unreadable
