"""How does the app know that a picture was on the screen when somebody answered?

A picture is shown by a component of its own (`templates/label_screen.js`), which takes a key only after the picture was
loaded and painted, takes one, and then none until the next picture is painted. What it sends names the picture that it
showed; the page takes no answer about another one.
"""

from __future__ import annotations

import base64
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st

SIDE = 1_120
"""Pixels of the longer side that are sent to the browser: twice of what is shown, for fine screens."""
_QUALITY = 90
_SCRIPT = Path(__file__).parents[2] / "interface" / "templates" / "label_screen.js"
_HTML = '<div class="label-screen" data-testid="stImage"><img alt="the picture that is asked about" hidden></div>'
_CSS = """
.label-screen img { max-width: min(100%, 560px); height: auto; display: block; }
.label-screen img[hidden] { display: none; }
"""


@dataclass(frozen=True)
class Shown:
    """What the page shows: answers about anything else are refused.

    Attributes:
        turn: a number for every run of the page.
        folder: the label folder.
        annotator: who is asked.
        position: of the picture in the queue.
        image_id: the picture's id.
        visible: whether its file can be shown.
    """

    turn: int
    folder: Path
    annotator: str
    position: int
    image_id: str
    visible: bool


@dataclass(frozen=True)
class Screen:
    """The picture on the page, and the keys that answer.

    Attributes:
        turn: a number for every run of the page.
        image_id: of the picture that is asked about; empty where none is.
        source: the picture as a `data:` address; empty where it cannot be shown.
        annotator: whose name the browser shall remember; empty for nobody's.
        answers: key -> answer.
    """

    turn: int
    image_id: str
    source: str
    annotator: str
    answers: Mapping[str, str]


def show(screen: Screen, *, key: str, on_answered: Callable[[], None], on_remembered: Callable[[], None]) -> None:
    """Puts the picture on the page, and with it the keys to answer.

    Args:
        screen: what is shown.
        key: where `on_answered` finds what was sent, in the session's state: `answered` with `turn`, `id` and `answer`.
        on_answered: called before the page runs again.
        on_remembered: the same for `remembered`, the name that this browser knows.
    """
    script = _SCRIPT.read_text(encoding="utf-8")
    make: Any = st.components.v2.component
    # In the page, not in a shadow of it; older versions of Streamlit are told so where a component is put on the page.
    plain = {"isolate_styles": False}
    of_component, of_place = (plain, {}) if "isolate_styles" in inspect.signature(make).parameters else ({}, plain)
    component = make("workbench_label_screen", html=_HTML, css=_CSS, js=script, **of_component)
    data = {
        "turn": screen.turn,
        "id": screen.image_id,
        "source": screen.source,
        "answers": dict(screen.answers),
        "annotator": screen.annotator,
    }
    component(data=data, key=key, on_answered_change=on_answered, on_remembered_change=on_remembered, **of_place)


def picture_source(path: Path) -> str:
    """The picture as a `data:` address; empty where there is no file or it cannot be opened."""
    try:
        return _source(path, path.stat().st_mtime_ns)
    except (OSError, ValueError):
        return ""


@lru_cache(maxsize=16)
def _source(path: Path, written: int) -> str:
    """Kept, since the page runs again at every click; `written` tells a file from what it was before."""
    from affect_workbench.data.images.decode import thumbnail

    del written
    return "data:image/jpeg;base64," + base64.b64encode(thumbnail(path, side=SIDE, quality=_QUALITY)).decode("ascii")
