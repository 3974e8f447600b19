"""What do only its owners know of the audited system: what it is for, who is read by it, where the data come from?

A TOML file, every key optional, `docs/system.toml` is one to start from. It is kept with the run as it was stated, shown by
report and app, and never touches a number.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from affect_workbench.data.storage.saved import read_toml
from affect_workbench.data.taxonomies.taxonomy import closest

USED_AT = ("work", "education", "elsewhere")
REASONS = ("medical", "safety")
LABELS_MEAN = ("evoked", "expressed")


def _key(about: str, title: str, legal: tuple[str, ...] = ()) -> Any:
    """A key that may be left out: the part of the report it belongs to, its name in words, and its legal values."""
    return field(default=None, metadata={"about": about, "title": title, "legal": legal})


@dataclass(frozen=True)
class SystemCard:
    """What was stated of the audited system; None where nothing was. A list may not be empty, nor a text blank.

    Raises:
        TypeError: a value of another type.
        ValueError: a blank text, an empty list, or a word that is not among the legal ones.
    """

    name: str | None = _key("system", "name")
    version: str | None = _key("system", "version")
    provider: str | None = _key("system", "provider")
    contact: str | None = _key("system", "contact")
    purpose: str | None = _key("use", "intended purpose")
    out_of_scope: tuple[str, ...] | None = _key("use", "out of scope")
    users: str | None = _key("use", "who uses it")
    used_at: tuple[str, ...] | None = _key("use", "where it is used", USED_AT)
    reason: str | None = _key("use", "medical or safety reason", REASONS)
    oversight: str | None = _key("use", "human oversight")
    impacts: tuple[str, ...] | None = _key("use", "possible impact on people")
    treatment: str | None = _key("use", "bias mitigation")
    subjects: str | None = _key("people", "whose emotions it predicts")
    pictures_of_people: bool | None = _key("people", "whether its pictures show people")
    biometric: bool | None = _key("people", "whether it processes biometric data")
    told: str | None = _key("people", "how these people are informed")
    data_source: str | None = _key("data", "where the audited pictures come from")
    data_licence: str | None = _key("data", "licence of the pictures")
    consent: str | None = _key("data", "consent of the people in them")
    labels_mean: str | None = _key("data", "what the labels mean", LABELS_MEAN)
    labelled_by: str | None = _key("data", "who labelled them")
    attributes_from: str | None = _key("data", "how attributes were obtained")
    missing_people: tuple[str, ...] | None = _key("data", "who is missing from the data")

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if value is None:
                continue
            kind, legal = _KINDS[item.name], item.metadata["legal"]
            right = isinstance(value, kind)
            if not right or (kind is tuple and not all(isinstance(part, str) for part in value)):
                shown = list(value) if isinstance(value, tuple) else value
                raise TypeError(
                    f"{item.name} = {shown!r}: expected {_EXPECTED[kind]}; leave the key out where it is not known"
                )
            parts = value if kind is tuple else (value,)
            if not parts or any(isinstance(part, str) and not part.strip() for part in parts):
                raise ValueError(f"{item.name} is empty: fill it in, or leave the key out where it is not known")
            for part in parts if legal else ():
                if part not in legal:
                    raise ValueError(f"{item.name} = {part!r}: expected {' or '.join(map(repr, legal))}")

    @property
    def not_stated(self) -> tuple[str, ...]:
        """Names in words of what was left out, in the order of the keys."""
        return tuple(item.metadata["title"] for item in fields(self) if getattr(self, item.name) is None)

    def stated(self, about: str) -> dict[str, Any]:
        """Key -> value of what was stated about `system`, `use`, `people` or `data`."""
        found = {item.name: getattr(self, item.name) for item in fields(self) if item.metadata["about"] == about}
        return {name: value for name, value in found.items() if value is not None}

    def as_json(self) -> dict[str, Any]:
        """Only what was stated; lists as lists."""
        found = {item.name: getattr(self, item.name) for item in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in found.items() if value is not None
        }

    @classmethod
    def from_json(cls, stated: Mapping[str, Any]) -> SystemCard:
        """The card that `as_json`, or a parsed TOML file, describes. One text stands for a list of one.

        Raises:
            TypeError: see the class.
            ValueError: an unknown key (the nearest legal ones are named), or see the class.
        """
        for key in stated:
            if key not in _KINDS:
                raise ValueError(f"unknown key {key!r}: {closest(key, _KINDS)}")
        return cls(**{key: _listed(value) if _KINDS[key] is tuple else value for key, value in stated.items()})


def read_system_card(path: Path | str) -> SystemCard:
    """The card in a TOML file.

    Raises:
        FileNotFoundError: no such file.
        TypeError: a value of another type than its key has. The message names the file, as the next one does.
        ValueError: not TOML, nothing stated, or see `SystemCard.from_json`.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no system card at {path}: the file does not exist (start from docs/system.toml)")
    stated = read_toml(path)
    if not stated:
        raise ValueError(f"{path} is empty: fill in at least one of {', '.join(_KINDS)}")
    try:
        return SystemCard.from_json(stated)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{path}: {error}") from error


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


def _kind(hint: Any) -> type:
    """`str`, `bool` or `tuple` of a key that may be None."""
    (kind,) = (part for part in typing.get_args(hint) if part is not types.NoneType)
    return typing.get_origin(kind) or kind


_KINDS: Mapping[str, type] = {name: _kind(hint) for name, hint in typing.get_type_hints(SystemCard).items()}
_EXPECTED: Mapping[type, str] = {str: "text in quotes", bool: "true or false", tuple: "a list of text"}
TITLES: Mapping[str, str] = {item.name: item.metadata["title"] for item in fields(SystemCard)}
"""Key -> its name in words."""
