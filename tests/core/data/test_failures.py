"""What the Hub says, in one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from callsheet.config.schema import DatasetSettings
from core.data.conftest import failure

pytestmark = pytest.mark.usefixtures("own_cache")


def test_the_hub_out_of_reach_is_one_sentence():
    code = (
        "from callsheet.data import load; from callsheet.config.schema import DatasetSettings\n"
        "try: load(DatasetSettings(path='owner/nothing'))\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True).stdout
    assert said.startswith("CallsheetError Data set 'owner/nothing' cannot be loaded: the Hub is out of reach")


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            "Dataset 'owner/x' is a gated dataset on the Hub.",
            "accept its terms at https://huggingface.co/datasets/owner/x",
        ),
        (
            "Dataset 'owner/x' doesn't exist on the Hub or cannot be accessed.",
            "does not exist on the Hub, or is private",
        ),
    ],
)
def test_refusals_of_the_hub_say_what_to_do(message: str, said: str, monkeypatch: pytest.MonkeyPatch):
    from datasets.exceptions import DatasetNotFoundError  # type: ignore[import-untyped]  # ships no types

    def refuse(**_: Any) -> None:
        raise DatasetNotFoundError(message)

    monkeypatch.setattr("datasets.load_dataset", refuse)
    assert said in failure(DatasetSettings(path="owner/x"))
