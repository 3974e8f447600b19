"""Which settings of a training does a sweep try, between which bounds, and which does it leave as given?"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from affect_workbench.data.taxonomies.taxonomy import closest
from affect_workbench.probes.config import LOSS_NAMES, FitConfig

if TYPE_CHECKING:
    from optuna import Trial

DIGITS = 3
"""Significant digits of what is tried, so that the settings that are written are those that were measured."""


@dataclass(frozen=True)
class Choice:
    """One of a few values."""

    of: tuple[Any, ...]

    def in_words(self) -> str:
        """For messages."""
        return " | ".join(map(str, self.of))


@dataclass(frozen=True)
class Span:
    """A number between two bounds, both included; `log` where factors matter and not differences."""

    low: float
    high: float
    log: bool = False

    def in_words(self) -> str:
        """For messages."""
        return f"{self.low:g} to {self.high:g}"


SPACE: Mapping[str, Choice | Span] = types.MappingProxyType(
    {
        "loss": Choice(LOSS_NAMES),
        "temperature": Span(0.02, 0.5, log=True),
        "label_smoothing": Span(0.0, 0.3),
        "epochs": Span(5, 40, log=True),
        "batch": Choice((64, 128, 256)),
        "learning_rate": Span(5e-5, 2e-2, log=True),
        "weight_decay": Span(1e-4, 0.3, log=True),
        "dropout": Span(0.0, 0.6),
    }
)
"""Field of `FitConfig` -> what may be tried. Every default lies inside, a whole-numbered default makes whole numbers."""


def searched(given: FitConfig, keep: tuple[str, ...] = ()) -> dict[str, Choice | Span]:
    """What is tried beside `given`: fields of `SPACE` that have their default, less those to keep, only legal values.

    Raises:
        ValueError: a name to keep that is not in `SPACE`, or nothing is left to search.
    """
    for name in keep:
        if name not in SPACE:
            raise ValueError(f"--keep {name!r} is no setting that is searched: {closest(name, SPACE)}")
    defaults = {item.name: item.default for item in fields(FitConfig)}
    open_to = {name: SPACE[name] for name in SPACE if name not in keep and getattr(given, name) == defaults[name]}
    losses = tuple(name for name in LOSS_NAMES if _legal(given, loss=name)) if "loss" in open_to else (given.loss,)
    if len(losses) > 1:
        open_to["loss"] = Choice(losses)
    else:
        open_to.pop("loss", None)
    for name in ("temperature", "label_smoothing"):
        if not any(_matters(name, loss) for loss in losses):
            open_to.pop(name, None)
    if not open_to:
        raise ValueError(
            f"every setting is given or kept, so nothing is left to search: leave one of {', '.join(SPACE)} out"
        )
    return open_to


def proposed(trial: Trial, given: FitConfig, space: Mapping[str, Choice | Span]) -> FitConfig:
    """The settings that a trial suggests; what does not matter for its loss is not asked for and stays as given."""
    config = given
    for name, bounds in space.items():  # `loss` comes first: what else is asked depends on it
        if _matters(name, config.loss):
            config = replace(config, **{name: _suggested(trial, name, bounds)})
    return config


def as_suggestion(given: FitConfig, space: Mapping[str, Choice | Span]) -> dict[str, Any]:
    """The given settings as a trial would suggest them."""
    return {name: getattr(given, name) for name in space if _matters(name, given.loss)}


def in_words(space: Mapping[str, Choice | Span]) -> str:
    """What is searched, in one line."""
    return ", ".join(f"{name} ({bounds.in_words()})" for name, bounds in space.items())


def _suggested(trial: Trial, name: str, bounds: Choice | Span) -> Any:
    if isinstance(bounds, Choice):
        return trial.suggest_categorical(name, bounds.of)
    if isinstance(getattr(FitConfig, name), int):
        return trial.suggest_int(name, int(bounds.low), int(bounds.high), log=bounds.log)
    return float(f"{trial.suggest_float(name, bounds.low, bounds.high, log=bounds.log):.{DIGITS}g}")


def _matters(name: str, loss: str) -> bool:
    """Whether a loss takes a setting at all."""
    if name == "temperature":  # a loss without one has none to learn either
        return _legal(FitConfig(loss=loss), learn_temperature=True)
    return name != "label_smoothing" or _legal(FitConfig(loss=loss), label_smoothing=0.1)


def _legal(config: FitConfig, **changes: Any) -> bool:
    try:
        replace(config, **changes)
    except ValueError:
        return False
    return True
