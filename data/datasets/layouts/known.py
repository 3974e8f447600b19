"""Which layouts are known, which one is this, and what becomes of a data set that is read by it?"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

from affect_workbench.data.datasets.folder_walk import why_none
from affect_workbench.data.datasets.labels import with_class_names
from affect_workbench.data.datasets.layouts.exported import COCO, FIFTYONE, FIFTYONE_LABELS
from affect_workbench.data.datasets.layouts.faces import AFFECTNET, AFFECTNET_ARRAYS, EXPW, FAIRFACE, RAFDB
from affect_workbench.data.datasets.layouts.fer import FER2013, FERPLUS
from affect_workbench.data.datasets.layouts.folders import GENERIC_FOLDERS, NAMED_FOLDERS
from affect_workbench.data.datasets.layouts.hugging_face import PARQUET, SAVED
from affect_workbench.data.datasets.layouts.layout import Layout, Source
from affect_workbench.data.datasets.layouts.named_files import CLASS_LISTS, IMAGEFOLDER
from affect_workbench.data.datasets.layouts.persons import EMOTIC
from affect_workbench.data.datasets.layouts.shards import WEBDATASET
from affect_workbench.data.datasets.manifest import Manifest, manifest_of
from affect_workbench.data.plurals import plural
from affect_workbench.data.taxonomies.class_orders import ClassOrder
from affect_workbench.data.taxonomies.taxonomy import Taxonomy, closest

LAYOUTS: tuple[Layout, ...] = (
    *NAMED_FOLDERS,
    FERPLUS,
    FER2013,
    AFFECTNET,
    AFFECTNET_ARRAYS,
    RAFDB,
    EMOTIC,
    FAIRFACE,
    EXPW,
    SAVED,
    FIFTYONE,
    FIFTYONE_LABELS,
    IMAGEFOLDER,
    PARQUET,
    COCO,
    WEBDATASET,
    CLASS_LISTS,
    *GENERIC_FOLDERS,
)
"""The layouts in the order in which they are tried: what rests on names that nothing else has comes first."""


def layout_named(name: str) -> Layout:
    """The layout with this name.

    Raises:
        ValueError: names the nearest ones.
    """
    for layout in LAYOUTS:
        if layout.name == name:
            return layout
    raise ValueError(f"unknown layout {name!r}: {closest(name, [layout.name for layout in LAYOUTS])}")


def recognise(place: Path | str) -> Layout | None:
    """The first layout that the folder or file is like, None where none fits. No picture is opened."""
    return _recognised(Source(Path(place)))


def read_dataset(
    place: Path | str,
    layout: Layout | str | None = None,
    *,
    classes: ClassOrder | None = None,
    keep: Path | None = None,
    progress: bool = True,
    allow_outside: bool = False,
) -> Manifest:
    """Every picture of a data set, and everything that is wrong with it, at once.

    Pictures that are missing or unreadable are in `problems` only; those with an unknown label are kept without one. A
    dataset without splits gets one by `data.datasets.hash_splits`, and says so in `notes`.

    Args:
        place: the dataset's folder, or the file that holds it.
        layout: a layout or its name; recognised where not given.
        classes: what numbers that stand for labels mean; else what the layout says.
        keep: folder for pictures that are no files but bytes inside others.
        progress: show a bar while pictures are checked.
        allow_outside: also read pictures that a link or a listed path leads to outside of the folder.

    Raises:
        FileNotFoundError: nothing there, or a list that the layout rests on is missing.
        ValueError: not recognised, no picture in it, a list that cannot be read, or `classes` for labels that are words.
    """
    place = Path(place)
    if not place.exists():
        raise FileNotFoundError(f"no dataset at {place}: the folder does not exist")
    source = Source(place, keep, allow_outside, progress)
    if isinstance(layout, str):
        layout = layout_named(layout)
    layout = layout or _recognised(source)
    if layout is None:
        raise ValueError(
            f"{place} is laid out like no dataset the workbench knows ({', '.join(known.name for known in LAYOUTS)}): it "
            f"holds {_holds(place)}; name the layout, or put pictures into one folder a class"
            f"{why_none(source.walked) if place.is_dir() else ''}"
        )
    listing = layout.read(source)
    rows, problems, notes = with_class_names(listing.rows, classes, listing.order)
    taxonomy = listing.taxonomy
    order = classes or listing.order
    if taxonomy is None and order is not None:
        taxonomy = Taxonomy.spelt_as(order.labels)
    if taxonomy is None and "label" in rows and rows["label"].nunique() > 1:
        taxonomy = Taxonomy.spelt_as(sorted(rows["label"].dropna().unique()))
    notes = [*listing.notes, *notes]
    if source.kept.count:
        kept = plural(source.kept.count, "picture lies", "pictures lie")
        notes.append(f"{kept} inside the data set's files: kept as files that are named for their bytes")
    rows = rows.sort_values("path").reset_index(drop=True)
    listing = replace(
        listing, rows=rows, taxonomy=taxonomy, problems=[*listing.problems, *problems], notes=notes, order=None
    )
    return manifest_of(listing, progress=progress, allow_outside=allow_outside)


def _recognised(source: Source) -> Layout | None:
    return next((layout for layout in LAYOUTS if layout.recognises(source)), None)


def _holds(place: Path) -> str:
    if place.is_file():
        return "no rows or records of one of them"
    return ", ".join(sorted(item.name for item in islice(place.iterdir(), 8))) or "nothing"
