"""Which pictures of one set are also in another, byte for byte or nearly so, and does a split leak into the next?"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.duplicates import exact_search as near
from affect_workbench.analyses.duplicates.matching import matches
from affect_workbench.data.images.perceptual_hash import Hashes
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.arrays import unit_rows
from affect_workbench.data.tables.read import with_ids

KINDS = ("exact", "near")
_CONTENT_HASH = r"[0-9a-f]{16,64}"
_CARRIED = {"image_id": "id", "label": "label", "split": "split", "path": "path"}
Features = npt.NDArray[Any]


@dataclass(frozen=True)
class Overlap:
    """Pictures that are in both sets, or twice in one.

    Attributes:
        pairs: one row a pair, exact copies first, then by cosine: `kind` (exact, near), `found_by` (content, hash, features,
            both), positions `a` and `b`, `id_a`, `id_b`, `label_a`, `label_b`, `split_a`, `split_b`, `path_a`, `path_b`
            (None where unknown), `cosine` of the features and `hamming` distance of the hashes in bits (NaN where unknown).
        counts: one row for each (`split_a`, `split_b`) with a pair: `exact`, `near` pairs, `pictures_a`, `pictures_b`
            concerned. A set without splits has the split "". Within one set (`split_a`, `split_b`) is in the order of the
            first row of each split.
        classes: one row a label of `b` ("" where unknown): `pictures` of b, those with `exact` and with only `near` copies,
            `relabelled` (some copy has another label).
        threshold: cosine from which features alone make a near copy; NaN without features.
        radius: differing bits up to which hashes alone make a near copy; -1 for never, or without hashes.
        calibration: how threshold and radius came about, in one or two sentences.
        n_a: pictures in a.
        n_b: pictures in b; the same as `n_a` within one set.
        within: whether one set was compared with itself.
        notes: what should be known before the numbers are believed.
    """

    pairs: pd.DataFrame
    counts: pd.DataFrame
    classes: pd.DataFrame
    threshold: float
    radius: int
    calibration: str
    n_a: int
    n_b: int
    within: bool
    notes: tuple[str, ...] = ()

    def leaking(self) -> pd.DataFrame:
        """The pairs that matter: all between two sets; within one set, those across its splits."""
        return self.pairs[self.pairs["split_a"] != self.pairs["split_b"]] if self.within else self.pairs

    def pictures(self) -> int:
        """How many pictures of b (within one set: of its later split of each pair) are concerned by `leaking`."""
        return int(self.leaking()["b"].nunique())


@dataclass(frozen=True)
class PictureSet:
    """Pictures and what they can be compared by.

    Attributes:
        rows: a row a picture with unique `image_id`; optionally `content`, `path`, `label`, `split`.
        features: `(n, d)` of one encoder, in the order of the rows.
        hashes: perceptual hashes in the order of the rows.
    """

    rows: pd.DataFrame
    features: Features | None = None
    hashes: Hashes | None = None


def overlap(
    first: PictureSet, second: PictureSet | None = None, *, threshold: float | None = None, radius: int | None = None
) -> Overlap:
    """Exact and near copies between two sets, or within one.

    Exact: equal `content` (hash of the file's bytes). Where a set has no such column its `image_id` stands in only if every
    id is itself a content hash (16 to 64 hex digits), because `1.jpg` of two datasets are not the same picture.

    Near: the features have a cosine of at least `threshold`; or the hashes differ in at most `radius` bits and the features,
    where both pictures have them, are at least as alike as the middle nearest neighbour, so that two pictures that only
    share a layout are not taken for copies. Where features confirm, a wider radius is safe and used: by chance a
    picture meets a picture that is so alike about once, not once for every picture of the other set.
    Features of zeros and missing hashes take no part.

    Args:
        first: one set.
        second: the other set (the test pictures); None to compare the first with itself, pairs i < j.
        threshold: cosine above 0, at most 1; calibrated on the first set (on the second where that is too small) when not
            given.
        radius: bits, 0 to 7; calibrated when not given.

    Raises:
        ValueError: ids repeat, shapes disagree, something is given for one set only, no way to compare is left, a threshold
            or radius is out of range, or more than 2,000,000 pairs are found.
    """
    within, other = second is None, first if second is None else second
    a = with_ids(first.rows, where="the first set")
    b = a if within else with_ids(other.rows, where="the second set")
    _require_ranges(threshold, radius)
    notes: list[str] = []
    content = _contents(a, b, notes)
    features = _pair_of_features(first.features, other.features, (len(a), len(b)), within)
    hashes = _pair_of_hashes(first.hashes, other.hashes, (len(a), len(b)))
    if content is None and features is None and hashes is None:
        raise ValueError(
            "nothing to compare: neither content hashes in both sets, nor features, nor perceptual hashes; give one of them"
        )
    found = matches(content, features, hashes, within=within, threshold=threshold, radius=radius)
    pairs = _described(found.pairs, a, b, within=within)
    return Overlap(
        pairs=pairs,
        counts=_counts(pairs),
        classes=_classes(pairs, b, within=within),
        threshold=found.threshold,
        radius=found.radius,
        calibration=found.calibration,
        n_a=len(a),
        n_b=len(b),
        within=within,
        notes=(*notes, *found.notes),
    )


def leaked(train: pd.DataFrame | Collection[str], test: pd.DataFrame) -> pd.DataFrame:
    """The test pictures that are also training pictures: by equal `content`, or by `image_id` within one dataset.

    For a warning before training or an audit: cheap, exact copies only. Ids count here because both sides name pictures of
    the same dataset, as a probe's `trained_on` does; do not use it across datasets that number their files.

    Args:
        train: rows, or only the ids (`Probe.trained_on`).
        test: rows.

    Returns:
        One row a leaked test picture in the order of `test`: `image_id`, `train_id` (the first copy), `by` (content or
        image_id); empty when there is none.
    """
    test = with_ids(test, where="the test set")
    rows = with_ids(train, where="the training set") if isinstance(train, pd.DataFrame) else None
    ids = set(rows["image_id"]) if rows is not None else set(map(str, train))
    by_content: dict[str, str] = {}
    if rows is not None and "content" in rows and "content" in test:
        known = rows[_known(rows["content"])].drop_duplicates("content")
        by_content = dict(zip(known["content"], known["image_id"], strict=True))
    contents = test["content"] if by_content else [""] * len(test)
    found = []
    for name, content in zip(test["image_id"], contents, strict=True):
        if content in by_content:
            found.append((name, by_content[content], "content"))
        elif name in ids:
            found.append((name, name, "image_id"))
    return pd.DataFrame(found, columns=["image_id", "train_id", "by"])


def _require_ranges(threshold: float | None, radius: int | None) -> None:
    if threshold is not None and not 0 < threshold <= 1:
        raise ValueError(f"the cosine threshold is {threshold}: expected above 0, at most 1")
    if radius is not None and not 0 <= radius <= near.LARGEST_RADIUS:
        raise ValueError(f"the radius is {radius} bits: expected 0 to {near.LARGEST_RADIUS}")


def _known(content: pd.Series) -> pd.Series:
    return content.notna() & (content != "")


def _contents(a: pd.DataFrame, b: pd.DataFrame, notes: list[str]) -> tuple[pd.Series, pd.Series] | None:
    """The content hash of every picture of both sets (missing where unknown), or None where a set has none."""
    columns = []
    for rows in (a, b):
        if "content" in rows:
            columns.append(rows["content"].where(_known(rows["content"])).astype(object))
        elif rows["image_id"].str.fullmatch(_CONTENT_HASH).all():
            columns.append(rows["image_id"].astype(object))
    if len(columns) == 2:
        return columns[0], columns[1]
    same = int(a["image_id"].isin(b["image_id"]).sum()) if a is not b else 0
    if same:
        notes.append(
            f"{plural(same, 'id occurs', 'ids occur')} "
            "in both sets; without content hashes an equal id does not count as a duplicate"
        )
    notes.append("exact duplicates were not looked for: content hashes are not known for both sets")
    return None


def _features(given: Features | None, count: int, which: str) -> npt.NDArray[np.float32]:
    values = np.asarray(given)
    if values.ndim != 2 or len(values) != count:
        raise ValueError(
            f"features of the {which} set have shape {values.shape}: expected ({count}, width), one row per picture"
        )
    unit = unit_rows(values)
    if not np.isfinite(unit).all():
        raise ValueError(f"features of the {which} set hold NaN or infinite values: encode them again or leave them out")
    return unit


def _pair_of_features(
    a: Features | None, b: Features | None, counts: tuple[int, int], within: bool
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]] | None:
    if a is None and b is None:
        return None
    if a is None or b is None:
        raise ValueError(f"only the {'second' if a is None else 'first'} set has features: give those of both sets, or none")
    first = _features(a, counts[0], "first")
    second = first if within else _features(b, counts[1], "second")
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"features are {first.shape[1]} and {second.shape[1]} wide: expected those of one encoder")
    return first, second


def _pair_of_hashes(a: Hashes | None, b: Hashes | None, counts: tuple[int, int]) -> tuple[Hashes, Hashes] | None:
    if a is None and b is None:
        return None
    if a is None or b is None:
        raise ValueError(f"only the {'second' if a is None else 'first'} set has hashes: give those of both sets, or none")
    if (len(a), len(b)) != counts:
        raise ValueError(
            f"there are {len(a):,} and {len(b):,} hashes: expected {counts[0]:,} and {counts[1]:,}, one per picture"
        )
    return a, b


def _described(pairs: pd.DataFrame, a: pd.DataFrame, b: pd.DataFrame, *, within: bool) -> pd.DataFrame:
    """The pairs with what the rows say about both pictures, sorted."""
    pairs = pairs.astype({"a": np.int64, "b": np.int64}).reset_index(drop=True)
    if within and "split" in a:
        # Within one set, a is the picture of the split that comes first (as a rule, train).
        rank = pd.factorize(a["split"], use_na_sentinel=False)[0]
        i, j = pairs["a"].to_numpy(), pairs["b"].to_numpy()
        swap = rank[i] > rank[j]
        pairs = pairs.assign(a=np.where(swap, j, i), b=np.where(swap, i, j))
    columns: dict[str, Any] = {"kind": pairs["kind"], "found_by": pairs["found_by"], "a": pairs["a"], "b": pairs["b"]}
    for source, name in _CARRIED.items():
        for side, rows in (("a", a), ("b", b)):
            values = rows[source].to_numpy(dtype=object)[pairs[side]] if source in rows else [None] * len(pairs)
            empty = "" if source == "split" else None
            columns[f"{name}_{side}"] = pd.Series(
                [empty if pd.isna(value) else str(value) for value in values], dtype=object
            )
    table = pd.DataFrame(columns).assign(cosine=pairs["cosine"], hamming=pairs["hamming"])
    order = ["kind", "cosine", "hamming", "a", "b"]
    return table.sort_values(order, ascending=[True, False, True, True, True], kind="stable").reset_index(drop=True)


def _counts(pairs: pd.DataFrame) -> pd.DataFrame:
    """Pairs and pictures of every two splits, in the order of their first pictures."""
    names = ["split_a", "split_b", "exact", "near", "pictures_a", "pictures_b"]
    by_row = pairs.sort_values(["a", "b"])
    rows = [
        (*splits, *((part["kind"] == kind).sum() for kind in KINDS), part["a"].nunique(), part["b"].nunique())
        for splits, part in by_row.groupby(["split_a", "split_b"], sort=False)
    ]
    return pd.DataFrame(rows, columns=names).astype(dict.fromkeys(names[2:], np.int64))


def _classes(pairs: pd.DataFrame, b: pd.DataFrame, *, within: bool) -> pd.DataFrame:
    """How many pictures of b are concerned, by label."""
    labels = (
        b["label"].astype(object).where(b["label"].notna(), "").astype(str) if "label" in b else pd.Series([""] * len(b))
    )
    concerned = pairs[pairs["split_a"] != pairs["split_b"]] if within else pairs
    copies = set(concerned.loc[concerned["kind"] == "exact", "b"])
    other = concerned["label_a"].notna() & concerned["label_b"].notna() & (concerned["label_a"] != concerned["label_b"])
    sets = {"exact": copies, "near": set(concerned["b"]) - copies, "relabelled": set(concerned.loc[other, "b"])}
    table = pd.DataFrame({"label": labels.to_numpy(), "pictures": 1})
    for name, members in sets.items():
        table[name] = np.isin(np.arange(len(b)), np.fromiter(members, dtype=np.int64, count=len(members))).astype(np.int64)
    return table.groupby("label", sort=True).sum().reset_index()
