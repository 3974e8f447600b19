"""How did the language model that is shipped come here? By `python -m` with the name of this module, and `LM`.

`LM` is what `workbench mmllm train --stage 0 -o LM` made.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from affect_workbench.data.storage.atomic import atomic_folder, write_text
from affect_workbench.probes.mmllm.compose import LANGUAGE_FOLDER
from affect_workbench.probes.runtime import declare_torchvision_operators

CARD_FILE = "MODEL_CARD.md"


def ship(made: Path, folder: Path = LANGUAGE_FOLDER) -> None:
    """Writes the model in half precision, its tokenizer, and a card with the marks of its exam."""
    declare_torchvision_operators()
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from affect_workbench.probes.mmllm.language.exam import statement_exam, text_exam

    model, tokenizer = AutoModelForCausalLM.from_pretrained(made).half(), AutoTokenizer.from_pretrained(made)
    exam = text_exam(model.float().eval(), tokenizer, seed=1)
    judged = statement_exam(model, tokenizer, seed=1)
    with atomic_folder(folder, overwrite=True) as work:
        model.half().save_pretrained(work)
        tokenizer.save_pretrained(work)
        size = sum(weight.numel() for weight in model.parameters())
        marks = "\n".join(f"| {name} | {share:.1%} |" for name, share in exam.items())
        write_text(work / CARD_FILE, _CARD.format(size=size, words=len(tokenizer), marks=marks, judged=judged))
        write_text(work / "exam.json", json.dumps(exam, indent=1) + "\n")


_CARD = """# The language model of the drawn world

A Llama of {size:,} parameters and {words} tokens that has only ever read descriptions of drawn pictures and the rules'
conversations about them (`probes/mmllm/language/texts.py`), made from nothing by `workbench mmllm train --stage 0 -o LM` and
`python -m affect_workbench.probes.mmllm.language.shipping LM`. It is there so that a multimodal LLM can be composed and
trained in minutes on two cores; it knows no other words, and says nothing about real pictures or people.

Right answers about fresh pictures that are described in words (200 an attribute):

| attribute | right |
|---|---|
{marks}

Of statements about them ("True or false: a dog.") it judges {judged:.1%} rightly, where guessing gives 50 %: one a picture,
of one bit each, is too little for it to learn to compare.
"""


if __name__ == "__main__":
    ship(Path(sys.argv[1]))
