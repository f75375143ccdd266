"""What a driver prints of its arms where no terminal is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from callsheet.cli.views.experiment_progress import Lines
from callsheet.experiments.places import DONE
from callsheet.experiments.queue import Entry, Queue


def end(queue: Queue, name: str) -> None:
    claim = queue.claim(name, "w", 1)
    assert claim
    queue.settle(claim, replace(Entry(name, name), status="completed"), DONE)


def test_an_arm_that_is_run_again_is_not_counted_as_one_that_has_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    queue = Queue(tmp_path)
    queue.make()
    for name in ("a", "b"):
        queue.add(Entry(name, name))
        end(queue, name)
    lines = Lines(tmp_path)
    queue.put_again(Entry("b", "b"), DONE)
    lines.look(2)
    assert capsys.readouterr().err.rstrip().endswith("2 arms, of which 1 has ended.")

    end(queue, "b")
    lines.look(2)
    assert capsys.readouterr().err.startswith("2/2  b  completed")
