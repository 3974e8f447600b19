"""Output heads, hidden states, CLIP towers, presets, ensembles and synonyms: are these the model's own numbers?"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.anchors.anchors import anchors_from, phrases, synonym_anchors
from affect_workbench.probes.anchors.sources import PRESETS, checkpoint, identity
from affect_workbench.probes.anchors.text_models import text_vectors
from affect_workbench.probes.encoders.vision import vision_encoder
from affect_workbench.probes.runtime import declare_torchvision_operators
from text_models import EKMAN, TEMPLATE, WORDS, bert, gpt2, llama, saved, tokenizer, unit

declare_torchvision_operators()

MIXED = Taxonomy("mixed", ("joy", "an image expressing fear", "anger emotion"))


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def rows(table: torch.Tensor, phrase: str, *, begins: bool) -> torch.Tensor:
    return table[[*([2] if begins else []), *map(WORDS.index, phrase.split())]].mean(dim=0)


@pytest.mark.parametrize("shard", ["1GB", "2KB"], ids=["one file", "shards"])
def test_output_anchors_are_rows_of_the_head_and_not_of_the_input_table(shard: str, tmp_path: Path) -> None:
    model = llama()
    anchors = anchors_from(f"output:{saved(model, tmp_path, shard=shard)}", EKMAN, template=TEMPLATE)
    expected = torch.stack([rows(model.lm_head.weight, TEMPLATE.format(label), begins=False) for label in EKMAN.labels])
    np.testing.assert_allclose(anchors.vectors, unit(expected), atol=1e-6)
    table = model.get_input_embeddings().weight
    other = torch.stack([rows(table, TEMPLATE.format(label), begins=False) for label in EKMAN.labels])
    assert np.abs(anchors.vectors - unit(other)).max() > 0.1
    assert anchors.note == ""


def test_a_tied_head_is_the_input_table_and_says_so(tmp_path: Path) -> None:
    model = gpt2()
    folder = saved(model, tmp_path)
    anchors = anchors_from(f"output:{folder}", EKMAN)
    expected = torch.stack([rows(model.lm_head.weight, label, begins=False) for label in EKMAN.labels])
    np.testing.assert_allclose(anchors.vectors, unit(expected), atol=1e-6)
    assert anchors.note == (
        f"{folder} has no output head of its own: the rows are those of its input table, which serves as both"
    )


def test_openelm_says_in_its_own_words_that_its_head_is_tied(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    table = torch.randn(len(WORDS), 12)
    save_file({"transformer.token_embeddings.weight": table}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "openelm", "share_input_output_layers": True, "tie_word_embeddings": False})
    )
    tokenizer().save_pretrained(tmp_path)
    anchors = anchors_from(f"output:{tmp_path}", EKMAN)
    np.testing.assert_allclose(anchors.vectors, unit(table[[WORDS.index(label) for label in EKMAN.labels]]), atol=1e-6)
    assert "input table" in anchors.note
    assert anchors_from(f"token:{tmp_path}", EKMAN).vectors.shape == (6, 12)


def test_a_short_name_that_cannot_be_reached_says_what_it_means() -> None:
    with pytest.raises(FileNotFoundError, match=r"no text model at 'phi-2' \(that is microsoft/phi-2\): neither"):
        anchors_from("token:phi-2", EKMAN)


def test_a_model_without_a_head_that_is_not_tied_is_refused(tmp_path: Path) -> None:
    model = llama()
    saved(model.model, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"tie_word_embeddings": False}))
    with pytest.raises(ValueError, match=r"has no output head named \*lm_head\.weight.*: use token:"):
        anchors_from(f"output:{tmp_path}", EKMAN)


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("closing", [False, True])
@pytest.mark.parametrize("make", [llama, gpt2])
def test_hidden_anchors_are_the_last_states_of_each_phrase_alone(make, closing: bool, left: bool, tmp_path: Path) -> None:
    model = make().eval()
    folder = saved(model, tmp_path, closing=closing, left=left)
    anchors = anchors_from(f"hidden:{folder}", MIXED)
    expected = []
    for phrase in MIXED.labels:
        ids = torch.tensor([[2, *map(WORDS.index, phrase.split())]])
        with torch.inference_mode():
            expected.append(model(ids, output_hidden_states=True).hidden_states[-1][0, -1])
    np.testing.assert_allclose(anchors.vectors, unit(torch.stack(expected)), atol=1e-5)


def test_hidden_states_depend_on_the_label_within_a_template(tmp_path: Path) -> None:
    anchors = anchors_from(f"hidden:{saved(llama(), tmp_path)}", EKMAN, template=TEMPLATE)
    assert anchors.vectors.shape == (6, 16)
    assert (anchors.vectors @ anchors.vectors.T)[np.triu_indices(6, 1)].max() < 1 - 1e-6


def test_an_encoder_with_a_decoder_apart_has_no_hidden_anchors(tmp_path: Path) -> None:
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(
        vocab_size=len(WORDS), d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2, decoder_start_token_id=0
    )
    folder = saved(T5ForConditionalGeneration(config), tmp_path)
    with pytest.raises(ValueError, match="is no causal language model"):
        anchors_from(f"hidden:{folder}", EKMAN)


def test_layers_that_are_code_of_the_checkpoint_are_never_run(tmp_path: Path) -> None:
    folder = saved(llama(), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    own = {"model_type": "openelm", "auto_map": {"AutoConfig": "code.Config", "AutoModel": "code.Model"}}
    (tmp_path / "config.json").write_text(json.dumps(config | own))
    (tmp_path / "code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    with pytest.raises(ValueError, match="are code that comes with the checkpoint, which is never run here: use token:"):
        anchors_from(f"hidden:{folder}", EKMAN)
    assert not (tmp_path / "ran").exists()
    assert anchors_from(f"token:{folder}", EKMAN).vectors.shape == (6, 16)


def test_clip_anchors_are_the_text_towers_own_vectors() -> None:
    drawn = Taxonomy("drawn", ("dog", "house", "night"))
    anchors = anchors_from("clip:builtin:scenes", drawn, template="a picture of a {}")
    texts = [f"a picture of a {label}" for label in drawn.labels]
    expected = vision_encoder("builtin:scenes", on="cpu").encode_text(texts)
    np.testing.assert_allclose(anchors.vectors, expected, atol=1e-6)
    with pytest.raises(ValueError, match="there is builtin:scenes"):
        anchors_from("clip:builtin:scene", EKMAN)


def test_phrases_of_an_ensemble_are_averaged_as_unit_vectors(tmp_path: Path) -> None:
    source = f"token:{saved(llama(), tmp_path)}"
    single = [anchors_from(source, EKMAN, template=part).vectors for part in ("{}", TEMPLATE, "{} emotion")]
    mean = torch.tensor(np.mean(single, axis=0))
    anchors = anchors_from(source, EKMAN, template=f"{{}}| {TEMPLATE} |{{}} emotion")
    np.testing.assert_allclose(anchors.vectors, unit(mean), atol=1e-6)
    assert anchors.template == f"{{}}| {TEMPLATE} |{{}} emotion"


def test_every_phrase_needs_a_place_for_the_label() -> None:
    assert phrases("{} emotion | a {} scene") == ("{} emotion", "a {} scene")
    assert phrases(" {}") == (" {}",)
    with pytest.raises(ValueError, match=r"the phrase 'a scene' of template '\{\}\|a scene' has no \{\} for the label"):
        phrases("{}|a scene")
    with pytest.raises(ValueError, match=r"the phrase '' of template '\{\}\|' has no"):
        phrases("{}|")


def test_synonyms_come_with_their_labels_the_label_first() -> None:
    words, positions, vectors = synonym_anchors("sentence:minilm", EKMAN, template=TEMPLATE)
    assert len(words) == len(set(words)) == 24
    assert vectors.shape == (24, 384)
    for at, label in enumerate(EKMAN.labels):
        own = [word for word, position in zip(words, positions, strict=True) if position == at]
        assert own == [label, *EKMAN.synonyms[label]]
    first = [words.index(label) for label in EKMAN.labels]
    np.testing.assert_allclose(vectors[first], anchors_from("sentence:minilm", EKMAN, template=TEMPLATE).vectors, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_a_taxonomy_without_synonyms_gives_its_labels() -> None:
    words, positions, _ = synonym_anchors("sentence:minilm", Taxonomy("two", ("joy", "fear")))
    assert words == ("joy", "fear")
    assert positions.tolist() == [0, 1]


def test_synonyms_of_two_labels_that_share_a_vector_are_named(tmp_path: Path) -> None:
    source = f"token:{saved(llama(), tmp_path)}"
    alike = Taxonomy("two", ("joy", "fear"), synonyms={"joy": ("delight", "gladness"), "fear": ("dread",)})
    with pytest.raises(ValueError, match=r"gives 'delight' and 'dread' the same vector.*into the same tokens"):
        synonym_anchors(source, alike)
    within = Taxonomy("two", ("joy", "fear"), synonyms={"joy": ("delight", "gladness")})
    assert synonym_anchors(source, within)[0] == ("joy", "delight", "gladness", "fear")


@pytest.mark.parametrize("kind", ["token", "output", "hidden", "sentence"])
def test_a_checkpoint_without_a_tokenizer_says_how_to_name_one(kind: str, tmp_path: Path) -> None:
    llama().save_pretrained(tmp_path / "model")
    with pytest.raises(
        ValueError, match=r"model has no tokenizer \(tokenizer\.json, .* MODEL@TOKENIZER \(OpenELM uses Llama 2's"
    ):
        anchors_from(f"{kind}:{tmp_path / 'model'}", EKMAN)


def test_a_tokenizer_can_come_from_elsewhere(tmp_path: Path) -> None:
    model = llama()
    model.save_pretrained(tmp_path / "model")
    tokenizer().save_pretrained(tmp_path / "words")
    anchors = anchors_from(f"token:{tmp_path / 'model'}@{tmp_path / 'words'}", EKMAN)
    expected = torch.stack([rows(model.get_input_embeddings().weight, label, begins=True) for label in EKMAN.labels])
    np.testing.assert_allclose(anchors.vectors, unit(expected), atol=1e-6)


def test_a_tokenizer_of_another_model_is_noticed(tmp_path: Path) -> None:
    small = llama()
    small.resize_token_embeddings(6)
    folder = saved(small, tmp_path)
    with pytest.raises(ValueError, match=r"knows a token 9, the table of .* has 6 rows: they do not belong together"):
        anchors_from(f"token:{folder}", EKMAN)


def test_a_word_without_tokens_is_named(tmp_path: Path) -> None:
    folder = saved(llama(), tmp_path)
    with pytest.raises(ValueError, match=r"the tokenizer of .* finds no token in ' '"):
        text_vectors(f"output:{folder}", ["joy", " "])


def test_names_lead_to_checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    phi = checkpoint("phi-2")
    assert (phi.called, phi.weights, phi.tokenizer) == ("phi-2", "microsoft/phi-2", "microsoft/phi-2")
    assert checkpoint("Phi-2").weights == "microsoft/phi-2"
    elm = checkpoint("openelm-270m")
    assert (elm.weights, elm.tokenizer) == ("apple/OpenELM-270M", PRESETS["tinyllama"])
    assert checkpoint("apple/OpenELM-1_1B-Instruct").tokenizer == PRESETS["tinyllama"]
    assert checkpoint("apple/OpenELM-3B@meta-llama/Llama-2-7b-hf").tokenizer == "meta-llama/Llama-2-7b-hf"
    assert checkpoint("me/tiny").weights == "me/tiny"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "phi-2").mkdir()
    (tmp_path / "a@b").mkdir()
    assert checkpoint("phi-2").weights == "phi-2"
    assert checkpoint("a@b").weights == "a@b"


def test_what_is_not_there_has_no_identity(tmp_path: Path) -> None:
    assert identity("token:nobody/nothing") is None
    assert identity("clip:open_clip:ViT-B-32/openai") == ["ViT-B-32/openai"]
    assert identity("clip:open_clip:hf-hub:me/tiny") is None
    weights = tmp_path / "mine.safetensors"
    weights.write_bytes(b"abc")
    assert identity(f"clip:open_clip:ViT-B-32/{weights}")[:2] == ["mine.safetensors", 3]
    assert identity("clip:builtin:scenes")[0] == "weights.safetensors"


def test_a_bert_gives_token_anchors_without_its_closing_tokens_being_lost(tmp_path: Path) -> None:
    model = bert()
    anchors = anchors_from(f"token:{saved(model, tmp_path, closing=True)}", EKMAN)
    table = model.get_input_embeddings().weight
    expected = torch.stack([table[[2, WORDS.index(label), 3]].mean(dim=0) for label in EKMAN.labels])
    np.testing.assert_allclose(anchors.vectors, unit(expected), atol=1e-6)
