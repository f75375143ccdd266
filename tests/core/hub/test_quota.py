"""Which revision goes, waits or is left out when commits run short."""

import json
import time

import pytest

from callsheet.hub.quota import Quota
from callsheet.outbox import Delivery, Entry, Transient


def revision(step, put_at, weights="raw"):
    payload = {"repo": "me/model", "commits_per_hour": 1, "coalesce": True, "final": False, "step": step}
    return Entry(f"{weights}-{step}", "hub_revisions", "key", {**payload, "weights": weights}, put_at)


@pytest.mark.parametrize(
    ("others", "left_out_for"),
    [
        ([revision(3, 30.0), revision(4, 40.0)], "raw-4"),
        ([revision(2, 21.0, "bema"), revision(3, 31.0, "bema")], None),
        ([revision(1, 99.0)], None),
        ([revision(3, 1.0)], "raw-3"),
    ],
    ids=["later steps", "averages of the model", "a clock set back", "a clock set forward"],
)
def test_a_revision_is_left_out_only_for_a_later_step_of_the_same_weights(tmp_path, others, left_out_for):
    quota = Quota(tmp_path / "commits.json")
    quota.spent("me/model")
    job = Delivery(revision(2, 20.0), tmp_path, queued=lambda: others)
    if left_out_for:
        assert quota.wait_or_pass(job) == left_out_for
    else:
        with pytest.raises(Transient, match="1 commit in the last hour"):
            quota.wait_or_pass(job)


def test_a_clock_that_was_set_back_by_a_day_makes_no_revision_wait_for_a_day(tmp_path):
    (tmp_path / "commits.json").write_text(json.dumps({"me/model": [time.time() + 86_400]}))
    assert Quota(tmp_path / "commits.json").wait_or_pass(Delivery(revision(1, 0.0), tmp_path)) is None
