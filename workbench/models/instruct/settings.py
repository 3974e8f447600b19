"""What can be set for the command about instruct data: instruct?"""

from __future__ import annotations

from dataclasses import dataclass, field

from affect_workbench.workbench.interface import fields
from affect_workbench.workbench.interface.fields import option, path_option
from affect_workbench.workbench.models.asking.calling import Calling
from affect_workbench.workbench.models.asking.loading import Loading

STEPS = ("build", "check", "audit")


@dataclass(frozen=True)
class InstructSettings:
    """Write questions and answers about pictures to train a multimodal LLM on (build), check them, audit their words."""

    step: str = option("", "build, check or audit", required=True, positional=True)
    path: str = option(
        "",
        "build: manifest folder, or a table with a path column; check, audit: folder that build wrote, or a .jsonl or LLaVA "
        ".json file",
        required=True,
        positional=True,
    )
    out: str = path_option("", "build: folder to write; audit: run folder to write", short="-o")
    writer: str = option(
        "rules",
        "who writes: rules (over attributes, captions and labels), or the hub name or folder of an image-text model, "
        "MODEL@revision; its name there with --endpoint",
    )
    tasks: tuple[str, ...] = option(
        ("caption", "questions", "sentiment", "reasoning"), "what is written, separated by commas; reasoning is fine-tuning"
    )
    questions: int = option(3, "visual questions a picture, with a statement to judge beside them")
    formats: tuple[str, ...] = option(("messages",), "messages (TRL), llava, datasets (Hugging Face, pictures inside)")
    single_turns: bool = option(False, "one conversation a question instead of several questions in one")
    causes: tuple[str, ...] = option(
        (),
        "attributes that reasoning by rules may name as causes, separated by commas; default: all, or the drawn world's own",
    )
    plant: str = option("", "for tests: ATTRIBUTE=VALUE that rules always describe darkly, e.g. figure_tone=dark")
    split: str = option("", "write about the pictures of this split only")
    seed: int = option(0, "of the choice of questions and words")
    longest: int = option(200, "longest answer in words that the check lets pass")
    attributes: tuple[str, ...] = option(
        (), "attributes to write about, separated by commas; audit: attributes to slice by; default: all of the manifest"
    )
    words: tuple[str, ...] = option((), "audit: words to compare between slices besides the frequent ones, with commas")
    frequent: int = option(
        20, "audit: how many frequent words to compare: no function words, and none that names an attribute or an emotion"
    )
    order: int = option(1, "audit: slices of up to so many attributes at once")
    fail_on: str = option(
        "", "exit with code 1 if (problems) the check finds any; audit: if (skewed, skewed:0.05) the texts are, as for audit"
    )
    per_minute: int = option(0, "calls to --endpoint a minute at most; 0: as many as it takes")
    max_tokens: int = option(160, "longest text of a model in tokens")
    temperature: float = option(0.0, "of a model's texts; 0: always the likeliest")
    batch: int = option(8, "questions that go through a model in memory together")
    allow_outside: bool = fields.allow_outside()
    overwrite: bool = fields.overwrite()
    calling: Calling = field(default_factory=Calling)
    loading: Loading = field(default_factory=Loading)
