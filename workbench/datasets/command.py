"""How does a folder of pictures become a manifest, a manifest features, and two sets a list of what they share?"""

from __future__ import annotations

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
    from affect_workbench.data.datasets.layouts import read_dataset
    from affect_workbench.workbench.datasets.summary import summary

    root = Path(settings.root)
    manifest = (
        read_manifest(root, allow_outside=settings.allow_outside)
        if root.is_file()
        else read_dataset(root, layout=settings.layout or None, allow_outside=settings.allow_outside)
    )
    say(summary(manifest, every=settings.all_problems))
    if settings.out:
        manifest.save(Path(settings.out), overwrite=settings.overwrite)
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

    manifest = current_manifest(Path(settings.manifest), say, allow_outside=settings.allow_outside)
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
