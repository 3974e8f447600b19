"""What does the command `anchors` do: from a text model and a label set to a few sentences and a page?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from affect_workbench.data.storage.atomic import atomic_folder
from affect_workbench.data.taxonomies.files import taxonomy_called
from affect_workbench.workbench.interface.claiming import writes_out
from affect_workbench.workbench.interface.progress import Say
from affect_workbench.workbench.models.training.settings import AnchorsSettings

if TYPE_CHECKING:
    from affect_workbench.analyses.space.geometry.anchors import AnchorGeometry


@writes_out()
def anchors(settings: AnchorsSettings, *, say: Say = print) -> AnchorGeometry:
    """Reads label anchors, says how they lie, and writes `anchors.html`, and what opens it again.

    Raises:
        FileExistsError: the folder exists.
        FileNotFoundError: no such text model.
        ValueError: an unknown taxonomy or kind of source, a model without tokenizer, a template without `{}`.
    """
    taxonomy = taxonomy_called(settings.taxonomy)
    out = Path(settings.out)
    from affect_workbench.analyses.space.geometry.anchors import anchor_geometry
    from affect_workbench.probes.anchors.anchors import anchors_from
    from affect_workbench.workbench.models.anchors.page import anchors_html, notes, sentences
    from affect_workbench.workbench.models.anchors.store import SavedAnchors, save_anchors

    read = anchors_from(settings.anchors, taxonomy, template=settings.template)
    geometry = anchor_geometry(read.vectors, taxonomy)
    what = f"{len(taxonomy)} labels of {taxonomy.name} in {read.source}, {read.vectors.shape[1]:,} wide, “{read.template}”"
    say(what)
    for note in notes(geometry, read.note):
        say(f"note: {note}")
    for sentence in sentences(geometry):
        say(sentence)
    if settings.out:
        with atomic_folder(out, overwrite=settings.overwrite) as partial:
            page = anchors_html(geometry, what=what, note=read.note)
            (partial / "anchors.html").write_text(page, encoding="utf-8", newline="\n")
            save_anchors(SavedAnchors(geometry, what, read.note), partial)
        say(f"page: {out / 'anchors.html'}")
    return geometry
