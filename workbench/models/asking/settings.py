"""What can be set for the command that asks a multimodal language model: ask?"""

from __future__ import annotations

from dataclasses import dataclass, field

from affect_workbench.workbench.interface import fields
from affect_workbench.workbench.interface.fields import option, path_option
from affect_workbench.workbench.models.asking.calling import Calling
from affect_workbench.workbench.models.asking.loading import Loading


@dataclass(frozen=True)
class AskSettings:
    """Ask a multimodal LLM for the emotion of every picture, in several prompts, and write its answers as predictions."""

    model: str = option(
        "", "hub name or folder of a model, MODEL@revision; its name there with --endpoint", required=True, positional=True
    )
    pictures: str = path_option("", "manifest folder, or a table with a path column", required=True)
    out: str = path_option(
        "", "folder to write, which audit takes as predictions", required=True, short="-o", instead="dry_run"
    )
    labels: tuple[str, ...] = option((), "label words to ask for, separated by commas; default: the manifest's labels")
    taxonomy: str = option("", f"the same by name: {fields.TAXONOMIES}")
    prompts: str = fields.prompts()
    split: str = option("", "ask about the pictures of this split only")
    free: bool = option(False, "also parse answers in its own words; predictions stay those of the scored label words")
    samples: int = option(
        0, "texts per prompt and picture; 0: five where an endpoint returns no log-probabilities, else one with --free"
    )
    temperature: float = option(1.0, "of several texts per prompt; a single one is always the likeliest")
    max_tokens: int = option(48, "longest text in tokens")
    seed: int = option(0, "of the order of options, and of texts")
    batch: int = option(8, "questions that go through a model in memory together")
    allow_outside: bool = fields.allow_outside()
    overwrite: bool = fields.overwrite()
    calling: Calling = field(default_factory=Calling)
    loading: Loading = field(default_factory=Loading)
