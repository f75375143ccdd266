"""A native callback that writes down all of a training at every step; a run names it by `callbacks.NAME.path`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from callsheet.testing.observing import contents, surroundings
from callsheet.testing.observing.comparing import END, ROWS, STEP

START, BEGIN = "start", "train_begin"


class Probe(TrainerCallback):
    """Writes `<rank>.jsonl` into `folder`: one line before anything, one before each step and one at the end.

    It comes after the plugins. What they do in hooks of a step is therefore seen before the next step.
    """

    def __init__(self, folder: str) -> None:
        self.path = Path(folder) / f"{os.environ.get('RANK', '0')}.jsonl"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._write(START, 0, surroundings=surroundings.of_process() | surroundings.of_torch())

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._see(BEGIN, state, kwargs)

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._see(STEP, state, kwargs)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._see(END, state, kwargs)
        self._write(ROWS, state.global_step, rows=state.log_history)

    def _see(self, at: str, state: TrainerState, given: dict[str, Any]) -> None:
        """First the random states, which reading the others might change."""
        numbers, model = contents.random_states(), given["model"]
        around = surroundings.of_process() | surroundings.of_torch()
        self._write(
            at,
            state.global_step,
            random=numbers,
            surroundings=around | surroundings.of_model(model, given.get("processing_class")),
            modes=contents.modes(model),
            gradients=contents.gradients(model),
            weights=contents.weights(model),
            optimizer=contents.optimizer_state(given.get("optimizer"), model),
            scheduler=contents.scheduler_state(given.get("lr_scheduler")),
        )

    def _write(self, at: str, step: int, **parts: Any) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"at": at, "step": step, **parts}, default=str) + "\n")
