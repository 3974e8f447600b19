"""Which pictures are in both of two data sets? The command overlap."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from affect_workbench.data.features import FeatureSet
from affect_workbench.data.storage.atomic import atomic_folder
from affect_workbench.workbench.datasets.settings import OverlapSettings
from affect_workbench.workbench.interface.claiming import writes_out

if TYPE_CHECKING:
    from affect_workbench.analyses.duplicates.find import Overlap, PictureSet
from affect_workbench.workbench.datasets.command import current_manifest
from affect_workbench.workbench.interface.progress import Say


@writes_out()
def overlap(settings: OverlapSettings, *, say: Say = print) -> Overlap:
    """Compares two sets (or the splits of one) and writes the pairs, with thumbnails where the files are there.

    Raises:
        FileExistsError: the folder exists.
        ValueError: nothing to compare by.
    """
    from affect_workbench.analyses.duplicates.find import overlap as compared
    from affect_workbench.workbench.datasets.overlap_page import outcome, overlap_html
    from affect_workbench.workbench.datasets.overlap_store import SavedOverlap, save_overlap

    out = Path(settings.out)
    first = _side(settings.a, settings, say=say)
    second = _side(settings.b, settings, say=say) if settings.b else None
    result = compared(first, second, threshold=settings.threshold or None)
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


def _side(path: str, settings: OverlapSettings, *, say: Say) -> PictureSet:
    """One of the two sets: rows with absolute paths, features where there are some, perceptual hashes where asked."""
    from affect_workbench.analyses.duplicates.find import PictureSet

    folder = Path(path)
    if folder.is_dir() and FeatureSet.is_saved(folder):
        stored = FeatureSet.load(folder)
        side = PictureSet(stored.rows, stored.values)
    else:
        manifest = current_manifest(folder, say, allow_outside=settings.allow_outside)
        side = PictureSet(manifest.rows.assign(path=[str(item) for item in manifest.paths()]))
    if settings.hashes and "path" in side.rows and side.rows["path"].notna().all():
        from affect_workbench.data.images.perceptual_hash import hashes as perceptual

        made = perceptual([Path(item) for item in side.rows["path"]], workers=os.cpu_count() or 1, progress=True)
        side = replace(side, hashes=made)
    return side
