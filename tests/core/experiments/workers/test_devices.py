from __future__ import annotations

import pytest

from callsheet.errors import CallsheetError
from callsheet.experiments.workers.launching import devices
from callsheet.process.machine import cores


@pytest.mark.parametrize(
    ("gpus", "workers", "processes", "found"),
    [
        ("", 3, 1, [(), (), ()]),
        ("0123", 4, 1, [("0",), ("1",), ("2",), ("3",)]),
        ("0123", 2, 2, [("0", "1"), ("2", "3")]),
        ("0123", 2, 1, [("0",), ("1",)]),
        ("01234", 2, None, [("0", "1"), ("2", "3")]),
        ("0", 1, None, [("0",)]),
    ],
)
def test_workers_of_a_machine_get_gpus_of_their_own(gpus, workers, processes, found) -> None:
    assert devices.slices([*gpus], workers, processes) == found


@pytest.mark.parametrize(("gpus", "workers", "processes", "set"), [("01", 3, 1, 2), ("0123", 3, 2, 2), ("0", 2, 4, 1)])
def test_too_few_gpus_are_refused_with_the_number_that_fits(gpus, workers, processes, set) -> None:
    with pytest.raises(CallsheetError, match=rf"this machine has {len(gpus)}\. Set experiment\.workers={set}"):
        devices.slices([*gpus], workers, processes)


def test_workers_share_the_cores_unless_the_user_has_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    share = max(1, cores() // 2)
    assert devices.environment((), 2, 1) == {"OMP_NUM_THREADS": str(share)}
    assert devices.environment(("0", "1"), 1, 2) == {"CUDA_VISIBLE_DEVICES": "0,1", "OMP_NUM_THREADS": str(share)}
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert devices.environment((), 2, 1) == {"OMP_NUM_THREADS": "7"}


def test_a_worker_is_started_for_each_set_of_gpus_or_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,5")
    assert (devices.fitting(1), devices.fitting(2), devices.fitting(8)) == (4, 2, 1)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert devices.fitting(1) == 1
