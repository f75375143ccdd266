"""What every tracker checks before a run, and what it removes from the trainer."""

import re
from types import SimpleNamespace

import pytest

from callsheet.outbox.store import EntryStore
from callsheet.plugins.lineup import Lineup
from callsheet.records import LogContext, PreflightReport
from callsheet.tracking import Tracker


@pytest.fixture
def scribe(scribing, tmp_path):
    from scribing import Scribe

    def make(**settings):
        plugin = Scribe(to=settings.pop("to", str(tmp_path / "lines.jsonl")), **settings)
        Lineup({"scribe": plugin})  # which tells it its name
        return plugin

    return make


def report(plugin, **args):
    found, ctx = PreflightReport(), LogContext(SimpleNamespace(), run_config={"trainer": {"args": args}})
    plugin.preflight(ctx, found)
    return found


def test_a_missing_package_is_named_with_the_extra_that_brings_it(scribe, monkeypatch):
    plugin = scribe()
    monkeypatch.setattr(type(plugin), "modules", ("no_such_package",))
    monkeypatch.setattr(type(plugin), "extra", "ink")

    assert report(plugin).problems == [
        "Plugin 'scribe' needs the package no_such_package: pip install 'scribing[ink]'."
    ]


@pytest.mark.parametrize(
    ("report_to", "warned"), [("wandb", 1), (["tensorboard", "wandb"], 1), ("all", 1), ("none", 0)]
)
def test_report_to_of_the_same_tracker_is_said(scribe, monkeypatch, report_to, warned):
    plugin = scribe()
    monkeypatch.setattr(type(plugin), "reports_to", "wandb")

    assert len(report(plugin, report_to=report_to).warnings) == warned


def test_the_callback_of_transformers_that_logs_the_same_is_removed(scribe, monkeypatch):
    from transformers import DefaultFlowCallback
    from transformers.integrations import TensorBoardCallback

    plugin = scribe()
    monkeypatch.setattr(type(plugin), "reports_to", "tensorboard")

    class Mine(TensorBoardCallback):
        """Of a user, who wants it."""

    theirs, other = TensorBoardCallback.__new__(TensorBoardCallback), DefaultFlowCallback()
    kept = [other, Mine.__new__(Mine)]
    handler = SimpleNamespace(callbacks=[theirs, *kept, theirs])
    trainer = SimpleNamespace(callback_handler=handler, remove_callback=handler.callbacks.remove)
    plugin.on_trainer_ready(SimpleNamespace(trainer=trainer))

    assert handler.callbacks == kept


def test_a_setting_that_holds_a_secret_is_refused(scribe):
    [problem] = report(scribe(to="hf_" + "a1B2c3D4e5" * 4)).problems

    assert "plugins.scribe.to holds a secret" in problem and "a1B2c3" not in problem


def test_one_that_no_entry_point_names_is_refused(scribe):
    class Unnamed(Tracker):
        """It has no entry point."""

    plugin = Unnamed()
    Lineup({"unnamed": plugin})

    assert "is not installed as a plugin" in report(plugin).problems[0]


def test_a_run_puts_one_entry_with_an_id_that_every_tracker_takes(scribe, tmp_path):
    ctx = LogContext(tmp_path / "My Run, 2026", run="My Run, 2026")
    scribe().on_run_start(ctx)
    [(_, entry)] = EntryStore(ctx.run_dir).on("pending")

    assert entry.kind == "tracker" and entry.key == "scribe-1"
    assert re.fullmatch(r"my-run-2026-[0-9a-f]{10}", entry.payload["run_id"])
    assert ctx.ids["run_id"] == entry.payload["run_id"]
