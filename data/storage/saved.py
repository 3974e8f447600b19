"""How is a saved record (JSON, TOML) opened, so that damage is told in one line: which file, which key, what was expected?

What a program wrote is not what it reads: disks fail, people edit, versions differ. Nothing of a record is used before it
was asked for by name and kind.
"""

from __future__ import annotations

import functools
import json
import math
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from affect_workbench.data.storage.text_files import text_of

T = TypeVar("T")
_SHOWN = 60
_IN_WORDS: Mapping[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a table of keys",
    tuple: "a list",
}


@dataclass(frozen=True)
class Record:
    """Keys and values out of a file.

    Attributes:
        path: the file.
        values: what stands in it.
        otherwise: what to do where it is damaged, e.g. `encode again`.
        within: where in the file these keys stand, e.g. `spec.`; empty at the top.
    """

    path: Path
    values: Mapping[str, Any]
    otherwise: str = "make it again"
    within: str = ""

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def text(self, key: str) -> str:
        """The text under this key.

        Raises:
            ValueError: it is missing or of another kind, as in all of these.
        """
        return str(self._of(key, str))

    def whole(self, key: str, *, least: int | None = None) -> int:
        """The whole number under this key, `least` or more."""
        value = int(self._of(key, int))
        if least is not None and value < least:
            raise self.refused(key, f"a whole number, {least} or more")
        return value

    def number(self, key: str) -> float:
        """The number under this key, finite."""
        return float(self._of(key, float))

    def flag(self, key: str) -> bool:
        """The true or false under this key."""
        return bool(self._of(key, bool))

    def texts(self, key: str) -> tuple[str, ...]:
        """The list of text under this key."""
        found = self._of(key, list)
        if not all(isinstance(value, str) for value in found):
            raise self.refused(key, "a list of text")
        return tuple(found)

    def numbers(self, key: str) -> tuple[float, ...]:
        """The list of finite numbers under this key, at least one."""
        found = self._of(key, list)
        if not found or not all(_is(value, float) for value in found):
            raise self.refused(key, "a list of numbers")
        return tuple(map(float, found))

    def record(self, key: str) -> Record:
        """The keys under this key."""
        return Record(self.path, self._of(key, dict), self.otherwise, f"{self.within}{key}.")

    def records(self, key: str) -> list[Record]:
        """The list of tables under this key."""
        found = self._of(key, list)
        if not all(isinstance(value, dict) for value in found):
            raise self.refused(key, "a list of tables of keys")
        places = (f"{self.within}{key}[{number}]." for number in range(len(found)))
        return [Record(self.path, value, self.otherwise, place) for value, place in zip(found, places, strict=True)]

    def known(self, key: str) -> bool:
        """Whether the key is there with a value other than null."""
        return self.values.get(key) is not None

    def made(self, kind: type[T]) -> T:
        """A dataclass of these keys: each of its field's type, none unknown, none missing that has no default.

        Raises:
            ValueError: a key is not so, or the dataclass refuses a value.
        """
        hints, given = _hints(typing.cast(Any, kind)), dict[str, Any]()
        for name in self.values:
            if name not in hints:
                raise self.damaged(f"it has a key {self.within}{name}, which is not known")
        for item in fields(typing.cast(Any, kind)):
            if item.name in self.values:
                given[item.name] = _as_kind(self, item.name, hints[item.name])
            elif item.default is MISSING and item.default_factory is MISSING:
                raise self.damaged(f"{self.within}{item.name} is missing")
        try:
            return kind(**given)
        except (ValueError, TypeError) as error:
            raise self.damaged(str(error)) from error

    def refused(self, key: str, expected: str) -> ValueError:
        """What to raise where a value is not as expected."""
        shown = repr(self.values.get(key))
        shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
        return self.damaged(f"{self.within}{key} is {shown}, expected {expected}")

    def damaged(self, what: str) -> ValueError:
        """What to raise where something else is wrong with the file."""
        return ValueError(f"{self.path} cannot be read: {what}; {self.otherwise}")

    def _of(self, key: str, kind: type[Any]) -> Any:
        if key not in self.values:
            raise self.damaged(f"{self.within}{key} is missing")
        value = self.values[key]
        if not _is(value, kind):
            raise self.refused(key, _IN_WORDS[kind])
        return value


def read_json(path: Path, *, otherwise: str = "make it again") -> Any:
    """Whatever JSON is in a file; numbers that no writer of ours writes (NaN, infinite) are damage.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is not JSON.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}: it does not exist")
    try:
        return json.loads(text_of(path), parse_constant=_refused, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not readable JSON ({_reason(error)}): {otherwise}") from error


def read_record(
    path: Path, *, otherwise: str = "make it again", schema: int | None = None, older: tuple[int, ...] = ()
) -> Record:
    """The keys and values of a JSON file.

    Args:
        path: the file.
        otherwise: what to do where it is damaged.
        schema: which schema must have written it; None for files without one.
        older: schemas that can be read as well.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is not JSON, no table of keys, or of another schema.
    """
    values = read_json(path, otherwise=otherwise)
    if not isinstance(values, dict):
        raise ValueError(f"{path} cannot be read: it holds {_kind_in_words(values)}, expected keys and values; {otherwise}")
    if schema is not None and not (_is(values.get("schema"), int) and values["schema"] in (schema, *older)):
        raise ValueError(f"{path.parent} has schema {values.get('schema')!r}: this version reads {schema}; {otherwise}")
    return Record(path, values, otherwise)


def read_toml(path: Path) -> dict[str, Any]:
    """Keys and values of a TOML file.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is not TOML.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}: it does not exist")
    try:
        return tomllib.loads(text_of(path))
    except (ValueError, RecursionError, OverflowError) as error:
        raise ValueError(f"{path} is not valid TOML: {_reason(error)}") from error


def _as_kind(record: Record, key: str, hint: Any) -> Any:
    """The value as a field of this type takes it."""
    value = record.values[key]
    if type(None) in typing.get_args(hint):
        if value is None:
            return None
        (hint,) = (part for part in typing.get_args(hint) if part is not types.NoneType)
    kind = typing.get_origin(hint) or hint
    if kind is tuple:
        item = typing.get_args(hint)[0]
        if not isinstance(value, list) or not all(_is(one, item) for one in value):
            raise record.refused(key, f"a list of {_IN_WORDS.get(item, 'values')}")
        return tuple(value)
    if isinstance(kind, type) and issubclass(kind, Mapping):
        return record.record(key).values
    return float(record._of(key, float)) if kind is float else record._of(key, kind)


def _is(value: Any, kind: type[Any]) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < math.inf and _fits(value)
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool))


def _fits(value: float) -> bool:
    """Whether a whole number is one that a float can hold."""
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _refused(name: str) -> Any:
    raise ValueError(f"it holds {name}, which is no number")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"it holds the number {text[:_SHOWN]}, which is too large")
    return value


def _kind_in_words(value: Any) -> str:
    return "nothing" if value is None else _IN_WORDS.get(type(value), type(value).__name__)


def _reason(error: BaseException) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())[:160]


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)
