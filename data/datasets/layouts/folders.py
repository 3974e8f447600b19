"""Which data sets say by their folders, and lists or votes beside them, what is in a picture? A record each, one reader."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from affect_workbench.data.datasets.checks import NOT_LISTED, OnDisk, Problem
from affect_workbench.data.datasets.folder_walk import pictures_under, why_none
from affect_workbench.data.datasets.layouts.layout import Source
from affect_workbench.data.datasets.listings import entries_of, once, with_annotations, with_votes
from affect_workbench.data.datasets.manifest import Listing
from affect_workbench.data.images.containment import Inside
from affect_workbench.data.images.decode import is_picture_name
from affect_workbench.data.tables.splits import split_of
from affect_workbench.data.taxonomies.class_orders import class_number, class_order
from affect_workbench.data.taxonomies.label_identity import plain
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

_TRAIN_TEST = {"train": "training_testing_split/training.txt", "test": "training_testing_split/testing.txt"}
_EMOSET = ("brightness", "colorfulness", "scene", "object", "facial_expression", "human_action")


@dataclass(frozen=True)
class FolderLayout:
    """Where one dataset keeps its pictures and what it knows of them.

    Attributes:
        name: short name, e.g. `emoset`.
        title: what it is called in print.
        pictures: where pictures lie, e.g. `images/{label}/{file}`; `{split}` and `{label}` have their meaning, any other
            name becomes an attribute. Of several forms the first that fits the folder is used.
        taxonomy: name of the labels' taxonomy; None takes the labels that are there.
        marks: files or folders that must be there for the layout to be recognised.
        known: how many different class folders the taxonomy must know for the layout to be recognised.
        lists: split -> file that lists its pictures; empty where the folders say everything.
        listed_under: folder that the listed names are relative to.
        annotations: attributes taken from the annotation file of each picture.
        votes: table of votes: a header, then file name and a column a label.
        note: what a reader must know about the labels.
        classes: name of the order of classes whose numbers the class folders are called by.
        files: how the pictures in class folders must be called for the layout to be recognised.
        called: how the data set's own folder must be called for that.
    """

    name: str
    title: str
    pictures: tuple[str, ...]
    taxonomy: str | None = None
    marks: tuple[str, ...] = ()
    known: int = 0
    lists: Mapping[str, str] = field(default_factory=dict)
    listed_under: str = ""
    annotations: tuple[str, ...] = ()
    votes: str = ""
    note: str = ""
    classes: str = ""
    files: str = ""
    called: tuple[str, ...] = ()

    def recognises(self, source: Source) -> bool:
        """Whether the folder has the marks of this layout."""
        return source.place.is_dir() and _is_like(source.place, self)

    def read(self, source: Source) -> Listing:
        """What folders, lists and tables say of each picture.

        Raises:
            FileNotFoundError: a list that the layout rests on is missing.
            ValueError: no picture where the layout keeps them, or a list that cannot be read.
        """
        return _read(self, source)


_BY_CLASS = ("{split}/{label}/{file}", "images/{split}/{label}/{file}", "images/{label}/{file}", "{label}/{file}")
NAMED_FOLDERS: tuple[FolderLayout, ...] = (
    FolderLayout(
        "emoset",
        "EmoSet-118K",
        ("image/{label}/{file}",),
        "mikels8",
        marks=("image", "annotation"),
        lists={split: f"{split}.json" for split in ("train", "val", "test")},
        annotations=_EMOSET,
    ),
    FolderLayout(
        "emotionroi",
        "EmotionROI",
        ("images/{label}/{file}",),
        "ekman6",
        marks=("images", "training_testing_split"),
        lists=_TRAIN_TEST,
        listed_under="images",
    ),
    FolderLayout(
        "emotion6",
        "Emotion6",
        ("images/{keyword}/{file}",),
        "ekman6",
        marks=("images", "ground_truth.txt"),
        votes="ground_truth.txt",
        listed_under="images",
        note="the folder is the keyword the picture was searched by (attribute `keyword`), not its label",
    ),
    FolderLayout(
        "abstract",
        "Abstract",
        ("testImages_abstract/{file}",),
        "mikels8",
        marks=("testImages_abstract", "ABSTRACT_groundTruth.csv"),
        votes="ABSTRACT_groundTruth.csv",
        listed_under="testImages_abstract",
    ),
    FolderLayout("artphoto", "ArtPhoto", ("testImages_artphoto/{label}_{file}",), "mikels8", marks=("testImages_artphoto",)),
    FolderLayout("fi", "FI", ("emotion_dataset/{label}/{file}",), "mikels8", marks=("emotion_dataset",)),
    FolderLayout(
        "caer-s",
        "CAER-S",
        ("{split}/{label}/{file}",),
        "fer7",
        known=7,
        called=("caer s", "caers"),
        note="pictures are single frames of films: those of one scene are nearly alike, but count as independent",
    ),
    FolderLayout(
        "rafdb-folders",
        "RAF-DB, folders 1 to 7",
        ("{split}/{label}/{file}", "DATASET/{split}/{label}/{file}", "{label}/{file}"),
        known=7,
        classes="rafdb",
        files=r"(train|test)_\d+(_aligned)?\.\w+",
    ),
)
"""What has folders that are called like nothing else."""
GENERIC_FOLDERS: tuple[FolderLayout, ...] = (
    FolderLayout("webemo", "WEBEmo", ("{split}/{label}/{file}",), "webemo25", known=20),
    FolderLayout("unbiasedemo", "UnbiasedEmo", ("images/{label}/{object}/{file}",), "parrott6", known=4),
    FolderLayout("folder-of-folders", "folders named after classes", _BY_CLASS, known=2),
    FolderLayout(
        "splits", "folders named after splits, without labels", ("{split}/{file}", "images/{split}/{file}"), known=1
    ),
)
"""What is known by folders alone, the strictest first."""
_UNLABELLED = "_unlabeled"
"""The class folder of FiftyOne that says that there is no label."""


def _read(layout: FolderLayout, source: Source) -> Listing:
    root = source.root
    template = next((form for form in layout.pictures if _fits(root, form, layout)), layout.pictures[-1])
    folder = template.split("{")[0].rstrip("/")
    walked = pictures_under(root / folder, inside=None if source.allow_outside else Inside(root))
    disk = OnDisk(root, walked.pictures)
    taxonomy = Taxonomy.named(layout.taxonomy) if layout.taxonomy else None
    notes = [layout.note] if layout.note else []
    wrong: list[Problem]
    if layout.votes:
        listing, wrong, said = with_votes(root / layout.votes, layout.listed_under, Taxonomy.named(layout.taxonomy or ""))
    elif layout.lists:
        (listing, said), wrong = entries_of(root, layout.lists, layout.listed_under), []
    else:
        listing, wrong, said = pd.DataFrame({"path": disk.names}, dtype=object), [], []
    problems, notes = disk.problems + wrong, notes + said
    listing, wrong = once(listing.assign(path=[disk.find(str(name)) for name in listing["path"]]))
    walked = walked.but_for({root / str(name) for name in listing["path"]})
    problems, notes = problems + wrong + walked.problems(root), notes + walked.notes()
    listing, wrong = _with_fields(listing, template)
    problems += wrong
    unlisted = sorted(set(disk.names) - set(listing["path"]) - {problem.path for problem in wrong})
    problems += [Problem(NOT_LISTED, name, "no list names this picture: left out") for name in unlisted]
    if listing.empty:
        raise ValueError(
            f"{root} has no picture as {template}, where {layout.title} keeps them: is it the right folder?"
            f"{why_none(walked)}"
        )
    if layout.annotations:
        listing, wrong = with_annotations(root, listing, layout.annotations, progress=source.progress)
        problems += wrong
    order = class_order(layout.classes) if layout.classes else None
    return Listing(listing, root, layout.name, taxonomy, problems, notes, order)


def _with_fields(listing: pd.DataFrame, template: str) -> tuple[pd.DataFrame, list[Problem]]:
    """The listing with what each path says (label, split, attributes); a column that a list has given is kept."""
    pattern = _pattern(template)
    found = [pattern.fullmatch(str(name)) for name in listing["path"]]
    problems: list[Problem] = []
    fields: list[dict[str, str | None]] = []
    keep: list[bool] = []
    for name, match in zip(listing["path"], found, strict=True):
        said: dict[str, str | None] = match.groupdict() if match else {}
        split = split_of(said.get("split", "train"))
        named_split = "label" in said and split_of(said["label"]) is not None
        keep.append(match is not None and split is not None and not named_split)
        if not keep[-1]:
            why = f"the folder {said['label']} is a split, not a label" if named_split else f"it is not at {template}"
            problems.append(Problem(NOT_LISTED, str(name), f"{why}: left out"))
            continue
        if said.get("label") == _UNLABELLED:
            said = {**said, "label": None}
        fields.append({**said, "split": str(split)} if "split" in said else said)
    listing = listing.loc[keep].reset_index(drop=True)
    read = pd.DataFrame(fields, index=listing.index, dtype=object)
    return listing.assign(**{name: read[name] for name in read.columns if name not in listing and name != "file"}), problems


def _pattern(template: str) -> re.Pattern[str]:
    """What a path must look like: `{file}` takes the rest, any other field one folder, or the text before an underscore."""
    parts = re.split(r"\{(\w+)\}", template)
    text = ""
    for position, part in enumerate(parts):
        if position % 2 == 0:
            text += re.escape(part)
        else:
            text += (
                f"(?P<{part}>.+)"
                if part == "file"
                else f"(?P<{part}>[^/_]+)"
                if "_{file}" in template
                else f"(?P<{part}>[^/]+)"
            )
    return re.compile(text)


def _is_like(root: Path, layout: FolderLayout) -> bool:
    if layout.called and plain(root.resolve().name) not in layout.called:
        return False
    if not all((root / mark).exists() for mark in layout.marks):
        return False
    if layout.lists and not any((root / name).is_file() for name in layout.lists.values()):
        return False
    return any(_fits(root, form, layout) for form in layout.pictures)


def _fits(root: Path, template: str, layout: FolderLayout) -> bool:
    """Whether enough class folders hold pictures where the template says, all splits being splits."""
    if not layout.known:
        return True
    if not _splits_fit(root, template):
        return False
    taxonomy = Taxonomy.named(layout.taxonomy) if layout.taxonomy else None
    if "{label}" not in template:
        return any(_has_picture(folder) for folder in _folders(root, template.split("/")[:-1]))
    position = template.split("/").index("{label}")
    labels: set[str] = set()
    for folder in _folders(root, template.split("/")[:-1]):
        name = folder.relative_to(root).parts[position]
        if split_of(name) is not None:
            continue  # train/1.jpg: a split, never an emotion
        if layout.classes and class_order(layout.classes).label_of(class_number(name) or 0) is None:
            return False  # a folder that is no class: the numbers are those of another order
        if (taxonomy is None or taxonomy.knows(name)) and _has_picture(folder, layout.files):
            labels.add(name if taxonomy is None else taxonomy.resolve(name))
    return len(labels) >= layout.known


def _splits_fit(root: Path, template: str) -> bool:
    """Whether the folders at `{split}` are all named like splits (true where there is no `{split}`)."""
    parts = template.split("/")
    if "{split}" not in parts:
        return True
    names = [folder.name for folder in _folders(root, parts[: parts.index("{split}") + 1])]
    return bool(names) and all(split_of(name) is not None for name in names)


def _folders(root: Path, parts: list[str]) -> Iterator[Path]:
    """The visible folders at this depth; a part in braces stands for any."""
    if not parts:
        yield root
        return
    if not root.is_dir():
        return
    inside = sorted(root.iterdir()) if parts[0].startswith("{") else [root / parts[0]]
    for folder in inside:
        if folder.is_dir() and not folder.name.startswith("."):
            yield from _folders(folder, parts[1:])


def _has_picture(folder: Path, called: str = "") -> bool:
    """Whether a picture lies there; of those that are called as asked, all must be, as the first one says."""
    first = next((item for item in folder.iterdir() if is_picture_name(item)), None)
    return first is not None and (not called or re.fullmatch(called, first.name) is not None)
