"""How does one small HTML file show which pictures two sets share, so that a person can judge every pair by eye?"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from affect_workbench.analyses.duplicates.find import Overlap
from affect_workbench.data.images.decode import UnreadablePicture, thumbnail
from affect_workbench.workbench.interface.numbers import percent
from affect_workbench.workbench.interface.page import template

MOST_PAIRS = 60
SIDE = 96
MOST_CLASSES = 60
FOUND_BY = {"content": "identical files", "features": "features", "hash": "perceptual hash", "both": "features and hash"}
"""What found a pair, in words."""


@dataclass(frozen=True)
class Picture:
    """One half of a pair on the page: a JPEG as a data URI, empty where `missing` says why there is none."""

    name: str
    label: str
    split: str
    path: str
    source: str
    missing: str


def overlap_html(
    overlap: Overlap,
    *,
    title: str = "Overlap",
    name_a: str = "the training set",
    name_b: str = "the test set",
    root_a: Path | None = None,
    root_b: Path | None = None,
    most: int = MOST_PAIRS,
) -> str:
    """The overlap as one self-contained page without scripts; the same overlap and files always give the same bytes.

    Everything that comes from the data is escaped and nothing is fetched. At most `most` pairs are shown as thumbnails, the
    rest is counted.

    Args:
        overlap: of `analyses.duplicates.find.overlap`.
        title: heading of the page.
        name_a: what the first set is called in sentences.
        name_b: what the second set is called.
        root_a: folder that relative paths of the first set start from; the working folder when not given.
        root_b: the same for the second set; `root_a` within one set.
        most: pairs shown, at least 0.

    Raises:
        ValueError: `most` is negative.
    """
    if most < 0:
        raise ValueError(f"cannot show {most} pairs: expected 0 or more")
    leaking = overlap.leaking()
    inside = overlap.pairs.drop(leaking.index)
    ordered = pd.concat([leaking, inside])
    roots = (root_a, root_a if overlap.within else root_b)
    concerned = overlap.classes[overlap.classes[["exact", "near"]].sum(axis=1) > 0]
    return template("overlap.html").render(
        overlap=overlap,
        title=title,
        name_a=name_a,
        name_b=name_b,
        outcome=outcome(overlap, name_a=name_a, name_b=name_b),
        inside=len(inside),
        counts=list(overlap.counts.itertuples()),
        classes=list(concerned.head(MOST_CLASSES).itertuples()),
        classes_of=len(concerned),
        quiet_classes=len(overlap.classes) - len(concerned),
        pairs=[_pair(row, roots) for row in ordered.head(most).itertuples()],
        pairs_of=len(ordered),
    )


def outcome(overlap: Overlap, *, name_a: str, name_b: str) -> str:
    """One sentence: how many pictures of the second set are also in the first (within one set: in an earlier split)."""
    count, leaking = overlap.pictures(), overlap.leaking()
    exact = int(leaking.loc[leaking["kind"] == "exact", "b"].nunique())
    if overlap.within:
        if not count:
            inside = f"; {_pairs(len(overlap.pairs))} inside one split" if len(overlap.pairs) else ""
            return f"No picture of {name_a} was found in two splits{inside}."
        pictures = "picture is" if count == 1 else "pictures are"
        return (
            f"{count:,} {pictures} also in another split of {name_a} ({overlap.n_a:,} pictures): {exact:,} exact "
            f"duplicates, {count - exact:,} near-duplicates only."
        )
    if not count:
        return f"None of the {overlap.n_b:,} pictures of {name_b} was found in {name_a} ({overlap.n_a:,} pictures)."
    verb = "is" if count == 1 else "are"
    return (
        f"{count:,} of the {overlap.n_b:,} pictures of {name_b} ({percent(count / overlap.n_b)}) {verb} also in "
        f"{name_a} ({overlap.n_a:,} pictures): {exact:,} exact duplicates, {count - exact:,} near-duplicates "
        "only."
    )


def _pairs(count: int) -> str:
    return f"{count:,} pair{'' if count == 1 else 's'}"


def _pair(row: Any, roots: tuple[Path | None, Path | None]) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "found_by": FOUND_BY[row.found_by],
        "cosine": None if pd.isna(row.cosine) else f"{row.cosine:.3f}",
        "hamming": None if pd.isna(row.hamming) else f"{int(row.hamming)}",
        "relabelled": bool(row.label_a and row.label_b and row.label_a != row.label_b),
        "pictures": (
            _picture(row.id_a, row.label_a, row.split_a, row.path_a, roots[0]),
            _picture(row.id_b, row.label_b, row.split_b, row.path_b, roots[1]),
        ),
    }


def _picture(name: str, label: str | None, split: str, path: str | None, root: Path | None) -> Picture:
    source, missing = "", "no path is known"
    if path:
        try:
            small = thumbnail((root or Path()) / path, side=SIDE)
            source, missing = "data:image/jpeg;base64," + base64.b64encode(small).decode("ascii"), ""
        except UnreadablePicture as error:
            missing = error.reason
        except OSError:
            missing = "the file is missing"
    return Picture(name, label or "", split, path or "", source, missing)
