"""Can a command write its `-o`? Asked before it starts to work, and held until it has ended."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from affect_workbench.data.storage.destination import claimed, ensure_free, ensure_place
from affect_workbench.data.storage.leftovers import MARKER
from affect_workbench.workbench.interface.options import key_of

Settings = TypeVar("Settings")
Rest = ParamSpec("Rest")
Result = TypeVar("Result")
Command = Callable[Concatenate[Settings, Rest], Result]
_READ = (
    "features",
    "probe",
    "predictions",
    "attributes",
    "concept_features",
    "concept_labels",
    "training_data",
    "valence",
    "trained_on",
    "system",
    "a",
    "b",
    "manifest",
    "pictures",
    "pairs",
    "prompts",
    "root",
    "run",
    "run_a",
    "run_b",
    "datasets",
    "extra_features",
    "path",
)
"""Settings that name what a command reads, wherever they occur; reviews are carried over from a run that is replaced anyway,
so `review_from` is none."""


def writes_out(
    *, known: Collection[str] = (), replaces: bool | None = None, whole: bool = True
) -> Callable[[Command[Settings, Rest, Result]], Command[Settings, Rest, Result]]:
    """Claims the folder that the first argument's `out` names while the decorated command runs; nothing where it is empty.

    Of several processes that train together only the main one writes, and so only it claims.

    Args:
        known: see `data.storage.destination.ensure_free`.
        replaces: whether a result that is there is replaced; as the settings' `overwrite` says when not given.
        whole: whether `out` becomes a result as a whole; else it only holds results.

    Raises:
        FileExistsError, OSError, ValueError: see `data.storage.destination.claimed` and `ensure_apart`.
    """

    def marked(command: Command[Settings, Rest, Result]) -> Command[Settings, Rest, Result]:
        @functools.wraps(command)
        def claiming(settings: Settings, /, *rest: Rest.args, **more: Rest.kwargs) -> Result:
            given: Any = settings
            if not given.out:
                return command(settings, *rest, **more)
            out = Path(given.out)
            overwrite = given.overwrite if replaces is None else replaces
            if whole:
                ensure_place(out)
                ensure_apart(settings)
            if int(os.environ.get("RANK", "0") or 0):
                ensure_free(out, overwrite=overwrite, known=known)
                return command(settings, *rest, **more)
            with claimed(out, overwrite=overwrite, known=known, whole=whole):
                return command(settings, *rest, **more)

        return claiming

    return marked


@contextmanager
def goes_on_in(folder: Path) -> Iterator[None]:
    """An interruption within says in which folder beside the result lies what was finished, where there is any.

    Raises:
        KeyboardInterrupt: with the folder as its text.
    """
    try:
        yield
    except KeyboardInterrupt as interruption:
        if folder.is_dir():
            raise KeyboardInterrupt(str(folder)) from interruption
        raise


def ensure_apart(settings: Any) -> None:
    """Refuses to write over, around or into what is read.

    Raises:
        ValueError: `out` is one of the inputs, holds one of them, or lies inside a result of the workbench that is read.
    """
    out = Path(os.path.realpath(settings.out))
    for setting, given in _paths(settings):
        read = Path(os.path.realpath(given))
        if read == out or out in read.parents:
            how = "is" if read == out else "holds"
            raise ValueError(f"{settings.out} {how} what {setting} reads ({given}): choose another folder to write to")
        if read in out.parents and (read / MARKER).is_file():
            raise ValueError(f"{settings.out} lies inside {given}, which {setting} reads: choose a folder outside of it")


def _paths(settings: Any) -> Iterator[tuple[str, str]]:
    """Every text of the settings that names something on disk, with the setting's name as a flag."""
    for item in fields(settings):
        value = getattr(settings, item.name)
        texts = (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ()
        for text in texts if item.name in _READ else ():
            named = text.partition("=")[2] if item.name == "datasets" and not os.path.exists(text) else text
            # Attributes are files or names.
            if named and (os.path.isfile(named) if item.name == "attributes" else os.path.exists(named)):
                yield f"--{key_of(item).replace('_', '-')}", named
