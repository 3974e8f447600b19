"""How do flags and TOML files become settings?

Every field of a settings dataclass is a flag and a key of the file. A flag beats the file, the file beats the default; a key
that no command knows is refused by name. What a field is called by users is its `flag`, else its name; what it was called
before (`was`) works for one more release, with a notice.
"""

from __future__ import annotations

import argparse
import difflib
import functools
import os
import sys
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any

from affect_workbench.data.storage.saved import read_toml as read_toml_file


def options(settings: type[Any]) -> dict[str, Field[Any]]:
    """Every key that a command understands -> its field; nested configs are laid flat, the command's own keys win."""
    own = {item.name: item for item in fields(settings) if not is_dataclass(_type(settings, item))}
    nested = [_type(settings, item) for item in fields(settings) if is_dataclass(_type(settings, item))]
    return own | {item.name: item for config in nested for item in fields(config) if item.name not in own}


REMOVED_IN = "0.3"
"""The version that no longer knows the old names."""


def key_of(item: Field[Any]) -> str:
    """What users call a field, with underscores: its key in a file."""
    return str(item.metadata.get("flag", item.name))


def as_shown(config: Any) -> dict[str, Any]:
    """The values of a config by the keys that users know."""
    return {key_of(item): getattr(config, item.name) for item in fields(config)}


def flag_of(item: Field[Any]) -> str:
    """The option of a field on the command line; a positional argument in capitals."""
    return item.name.upper() if item.metadata.get("positional") else _flag(key_of(item))


def note_renamed(old: str, new: str) -> None:
    """Prints one line on standard error about an old name; of several processes of one command only the first does."""
    if os.environ.get("RANK", "0") == "0":
        print(f"note: {old} is now {new}; the old name will be removed in version {REMOVED_IN}", file=sys.stderr)


def current_words(words: Sequence[str], settings: type[Any]) -> list[str]:
    """The words of a command line with every old flag replaced by the current one, and a notice for each."""
    renamed = {old: new for item in options(settings).values() for old, new in _renamed_flags(item).items()}
    found: list[str] = []
    for word in words:
        old, equals, value = word.partition("=")
        if old not in renamed:
            found.append(word)
            continue
        first, *more = renamed[old] or ("nothing",)
        note_renamed(old, " ".join((first, *more)))
        found += [f"{first}{equals}{value}", *more] if renamed[old] else []
    return found


def add_arguments(parser: argparse.ArgumentParser, settings: type[Any]) -> None:
    """Gives the parser one option for every key; options that are not given do not appear in the result."""
    kinds = _kinds(settings)
    for name, item in options(settings).items():
        help_text = f"{item.metadata['help']}{_default_in_words(item)}"
        kind = kinds[name]
        if item.metadata.get("positional"):
            nargs = "*" if item.metadata.get("many") else "?"
            parser.add_argument(name, nargs=nargs, default=argparse.SUPPRESS, help=help_text)
            continue
        flags = [*([item.metadata["short"]] if "short" in item.metadata else []), flag_of(item)]
        if kind is bool:
            parser.add_argument(
                *flags, dest=name, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=help_text
            )
        else:
            text = "PATH" if item.metadata.get("path") else "TEXT"
            if item.metadata.get("many"):
                parser.add_argument(*flags, dest=name, nargs="+", metavar=text, default=argparse.SUPPRESS, help=help_text)
                continue
            metavar = {int: "N", float: "X"}.get(kind, text)
            parse = _names if kind is tuple else kind
            action = _Joined if item.metadata.get("repeat") else "store"
            parser.add_argument(
                *flags, dest=name, type=parse, metavar=metavar, action=action, default=argparse.SUPPRESS, help=help_text
            )


class _Joined(argparse.Action):
    """A flag that may be given several times: its texts are one list, separated by commas."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: str | None = None
    ) -> None:
        before = getattr(namespace, self.dest, "")
        setattr(namespace, self.dest, f"{before},{values}" if before else values)


def with_remaining(
    settings: type[Any], given: Mapping[str, Any], strangers: Sequence[str]
) -> tuple[dict[str, Any], list[str]]:
    """What was given, and the words not understood, once those that are no flags have joined a positional list.

    argparse takes a positional list where the first positional word stands, and leaves what follows after a flag.
    """
    lists = [
        name for name, item in options(settings).items() if item.metadata.get("positional") and item.metadata.get("many")
    ]
    if not lists or any(word.startswith("-") for word in strangers):
        return dict(given), list(strangers)
    return {**given, lists[0]: [*given.get(lists[0], ()), *strangers]}, []


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
    names = {key_of(item): name for name, item in options(settings).items()}
    renamed = {old: item for item in options(settings).values() for old in _old_keys(item)}
    for key, value in given.items():
        name = key.replace("-", "_")
        if name in renamed:
            item = renamed[name]
            note_renamed(f"{path}: {key}", key_of(item))
            switched_on = _old_keys(item)[name]
            if switched_on is None:
                checked[item.name] = _checked(path, key, value, kinds[item.name])
            elif _checked(path, key, value, bool):
                checked[item.name] = switched_on
            continue
        if name not in names:
            raise ValueError(f"{path}: unknown key {key!r}: {_instead(name, settings)}")
        checked[names[name]] = _checked(path, key, value, kinds[names[name]])
    return checked


def _instead(key: str, settings: type[Any]) -> str:
    """What to write for a key that does not exist: a switch is turned off by its own key, else the nearest one."""
    items, kinds = options(settings), _kinds(settings)
    switches = {name: key_of(item) for name, item in items.items() if kinds[name] is bool}
    named = {old: switches[name] for name in switches for old in (key_of(items[name]), *_old_keys(items[name]))}
    if key.startswith("no_") and (switch := named.get(key.removeprefix("no_"))):
        return f"write {switch} = false"
    known = [key_of(item) for item in items.values()]
    return did_you_mean(key, known).removeprefix("; ") or f"known: {', '.join(known)}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean WORD?` with the nearest of the known words, dashes apart; nothing where none is near."""
    bare = {name.strip("-"): name for name in known}
    near = difflib.get_close_matches(word.strip("-"), bare, n=1, cutoff=0.65)
    return f"; did you mean {bare[near[0]]}?" if near else ""


def flags_of(parser: argparse.ArgumentParser) -> list[str]:
    """Every option that the parser knows, in its long form."""
    return [flag for action in parser._actions for flag in action.option_strings if flag.startswith("--")]


def build(settings: type[Any], given: Mapping[str, Any]) -> Any:
    """The settings made of the given keys and, for the rest, of the defaults.

    Raises:
        ValueError: a required key is missing, or a nested config refuses a value.
    """
    missing = [
        flag_of(item)
        for name, item in options(settings).items()
        if item.metadata.get("required") and not given.get(name) and not given.get(item.metadata.get("instead", ""))
    ]
    if missing:
        raise ValueError(f"missing {' and '.join(missing)}")
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


def _flag(key: str) -> str:
    return f"--{key.replace('_', '-')}"


def _old_keys(item: Field[Any]) -> Mapping[str, str | None]:
    """Old key of a field -> None, or the value that it stood for where it was a switch."""
    was = item.metadata.get("was", {})
    return {was: None} if isinstance(was, str) else was


def _renamed_flags(item: Field[Any]) -> dict[str, tuple[str, ...]]:
    """Old flag -> the words that replace it, none where the old flag said what holds anyway."""
    found: dict[str, tuple[str, ...]] = {}
    for old, value in _old_keys(item).items():
        found[_flag(old)] = (flag_of(item),) if value is None else (flag_of(item), value)
        if value is not None:
            found[_flag(f"no_{old}")] = ()
        elif isinstance(item.default, bool):
            found[_flag(f"no_{old}")] = (_flag(f"no_{key_of(item)}"),)
    return found


def _default_in_words(item: Field[Any]) -> str:
    if item.metadata.get("required"):
        return " (required)"
    if isinstance(item.default, bool):
        return f" (default: {'on' if item.default else 'off'})"
    if item.default in (MISSING, None, "", ()):
        return ""
    return f" (default: {item.default})".replace("%", "%%")
