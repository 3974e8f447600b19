"""Which view is open? One state for all pages, kept in the address: a link opens the same view.

Each name of `NAMES` is a parameter of the address, as often as it has values. `run` is always there once a run is open: an
address that has it is whole; one without is a link of the navigation, and what was chosen before is put back into it. It is
read with `chosen` and written with `choose`; a widget with `**kept(...)` shows and writes its part by itself; `view(...)` is
for links. What a run does not have is said, and stays in the address until something else is chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from affect_workbench.workbench.interface.numbers import markdown_text

RUN, ATTRIBUTE, SLICE, EMOTION = "run", "attribute", "slice", "emotion"
FILTERS = ("verdict", "emotions", "attributes", "explained", "together")
"""Of the page Slices: verdicts, emotions and attributes listed, whether what is explained is hidden, order of slices."""
NAMES = (RUN, ATTRIBUTE, SLICE, EMOTION, *FILTERS)
_BEFORE = "address before"


def restore() -> None:
    """Puts what was chosen before into an address that says nothing; once on each run of the app, before all else."""
    if RUN not in st.query_params:
        st.query_params.update(st.session_state.get(_BEFORE, {}))  # at once: each change is a step in the browser's history
    remember()


def chosen(name: str) -> str:
    """What is chosen, "" for nothing; whether the open run has it is for the page to look up."""
    return st.query_params.get(name, "")


def choose(**values: str | Sequence[str]) -> None:
    """Writes choices into the address; an empty one is taken out."""
    for name in [name for name, value in values.items() if not value and name in st.query_params]:
        del st.query_params[name]
    st.query_params.update({name: value for name, value in values.items() if value})
    remember()


def view(**changes: str) -> dict[str, list[str]]:
    """The address with changes, as `query_params` of `st.page_link` and `st.switch_page`."""
    now = {name: st.query_params.get_all(name) for name in NAMES} | {name: [value] for name, value in changes.items()}
    return {name: [value for value in values if value] for name, values in now.items() if any(values)}


def kept(
    name: str, options: Sequence[Any], *, text: Callable[[Any], str] = str, many: bool = False, first: Any = None
) -> dict[str, Any]:
    """Arguments of a widget whose choice is that of the address: `st.selectbox("Emotion", names, **kept("emotion", names))`.

    A name that is not among the options is said in a line below what was drawn so far.

    Args:
        name: one of `NAMES`.
        options: of the widget.
        text: of an option in the address.
        many: whether several can be chosen.
        first: what is chosen where the address names nothing.
    """
    known = {text(option): option for option in options}
    given = st.query_params.get_all(name)
    if missing := [value for value in given if value not in known]:
        st.warning(markdown_text(f"The address names {' and '.join(missing)} as {name}, which this run does not have."))
    values = [known[value] for value in given if value in known]
    key = f"address {name}"
    st.session_state[key] = values if many else next(iter(values), first)
    return {"key": key, "on_change": _write, "args": (name, key, text)}


def _write(name: str, key: str, text: Callable[[Any], str]) -> None:
    value = st.session_state[key]
    values = value if isinstance(value, list) else [value]
    choose(**{name: [text(one) for one in values if one is not None and one is not False]})


def remember() -> None:
    """Keeps the address for the pages that are opened by a link of the navigation."""
    st.session_state[_BEFORE] = {name: values for name in NAMES if (values := st.query_params.get_all(name))}
