"""Plain transformers.Trainer: text becomes tokens, and any class of model trains."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from callsheet import CallsheetError, Plugin, hookimpl
from callsheet.config.compose import bundled
from callsheet.testing.trainers import WORDS

CLASSIFIER = "model.auto_class=AutoModelForSequenceClassification"
LABELLED = [{"text": word, "label": len(word) % 3} for word in WORDS]


class Keeps(Plugin):
    """Keeps the batches and the model."""

    def __post_init__(self):
        super().__post_init__()
        self.batches = []

    @hookimpl
    def on_step_end(self, state, step_idx, batch, metrics):
        self.batches += batch
        self.model, self.tokenizer = state.model, state.tokenizer


def test_a_causal_model_learns_the_text_and_padding_counts_for_nothing(run_trainer):
    keeps = Keeps()
    run_trainer("hf", rows=[{"text": "aa"}, {"text": "bbbb"}], plugins=[keeps])
    batch = keeps.batches[0]
    texts = {
        keeps.tokenizer.decode([i for i in ids if i != keeps.tokenizer.pad_token_id]) for ids in batch["input_ids"]
    }
    assert texts == {"aa", "bbbb"}
    assert ((batch["labels"] == -100) == (batch["attention_mask"] == 0)).all() and (batch["labels"] == -100).any()


def test_text_is_cut_at_its_limit_and_read_from_its_column(run_trainer):
    keeps = Keeps()
    run_trainer(
        "hf",
        "trainer.tokenize.text_field=body",
        "trainer.tokenize.max_length=3",
        rows=[{"body": "abcdef"}] * 4,
        plugins=[keeps],
    )
    assert keeps.batches[0]["input_ids"].shape == (2, 3)


def test_tokens_are_taken_as_they_are(run_trainer):
    keeps = Keeps()
    rows = [{"input_ids": [5, 6, 7], "labels": [-100, 6, 7]}] * 4
    run_trainer("hf", rows=rows, plugins=[keeps])
    assert keeps.batches[0]["labels"].tolist() == [[-100, 6, 7]] * 2


def test_a_classifier_trains_on_labels(run_trainer):
    keeps = Keeps()
    run_trainer("hf", CLASSIFIER, "model.kwargs.num_labels=3", rows=LABELLED, plugins=[keeps])
    assert type(keeps.model).__name__ == "LlamaForSequenceClassification"
    assert keeps.batches[0]["labels"].shape == (2,)


def test_a_class_is_named_by_its_path(run_trainer):
    keeps = Keeps()
    run_trainer("hf", "model.auto_class=transformers.LlamaForCausalLM", plugins=[keeps])
    assert type(keeps.model).__name__ == "LlamaForCausalLM"


def test_a_masked_model_guesses_hidden_tokens(run_trainer, tmp_path):
    folder = tmp_path / "bert"
    folder.mkdir()
    size = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", "vocab_size": 33, **size}))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes(Path(bundled(f"demo/model/{name}")).read_bytes())
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "mask_token": "<unk>"}))
    keeps = Keeps()
    run_trainer("hf", f"model.path={folder}", "model.auto_class=AutoModelForMaskedLM", plugins=[keeps])
    assert type(keeps.model).__name__ == "BertForMaskedLM" and (keeps.batches[0]["labels"] == -100).any()


@pytest.mark.parametrize(
    ("overrides", "rows", "said"),
    [
        ([CLASSIFIER], LABELLED, "Column 'label' holds the class 2, and the model has 2: set model.kwargs.num_labels=3."),
        ([CLASSIFIER], [{"text": "a"}], "needs a column 'label' beside the text; the data set has text."),
        ([CLASSIFIER], [{"text": "a", "label": "good"}], "Column 'label' holds text such as 'good'; number the classes from 0."),
        (["model.auto_class=transformers.LlamaForCausalLn"], None, "transformers has no 'LlamaForCausalLn'. Did you mean 'LlamaForCausalLM'?"),
    ],
)  # fmt: skip
def test_what_a_classifier_cannot_learn_is_refused_before_training(run_trainer, tmp_path, overrides, rows, said):
    with pytest.raises(CallsheetError) as refusal:
        run_trainer("hf", *overrides, rows=rows)
    assert said in str(refusal.value)
    assert not (tmp_path / "run").exists()
