"""What a benchmark is, the ones that come with Callsheet, and how those of a configuration join them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from types import MappingProxyType
from typing import Any

from callsheet import CallsheetError, setting
from callsheet.errors import did_you_mean, first_line
from callsheet.plugins import entry_points
from callsheet.plugins.groups import ENGINES
from callsheet.settings import check_settings

NAME = r"[\w.-]+"
JOB_SECONDS = 6 * 3600.0  # of a job of which nothing else says how long it may take: one that hangs must end
MOST_JOB_SECONDS = 30 * 24 * 3600.0
# open-r1's names, and the tasks that lighteval 0.13 has for them.
LIGHTEVAL = {
    "math_500": "math_500",
    "aime24": "aime24",
    "aime25": "aime25",
    "gpqa": "gpqa:diamond",
    "lcb": "lcb:codegeneration",
    "lcb_v4": "lcb:codegeneration_v4",
}
LM_EVAL = {
    "gsm8k": {"num_fewshot": 5},
    "hellaswag": {"num_fewshot": 0},
    "arc_challenge": {"num_fewshot": 25},
    "mmlu": {"num_fewshot": 5},
    "ifeval": {"num_fewshot": 0, "chat": True},
    "truthfulqa_mc2": {"num_fewshot": 0},
    "winogrande": {"num_fewshot": 5},
}
KNOWN: dict[str, dict[str, Any]] = {
    **{name: {"engine": "lighteval", "task": task, "chat": True} for name, task in LIGHTEVAL.items()},
    **{name: {"engine": "lm_eval", "task": name, **rest} for name, rest in LM_EVAL.items()},
}
ALL = "all"


def engine_names() -> list[str]:
    """The engines that are installed."""
    return [*entry_points.installed(ENGINES)]


@dataclass
class Benchmark:
    """One benchmark: which engine runs which task, and how."""

    engine: str = setting("lm_eval", choices=engine_names, help="What runs it.")
    task: str | None = setting(None, help="The engine's name of the task; left out, the benchmark's own.")
    path: str | None = setting(
        None, help="exact_match: the JSONL file. lm_eval: a folder with tasks of yours. lighteval: a file with them."
    )
    command: list[str] = setting(
        [], help="command: the program and its arguments, with {model}, {revision}, {output}, {task}, … in them."
    )
    num_fewshot: int | None = setting(None, ge=0, help="Examples before each question; left out, the task's.")
    limit: int | None = setting(None, ge=1, help="Ask only so many questions.")
    generation: dict[str, Any] = setting({}, help="How to generate, as in {temperature: 0.6, max_new_tokens: 1024}.")
    batch_size: str | None = setting(None, help="Questions at a time, or auto where the engine knows that.")
    backend: str | None = setting(None, help="lm_eval: hf or vllm, and so on. lighteval: accelerate or vllm.")
    model_args: dict[str, Any] = setting({}, help="More arguments for loading the model, under the engine's names.")
    args: list[str] = setting([], help="More arguments for the engine's command line.")
    options: dict[str, Any] = setting({}, help="Settings of an engine that another package brings, as it names them.")
    chat: bool | None = setting(None, help="Apply the chat template; left out, when there is a system prompt.")
    system_prompt: str | None = setting(None, help="Put before every question; left out, what the run trained with.")
    trust_remote_code: bool | None = setting(None, help="Run code that comes with the model; left out, as the run did.")
    variables: list[str] = setting(
        [], help="Environment variables with secrets that the job gets, beside HF_TOKEN: OPENAI_API_KEY, and so on."
    )
    python: str | None = setting(None, help="The Python that has the engine.")
    gpus: int | None = setting(None, ge=0, help="GPUs for it on Slurm; left out, what the model needs.")
    seconds: float | None = setting(
        None, gt=0, le=MOST_JOB_SECONDS, help="End it after so long; left out, what plugins.benchmarks.seconds says."
    )


def define(definitions: Mapping[str, Any]) -> dict[str, Benchmark]:
    """The known benchmarks and those of `definitions`, which may also change known ones; raises `CallsheetError`."""
    own = {str(name): content for name, content in definitions.items()}
    return {**_known(), **{name: _typed(name, _merged(name, content)) for name, content in own.items()}}


@cache
def _known() -> Mapping[str, Benchmark]:
    return MappingProxyType({name: _typed(name, content) for name, content in KNOWN.items()})


def choose(names: Sequence[str], defined: Mapping[str, Benchmark]) -> dict[str, Benchmark]:
    """The benchmarks called `names`, of which `all` means open-r1's; raises `CallsheetError` with the nearest name."""
    wanted = [each for name in names for each in (LIGHTEVAL if name == ALL and ALL not in defined else (name,))]
    for name in wanted:
        if name not in defined:
            near = did_you_mean(name, defined)
            raise CallsheetError(
                f"No benchmark is called {name!r}.{near} There are: {', '.join(sorted(defined))}. "
                "plugins.benchmarks.define.NAME.task=… adds one."
            )
    return {name: defined[name] for name in wanted}


def _merged(name: str, content: Any) -> dict[str, Any]:
    import re

    where = f"plugins.benchmarks.define.{name}"
    if not re.fullmatch(NAME, name) or name.strip(".") == "":
        raise CallsheetError(f"{where}: a benchmark's name is made of letters, digits, '.', '_' and '-'.")
    if not isinstance(content, Mapping):
        raise CallsheetError(f"{where} must hold settings, as in {{engine: lm_eval, task: gsm8k}}, got {content!r}.")
    known = [field.name for field in fields(Benchmark)]
    for key in content:
        if key not in known:
            raise CallsheetError(
                f"{where} has no setting {key!r}.{did_you_mean(str(key), known)} It has: {', '.join(sorted(known))}."
            )
    return {**KNOWN.get(name, {}), **content}


@cache
def _schema() -> Any:
    """Not to be changed: merging copies it."""
    from omegaconf import OmegaConf

    return OmegaConf.structured(Benchmark)


def _typed(name: str, content: Mapping[str, Any]) -> Benchmark:
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    where = f"plugins.benchmarks.define.{name}"
    try:
        made = OmegaConf.to_object(OmegaConf.merge(_schema(), dict(content)))
    except OmegaConfBaseException as error:
        said = first_line(error).rstrip(".")
        raise CallsheetError(f"{where}.{error.full_key}: {said}.") from error
    assert isinstance(made, Benchmark)
    check_settings(made, where)
    return made
