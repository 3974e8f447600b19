"""Which parts make a model, and how long and how fast does each stage learn? TOML files, read and checked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from affect_workbench.data.taxonomies.taxonomy import closest

FOLDER = Path(__file__).parent
TRAINS = ("all", "connector", "lora")
STAGES = ("language", "connector", "reasoning")
"""Names of stages 0, 1 and 2."""


@dataclass(frozen=True)
class Stage:
    """One stage of training.

    Attributes:
        name: `language` (stage 0), `connector` (stage 1) or `reasoning` (stage 2).
        trains: `connector`; `lora`: adapters in the language model, with the connector; `all`: both in full.
        steps: how many; 0 for as many as `epochs` need.
        epochs: how often every example is seen; not read with `steps`.
        batch: conversations a step and device.
        accumulate: steps whose gradients are added before the weights move.
        rate: highest learning rate, after `warmup` steps; it falls along a cosine.
        warmup: steps.
        weight_decay: AdamW's.
        rank: of the LoRA matrices.
        alpha: LoRA's scale, to be divided by the rank.
        dropout: of what LoRA reads.
        targets: layers that LoRA stands beside.
        precision: `float32`, `bfloat16` or `float16` (mixed).
        checkpointing: whether activations are computed again in the backward pass, to save memory.
        precompute: whether the tower's tokens are computed once and kept (16-bit) while it is frozen.
        rehearsal: conversations of the earlier stage that are learned again, as a share of those of this one.
        longest: tokens after which a conversation is cut; 0 for none.
        log_every: steps between entries of the log.
        save_every: steps between checkpoints.
    """

    name: str
    trains: str
    steps: int = 0
    epochs: float = 1.0
    batch: int = 16
    accumulate: int = 1
    rate: float = 1e-3
    warmup: int = 20
    weight_decay: float = 0.0
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    precision: str = "float32"
    checkpointing: bool = False
    precompute: bool = True
    rehearsal: float = 0.0
    longest: int = 0
    log_every: int = 10
    save_every: int = 200

    def __post_init__(self) -> None:
        if self.trains not in TRAINS:
            raise ValueError(f"stage {self.name!r} trains {self.trains!r}: expected {', '.join(TRAINS)}")
        if self.precision not in ("float32", "bfloat16", "float16"):
            raise ValueError(f"stage {self.name!r}: precision {self.precision!r}: expected float32, bfloat16 or float16")
        if self.steps < 0 or min(self.batch, self.accumulate, self.log_every, self.save_every) < 1 or self.rate <= 0:
            raise ValueError(f"stage {self.name!r}: steps, batches and rates are positive numbers")


@dataclass(frozen=True)
class Recipe:
    """How a model is made.

    Attributes:
        name: of the file.
        vision: the tower: a folder, a hub name, or `builtin:scenes`.
        llm: the language model: a folder, a hub name, or `builtin:scenes` for the one that is shipped.
        stages: those of training, in order.
        template: see `templates.TEMPLATES`.
        dtype: what weights are held in.
        note: what to know before it is used.
    """

    name: str
    vision: str
    llm: str
    stages: tuple[Stage, ...]
    template: str = "auto"
    dtype: str = "float32"
    note: str = ""

    @classmethod
    def named(cls, name: str) -> Recipe:
        """One of those that are shipped, or that of a file `*.toml`.

        Raises:
            FileNotFoundError: no such file.
            ValueError: no recipe of this name, or a file that is none.
        """
        path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
        if not path.is_file():
            if name.endswith(".toml"):
                raise FileNotFoundError(f"{path}: no such file; expected a recipe in TOML")
            raise ValueError(f"there is no recipe {name!r}: {closest(name, shipped_recipes())}")
        try:
            return _recipe(path.stem, tomllib.loads(path.read_text(encoding="utf-8")))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is no recipe: {error}") from error

    def stage(self, which: str) -> Stage:
        """The stage called 0, 1 or 2, or by its name.

        Raises:
            ValueError: the recipe has no such stage.
        """
        names = [stage.name for stage in self.stages]
        wanted = STAGES[int(which)] if which.isdigit() and int(which) < len(STAGES) else which
        if wanted not in names:
            raise ValueError(f"recipe {self.name!r} has no stage {which!r}: it has {', '.join(names)}")
        return self.stages[names.index(wanted)]


def shipped_recipes() -> list[str]:
    """Names of the recipes that are shipped."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def _recipe(name: str, told: Mapping[str, Any]) -> Recipe:
    _require_known(told, {field.name for field in fields(Recipe)} - {"name", "stages"} | {"stage"}, "a recipe")
    stages = []
    for kind, settings in told.get("stage", {}).items():
        _require_known(settings, {field.name for field in fields(Stage)} - {"name"}, f"stage {kind!r}")
        if kind not in STAGES:
            raise ValueError(f"stage {kind!r}: {closest(kind, STAGES)}")
        listed: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()}
        stages.append(Stage(kind, **listed))
    if not stages:
        raise ValueError("it has no stage: expected [stage.connector] and [stage.reasoning]")
    rest = {key: value for key, value in told.items() if key != "stage"}
    return Recipe(name, stages=tuple(sorted(stages, key=lambda one: STAGES.index(one.name))), **rest)


def _require_known(told: Mapping[str, Any], known: set[str], what: str) -> None:
    for key in told:
        if key not in known:
            raise ValueError(f"{what} has no setting {key!r}: {closest(key, sorted(known))}")
