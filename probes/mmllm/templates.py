"""In which form do questions and answers reach a language model, with every answer marked as what is to be learned?

The template of an LLM itself takes texts only, and rarely marks answers. One of these takes its place in a composed model:
the question always stands in it, also behind a picture (a template that drops it lets tasks contradict each other), and the
mark of an answer's end is learned with the answer. `{% generation %}` is what TRL and transformers read for the marks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from affect_workbench.data.taxonomies.taxonomy import closest

IMAGE_TOKEN = "<image>"


@dataclass(frozen=True)
class Turns:
    """What stands around a question and an answer.

    Attributes:
        question: before a question.
        asked: after it.
        answer: before an answer; also what a model goes on from.
        end: after an answer, learned with it; `{eos}` for the tokenizer's end token.
        after: between an answer's end and the next question.
        system: around what a system message says, at its place `{}`.
        lead: what an answer begins with, written by the model: a space, where it would melt into the first word's token.
        needs: tokens without which the form means nothing to a tokenizer.
    """

    question: str
    asked: str
    answer: str
    end: str
    after: str = ""
    system: tuple[str, str] = ("", "\n")
    lead: str = ""
    needs: tuple[str, ...] = ()


TEMPLATES: Mapping[str, Turns] = {
    "tiny": Turns("<user>", "", "<assistant>", "{eos}", needs=("<user>", "<assistant>")),
    "chatml": Turns(
        "<|im_start|>user\n",
        "<|im_end|>\n",
        "<|im_start|>assistant\n",
        "<|im_end|>",
        "\n",
        ("<|im_start|>system\n", "<|im_end|>\n"),
        needs=("<|im_start|>", "<|im_end|>"),
    ),
    "llama3": Turns(
        "<|start_header_id|>user<|end_header_id|>\n\n",
        "<|eot_id|>",
        "<|start_header_id|>assistant<|end_header_id|>\n\n",
        "<|eot_id|>",
        system=("<|start_header_id|>system<|end_header_id|>\n\n", "<|eot_id|>"),
        needs=("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    ),
    "phi3": Turns(
        "<|user|>\n",
        "<|end|>\n",
        "<|assistant|>\n",
        "<|end|>",
        "\n",
        ("<|system|>\n", "<|end|>\n"),
        needs=("<|user|>", "<|end|>", "<|assistant|>"),
    ),
    "zephyr": Turns("<|user|>\n", "{eos}\n", "<|assistant|>\n", "{eos}", "\n", ("<|system|>\n", "{eos}\n")),
    "vicuna": Turns("USER: ", " ", "ASSISTANT:", "{eos}", lead=" "),
}
"""Name -> form. `zephyr` is TinyLlama's; `vicuna`, LLaVA's own, needs nothing of a tokenizer but an end token."""
DEFAULT = "vicuna"


def template_for(tokenizer: Any, name: str = "auto") -> tuple[str, str]:
    """The form for this tokenizer.

    Args:
        tokenizer: a tokenizer of transformers.
        name: one of `TEMPLATES`; `auto` takes the form of the LLM's own template where it is one of these, else `vicuna`.

    Returns:
        The name of the form, and the template in Jinja.

    Raises:
        ValueError: an unknown name, a tokenizer without an end token, or without a token that the form needs.
    """
    if not tokenizer.eos_token:
        raise ValueError("the tokenizer has no end token: a model could never learn to stop")
    if name == "auto":
        name = _own(tokenizer)
    if name not in TEMPLATES:
        raise ValueError(f"there is no template {name!r}: {closest(name, ['auto', *TEMPLATES])}")
    turns = TEMPLATES[name]
    lacking = [token for token in turns.needs if token not in tokenizer.get_vocab()]
    if lacking:
        raise ValueError(f"template {name!r} needs the tokens {', '.join(lacking)}, which the tokenizer does not have")
    return name, _jinja(turns, tokenizer)


def _own(tokenizer: Any) -> str:
    own, known = str(tokenizer.chat_template or ""), tokenizer.get_vocab()
    for name, turns in TEMPLATES.items():
        if turns.needs and all(token in known for token in turns.needs) and (name == "tiny" or turns.needs[0] in own):
            return name
    return "zephyr" if "<|user|>" in own and "<|assistant|>" in own else DEFAULT


_JINJA = """
{%- macro content(message) -%}
  {%- if message['content'] is string -%}{{ message['content'] }}
  {%- else -%}
    {%- for part in message['content'] -%}
      {%- if part['type'] == 'image' -%}{{ @image@ }}{%- else -%}{{ part['text'] }}{%- endif -%}
    {%- endfor -%}
  {%- endif -%}
{%- endmacro -%}
{{- @start@ -}}
{%- for message in messages -%}
  {%- if message['role'] == 'system' -%}{{ @system@ + content(message) + @systemend@ }}
  {%- elif message['role'] == 'assistant' -%}{{ @answer@ }}
    {%- generation -%}{{ @lead@ + content(message) + @end@ }}{%- endgeneration -%}{{ @after@ }}
  {%- else -%}{{ @question@ + content(message) + @asked@ }}
  {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ @answer@ }}{%- endif -%}
"""


def _jinja(turns: Turns, tokenizer: Any) -> str:
    parts = {name: getattr(turns, name) for name in ("question", "asked", "answer", "lead", "end", "after")}
    parts |= {"system": turns.system[0], "systemend": turns.system[1], "image": f"{IMAGE_TOKEN}\n"}
    parts["start"] = tokenizer.bos_token if _adds_start(tokenizer) else ""
    template = _JINJA
    for name, text in parts.items():
        template = template.replace(f"@{name}@", _quoted(text.format(eos=tokenizer.eos_token)))
    return template.strip()


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


def _adds_start(tokenizer: Any) -> bool:
    """Whether the tokenizer itself begins a text with its start token, which a template must then bring."""
    ids = tokenizer("a")["input_ids"]
    return tokenizer.bos_token_id is not None and bool(ids) and ids[0] == tokenizer.bos_token_id
