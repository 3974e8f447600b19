"""What can be set for the commands about a multimodal LLM of your own: mmllm?"""

from __future__ import annotations

from dataclasses import dataclass, field

from affect_workbench.workbench.interface import fields
from affect_workbench.workbench.interface.fields import option, path_option
from affect_workbench.workbench.models.asking.loading import Loading


@dataclass(frozen=True)
class ChatSettings:
    """Let a multimodal LLM say why each picture conveys the emotion that a probe finds in it."""

    model: str = option("", "hub name or folder of a model, MODEL@revision", required=True, positional=True)
    images: tuple[str, ...] = option((), "pictures, each asked about in turn", required=True, positional=True, many=True)
    probe: str = path_option("", "probe that says which emotion; its own encoder looks at the pictures")
    mode: str = option(
        "",
        "label in the question: predicted (the probe's), given (that of --label), wrong (another than the right one: the "
        "probe's least likely, or drawn from --taxonomy), none; default: given with --label, else predicted with --probe",
    )
    label: str = option("", "the right emotion of the pictures, for the modes given and wrong")
    taxonomy: str = option("", f"labels that a wrong one is drawn from where no probe ranks them: {fields.TAXONOMIES}")
    question: str = option("", "your own question; default: why the picture conveys this emotion, or which one and why")
    certainty: bool = option(True, "in mode predicted, also the probe's confidence and its runner-up in the question")
    show_prompt: bool = option(False, "print exactly what the model reads")
    json: str = path_option("", "file to write what happens into as it happens, one JSON object a line")
    max_tokens: int = option(160, "longest answer in tokens")
    temperature: float = option(0.0, "of the answers; 0: always the likeliest")
    seed: int = option(0, "of answers with a temperature, and of a wrong label that is drawn")
    encoder: str = option(
        "", "encoder of --probe where its weights are your own: open_clip:MODEL/FILE or transformers:FOLDER"
    )
    overwrite: bool = fields.overwrite("the file of --json")
    loading: Loading = field(default_factory=Loading)


@dataclass(frozen=True)
class ComposeSettings:
    """Make one model of a vision tower, a language model and a fresh connector."""

    recipe: str = option("tiny", "parts and sizes: tiny, smollm2, qwen3, tinyllama, phi2, or a .toml file")
    vision: str = path_option("", "vision tower instead of the recipe's: folder, hub name, or builtin:scenes")
    llm: str = path_option("", "language model instead of the recipe's: folder, hub name, or builtin:scenes")
    out: str = path_option("", "folder for the model", short="-o", required=True)
    template: str = option("", "form of questions and answers: auto, chatml, llama3, phi3, zephyr, vicuna, tiny")
    layer: int | None = option(
        None, "hidden layer of the tower that is read; default: the last but one where it has several"
    )
    dtype: str = option("", "float32, bfloat16, float16; default: the recipe's")
    trust_remote_code: bool = option(False, "run code that comes with the parts")
    seed: int = option(0, "of the fresh connector")
    overwrite: bool = fields.overwrite("the folder")


@dataclass(frozen=True)
class StageSettings:
    """Teach a composed model to speak of pictures, or make a small language model that it can be composed of."""

    model: str = path_option(
        "",
        "folder of `mmllm compose`; leave it out with --stage 0, and with --stage all to begin from nothing",
        positional=True,
    )
    data: str = path_option("", "instruct data: folder of `instruct build`, .jsonl or .json; not read by --stage 0")
    out: str = path_option("", "folder for what was trained", short="-o", required=True)
    stage: str = option("all", "0: language model from nothing, 1: connector, 2: reasoning, or all that the model needs")
    recipe: str = option("tiny", "how long and how fast: tiny, smollm2, qwen3, tinyllama, phi2, or a .toml file")
    pictures: int = option(20000, "drawn pictures that --stage 0 reads descriptions of")
    steps: int = option(0, "steps of each stage instead of the recipe's")
    skip_exam: bool = option(False, "go on where the language model cannot read the drawn world's words")
    trust_remote_code: bool = option(False, "run code that comes with the model")
    seed: int = option(0, "of the order of the data and of fresh weights")
    overwrite: bool = fields.overwrite("the folder")


@dataclass(frozen=True)
class ReasoningSettings:
    """Measure whether a multimodal LLM's reasoning rests on the pictures, without a judge model."""

    model: str = option("", "hub name or folder of a model, MODEL@revision", required=True, positional=True)
    pictures: str = path_option("", "manifest folder with labels and attributes", required=True)
    out: str = path_option("", "folder to write", required=True, short="-o")
    probe: str = path_option("", "probe whose labels are put into the question too (mode predicted)")
    pairs: str = path_option("", "manifest of pairs (pair_id) that differ in one attribute: does the reasoning admit it?")
    attributes: tuple[str, ...] = option(
        (), "attributes to ask about, separated by commas; default: all of the manifest, or the drawn world's own"
    )
    causes: tuple[str, ...] = option((), "those that may be a cause; default: all, or the drawn world's own rule")
    split: str = option("", "ask about the pictures of this split only")
    most: int = option(600, "pictures at most, drawn with --seed, and as many pairs; 0: all")
    seed: int = option(0, "of questions, wrong labels, and of whose picture is shown in place of another")
    max_tokens: int = option(60, "longest answer in tokens")
    batch: int = option(32, "questions that go through the model together")
    encoder: str = option(
        "", "encoder of --probe where its weights are your own: open_clip:MODEL/FILE or transformers:FOLDER"
    )
    allow_outside: bool = fields.allow_outside()
    overwrite: bool = fields.overwrite()
    loading: Loading = field(default_factory=Loading)
