"""How do the emotion datasets lie on disk, and which one is this? A record for each, read by one reader."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import pandas as pd

from affect_workbench.data.datasets.checks import NOT_LISTED, OnDisk, Problem
from affect_workbench.data.datasets.folder_walk import Walked, pictures_under, unopened_sentence
from affect_workbench.data.datasets.listings import entries_of, once, with_annotations, with_votes
from affect_workbench.data.datasets.manifest import Listing, Manifest, manifest_of
from affect_workbench.data.images.containment import Inside
from affect_workbench.data.images.decode import is_picture_name
from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.splits import split_of
from affect_workbench.data.taxonomies.taxonomy import Taxonomy, closest

_TRAIN_TEST = {"train": "training_testing_split/training.txt", "test": "training_testing_split/testing.txt"}
_EMOSET = ("brightness", "colorfulness", "scene", "object", "facial_expression", "human_action")


@dataclass(frozen=True)
class Layout:
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


LAYOUTS: tuple[Layout, ...] = (
    Layout(
        "emoset",
        "EmoSet-118K",
        ("image/{label}/{file}",),
        "mikels8",
        marks=("image", "annotation"),
        lists={split: f"{split}.json" for split in ("train", "val", "test")},
        annotations=_EMOSET,
    ),
    Layout(
        "emotionroi",
        "EmotionROI",
        ("images/{label}/{file}",),
        "ekman6",
        marks=("images", "training_testing_split"),
        lists=_TRAIN_TEST,
        listed_under="images",
    ),
    Layout(
        "emotion6",
        "Emotion6",
        ("images/{keyword}/{file}",),
        "ekman6",
        marks=("images", "ground_truth.txt"),
        votes="ground_truth.txt",
        listed_under="images",
        note="the folder is the keyword the picture was searched by (attribute `keyword`), not its label",
    ),
    Layout(
        "abstract",
        "Abstract",
        ("testImages_abstract/{file}",),
        "mikels8",
        marks=("testImages_abstract", "ABSTRACT_groundTruth.csv"),
        votes="ABSTRACT_groundTruth.csv",
        listed_under="testImages_abstract",
    ),
    Layout("artphoto", "ArtPhoto", ("testImages_artphoto/{label}_{file}",), "mikels8", marks=("testImages_artphoto",)),
    Layout("fi", "FI", ("emotion_dataset/{label}/{file}",), "mikels8", marks=("emotion_dataset",)),
    Layout("webemo", "WEBEmo", ("{split}/{label}/{file}",), "webemo25", known=20),
    Layout("unbiasedemo", "UnbiasedEmo", ("images/{label}/{object}/{file}",), "parrott6", known=4),
    Layout(
        "folder-of-folders",
        "folders named after classes",
        ("{split}/{label}/{file}", "images/{split}/{label}/{file}", "images/{label}/{file}", "{label}/{file}"),
        known=2,
    ),
    Layout("splits", "folders named after splits, without labels", ("{split}/{file}", "images/{split}/{file}"), known=1),
)
"""The layouts in the order in which they are tried."""


def layout_named(name: str) -> Layout:
    """The layout with this name.

    Raises:
        ValueError: names the nearest ones.
    """
    for layout in LAYOUTS:
        if layout.name == name:
            return layout
    raise ValueError(f"unknown layout {name!r}: {closest(name, [layout.name for layout in LAYOUTS])}")


def recognise(root: Path | str) -> Layout | None:
    """The first layout that the folder has the marks of, None where none fits. No picture is opened."""
    root = Path(root)
    return next((layout for layout in LAYOUTS if root.is_dir() and _is_like(root, layout)), None)


def read_dataset(
    root: Path | str, layout: Layout | str | None = None, *, progress: bool = True, allow_outside: bool = False
) -> Manifest:
    """Every picture of the dataset under `root`, and everything that is wrong with it, at once.

    Pictures that are missing or unreadable are in `problems` only; those with an unknown label are kept without one. A
    dataset without splits gets one by `data.datasets.hash_splits`, and says so in `notes`.

    Args:
        root: the dataset's folder.
        layout: a layout or its name; recognised where not given.
        progress: show a bar while pictures are checked.
        allow_outside: also read pictures that a link or a listed path leads to outside of `root`.

    Raises:
        FileNotFoundError: no such folder, or a list that the layout rests on is missing.
        ValueError: not recognised, no picture in it, or a list that cannot be read.
    """
    root = Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f"no dataset at {root}: the folder does not exist")
    if isinstance(layout, str):
        layout = layout_named(layout)
    layout = layout or recognise(root)
    if layout is None:
        walked = pictures_under(root, inside=None if allow_outside else Inside(root))
        there = ", ".join(sorted(item.name for item in islice(root.iterdir(), 8))) or "nothing"
        raise ValueError(
            f"{root} is laid out like no dataset the workbench knows ({', '.join(known.name for known in LAYOUTS)}): it "
            f"holds {there}; name the layout, or put pictures into one folder a class{_why_none(walked)}"
        )
    template = next((form for form in layout.pictures if _fits(root, form, layout)), layout.pictures[-1])
    folder = template.split("{")[0].rstrip("/")
    walked = pictures_under(root / folder, inside=None if allow_outside else Inside(root))
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
            f"{_why_none(walked)}"
        )
    if layout.annotations:
        listing, wrong = with_annotations(root, listing, layout.annotations, progress=progress)
        problems += wrong
    if taxonomy is None and "label" in listing and listing["label"].nunique() > 1:
        taxonomy = Taxonomy.spelt_as(sorted(listing["label"].unique()))
    rows = listing.sort_values("path").reset_index(drop=True)
    return manifest_of(
        Listing(rows, root, layout.name, taxonomy, problems, notes), progress=progress, allow_outside=allow_outside
    )


def _why_none(walked: Walked) -> str:
    """What lies there that is not read, as the end of a sentence."""
    said = [unopened_sentence(walked.unopened)] if walked.unopened else []
    if walked.links:
        said.append(
            f"{plural(len(walked.links), 'folder leads', 'folders lead')} "
            f"elsewhere by a link, first {walked.links[0]}: give --allow-outside"
        )
    return f" ({'; '.join(said)})" if said else ""


def _with_fields(listing: pd.DataFrame, template: str) -> tuple[pd.DataFrame, list[Problem]]:
    """The listing with what each path says (label, split, attributes); a column that a list has given is kept."""
    pattern = _pattern(template)
    found = [pattern.fullmatch(str(name)) for name in listing["path"]]
    problems: list[Problem] = []
    fields: list[dict[str, str]] = []
    keep: list[bool] = []
    for name, match in zip(listing["path"], found, strict=True):
        said = match.groupdict() if match else {}
        split = split_of(said.get("split", "train"))
        named_split = "label" in said and split_of(said["label"]) is not None
        keep.append(match is not None and split is not None and not named_split)
        if not keep[-1]:
            why = f"the folder {said['label']} is a split, not a label" if named_split else f"it is not at {template}"
            problems.append(Problem(NOT_LISTED, str(name), f"{why}: left out"))
            continue
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


def _is_like(root: Path, layout: Layout) -> bool:
    if not all((root / mark).exists() for mark in layout.marks):
        return False
    if layout.lists and not any((root / name).is_file() for name in layout.lists.values()):
        return False
    return any(_fits(root, form, layout) for form in layout.pictures)


def _fits(root: Path, template: str, layout: Layout) -> bool:
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
        if (taxonomy is None or taxonomy.knows(name)) and _has_picture(folder):
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


def _has_picture(folder: Path) -> bool:
    return any(is_picture_name(item) for item in folder.iterdir())
