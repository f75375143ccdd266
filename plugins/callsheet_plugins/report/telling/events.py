"""What an event of events.jsonl says, in a sentence that needs no manual, and what kind of event it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from callsheet_plugins.report.telling.filling import NOT_SAID, Fields, filled, shown
from callsheet_plugins.report.telling.visible import in_line

ASKED, FAILED, RECOVERED, COURSE, OTHER = "asked", "failed", "recovered", "course", "other"
KINDS = {
    ASKED: "Asked for",
    FAILED: "Failed or lost",
    RECOVERED: "Recovered",
    COURSE: "Course of the run",
    OTHER: "Of other plugins",
}

WANTED = {"stop": "stop the run", "save": "save a checkpoint", "eval": "evaluate the model"}
AFTER = {
    "warn": "Training went on.",
    "disable": "The plugin was switched off for the rest of the run.",
    "raise": "That ended the attempt.",
}
CARRIED_OUT = {
    "hub_revisions": "A checkpoint was published",
    "benchmarks": "A checkpoint was scored",
    "hub_scores": "Scores were written beside a published checkpoint",
}
ENDED = {
    "completed": "it took all its steps",
    "stopped": "a plugin stopped it",
    "interrupted": "a signal stopped it",
    "failed": "it failed",
    "killed": "it was killed",
}


@dataclass(frozen=True)
class Told:
    """An event in words: `kind` is one of `KINDS`, `rest` the fields that the sentence does not say."""

    kind: str
    sentence: str
    rest: Mapping[str, Any]


def told(event: Fields) -> Told:
    """The event in words; one that this version does not know is told by its name and its fields."""
    kind, tell = _known(event)
    fields = {key: value for key, value in event.items() if key not in ("time", "event")}
    sentence = tell(event) if callable(tell) else filled(tell, fields)
    return Told(kind, sentence, {key: value for key, value in fields.items() if value not in (None, "", [], {})})


def kind_of(event: Fields) -> str:
    """Its kind alone, which is cheap."""
    return _known(event)[0]


def _known(event: Fields) -> tuple[str, str | Callable[[Fields], str]]:
    name = event.get("event")
    return EVENTS.get(name, (OTHER, _unknown)) if isinstance(name, str) else (OTHER, _unknown)


def _unknown(event: Fields) -> str:
    fields = [f"{in_line(key)} {shown(value)}" for key, value in event.items() if key not in ("time", "event")]
    name = in_line(event.get("event") or "an event without a name")
    return f"{name}: {', '.join(fields)}" if fields else name


def _requested(event: Fields) -> str:
    wanted = event.get("request")
    words = WANTED.get(wanted, in_line(wanted)) if isinstance(wanted, str) else NOT_SAID
    return filled("Plugin {plugin} asked to {words}[: {reason}].", {**event, "words": words})


def _plugin_failed(event: Fields) -> str:
    failed = filled("Plugin {plugin} failed[ in its hook {hook}][: {error}].", event)
    after = event.get("on_error")
    return f"{failed} {AFTER.get(after, '') if isinstance(after, str) else ''}".strip()


def _ended_how(event: Fields) -> str:
    status = event.get("status")
    how = ENDED.get(status, in_line(status)) if isinstance(status, str) else NOT_SAID
    return filled("The attempt ended[ at step {step}]: {how}[ ({error})].", {**event, "how": how})


def _resuming(event: Fields) -> str:
    match event.get("processes"):
        case [before, now] if before != now:
            return filled(
                "The run goes on from {checkpoint}[ at step {step}], in {now} processes ({before} before).",
                {**event, "before": before, "now": now},
            )
    return filled("The run goes on from {checkpoint}[ at step {step}].", event)


def _restored(event: Fields) -> str:
    some = "Plugins got their state back from {checkpoint}[: {plugins}]."
    return filled("No plugin had state in {checkpoint}." if event.get("plugins") == [] else some, event)


def _carried_out(event: Fields) -> str:
    what, attempts = event.get("what"), event.get("attempts")
    done = CARRIED_OUT.get(what, "The outbox carried out an entry") if isinstance(what, str) else NOT_SAID
    if event.get("is_job") is False:
        done = "A checkpoint was handed to its benchmarks"
    again = "[, at attempt {attempts}]" if attempts != 1 else ""
    return filled(f"{{done}}[ ({{what}})]{again}.", {**event, "done": done})


def _data(event: Fields) -> str:
    train = event.get("train")
    rows = {f"rows_{name}": train.get(name) for name in ("given", "left")} if isinstance(train, Mapping) else {}
    count = (
        "{rows_left} rows" if rows.get("rows_left") == rows.get("rows_given") else "{rows_left} of {rows_given} rows"
    )
    said = f"The training data are ready[: {count}][; training is to take {{max_steps}} steps]."
    return filled(said, {**event, **rows})


EVENTS: dict[str, tuple[str, str | Callable[[Fields], str]]] = {
    "started": (COURSE, "An attempt began[: number {attempt}]."),
    "data": (COURSE, _data),
    "saved": (COURSE, "The final model was saved[ at step {step}]."),
    "ended": (COURSE, _ended_how),
    "stopping": (COURSE, "Training stops[ after step {step}][: {reason}]."),
    "completed_late": (
        COURSE,
        "{checkpoint} was complete[ {seconds} s] after its save: plugins wrote their parts beside training.",
    ),
    "carried_out": (COURSE, _carried_out),
    "benchmark_submitted": (COURSE, "A benchmark's job was started[ ({where})]."),
    "benchmark_waits": (COURSE, "Benchmark {name} waits[: {reason}]."),
    "requested": (ASKED, _requested),
    "resuming": (RECOVERED, _resuming),
    "restored": (RECOVERED, _restored),
    "outbox_restored": (RECOVERED, "An outbox entry was lost when the machine failed, and was put again."),
    "torn_checkpoint": (FAILED, "{name} was incomplete, as a kill leaves it, and was moved to torn/[: {fault}]."),
    "not_completed": (FAILED, "{checkpoint} was not completed, so no run resumes from it[: {error}]."),
    "not_restored": (FAILED, "Not everything came back from {checkpoint}[: {what}]."),
    "other_rows": (FAILED, "The run went on from {checkpoint} with other training rows than before."),
    "refused": (FAILED, "Values[ of plugin {plugin}] were left out at {door}[: {values}]."),
    "plugin_failed": (FAILED, _plugin_failed),
    "completions_lost": (FAILED, "Completions[ of step {step}] could not be written[: {error}]."),
    "scorer_failed": (FAILED, "Scorer {scorer} gave no number in {failed} of {calls} calls[: {error}]."),
    "interrupted": (FAILED, "The run was interrupted[: {error}]."),
    "failed": (FAILED, "The run failed[: {error}]."),
    "outbox_failed": (FAILED, "The outbox gave up an entry[ of {what}][: {error}].[ What helps: {advice}.]"),
    "not_announced": (FAILED, "What came back[ for {what}] could not be announced[: {error}]."),
    "benchmark_failed": (FAILED, "Benchmark {name} failed[: {reason}]."),
    "announced": (COURSE, "Plugins were told: {hook}."),
    "rerun": (ASKED, "Arm {arm} runs again[; its earlier run lies in {moved_to}]."),
}
