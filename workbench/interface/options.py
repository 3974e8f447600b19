"""How do flags and TOML files become settings?

Every field of a settings dataclass is a flag and a key of the file. A flag beats the file, the file beats the default; a key
that no command knows is refused by name.
"""

from __future__ import annotations

import argparse
import difflib
import functools
import typing
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any

from affect_workbench.data.storage.saved import read_toml as read_toml_file


def options(settings: type[Any]) -> dict[str, Field[Any]]:
    """Every key that a command understands -> its field; nested configs are laid flat, the command's own keys win."""
    own = {item.name: item for item in fields(settings) if not is_dataclass(_type(settings, item))}
    nested = [_type(settings, item) for item in fields(settings) if is_dataclass(_type(settings, item))]
    return own | {item.name: item for config in nested for item in fields(config) if item.name not in own}


def add_arguments(parser: argparse.ArgumentParser, settings: type[Any]) -> None:
    """Gives the parser one option for every key; options that are not given do not appear in the result."""
    kinds = _kinds(settings)
    for name, item in options(settings).items():
        help_text = f"{item.metadata['help']}{_default_in_words(item)}"
        kind = kinds[name]
        if item.metadata.get("positional"):
            parser.add_argument(name, nargs="?", default=argparse.SUPPRESS, help=help_text)
            continue
        flags = [*([item.metadata["short"]] if "short" in item.metadata else []), f"--{name.replace('_', '-')}"]
        if kind is bool:
            parser.add_argument(*flags, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=help_text)
        else:
            if item.metadata.get("many"):
                parser.add_argument(*flags, nargs="+", metavar="TEXT", default=argparse.SUPPRESS, help=help_text)
                continue
            metavar = {int: "N", float: "X"}.get(kind, "TEXT")
            parse = _names if kind is tuple else kind
            parser.add_argument(*flags, type=parse, metavar=metavar, default=argparse.SUPPRESS, help=help_text)


def read_toml(path: Path, settings: type[Any]) -> dict[str, Any]:
    """The keys of a TOML file, checked by name and type.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not TOML, an unknown key (the nearest legal one is named), or a value of the wrong type.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no settings at {path}: the file does not exist")
    given = read_toml_file(path)
    kinds, checked = _kinds(settings), {}
    for key, value in given.items():
        name = key.replace("-", "_")
        if name not in kinds:
            near = difflib.get_close_matches(name, kinds, n=1, cutoff=0.75)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(kinds)}"
            raise ValueError(f"{path}: unknown key {key!r}: {hint}")
        checked[name] = _checked(path, key, value, kinds[name])
    return checked


def build(settings: type[Any], given: Mapping[str, Any]) -> Any:
    """The settings made of the given keys and, for the rest, of the defaults.

    Raises:
        ValueError: a required key is missing, or a nested config refuses a value.
    """
    missing = [
        name
        for name, item in options(settings).items()
        if item.metadata.get("required") and not given.get(name) and not given.get(item.metadata.get("instead", ""))
    ]
    if missing:
        raise ValueError(f"missing {' and '.join(_flag(settings, name) for name in missing)}")
    values: dict[str, Any] = {}
    own = {item.name for item in fields(settings)}
    for item in fields(settings):
        kind = _type(settings, item)
        if is_dataclass(kind):
            inner = {part.name: given[part.name] for part in fields(kind) if part.name in given and part.name not in own}
            values[item.name] = typing.cast(Any, kind)(**inner)
        elif item.name in given:
            values[item.name] = given[item.name]
    return settings(**values)


def _type(owner: type[Any], item: Field[Any]) -> Any:
    return _hints(typing.cast(Any, owner))[item.name]


@functools.cache
def _hints(owner: type[Any]) -> dict[str, Any]:
    return typing.get_type_hints(owner)


def _kinds(settings: type[Any]) -> dict[str, type]:
    """Key -> str, int, float, bool or tuple."""
    kinds = {}
    owners = [settings, *(_type(settings, item) for item in fields(settings) if is_dataclass(_type(settings, item)))]
    for name in options(settings):
        hint = next(_hints(owner)[name] for owner in owners if name in _hints(owner))
        choices = [part for part in typing.get_args(hint) if part is not type(None)] if _optional(hint) else [hint]
        kinds[name] = typing.get_origin(choices[0]) or choices[0]
    return kinds


def _optional(hint: Any) -> bool:
    return type(None) in typing.get_args(hint)


def _checked(path: Path, key: str, value: Any, kind: type) -> Any:
    if kind is tuple:
        items = _names(value) if isinstance(value, str) else value
        if isinstance(items, Sequence) and all(isinstance(item, str) for item in items):
            return tuple(items)
    elif kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    elif isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    expected = {tuple: "a list of text", str: "text", int: "a whole number", float: "a number", bool: "true or false"}[kind]
    raise ValueError(f"{path}: {key} = {value!r} is not {expected}")


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _flag(settings: type[Any], name: str) -> str:
    return name.upper() if options(settings)[name].metadata.get("positional") else f"--{name.replace('_', '-')}"


def _default_in_words(item: Field[Any]) -> str:
    if item.metadata.get("required"):
        return " (required)"
    if item.default in (MISSING, None, "", False, True, ()):
        return ""
    return f" (default: {item.default})".replace("%", "%%")
