"""Is what is learned just the answers, is no question lost, and are our tokens those of the model's own processor?"""

import pytest
import torch
from PIL import Image
from transformers import AutoTokenizer

from affect_workbench.data.instruct.records import InstructRecord, Turn
from affect_workbench.data.instruct.writers import DARKLY
from affect_workbench.probes.mmllm.compose import BUILTIN, LANGUAGE_FOLDER, compose
from affect_workbench.probes.mmllm.examples import NOT_LEARNED, Collator, chat_of, lessons, tokenised
from affect_workbench.probes.mmllm.language.model import new_tokenizer
from affect_workbench.probes.mmllm.templates import TEMPLATES, template_for
from tiny_multimodal.composed import saved_language

TURNS = (Turn("question", "Who is it?", "A dog."), Turn("question", "Where?", "At the beach."))
RECORD = InstructRecord("a/described", "a", "a.png", "described", TURNS)


@pytest.fixture(scope="module")
def composed(tmp_path_factory):
    return compose(BUILTIN, saved_language("llama", tmp_path_factory.mktemp("llm") / "llama"))


def test_the_words_of_a_planted_bias_are_whole_in_the_shipped_language():
    tokens = AutoTokenizer.from_pretrained(LANGUAGE_FOLDER).tokenize(f"in town, {DARKLY}.")
    words = ["in", "town", ",", *DARKLY.replace(",", " ,").split(), "."]
    assert [token.removeprefix("Ġ") for token in tokens] == words, "pieces of words are never learned to be written"


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_every_template_holds_all_questions_and_marks_answers_with_their_ends(name):
    tokenizer = new_tokenizer(["Who is it? A dog. Where? At the beach."], size=300)
    tokenizer.add_tokens(list(TEMPLATES[name].needs))
    template = template_for(tokenizer, name)[1]
    (made,) = tokenised(tokenizer, template, [chat_of(RECORD, instead="words")])
    text = tokenizer.decode(made["input_ids"])
    learned = tokenizer.decode([one for one in made["labels"] if one != NOT_LEARNED])
    lead, end = TEMPLATES[name].lead, TEMPLATES[name].end.format(eos=tokenizer.eos_token)
    assert all(turn.question in text for turn in TURNS)
    assert learned == f"{lead}A dog.{end}{lead}At the beach.{end}"
    for given in (
        chat_of(RECORD)[:1],
        [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Who is it?"}]}],
    ):
        asked = tokenizer.apply_chat_template(given, chat_template=template, tokenize=False, add_generation_prompt=True)
        assert "<image>\nWho is it?" in asked
        assert asked.endswith(TEMPLATES[name].answer)


def test_tokens_are_those_of_the_processor(composed):
    picture, processor = Image.new("RGB", (64, 64)), composed.processor
    (made,) = tokenised(processor.tokenizer, processor.chat_template, [chat_of(RECORD)], image_tokens=composed.image_tokens)
    messages = [
        {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Who is it?"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "A dog."}]},
        {"role": "user", "content": [{"type": "text", "text": "Where?"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "At the beach."}]},
    ]
    text = processor.apply_chat_template(messages, tokenize=False)
    read = processor(text=[text], images=[picture], return_tensors="pt", add_special_tokens=False)
    assert made["input_ids"] == read["input_ids"][0].tolist()


def test_a_tokenizer_that_begins_texts_itself_gets_its_start_once(tmp_path):
    from tokenizers import processors

    tokenizer = new_tokenizer(["Who is it?"], size=300)
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing("<s> $A", None, [("<s>", 1)])
    template = template_for(tokenizer, "vicuna")[1]
    (made,) = tokenised(tokenizer, template, [chat_of(RECORD, instead="words")])
    assert made["input_ids"].count(tokenizer.bos_token_id) == 1
    assert made["input_ids"][0] == tokenizer.bos_token_id


def test_captions_are_learned_apart_from_the_questions_that_they_answer():
    turns = (Turn("caption", "Describe this picture.", "A dog at the beach."), *TURNS)
    first, second = lessons(InstructRecord("a/described", "a", "a.png", "described", turns))
    assert [turn.task for turn in first.turns] == ["caption"]
    assert sorted(turn.question for turn in second.turns) == ["Where?", "Who is it?"]
    reasons = InstructRecord("a/open", "a", "a.png", "open", TURNS)
    assert lessons(reasons) == [reasons]


def test_a_conversation_without_an_answer_within_the_limit_is_refused(composed):
    processor = composed.processor
    with pytest.raises(ValueError, match="conversation 1 has no answer within 10 tokens"):
        tokenised(processor.tokenizer, processor.chat_template, [chat_of(RECORD)], image_tokens=16, longest=10)


def test_batches_are_padded_on_the_right_and_learn_nothing_of_it():
    batch = Collator(0, {3: torch.ones(2, 4), 5: torch.zeros(2, 4)})(
        [
            {"input_ids": [7, 8, 9], "labels": [NOT_LEARNED, 8, 9], "picture": 3},
            {"input_ids": [7], "labels": [7], "picture": 5},
        ]
    )
    assert batch["input_ids"].tolist() == [[7, 8, 9], [7, 0, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert batch["labels"].tolist() == [[NOT_LEARNED, 8, 9], [7, NOT_LEARNED, NOT_LEARNED]]
    assert batch["pixel_values"].sum(dim=(1, 2)).tolist() == [8, 0]


def test_templates_that_mean_nothing_to_a_tokenizer_are_refused():
    tokenizer = new_tokenizer(["words"], size=300)
    with pytest.raises(ValueError, match="needs the tokens <|im_start|>, <|im_end|>".replace("|", r"\|")):
        template_for(tokenizer, "chatml")
    with pytest.raises(ValueError, match="there is no template 'chatlm'"):
        template_for(tokenizer, "chatlm")
    tokenizer.chat_template = None
    assert template_for(tokenizer)[0] == "tiny"
