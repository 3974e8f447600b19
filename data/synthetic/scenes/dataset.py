"""How does the drawn world become a dataset on disk: picture files, and a table that says all there is to know of each?"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.data.datasets.manifest import Manifest
from affect_workbench.data.storage.atomic import atomic_folder, ensure_free, write_text
from affect_workbench.data.storage.leftovers import discard
from affect_workbench.data.storage.progress import progress_bar
from affect_workbench.data.storage.saved_arrays import read_saved_csv
from affect_workbench.data.synthetic.scenes.draw import draw
from affect_workbench.data.synthetic.scenes.emotions import AnnotatorBias, annotate
from affect_workbench.data.synthetic.scenes.pairs import paired_scenes
from affect_workbench.data.synthetic.scenes.world import ATTRIBUTES, sample_scenes
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

PERSONS_IN_TEST = 0.75
"""Share of pictures with a person in the balanced test set: that is whom the audit is about."""
SEEDS_FILE = "seeds.csv"
"""Beside the pictures: the seed with which each was drawn, so that what it shows can be told pixel by pixel."""
_ALIKE = ("subject", "held", "extras", "light", "weather", "setting")
"""What makes contents alike: all that moves an emotion, the strongest first."""


def balanced_scenes(n: int, *, rng: np.random.Generator) -> pd.DataFrame:
    """Contents of `n` pictures, most with a person; tones of figures and cameras are dealt out evenly over all contents.

    Contents are drawn as everywhere, put next to those they are like, and every three neighbours get each tone, and each
    camera, once. So a tone or a camera is as common as any other (within one), and what else its pictures show is nearly the
    same: a difference in reading is the reader's, and not what chance put into the pictures.
    """
    persons = round(PERSONS_IN_TEST * n)
    sides = [sample_scenes(persons, rng=rng, fixed={"subject": "person"}), _without_persons(n - persons, rng)]
    for at, scenes in enumerate(sides):
        ordered = scenes.sort_values(list(_ALIKE), kind="stable", na_position="last").reset_index(drop=True)
        sides[at] = ordered.assign(camera=_dealt("camera", len(ordered), rng))
    sides[0]["figure_tone"] = _dealt("figure_tone", persons, rng)
    scenes = pd.concat(sides, ignore_index=True)
    return scenes.iloc[rng.permutation(n)].reset_index(drop=True)


def write_scenes(
    folder: Path,
    *,
    train: int,
    test: int,
    seed: int,
    bias: AnnotatorBias | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> Manifest:
    """Draws a dataset of `train + test` PNG files and opens its manifest, which is saved beside them.

    The annotators of the training pictures have the `bias`, those of the test pictures are fair; the test pictures are
    balanced (see `balanced_scenes`). The same numbers give the same files.

    Raises:
        ValueError: no picture asked for on either side.
        FileExistsError: the folder exists and `overwrite` is False.
    """
    if train < 1 or test < 1:
        raise ValueError(f"{train} training and {test} test pictures: at least one of each is needed")
    rng = np.random.default_rng(seed)
    train_scenes, test_scenes = sample_scenes(train, rng=rng), balanced_scenes(test, rng=rng)
    sides = [
        pd.concat([train_scenes, training_answers(train_scenes, seed=seed, bias=bias)], axis=1).assign(split="train"),
        pd.concat([test_scenes, annotate(test_scenes, rng=rng)], axis=1).assign(split="test"),
    ]
    rows = pd.concat(sides, ignore_index=True)
    seeds = rng.integers(2**63, size=len(rows))
    return _drawn(folder, rows, seeds, overwrite=overwrite, progress=progress)


def write_pairs(
    folder: Path,
    attribute: str,
    *,
    pairs: int,
    seed: int,
    values: Sequence[str] | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> Manifest:
    """Draws `pairs` pairs of PNG files that differ in one attribute only, and opens their manifest, saved beside them.

    All are of the split `test` and have a `pair_id`. Their annotators are fair and the same ones see both pictures of a
    pair, so that labels differ only where the attribute gives reason for it. See `paired_scenes` for `values`.

    Raises:
        ValueError: no pair asked for, or what `paired_scenes` refuses.
        FileExistsError: the folder exists and `overwrite` is False.
    """
    if pairs < 1:
        raise ValueError(f"{pairs} pairs: at least one is needed")
    scenes = paired_scenes(pairs, attribute, rng=np.random.default_rng(seed), values=values)
    answers = pd.concat([annotate(scenes[side::2], rng=np.random.default_rng([seed, 1])) for side in (0, 1)]).sort_index()
    rows = pd.concat([scenes.drop(columns="seed"), answers], axis=1).assign(split="test")
    return _drawn(folder, rows, scenes["seed"].to_numpy(), overwrite=overwrite, progress=progress)


def drawn_seeds(root: Path) -> dict[str, int]:
    """image_id -> the seed with which its picture was drawn; empty where the folder holds no drawn pictures, or old ones.

    Raises:
        ValueError: the file of seeds is damaged.
    """
    path = root / SEEDS_FILE
    if not path.is_file():
        return {}
    table = read_saved_csv(path, needed=("image_id", "seed"), otherwise="draw the pictures again")
    if not table["seed"].str.fullmatch(r"[0-9]+").all():
        raise ValueError(f"{path} is damaged, not every seed is a number: draw the pictures again")
    return dict(zip(table["image_id"], map(int, table["seed"]), strict=True))


def training_answers(scenes: pd.DataFrame, *, seed: int, bias: AnnotatorBias | None) -> pd.DataFrame:
    """What the annotators of the training pictures say; with and without `bias` the same draws are used."""
    return annotate(scenes, rng=np.random.default_rng([seed, 1]), bias=bias)


def _drawn(folder: Path, rows: pd.DataFrame, seeds: npt.NDArray[np.int64], *, overwrite: bool, progress: bool) -> Manifest:
    """Draws a picture for each row with its seed, and saves the manifest beside them."""
    names = [f"pictures/{number:06d}.png" for number in range(len(rows))]
    contents = []
    ensure_free(folder / "manifest", overwrite=overwrite)
    with atomic_folder(folder / "pictures", overwrite=overwrite) as partial:
        records = rows[list(ATTRIBUTES)].to_dict("records")
        bar = progress_bar(records, desc="drawing", unit=" pictures", progress=progress)
        for scene, one, name in zip(bar, seeds, names, strict=True):
            file = partial / Path(name).name
            draw({str(key): value for key, value in scene.items()}, seed=int(one)).save(file, compress_level=1)
            contents.append(hashlib.sha256(file.read_bytes()).hexdigest()[:16])
        if (folder / "manifest").exists():
            discard(folder / "manifest")  # it is about the pictures that go now: after a kill there is none, not a wrong one
    manifest = _manifest(folder, rows, names, contents)
    write_text(folder / SEEDS_FILE, pd.DataFrame({"image_id": contents, "seed": seeds}).to_csv(index=False))
    manifest.save(folder / "manifest", overwrite=overwrite)
    return manifest


def _dealt(attribute: str, n: int, rng: np.random.Generator) -> npt.NDArray[np.object_]:
    """Values `(n,)` of an attribute: all of them once, in random order, then all of them again."""
    values = np.array([value for value, _ in ATTRIBUTES[attribute]], dtype=object)
    rounds = [rng.permutation(values) for _ in range(-(-n // len(values)))]
    return np.concatenate(rounds)[:n] if rounds else np.empty(0, dtype=object)


def _without_persons(n: int, rng: np.random.Generator) -> pd.DataFrame:
    drawn = sample_scenes(4 * n + 40, rng=rng)
    return drawn[drawn["subject"] != "person"].head(n)


def _manifest(root: Path, rows: pd.DataFrame, names: list[str], contents: list[str]) -> Manifest:
    table = rows.assign(image_id=contents, content=contents, path=names)
    first = ["image_id", "content", "path", "split", "label"]
    table = table[[*first, *(name for name in table if name not in first)]]
    return Manifest(table, root=root, layout="scenes", taxonomy=Taxonomy.named("ekman6"))
