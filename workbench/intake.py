"""How does a folder of pictures become a manifest, a manifest features, and two sets a list of what they share?"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from data.atomic import atomic_folder, write_text
from data.features import FeatureSet
from data.manifest import Manifest
from data.manifest_table import read_manifest
from workbench.claiming import writes_out
from workbench.settings import DataSettings, FeaturesSettings, OverlapSettings

if TYPE_CHECKING:
    from analyses.overlap import Overlap
    from probes.encode import Encoded

Say = Callable[[str], None]
_MOST_NAMED = 5


@writes_out()
def data(settings: DataSettings, *, say: Say = print) -> Manifest:
    """Recognises a dataset, says what is in it and what is wrong with it, and writes its manifest where asked.

    Raises:
        ValueError: no known layout, or nothing readable.
        FileExistsError: the manifest folder exists.
    """
    from data.layouts import read_dataset
    from workbench.dataset_summary import summary

    root = Path(settings.root)
    manifest = (
        read_manifest(root, allow_outside=settings.allow_outside)
        if root.is_file()
        else read_dataset(root, layout=settings.layout or None, allow_outside=settings.allow_outside)
    )
    say(summary(manifest, every=settings.every))
    if settings.out:
        manifest.save(Path(settings.out), overwrite=settings.overwrite)
        if len(manifest.problems):
            say(f"all {len(manifest.problems):,} problem(s) are in {Path(settings.out) / 'problems.csv'}")
        say(f"wrote {settings.out}; next: workbench features {settings.out} --encoder builtin:scenes -o FEATURES")
    return manifest


@writes_out(replaces=True)
def features(settings: FeaturesSettings, *, say: Say = print) -> Encoded:
    """Encodes the pictures of a manifest into a feature folder, only those that are not there yet.

    Raises:
        ValueError: an unknown encoder, no readable picture, or a folder with another encoder's features.
    """
    from probes.encode import encode
    from probes.vision import vision_encoder

    manifest = _as_it_is_now(Path(settings.manifest), say, allow_outside=settings.allow_outside)
    encoder = vision_encoder(settings.encoder, on=settings.device, precision=settings.precision)
    say(f"{len(manifest.rows):,} pictures, {encoder.spec.in_words()}, on {encoder.on}")
    rows = manifest.rows.assign(path=[str(path) for path in manifest.paths()])
    made = encode(rows, manifest.paths(), encoder, out=Path(settings.out), workers=settings.workers)
    for row in made.unreadable.head(_MOST_NAMED).itertuples():
        say(f"warning: skipped {row.path}: {row.reason}")
    if len(made.unreadable) > _MOST_NAMED:
        say(f"warning: {len(made.unreadable) - _MOST_NAMED:,} more were skipped; all are in {settings.out}.unreadable.csv")
    skipped = Path(f"{settings.out}.unreadable.csv")
    if len(made.unreadable):
        write_text(skipped, made.unreadable.to_csv(index=False))
    else:
        skipped.unlink(missing_ok=True)
    say(f"wrote {settings.out}: {made.new:,} encoded now, {made.reused:,} known already, {len(made.unreadable):,} skipped")
    return made


@writes_out()
def overlap(settings: OverlapSettings, *, say: Say = print) -> Overlap:
    """Compares two sets (or the splits of one) and writes the pairs, with thumbnails where the files are there.

    Raises:
        FileExistsError: the folder exists.
        ValueError: nothing to compare by.
    """
    from analyses.overlap import overlap as compared
    from workbench.overlap_page import outcome, overlap_html
    from workbench.overlap_store import SavedOverlap, save_overlap

    out = Path(settings.out)
    first = _side(settings.a, settings, say=say)
    second = _side(settings.b, settings, say=say) if settings.b else None
    result = compared(
        first.rows, None if second is None else second.rows,
        features_a=first.values, features_b=None if second is None else second.values,
        hashes_a=first.hashes, hashes_b=None if second is None else second.hashes,
        threshold=settings.threshold or None,
    )  # fmt: skip
    first_name, second_name = settings.a, settings.b or settings.a
    with atomic_folder(out, overwrite=settings.overwrite) as partial:
        page = overlap_html(result, title="Pictures that two sets share", name_a=first_name, name_b=second_name)
        (partial / "overlap.html").write_text(page, encoding="utf-8", newline="\n")
        save_overlap(SavedOverlap(result, first_name, second_name), partial)
    for note in result.notes:
        say(f"note: {note}")
    say(outcome(result, name_a=first_name, name_b=second_name))
    say(f"page: {out / 'overlap.html'}; next: workbench app {out}")
    return result


class _Side:
    """One of the two sets: rows with absolute paths, features where there are some, perceptual hashes where asked."""

    def __init__(self, rows: pd.DataFrame, values: Any = None) -> None:
        self.rows, self.values = rows, values
        self.hashes: Any = None


def _as_it_is_now(path: Path, say: Say, *, allow_outside: bool) -> Manifest:
    """The manifest with the hashes of the files as they are now; says which pictures have changed since it was written."""
    from data.changes import with_changes

    manifest = read_manifest(path, allow_outside=allow_outside)
    if not Manifest.is_saved(path):
        return manifest  # a table was read just now, every picture with it
    manifest, said = with_changes(manifest, path)
    for sentence in said:
        say(f"note: {sentence}")
    return manifest


def _side(path: str, settings: OverlapSettings, *, say: Say) -> _Side:
    folder = Path(path)
    if folder.is_dir() and FeatureSet.is_saved(folder):
        stored = FeatureSet.load(folder)
        side = _Side(stored.rows, stored.values)
    else:
        manifest = _as_it_is_now(folder, say, allow_outside=settings.allow_outside)
        side = _Side(manifest.rows.assign(path=[str(item) for item in manifest.paths()]))
    if settings.hashes and "path" in side.rows and side.rows["path"].notna().all():
        from data.perceptual import hashes as perceptual

        side.hashes = perceptual([Path(item) for item in side.rows["path"]], workers=os.cpu_count() or 1, progress=True)
    return side
