"""Models of the Hub that the cache has are compared with their tokenizers, without asking anybody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hub_server import HubServer

from callsheet.config.compose import compose
from callsheet.config.plan import make_plan
from callsheet.config.schema import ModelSettings, PeftSettings
from callsheet.preflight.model_pieces import problems, warnings
from core.model_files.files import copy_demo

TOKEN = "hf_" + "t" * 34
LACKING = "the tokenizer has 35 tokens (the last is '<t34>'), and the embedding of the model has 33 rows."
NEWER = "So it is in the cache of this machine; the Hub may have newer files."


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A Hub with a model whose tokenizer has two tokens too many, fetched into the cache by huggingface_hub itself."""
    from huggingface_hub import HfApi, snapshot_download

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("NO_PROXY", "*")
    with HubServer(token=TOKEN) as server:
        api = HfApi(endpoint=server.url, token=TOKEN)
        api.create_repo("me/model")
        api.upload_folder(repo_id="me/model", folder_path=copy_demo(tmp_path / "model", tokens=2))
        snapshot_download("me/model", endpoint=server.url, token=TOKEN, cache_dir=tmp_path / "hub")
        server.faults.asked.clear()
        yield server
        assert not server.faults.asked, "a check asks nobody"


@pytest.fixture
def plan() -> Any:
    return make_plan(compose(["recipe=demo", "plugins=[]", "output_dir=run"]))


def of(plan: Any, **settings: Any) -> Any:
    return replace(plan, model=ModelSettings(path="me/model", **settings))


def commit(tmp_path: Path) -> str:
    return (tmp_path / "hub" / "models--me--model" / "refs" / "main").read_text()


def test_what_the_hub_may_have_mended_is_a_warning(hub: HubServer, plan: Any) -> None:
    assert problems(of(plan)) == []
    [said] = warnings(of(plan))
    assert said.startswith(f"model.path=me/model: {LACKING} ") and said.endswith(NEWER)


def test_what_cannot_change_any_more_is_refused(
    hub: HubServer, plan: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinned = of(plan, revision=commit(tmp_path))
    assert problems(pinned)[0].startswith(f"model.path=me/model: {LACKING} ") and warnings(pinned) == []
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert problems(of(plan))[0].startswith(f"model.path=me/model: {LACKING} ") and warnings(of(plan)) == []
    assert problems(of(plan, revision="another")) == [] == problems(replace(plan, model=ModelSettings(path="me/other")))
    [reference] = problems(replace(plan, trainer=replace(plan.trainer, ref_model="me/model"), model=of(plan).model))[1:]
    assert reference.startswith(f"trainer.ref_model=me/model: {LACKING}")


def test_a_choice_is_explained_as_for_a_folder(hub: HubServer, plan: Any) -> None:
    lora = replace(of(plan, resize_embeddings=True), peft=PeftSettings("lora"))
    assert warnings(lora)[0].startswith("model.resize_embeddings=true adds 2 rows, which peft=lora does not train. ")
    assert problems(lora) == [] == problems(of(plan, resize_embeddings=False))
