"""Trainer arguments: read from source as the real classes have them, and checked by name, type and choice."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from callsheet.errors import CallsheetError
from callsheet.introspect.arguments import read_arguments
from callsheet.trainer.args import OWNED, coerce, problems

SFT = "trl.SFTConfig"


def only(found: list[str]) -> str:
    assert len(found) == 1, found
    return found[0]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Write modules into a folder on sys.path."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(modules: dict[str, str]) -> None:
        for name, source in modules.items():
            file = tmp_path / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(textwrap.dedent(source), encoding="utf-8")

    return write


# Reading


def test_reading_agrees_with_the_installed_classes():
    import transformers
    import trl

    for path, real in {
        "trl.SFTConfig": trl.SFTConfig,
        "trl.DPOConfig": trl.DPOConfig,
        "trl.GRPOConfig": trl.GRPOConfig,
        "trl.RewardConfig": trl.RewardConfig,
        "transformers.TrainingArguments": transformers.TrainingArguments,
        "transformers.Seq2SeqTrainingArguments": transformers.Seq2SeqTrainingArguments,
    }.items():
        fields = {field.name: field for field in dataclasses.fields(real)}
        read = read_arguments(path)
        assert set(read) == set(fields)
        assert {name: argument.help for name, argument in read.items()} == {
            name: field.metadata.get("help", "") for name, field in fields.items()
        }
        defaults = {name: field.default for name, field in fields.items() if field.default is not dataclasses.MISSING}
        assert problems({name: value for name, value in defaults.items() if name not in OWNED}, path) == []


def test_reading_imports_nothing_heavy():
    code = (
        f"import sys; from callsheet.introspect.arguments import read_arguments; assert read_arguments('{SFT}');"
        "heavy = {'torch', 'transformers', 'trl'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_reading_again_parses_nothing(monkeypatch):
    read_arguments(SFT)
    monkeypatch.setattr("ast.parse", lambda *arguments, **options: pytest.fail("it was parsed again"))
    assert read_arguments(SFT)


def test_an_argument_comes_with_what_its_class_says():
    argument = read_arguments(SFT)["learning_rate"]
    assert (argument.annotation, argument.default, argument.defined_in) == ("float", "2e-5", "trl.trainer.sft_config")
    assert argument.help == "The initial learning rate for AdamW."
    assert read_arguments(SFT)["packing_strategy"].choices == ("bfd", "bfd_split", "wrapped")
    assert read_arguments(SFT)["save_strategy"].choices == ("no", "steps", "epoch", "best")


def test_a_class_of_ones_own_inherits_from_another_module(package):
    package(
        {
            "mine/__init__.py": "",
            "mine/configs.py": """
            from __future__ import annotations
            import dataclasses
            from typing import ClassVar, Optional
            import mine.base as somewhere

            @dataclasses.dataclass(kw_only=True)
            class Mine(somewhere.Base):
                registry: ClassVar[dict] = {}
                rate: Optional[float] = None
                names: list = dataclasses.field(default_factory=lambda: ["a"])
                steps: (
                    "int"
                    | None
                ) = dataclasses.field(default=3, metadata={"help": "How " "many."})
            """,
            "mine/base.py": """
            from dataclasses import dataclass
            from transformers import TrainingArguments

            class NoFields:
                ignored: int = 1

            @dataclass
            class Base(TrainingArguments, NoFields):
                extra: int = 3
            """,
        }
    )
    read = read_arguments("mine.configs.Mine")
    assert (read["steps"].default, read["steps"].help, read["names"].default) == ("3", "How many.", '["a"]')
    assert read["extra"].defined_in == "mine.base"
    assert set(read) == {*read_arguments("transformers.TrainingArguments"), "rate", "names", "steps", "extra"}
    assert problems({"rate": None, "steps": 3, "learning_rate": 1}, "mine.configs.Mine") == []
    assert problems({"rate": "fast", "steps": 1.5}, "mine.configs.Mine") == [
        "trainer.args.rate must be a number or null, got 'fast'.",
        "trainer.args.steps must be a whole number or null, got 1.5.",
    ]


def test_names_are_followed_through_stars_substitutes_and_circles(package):
    package(
        {
            "winding/__init__.py": """
            from .deep import *
            try:
                from .circle import Other
            except ImportError:
                Other = None
            """,
            "winding/deep.py": """
            from dataclasses import dataclass
            if True:
                @dataclass
                class Config:
                    real: int = 1
            else:
                class Config:
                    pass
            """,
            "winding/circle.py": "from . import Other",
        }
    )
    assert set(read_arguments("winding.Config")) == {"real"}
    with pytest.raises(CallsheetError, match=r"There is no class 'winding\.Other'"):
        read_arguments("winding.Other")


def test_a_lazy_module_is_read_by_its_import_structure(package):
    package(
        {
            "lazy/__init__.py": '_import_structure = {"configs": ["Config"]}',
            "lazy/configs.py": "from dataclasses import dataclass\n@dataclass\nclass Config:\n    steps: int = 1\n",
        }
    )
    assert set(read_arguments("lazy.Config")) == {"steps"}


def test_a_base_class_made_at_run_time_leaves_names_unchecked(package):
    package(
        {
            "dynamic.py": """
            from dataclasses import dataclass, make_dataclass

            @dataclass
            class Config(make_dataclass("Made", [("secret", int, 1)])):
                steps: int = 1
            """
        }
    )
    assert problems({"secret": 2, "steps": 2}, "dynamic.Config") == []
    assert "must be a whole number" in only(problems({"steps": "many"}, "dynamic.Config"))


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("trll.SFTConfig", "needs the package trll, which is not installed: pip install trll."),
        ("trl.SFTConfg", "There is no class 'trl.SFTConfg'. Did you mean 'SFTConfig'?"),
        ("trl.trainr.SFTConfig", "package trl has no module 'trl.trainr'"),
        ("SFTConfig", "'SFTConfig' is not a class of a package; write both, as in 'trl.SFTConfig'."),
    ],
)
def test_a_class_that_is_not_there_is_explained(path: str, said: str):
    with pytest.raises(CallsheetError) as caught:
        read_arguments(path)
    assert said in str(caught.value)


def test_source_that_does_not_parse_is_named_by_line(package):
    package({"broken.py": "class Config:\n    steps: int = = 1\n"})
    with pytest.raises(CallsheetError, match=r"broken\.py, line 2: invalid syntax"):
        read_arguments("broken.Config")


# Checking


def test_an_unknown_argument_suggests_the_nearest():
    assert only(problems({"max_stepz": 5}, SFT)) == (
        "trl.SFTConfig has no argument 'max_stepz'. Did you mean 'max_steps'? (trainer.args.max_stepz)"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", 1),
        ("learning_rate", "1e-4"),
        ("learning_rate", "-.5E3"),
        ("max_length", None),
        ("bf16", None),
        ("packing", True),
        ("run_name", "1e-4"),
        ("pad_to_multiple_of", 8),
        ("report_to", ["wandb"]),
        ("save_strategy", "best"),
        ("save_strategy", "no"),
        ("gradient_checkpointing_kwargs", {"use_reentrant": False}),
        ("push_to_hub", False),
        ("hub_token", None),
    ],
)
def test_what_the_class_accepts_is_accepted(name: str, value: Any):
    assert problems({name: value}, SFT) == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("max_steps", 1.5, "must be a whole number, got 1.5."),
        ("max_steps", True, "must be a whole number, got True."),
        ("max_steps", "1e-4", "must be a whole number, got '1e-4'."),
        ("max_steps", None, "must be a whole number, got None."),
        ("learning_rate", "fast", "must be a number, got 'fast'."),
        ("learning_rate", False, "must be a number, got False."),
        ("packing", 1, "must be true or false, got 1."),
        ("bf16", "yes", "must be true or false or null, got 'yes'."),
        ("dataset_text_field", ["text"], "must be text, got ['text']."),
        ("packing_strategy", "bdf", "must be one of bfd, bfd_split, wrapped, got 'bdf'. Did you mean 'bfd'?"),
        ("eval_strategy", "stpes", "must be one of no, steps, epoch, got 'stpes'. Did you mean 'steps'?"),
        ("save_strategy", False, "got False. YAML reads no as false; write 'no' in quotes."),
    ],
)
def test_what_it_does_not_accept_is_refused(name: str, value: Any, said: str):
    assert only(problems({name: value}, SFT)).endswith(said)


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("output_dir", "output_dir="),
        ("resume_from_checkpoint", "resume="),
        ("hub_token", "HF_TOKEN"),
        ("push_to_hub", "blocks training and uploads training_args.bin"),
    ],
)
def test_what_the_run_decides_is_refused_with_what_to_set_instead(name: str, instead: str):
    said = only(problems({name: True if name == "push_to_hub" else "secret"}, SFT))
    assert said.startswith(f"trainer.args.{name} belongs to the run: ")
    assert instead in said and "'secret'" not in said


def test_written_numbers_become_floats_where_the_class_wants_floats():
    given = {"learning_rate": "1e-4", "run_name": "1e-4", "weight_decay": 1, "max_steps": 5, "unknown": "1e-4"}
    assert coerce(given, SFT) == {**given, "learning_rate": 1e-4}
    assert isinstance(coerce(given, SFT)["weight_decay"], int)
