"""Which pairs count as copies when bytes, features and perceptual hashes each have a say?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.duplicates import approximate_search as near_index
from affect_workbench.analyses.duplicates import exact_search as near
from affect_workbench.arrays import Floats
from affect_workbench.data.images.perceptual_hash import Hashes
from affect_workbench.data.plurals import plural

UNCALIBRATED = 0.99
"""Cosine threshold for sets that are too small to calibrate on."""
_PLAUSIBLE = 0.9
_STRICT = 0.998
_PORTION = 65_536
Units = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
Contents = tuple[pd.Series, pd.Series]


@dataclass(frozen=True)
class Matches:
    """What was found and by which measure.

    Attributes:
        pairs: columns `a`, `b` (positions), `kind`, `found_by`, `cosine`, `hamming`.
        threshold: cosine from which features alone are believed; NaN without features.
        radius: bits within which hashes are believed; -1 without hashes or where chance forbids any.
        calibration: where the two come from, in words.
        notes: what took no part, and why.
    """

    pairs: pd.DataFrame
    threshold: float
    radius: int
    calibration: str
    notes: tuple[str, ...]


def matches(
    content: Contents | None,
    features: Units | None,
    hashes: tuple[Hashes, Hashes] | None,
    *,
    within: bool,
    threshold: float | None,
    radius: int | None,
) -> Matches:
    """Exact and near copies; see `find.overlap` for the rule and the arguments (features are unit rows)."""
    words: list[str] = []
    notes: list[str] = []
    found = []
    cosine, plausible, bits = np.nan, np.nan, -1
    if content is not None:
        found.append(_by_content(content, within=within).assign(found_by="content"))
    if features is not None:
        usable = [np.flatnonzero(part.any(axis=1)) for part in features]
        _note_left_out(
            notes, [len(part) - len(use) for part, use in zip(features, usable, strict=True)], "features of zeros"
        )
        first, second = (part[use] if len(use) < len(part) else part for part, use in zip(features, usable, strict=True))
        cosine, plausible = _cosines(first, second, threshold, within=within, words=words, notes=notes)
        i, j, _ = _alike(first, None if within else second, cosine, notes)
        found.append(pd.DataFrame({"a": usable[0][i], "b": usable[1][j], "found_by": "features"}))
    if hashes is not None:
        usable = [np.flatnonzero(~part.missing) for part in hashes]
        _note_left_out(notes, [int(part.missing.sum()) for part in hashes], "no perceptual hash")
        values = [part.values[use] for part, use in zip(hashes, usable, strict=True)]
        alone, bits = _radii(values, radius, within=within, confirmed=features is not None, words=words)
        i, j, apart = near.hamming_pairs(values[0], None if within else values[1], max(bits, 0))
        i, j = usable[0][i], usable[1][j]
        alike = _cosine_of(features, i, j)
        # Where both have features these decide; elsewhere the hashes stand alone.
        believed = np.where(np.isnan(alike), apart <= alone, (apart <= bits) & (alike >= plausible))
        found.append(pd.DataFrame({"a": i[believed], "b": j[believed], "found_by": "hash"}))
    return Matches(
        _merged(found, features, hashes),
        cosine,
        bits,
        " ".join(words) or "Nothing was calibrated: only exact duplicates were looked for.",
        tuple(notes),
    )


def _alike(
    a: npt.NDArray[np.float32], b: npt.NDArray[np.float32] | None, cosine: float, notes: list[str]
) -> near.NearDuplicatePairs:
    """Every pair of features that alike; of very many pictures nearly every pair, through an index, and how nearly."""
    if float(len(a)) * (len(a) if b is None else len(b)) < near_index.FROM:
        return near.cosine_pairs(a, b, cosine)
    if not near_index.available():
        notes.append("all features were compared with all, which is slow: the extra `scale` (faiss) is faster")
        return near.cosine_pairs(a, b, cosine)
    found = near_index.indexed_pairs(a, b, cosine)
    notes.append(
        f"features were compared through an index, which finds {found.found:,} of {found.made_up:,} synthetic "
        "copies that are just similar enough"
    )
    return found.pairs


def _by_content(content: Contents, *, within: bool) -> pd.DataFrame:
    a, b = (
        pd.DataFrame({"content": side.to_numpy(), name: np.arange(len(side))}).dropna()
        for side, name in zip(content, "ab", strict=True)
    )
    pairs = int((a["content"].value_counts() * b["content"].value_counts()).dropna().sum())
    if pairs // (2 if within else 1) > near.MOST_PAIRS + len(a):
        raise ValueError(f"{pairs:,} pairs have the same bytes: remove the duplicates within each set first")
    joined = a.merge(b, on="content")[["a", "b"]]
    return joined[joined["a"] < joined["b"]] if within else joined


def _cosines(
    a: npt.NDArray[np.float32],
    b: npt.NDArray[np.float32],
    given: float | None,
    *,
    within: bool,
    words: list[str],
    notes: list[str],
) -> tuple[float, float]:
    """The threshold, and the cosine of a middle nearest neighbour."""
    on, others, name = (a, len(a) / 2 if within else float(len(b)), "the set" if within else "the first set")
    if len(on) < near.FEWEST_TO_CALIBRATE <= len(b):
        on, others, name = b, float(len(a)), "the second set"
    if len(on) < near.FEWEST_TO_CALIBRATE:
        calibrated, plausible = UNCALIBRATED, _PLAUSIBLE
        few = near.FEWEST_TO_CALIBRATE
        said = f"Feature threshold {UNCALIBRATED} by default: fewer than {few} pictures cannot calibrate it."
    else:
        calibrated, plausible = near.calibrated_cosine(on, comparisons=others)
        said = (
            f"Feature threshold {calibrated:.4f}, where about one pair of different pictures is expected by "
            f"chance: from the nearest neighbours within {name} (their median cosine is {plausible:.3f}), "
            "duplicates left out."
        )
        if given is None and calibrated > _STRICT:
            notes.append(
                f"the calibrated threshold {calibrated:.4f} accepts only the closest pairs: the pictures are very "
                "similar, or many of them are duplicates already; give a threshold to search further"
            )
    words.append(said if given is None else f"Feature threshold {given:.4f} as given.")
    threshold = calibrated if given is None else given
    return threshold, min(plausible, threshold)


def _radii(
    values: list[npt.NDArray[np.uint64]], given: int | None, *, within: bool, confirmed: bool, words: list[str]
) -> tuple[int, int]:
    """Bits within which hashes are believed alone, and where the features agree."""
    if given is not None:
        words.append(f"Hash radius {given} of 64 bits as given.")
        return given, given
    others = len(values[0]) / 2 if within else float(len(values[1]))
    alone = near.calibrated_radius(values[0], pairs=len(values[0]) * others)
    wide = near.calibrated_radius(values[0], pairs=others) if confirmed else alone
    words.append(
        f"Hash radius {wide} of 64 bits{' where the features agree' if confirmed else ''}: fewer than half a pair of "
        "different pictures is expected by chance."
    )
    return alone, wide


def _note_left_out(notes: list[str], counts: list[int], why: str) -> None:
    if any(counts):
        notes.append(
            f"{plural(max(counts) if counts[0] == counts[1] else sum(counts), 'picture has', 'pictures have')} "
            f"{why} and were not compared by them"
        )


def _cosine_of(features: Units | None, i: npt.NDArray[np.int64], j: npt.NDArray[np.int64]) -> Floats:
    """Cosine of each pair; NaN without features or with features of zeros."""
    cosines = np.full(len(i), np.nan)
    if features is None:
        return cosines
    for start in range(0, len(i), _PORTION):
        part = slice(start, start + _PORTION)
        a, b = features[0][i[part]], features[1][j[part]]
        whole = a.any(axis=1) & b.any(axis=1)
        cosines[part] = np.where(whole, np.minimum(np.einsum("ij,ij->i", a, b), 1.0), np.nan)
    return cosines


def _merged(found: list[pd.DataFrame], features: Units | None, hashes: tuple[Hashes, Hashes] | None) -> pd.DataFrame:
    """One row a pair: exact where the bytes agree, else near, with both measures wherever they exist."""
    every = pd.concat(found, ignore_index=True)
    said = [
        every.loc[every["found_by"] == name, ["a", "b"]].drop_duplicates().assign(**{name: True})
        for name in ("content", "features", "hash")
    ]
    pairs = said[0].merge(said[1], how="outer", on=["a", "b"]).merge(said[2], how="outer", on=["a", "b"])
    content, by_features, by_hash = ((pairs[name] == True).to_numpy(dtype=bool) for name in ("content", "features", "hash"))  # noqa: E712
    both = np.where(by_features & by_hash, "both", np.where(by_features, "features", "hash"))
    i, j = (pairs[side].to_numpy(dtype=np.int64) for side in ("a", "b"))
    apart = np.full(len(pairs), np.nan)
    if hashes is not None:
        whole = ~(hashes[0].missing[i] | hashes[1].missing[j])
        apart = np.where(whole, np.bitwise_count(hashes[0].values[i] ^ hashes[1].values[j]), np.nan)
    return pd.DataFrame(
        {
            "a": i,
            "b": j,
            "kind": np.where(content, "exact", "near"),
            "found_by": np.where(content, "content", both),
            "cosine": _cosine_of(features, i, j),
            "hamming": apart,
        }
    )
