"""How far is a command of several steps? A bar that names the step it is at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from affect_workbench.data.storage.progress import progress_bar

Say = Callable[[str], None]
"""Takes a line that a command prints."""
MAP_STEP = "drawing the map (the first one takes longer)"


@contextmanager
def steps(title: str, names: tuple[str, ...]) -> Iterator[Callable[[str], None]]:
    """A progress bar over named steps; call the yielded function with each step's name before it starts."""
    with progress_bar(total=len(names), desc=title, unit="step", bar_format="{desc} {bar} {elapsed}") as bar:

        def step(name: str) -> None:
            shown = MAP_STEP if name == "drawing the map" else name
            bar.set_description(shown)
            bar.update(names.index(shown) - bar.n)

        yield step
