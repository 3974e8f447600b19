"""What is a concept, and how are directions and prompts for concepts read from a file?

No prompts are shipped. None ever will be for race or religion of faces: a text tower's stereotypes are no measurement.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.arrays import Floats
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.delimited import read_cells
from affect_workbench.data.storage.saved_arrays import read_npy, read_npz
from affect_workbench.data.storage.text_files import lines_of, text_of
from affect_workbench.data.tables.read import named

KINDS = ("prompt", "vector")
PROMPT_COLUMNS = ("name", "prompt", "opposite", "truth")
NEUTRAL = ("a photo", "a picture", "an image of something else", "a picture of something different")
"""What a prompt stands against when nothing better is said: any picture."""
_SHOWN = re.compile(r"^(?:an? |the |some )?(?P<what>.+?) (?P<where>(?:in|on) the (?:picture|photo|image))$", re.IGNORECASE)


@dataclass(frozen=True)
class Concept:
    """A direction in feature space: a picture's score is `unit features . direction + offset`, larger = more of it.

    Attributes:
        name: what the attribute is called.
        direction: `(d,)` float64; unit positive minus unit opposite, or any linear direction.
        offset: what is added to the product.
        prompts: positive and opposite in words, empty where there were none.
        kind: `prompt` or `vector`.

    Raises:
        ValueError: an empty name, an unknown kind, a direction that is not `(d,)`, zero, NaN or infinite.
    """

    name: str
    direction: Floats
    offset: float = 0.0
    prompts: tuple[str, str] = ("", "")
    kind: str = "vector"

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ValueError("a concept has no name: give it one, its attribute is called by it")
        if self.kind not in KINDS:
            raise ValueError(f"concept {self.name!r} is of kind {self.kind!r}: expected {' or '.join(KINDS)}")
        direction = np.asarray(self.direction, np.float64)
        if direction.ndim != 1:
            raise ValueError(f"concept {self.name!r} has a direction of shape {direction.shape}: expected (width,)")
        if not np.isfinite(direction).all() or not np.isfinite(self.offset):
            raise ValueError(f"concept {self.name!r} holds NaN or infinite numbers: write its direction again")
        if not np.linalg.norm(direction) > 1e-9:
            raise ValueError(f"concept {self.name!r} has the zero vector for a direction: positive and opposite must differ")
        object.__setattr__(self, "direction", direction)

    @property
    def width(self) -> int:
        """Length `d` of the features it scores."""
        return len(self.direction)

    @classmethod
    def contrast(
        cls,
        name: str,
        positive: npt.ArrayLike,
        opposite: npt.ArrayLike,
        *,
        prompts: tuple[str, str] = ("", ""),
        kind: str = "vector",
    ) -> Concept:
        """The concept of a contrast pair: both vectors `(d,)` are scaled to unit length, then subtracted.

        Raises:
            ValueError: see `Concept`; also where one of the two is zero.
        """
        unit = []
        for side, vector in (("positive", positive), ("opposite", opposite)):
            array = np.asarray(vector, np.float64)
            length = float(np.linalg.norm(array))
            if length == 0:
                raise ValueError(f"concept {name!r} has the zero vector for its {side} side: write the pair again")
            unit.append(array / length)
        return cls(name, unit[0] - unit[1], prompts=prompts, kind=kind)


@dataclass(frozen=True)
class PromptPair:
    """A concept in words.

    Attributes:
        name: what the attribute is called.
        prompt: what pictures with the attribute show.
        opposites: one or more texts for pictures without it; their vectors are averaged.
        truth: the column with true values of some pictures (`column`, or `column=value` for "yes"), None without.

    Raises:
        ValueError: an empty text.
    """

    name: str
    prompt: str
    opposites: tuple[str, ...]
    truth: str | None = None

    def __post_init__(self) -> None:
        if not self.name.strip() or not self.prompt.strip() or not self.opposites or not all(map(str.strip, self.opposites)):
            raise ValueError(f"prompt {self.prompt or self.name!r} has an empty name, text or opposite: fill it in")
        if self.prompt in self.opposites:
            raise ValueError(f"prompt {self.prompt!r} is its own opposite: give another opposite")

    @classmethod
    def of(cls, prompt: str, *opposites: str, name: str | None = None, truth: str | None = None) -> PromptPair:
        """A pair with `opposites_of(prompt)` where no opposite is given, named by its prompt where no name is."""
        return cls(name or prompt, prompt, opposites or opposites_of(prompt), truth)


def opposites_of(prompt: str) -> tuple[str, ...]:
    """Texts that a prompt stands against when the user names no opposite.

    Four neutral sentences, whose vectors are averaged; `X in the picture` gets `no X in the picture` as a fifth. A
    negation alone would be poor: CLIP's text tower puts "without X" next to X (Alhamoud et al. 2025,
    https://arxiv.org/abs/2501.09425), so the difference would hold little but noise. Against "any picture" the
    difference holds X. Own words for the opposite ("photo taken by day" for night) are better than either.
    """
    shown = _SHOWN.match(prompt.strip())
    return (*NEUTRAL, f"no {shown['what']} {shown['where']}") if shown else NEUTRAL


def read_directions(path: Path | str, *, width: int | None = None) -> list[Concept]:
    """Concepts from a NumPy file; pickled objects are refused.

    `.npy`: `(2, d)` is a contrast pair (row 0 positive, row 1 opposite, scaled to unit length), `(d,)` one direction;
    the file's name is the concept's. `.npz`: `<name>_w` `(d,)`, optionally `<name>_b` (one number), a concept each.

    Args:
        path: the file.
        width: `d` of the features to be scored; None to take any.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not readable, an unknown shape or key, another width, NaN, or a zero vector.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no directions at {path}: the file does not exist")
    if path.suffix.lower() not in (".npy", ".npz"):
        raise ValueError(f"{path} is no file of directions: expected .npy or .npz")
    arrays = _arrays(path)
    try:
        concepts = _contrast_or_single(path, arrays[""]) if "" in arrays else _heads(path, arrays)
    except ValueError as error:
        raise error if str(error).startswith(str(path)) else ValueError(f"{path}: {error}") from error
    for concept in concepts:
        if width is not None and concept.width != width:
            raise ValueError(
                f"{path}: concept {concept.name!r} is {concept.width} wide, the features are {width}: "
                "use directions from the encoder that made the features"
            )
    return concepts


def read_prompt_pairs(path: Path | str) -> list[PromptPair]:
    """Prompts from a file, in its order.

    `.csv`, `.tsv`: column `prompt`, optionally `name`, `opposite`, `truth`. `.txt`: a prompt a line, opposites after
    `|`; empty lines and lines that start with `#` are skipped. Without an opposite: `opposites_of`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not readable, an unknown column, an empty prompt (which row), a repeated name, or no prompt at all.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no prompts at {path}: the file does not exist")
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".tsv", ".txt"):
        raise ValueError(f"{path} is no file of prompts: expected .csv, .tsv or .txt")
    try:
        read = text_of(path) if suffix == ".txt" else read_cells(path).frame()
    except ValueError as error:
        raise ValueError(f"{path} cannot be read as prompts: {str(error).splitlines()[0]}") from error
    pairs = _lines(path, read) if isinstance(read, str) else _table(path, read)
    if not pairs:
        raise ValueError(f"{path} has no prompts: expected one per row")
    require_unique_names([pair.name for pair in pairs], where=str(path))
    return pairs


def require_unique_names(names: Sequence[str], *, where: str) -> None:
    """Refuses two concepts of one name, since their attributes would be one column.

    Raises:
        ValueError: the repeated names.
    """
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(
            f"{where}: {plural(len(repeated), 'concept occurs', 'concepts occur')} "
            f"more than once, first {named(repeated)}: give each its own name"
        )


def _arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The file's arrays by key; a bare array has the key `""`."""
    again = "write the directions again with numpy.save or numpy.savez"
    try:
        arrays = read_npz(path, otherwise=again) if path.suffix.lower() == ".npz" else {"": read_npy(path, otherwise=again)}
    except ValueError as error:
        raise ValueError(f"{path} cannot be read as NumPy arrays: {error}") from error
    for key, array in arrays.items():
        if array.dtype.kind not in "fiu":
            raise ValueError(f"{path}: {key or 'its array'} holds {array.dtype}: expected numbers")
    return arrays


def _contrast_or_single(path: Path, array: npt.NDArray[Any]) -> list[Concept]:
    if array.ndim == 1:
        return [Concept(path.stem, array.astype(np.float64))]
    if array.ndim == 2 and len(array) == 2:
        return [Concept.contrast(path.stem, array[0], array[1])]
    raise ValueError(
        f"{path} has shape {array.shape}: expected (2, width), a positive row and its opposite, or (width,), one direction"
    )


def _heads(path: Path, arrays: dict[str, npt.NDArray[Any]]) -> list[Concept]:
    names = [key.removesuffix("_w") for key in arrays if key.endswith("_w")]
    unknown = [key for key in arrays if not key.endswith("_w") and key.removesuffix("_b") not in names]
    if unknown or not names:
        raise ValueError(
            f"{path} holds {named(arrays)}: expected <name>_w (width,) and optionally <name>_b (one number) a direction"
        )
    concepts = []
    for name in names:
        offset = np.ravel(arrays.get(f"{name}_b", np.zeros(1)))
        if offset.shape != (1,):
            raise ValueError(f"{path}: {name}_b has shape {offset.shape}: expected one number")
        concepts.append(Concept(name, arrays[f"{name}_w"].astype(np.float64), offset=float(offset[0])))
    return concepts


def _lines(path: Path, text: str) -> list[PromptPair]:
    pairs = []
    for number, line in enumerate(lines_of(text), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            prompt, *opposites = (part.strip() for part in line.split("|"))
            if not prompt or not all(opposites):
                raise ValueError(f"{path} line {number} is {line.strip()!r}: expected `prompt` or `prompt | opposite`")
            pairs.append(PromptPair.of(prompt, *opposites))
    return pairs


def _table(path: Path, table: pd.DataFrame) -> list[PromptPair]:
    unknown = [str(name) for name in table.columns if name not in PROMPT_COLUMNS]
    if unknown or "prompt" not in table:
        raise ValueError(
            f"{path} has the columns {', '.join(map(str, table.columns))}: expected prompt, optionally name, opposite, truth"
        )
    pairs = []
    for number, row in enumerate(table.to_dict("records"), start=1):
        given = {str(key): str(value).strip() for key, value in row.items()}
        if not given["prompt"]:
            raise ValueError(f"{path} row {number} has an empty prompt: fill it in or remove the row")
        opposites = [given["opposite"]] if given.get("opposite") else []
        pairs.append(
            PromptPair.of(given["prompt"], *opposites, name=given.get("name") or None, truth=given.get("truth") or None)
        )
    return pairs
