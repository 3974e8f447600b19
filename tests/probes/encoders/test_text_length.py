"""A text that is longer than its tower reads is refused with its tokens, whichever tower; one that just fits is read."""

from __future__ import annotations

import json

import numpy as np
import pytest

from affect_workbench.data.concepts.definitions import PromptPair
from affect_workbench.probes.anchors.text_models import text_vectors
from affect_workbench.probes.encoders.prompts import prompt_concepts
from affect_workbench.probes.encoders.text_length import open_clip_counts, require_within
from affect_workbench.probes.encoders.vision import vision_encoder
from image_models import saved_clip, saved_open_clip, saved_siglip, tokenizer

PROCESSOR = json.dumps({"size": {"height": 32, "width": 32}, "image_processor_type": "CLIPImageProcessor"})


def towers(folder, kind):
    """An encoder of each kind whose words are one token each, with how many words it reads beside start and end."""
    if kind == "builtin":
        return vision_encoder("builtin:scenes", on="cpu"), 38
    if kind == "open_clip":
        saved_open_clip(folder / "mine")
        return vision_encoder(f"local-dir:{folder / 'mine'}", on="cpu"), 14
    {"clip": saved_clip, "siglip": saved_siglip}[kind](folder)
    (folder / "preprocessor_config.json").write_text(PROCESSOR, encoding="utf-8")
    return vision_encoder(f"transformers:{folder}", on="cpu"), 16  # its tokenizer adds neither start nor end


@pytest.mark.parametrize("kind", ["builtin", "open_clip", "clip", "siglip"])
def test_what_a_tower_does_not_read_to_its_end_is_refused(tmp_path, kind):
    encoder, most = towers(tmp_path, kind)
    fits = "dog " * (most - 1)
    first, second = encoder.encode_text([f"{fits}a", f"{fits}house"])
    assert np.abs(first - second).max() > 1e-4  # the last word that fits is read
    context = encoder.context
    with pytest.raises(ValueError, match=rf"^1 text is too long for .* has {context + 3} tokens .* at most {context} "):
        encoder.encode_text(["a dog", "dog " * (most + 3)])


def test_a_prompt_that_fits_only_without_its_phrase_is_refused():
    encoder, most = towers(None, "builtin")
    encoder.encode_text(["dog " * most])
    with pytest.raises(ValueError, match=r"'what can be seen here is dog dog .* 46 tokens .* shorten it by 6 or more"):
        prompt_concepts([PromptPair.of(" ".join(["dog"] * most))], encoder.encode_text)


def test_sentence_and_language_models_refuse_it_too(tmp_path):
    from transformers import BertConfig, BertModel, GPT2Config, GPT2Model

    small = {"vocab_size": 99, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(**small, max_position_embeddings=16)).save_pretrained(tmp_path / "bert")
    GPT2Model(GPT2Config(vocab_size=99, n_embd=32, n_layer=1, n_head=2, n_positions=16)).save_pretrained(tmp_path / "gpt")
    for kind, name in (("sentence", "bert"), ("hidden", "gpt")):
        tokenizer(tmp_path / name)
        source = f"{kind}:{tmp_path / name}"
        assert text_vectors(source, ["dog " * 16]).vectors.shape == (1, 32)
        with pytest.raises(ValueError, match=r"too long for .* has 17 tokens .* at most 16 are read"):
            text_vectors(source, ["a dog", "dog " * 17])


def test_tokens_are_counted_as_open_clip_makes_them():
    from open_clip.tokenizer import SimpleTokenizer

    theirs = SimpleTokenizer()
    texts = ["a dog!", "Supercalifragilistic  weather &amp; ...", "", "wow! !"]
    tokens = theirs(texts)
    assert open_clip_counts(theirs)(texts) == [int(row.argmax()) + 1 for row in tokens]  # the end has the largest id


def test_a_model_without_a_limit_reads_anything():
    require_within(["x" * 999], [10_000], 0, model="some")
