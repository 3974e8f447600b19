"""How does a folder of pictures become a manifest, a manifest features, and two sets a list of what they share?"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from affect_workbench.data.datasets.manifest import Manifest
from affect_workbench.data.datasets.manifest_table import read_manifest
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.atomic import write_text
from affect_workbench.workbench.datasets.settings import DataSettings, FeaturesSettings
from affect_workbench.workbench.interface.claiming import writes_out
from affect_workbench.workbench.interface.progress import Say

if TYPE_CHECKING:
    from affect_workbench.probes.encoders.encode import Encoded

_MOST_NAMED = 5


@writes_out()
def data(settings: DataSettings, *, say: Say = print) -> Manifest:
    """Recognises a dataset, says what is in it and what is wrong with it, and writes its manifest where asked.

    Raises:
        ValueError: no known layout, or nothing readable.
        FileExistsError: the manifest folder exists.
    """
    from affect_workbench.workbench.datasets.summary import summary

    with _kept_beside(settings.out) as keep:
        manifest = pictures_of(settings.root, settings, keep=keep, layout=settings.layout)
        place = settings.root if manifest.root == keep.absolute() else ""
        say(summary(manifest, place=place, every=settings.all_problems))
    if settings.out:
        manifest.save(Path(settings.out), overwrite=settings.overwrite)
        if keep.is_dir():
            say(f"the pictures that were no files of their own are in {keep}")
        if len(manifest.problems):
            listed = plural(len(manifest.problems), "problem is", "problems are")
            say(f"all {listed} in {Path(settings.out) / 'problems.csv'}")
        say(f"wrote {settings.out}; next: workbench features {settings.out} --encoder builtin:scenes -o FEATURES")
    return manifest


@writes_out(replaces=True)
def features(settings: FeaturesSettings, *, say: Say = print) -> Encoded:
    """Encodes the pictures of a manifest into a feature folder, only those that are not there yet.

    Raises:
        ValueError: an unknown encoder, no readable picture, or a folder with another encoder's features.
    """
    from affect_workbench.probes.encoders.encode import encode
    from affect_workbench.probes.encoders.vision import vision_encoder

    if Manifest.is_saved(Path(settings.manifest)):
        if settings.classes:
            raise ValueError(f"{settings.manifest} is a manifest, whose labels are named: give --classes to workbench data")
        manifest = current_manifest(Path(settings.manifest), say, allow_outside=settings.allow_outside)
    else:
        manifest = pictures_of(settings.manifest, settings, keep=_beside(settings.out))
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
    say(f"wrote {settings.out}: {made.new:,} encoded now, {made.reused:,} reused, {len(made.unreadable):,} skipped")
    return made


def pictures_of(place: str, settings: DataSettings | FeaturesSettings, *, keep: Path, layout: str = "") -> Manifest:
    """What a data set in a known layout, or a table with a column `path`, holds.

    Args:
        place: a folder, a file, or `hf:org/name`.
        settings: what label numbers mean, and whether links are followed.
        keep: folder for pictures that are no files of their own.
        layout: the layout; recognised where empty.

    Raises:
        FileNotFoundError, ValueError: see `read_dataset` and `read_manifest`; or classes for a saved manifest.
    """
    from affect_workbench.data.datasets.layouts.hugging_face import HUB, on_hub
    from affect_workbench.data.datasets.layouts.known import read_dataset, recognise
    from affect_workbench.data.taxonomies.class_orders import class_order

    fetched = place.startswith(HUB) and not Path(place).exists()
    path = on_hub(place) if fetched else Path(place)
    classes = class_order(settings.classes) if settings.classes else None
    if path.is_file() and not layout and recognise(path) is None:
        return read_manifest(path, classes=classes, allow_outside=settings.allow_outside)
    return read_dataset(
        path,
        layout or None,
        classes=classes,
        keep=keep,
        # The cache of the hub is a folder of links into itself.
        allow_outside=settings.allow_outside or fetched,
    )


def _beside(out: str) -> Path:
    """Where pictures that are no files of their own are kept: beside the result, in one place, named for their bytes."""
    return Path(f"{Path(out)}.pictures")


@contextmanager
def _kept_beside(out: str) -> Iterator[Path]:
    """The same; for no result a folder that is gone afterwards."""
    if out:
        yield _beside(out)
        return
    with tempfile.TemporaryDirectory(prefix="workbench-pictures-") as folder:
        yield Path(folder)


def current_manifest(path: Path, say: Say, *, allow_outside: bool) -> Manifest:
    """The manifest with the hashes of the files as they are now; says which pictures have changed since it was written."""
    from affect_workbench.data.datasets.changes import with_changes

    manifest = read_manifest(path, allow_outside=allow_outside)
    if not Manifest.is_saved(path):
        return manifest  # a table was read just now, every picture with it
    manifest, notes = with_changes(manifest, path)
    for sentence in notes:
        say(f"note: {sentence}")
    return manifest
