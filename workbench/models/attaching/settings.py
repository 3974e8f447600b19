"""What can be set for the command that taps a multimodal LLM: attach?"""

from __future__ import annotations

from dataclasses import dataclass, field

from affect_workbench.workbench.interface import fields
from affect_workbench.workbench.interface.fields import option, path_option
from affect_workbench.workbench.models.asking.loading import Loading


@dataclass(frozen=True)
class AttachSettings:
    """Tap a multimodal LLM, unchanged: what it answers, what its layers hold, and whether a probe there speaks for it."""

    model: str = option(
        "", "hub name or folder of a model, MODEL@revision", required=True, positional=True, instead="list_families"
    )
    pictures: str = path_option("", "manifest folder, or a table with a path column")
    out: str = path_option("", "folder to write, which audit takes as predictions", short="-o")
    at: tuple[str, ...] = option(
        (),
        "places to tap: connector.in, connector.out, layers.N, last; PLACE:POOL with the pool mean, max, last or attention; "
        "default: both ends of the connector, some layers, and last",
        many=True,
    )
    answers: str = path_option(
        "", "folder of workbench ask for the same model and pictures; default: the model is asked first"
    )
    audited: str = option("", "the place whose answer probe is audited; default: where it agrees best with the answers")
    projector: bool = option(
        True,
        "fit a Metric Projector on true labels at every place too, about 4 s of processor time a place for 1,000 pictures",
    )
    probe: str = path_option("", "a probe of your own, used as it is at the place whose features it was trained on")
    probe_at: str = option("", "use --probe at this place, whatever it says it was trained on; the width has to fit")
    erase: tuple[str, ...] = option((), "attributes to erase inside the model: does the skew of its answers go?")
    erase_at: str = option("connector.out", "where to erase: connector.out or layers.N")
    erase_pictures: int = option(400, "most pictures for --erase; one half fits the eraser, the model answers to the other")
    random_directions: int = option(20, "random directions of equal rank to erase beside each attribute; at least 20")
    labels: tuple[str, ...] = option((), "label words to ask for, separated by commas; default: the manifest's labels")
    taxonomy: str = option("", f"the same by name: {fields.TAXONOMIES}")
    prompts: str = fields.prompts()
    split: str = option("", "tap with the pictures of this split only")
    size: bool = option(False, "only print how much memory loading the model takes; its weights are not loaded")
    list_families: bool = option(
        False, "only print the families of models, their places, and how they were checked", flag="list"
    )
    batch: int = option(8, "pictures that go through the model together")
    seed: int = option(0, "of folds, halves, random directions and the order of options")
    allow_outside: bool = fields.allow_outside()
    overwrite: bool = fields.overwrite()
    loading: Loading = field(default_factory=Loading)
