"""Where the files of an experiment lie, below `outputs/<name>`."""

from __future__ import annotations

RECORD = "experiment.json"  # what it is, who its arms are, how they ended, and the verdict
REPORT = "experiment.md"  # the same, to read
LOCK = ".experiment.lock"  # held by the driver
ARMS = "arms"  # the queue: arms/<state>/<arm>.json, moved by rename
WORKERS = "workers"  # one file for each worker: who it is, what it does, and its heartbeat
LOGS = "logs"  # what an arm printed, by arm
REPLACED = "replaced"  # run directories of arms that were run again
JOURNAL = "search.log"  # Optuna's, where arms are searched or stopped early
PENDING, ACTIVE, DONE, FAILED = STATES = ("pending", "active", "done", "failed")
