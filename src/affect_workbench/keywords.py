"""How do the options of the command line become keywords in Python: of functions, and in what errors say?"""

from __future__ import annotations

import difflib
import inspect
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import Field, fields, replace
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeVar

_COMMAND = r"workbench(?: [a-z][\w-]*)+"
_OPTION = re.compile(
    rf"(?P<command>{_COMMAND}[^.;)`]*)|(?<![\w-])--(?P<name>[a-z]+(?:-[a-z]+)*)(?:=(?P<value>'[^']*'|[^\s,;)]*[^\s,;.)]))?"
)
"""An option, with its value after `=`; what a whole command of the command line names is left as it is."""
_RENAMED = {"scores_prefix": "scores", "votes_prefix": "votes", "id_column": "image_id", "training_data": "training"}
_SWITCHES = ("overwrite", "calibrate", "learn_temperature", "normalise")
_OTHERWISE = {
    "attributes=TABLE.csv": "frame.merge(table, on='image_id')",
    "probe": "probe.predict(features)",
    "unseen_only": "features.take(probe.unseen(features))",
}
"""Options without a keyword -> what does the same in Python."""
_KINDS: Mapping[str, tuple[type, str]] = {
    "int": (Integral, "a whole number"),
    "float": (Real, "a number"),
    "bool": (bool, "True or False"),
    "str": (str, "text"),
}
_REFUSALS = (FileExistsError, FileNotFoundError, PermissionError, OSError, TypeError, ValueError)
Config = TypeVar("Config")
Function = TypeVar("Function", bound=Callable[..., Any])


def in_python(text: str) -> str:
    """The text with `some_option=`, or `some_option='value'`, where it names `--some-option`, or `--some-option=value`.

    A switch is `True`. What no function takes as a keyword is what does the same in Python.
    """

    def keyword(found: re.Match[str]) -> str:
        if found["command"]:
            return found[0]
        name, value = found["name"].replace("-", "_"), found["value"]
        for written in (f"{name}={value}", name):
            if written in _OTHERWISE:
                return _OTHERWISE[written]
        name = _RENAMED.get(name, name)
        if value is None:
            return f"{name}=True" if name in _SWITCHES else f"{name}="
        return f"{name}={value.strip(chr(39))!r}"

    return _OPTION.sub(keyword, text)


@contextmanager
def python_errors() -> Iterator[None]:
    """Around a call of the house: what it refuses is refused in the words of `in_python`.

    Raises:
        ValueError: with the same message in these words; likewise TypeError, OSError and its kinds.
    """
    try:
        yield
    except (ValueError, TypeError, OSError) as error:
        if (words := in_python(str(error))) == str(error):
            raise
        raise next(kind for kind in _REFUSALS if isinstance(error, kind))(words) from None


def column_name(given: object, *, keyword: str) -> str:
    """The name of a column as text, as columns are called here; of a column that is called by a number, its digits.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(given, str):
        return given.strip()
    if not isinstance(given, Integral) or isinstance(given, bool):
        raise TypeError(f"{keyword}={given!r}: expected the name of a column")
    return str(int(given))


def column_names(given: object, *, keyword: str) -> tuple[str, ...]:
    """Names of columns; one text stands for itself alone.

    Raises:
        TypeError: no names.
    """
    if isinstance(given, str):
        return (column_name(given, keyword=keyword),)
    if not isinstance(given, Iterable) or isinstance(given, Mapping):
        raise TypeError(f"{keyword} is {given!r}: expected names of columns")
    return tuple(column_name(one, keyword=keyword) for one in given)


def path_of(given: object, *, keyword: str) -> Path:
    """A path that was given as text or as a path.

    Raises:
        TypeError: it is neither.
    """
    if not isinstance(given, str | os.PathLike):
        raise TypeError(f"{keyword} is {given!r}: expected a path, as text or as a pathlib.Path")
    return Path(given)


def two_names(given: object) -> tuple[str, str]:
    """What two things are called, and nothing else.

    Raises:
        TypeError: not two texts.
    """
    names = () if isinstance(given, str) or not isinstance(given, Iterable) else tuple(given)
    if len(names) != 2 or not all(isinstance(one, str) for one in names):
        raise TypeError(f"names is {given!r}: expected two texts, such as ('old', 'new')")
    return names[0], names[1]


def with_keywords(kind: type[Any]) -> Callable[[Function], Function]:
    """Shows the fields of a configuration in the signature and the docstring of a function that takes them as `**options`.

    What is shown on completion and on shift-tab is then what the function takes, with the defaults that it has.
    """

    def shown(function: Function) -> Function:
        signature = inspect.signature(function)
        own = [one for one in signature.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
        offered = {name: one for name, one in _offered(kind).items() if name not in signature.parameters}
        keywords = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=one.default, annotation=one.type)
            for name, one in offered.items()
        ]
        function.__signature__ = signature.replace(parameters=[*own, *keywords])  # type: ignore[attr-defined]
        if function.__doc__:
            lines = [
                f"    {name} ({one.type}): {one.metadata.get('help', '')}; {one.default!r}." for name, one in offered.items()
            ]
            options = "\n".join([f"Options, the fields of `{kind.__name__}` with their defaults:", *lines])
            function.__doc__ = f"{inspect.cleandoc(function.__doc__)}\n\n{options}\n"
        return function

    return shown


def config_of(kind: type[Config], given: Config | None, options: Mapping[str, Any], *, function: str) -> Config:
    """The configuration that keywords ask for, beside (and before) what `given` says.

    Args:
        kind: a dataclass.
        given: of that kind, or None for the defaults.
        options: field -> value; one text may stand for a tuple of one, and a list for a tuple.
        function: what the keywords were given to.

    Raises:
        TypeError: no such keyword (the nearest one is named), a value of another kind, or a `given` of another kind.
        ValueError: a value out of range.
    """
    if given is not None and not isinstance(given, kind):
        raise TypeError(f"config is {type(given).__name__}: expected {kind.__name__}")
    offered = _offered(kind)
    known = {one.name: one for one in offered.values()} | offered
    for name in options:
        if name not in known:
            raise TypeError(f"{function}() has no keyword {name!r}: {_nearest(name, offered)}")
    values = {known[name].name: _value(known[name], value) for name, value in options.items()}
    return kind(**values) if given is None else replace(given, **values)  # type: ignore[type-var]


def _offered(kind: type[Any]) -> dict[str, Field[Any]]:
    """Keyword -> field: what the command line calls it, with underscores."""
    return {one.metadata.get("flag", one.name).replace("-", "_"): one for one in fields(kind)}


def _value(field: Field[Any], value: Any) -> Any:
    expected = str(field.type)
    if expected.startswith("tuple"):
        if value is None and field.default is None:
            return None
        return column_names(value, keyword=field.name)
    kind, words = _KINDS[expected]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{field.name} is {value!r}: expected {words}")
    return value


def _nearest(name: str, legal: Iterable[str]) -> str:
    names = list(legal)
    near = difflib.get_close_matches(name, names, n=2, cutoff=0.55)
    return f"did you mean {' or '.join(near)}?" if near else f"expected one of {', '.join(names)}"
