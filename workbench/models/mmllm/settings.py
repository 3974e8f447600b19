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
