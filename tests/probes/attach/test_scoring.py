"""Are scores of label words those of whole sequences read one at a time, in every family?"""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from affect_workbench.probes.attach.inputs import prepare
from affect_workbench.probes.attach.scoring import extended, label_rows, label_tokens, score_labels
from tiny_multimodal import FAMILIES, attached

LABELS = ("anger", "joy", "surely", "angrily", "bored")
QUESTIONS = ("What emotion does this picture show?", "Joy?", "How does this image feel: anger or joy? Answer with one word.")
LISTED = "{% for p in m.content %}{{ p.text or '<image>' }}{% endfor %}"


def pictures():
    rng = np.random.default_rng(1)
    shapes = ((64, 64), (60, 72), (50, 110))
    return [Image.fromarray(rng.integers(0, 256, (*shape, 3), dtype=np.uint8)) for shape in shapes]


@pytest.fixture(scope="module")
def llava():
    return attached("llava")


def ids(text):
    return tuple(attached("llava").tokenizer(text, add_special_tokens=False)["input_ids"])


def told(head, content, *, asks):
    """A chat template: what stands before a message, what it holds, and what asks for an answer."""
    return "{% for m in messages %}" + head + content + "\n{% endfor %}{% if add_generation_prompt %}" + asks + "{% endif %}"


def templated(model, template):
    """The model with another chat template."""
    processor = copy.copy(model.processor)
    processor.chat_template = template
    return replace(model, processor=processor)


@torch.no_grad()
def whole_sequences(model, picture, question, answers):
    """The reference: each answer in its own sequence, without a cache, with positions as the model counts them itself."""
    tensors = prepare(model, [picture], [question]).tensors
    scores = []
    for answer in answers:
        given = {name: tensor for name, tensor in extended(tensors, answer).items() if name != "position_ids"}
        logits = model.model(**given, use_cache=False).logits[0, -len(answer) - 1 : -1]
        scores.append(sum(float(row.double().log_softmax(0)[token]) for row, token in zip(logits, answer, strict=True)))
    return scores


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_are_those_of_whole_sequences_one_at_a_time(family):
    model, shown, questions = attached(family), pictures(), QUESTIONS
    answers = label_tokens(model, LABELS)
    assert len({len(answer) for answer in answers}) > 2
    together = score_labels(model, shown, questions, LABELS, over_labels=False)
    pairs = list(zip(shown, questions, strict=True))
    alone = [score_labels(model, [picture], [question], LABELS, over_labels=False)[0] for picture, question in pairs]
    reference = [whole_sequences(model, picture, question, answers) for picture, question in pairs]
    np.testing.assert_allclose(together, alone, atol=1e-5, rtol=1e-5)
    np.testing.assert_allclose(together, reference, atol=1e-5, rtol=1e-5)
    other = score_labels(model, shown[::-1], questions, LABELS, over_labels=False)
    assert np.abs(together - other).max() > 1e-3  # the pictures are looked at


def test_scores_are_normalised_over_the_labels(llava):
    scores = score_labels(llava, pictures(), QUESTIONS, LABELS)
    raw = score_labels(llava, pictures(), QUESTIONS, LABELS, over_labels=False)
    assert scores.shape == (3, 5)
    assert scores.dtype == np.float64
    np.testing.assert_allclose(np.exp(scores).sum(1), 1)
    np.testing.assert_allclose(scores, raw - np.log(np.exp(raw).sum(1, keepdims=True)))
    assert (np.exp(raw).sum(1) < 1).all()


def test_a_label_is_scored_as_the_template_and_the_tokenizer_write_an_answer(llava):
    assert label_tokens(llava, LABELS[:2]) == (ids(" anger"), ids(" joy"))
    assert ids(" anger") != ids("anger")
    line = told("{{ m.role }}:\n", LISTED, asks="assistant:\n")
    assert label_tokens(templated(llava, line), LABELS[:2]) == (ids("anger"), ids("joy"))
    reasoned = told("{{ m.role }}:\n<think></think>", LISTED, asks="assistant:\n<think>")
    closed = ids("<think></think>anger")[len(ids("<think>")) :]
    assert label_tokens(templated(llava, reasoned), LABELS[:1]) == (closed,)


def test_a_template_may_take_an_answer_as_a_string_only(llava):
    stated = "{% if m.role == 'assistant' %}{{ m.content }}{% else %}" + LISTED + "{% endif %}"
    model = templated(llava, told("{{ m.role }}:\n", stated, asks="assistant:\n"))
    assert label_tokens(model, LABELS[:2]) == (ids("anger"), ids("joy"))


def test_a_label_goes_on_from_a_prompt_that_ends_in_a_space(llava):
    """The tokenizer would write the space and the word as one token, but the space has been said."""
    model = templated(llava, told("{{ m.role }}: ", LISTED, asks="assistant: "))
    assert label_tokens(model, LABELS[:1]) == (ids("anger"),)


def test_a_label_follows_with_a_space_where_the_template_shows_no_answers(llava):
    refuses = "{% if messages | length > 1 %}{{ raise_exception('one only') }}{% endif %}<image>{{ messages[0].role }}:"
    assert label_tokens(templated(llava, refuses), LABELS[:2]) == label_tokens(llava, LABELS[:2])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (("joy", "anger", "joy"), "labels 'joy' and 'joy' share all tokens"),
        (("zenith", "zen"), "labels 'zen' and 'zenith' share all tokens of 'zen' "),
        ((), "expected at least one word"),
        (("joy", " "), "none empty"),
    ],
)
def test_labels_that_cannot_be_told_apart_are_an_error(llava, labels, message):
    with pytest.raises(ValueError, match=message):
        score_labels(llava, pictures(), QUESTIONS, labels)


def test_label_rows_are_what_the_language_model_is_given(llava):
    rows = label_rows(llava, LABELS)
    assert rows.shape == (5, llava.structure.width)
    answers = label_tokens(llava, LABELS)
    table = llava.model.get_input_embeddings().weight.numpy()
    for row, answer in zip(rows, answers, strict=True):
        np.testing.assert_allclose(row, table[list(answer)].mean(0), rtol=1e-6, atol=1e-7)
