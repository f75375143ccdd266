"""What is wrong with publishing is found before training."""

import pytest
from hub_server import Fault

from callsheet import LogContext, LoopState
from callsheet.outbox import Outbox
from callsheet.records import PreflightReport
from callsheet_plugins.hub_revisions import HubRevisions, naming
from plugins.hub_revisions.conftest import TOKEN, checkpoint, deliver, put


def check(run_dir, **settings):
    report = PreflightReport()
    HubRevisions(**({"hub": "huggingface", "repo": "me/model"} | settings)).preflight(LogContext(run_dir), report)
    return report


def problem(run_dir, **settings):
    (said,) = check(run_dir, **settings).problems
    return said


def test_a_repository_that_can_be_written_is_fine(hub, run_dir):
    assert check(run_dir).problems == [] and check(run_dir, repo="lab/model").problems == []


def test_a_folder_needs_no_account(run_dir, monkeypatch):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    assert check(run_dir, hub="folder", repo=None).problems == []


def test_a_repository_must_be_named(hub, run_dir):
    assert "repo must be set" in problem(run_dir, repo=None)


@pytest.mark.parametrize(
    "name", ["model", "me/", "/model", "me/mo del", "me/model.git", "me/a--b", "a/b/c", "me/" + "x" * 100]
)
def test_a_bad_name_of_a_repository_is_refused(hub, run_dir, name):
    assert repr(name) in problem(run_dir, repo=name)
    assert hub.faults.asked == [], "the Hub need not be asked"


@pytest.mark.parametrize("name", ["", "ma in", "a..b", "a~b", "-a", "/a", "a//b", "a:b", "a\\b", "refs/x"])
def test_a_bad_name_of_a_branch_is_refused(run_dir, name):
    assert f"revision={name!r}" in problem(run_dir, hub="folder", revision=name)


def test_a_good_name_of_a_branch_is_taken():
    assert not any(map(naming.problem_with_branch, ("main", "v1.0", "run/7", "a_b-c", "main-step-000000001")))


def test_a_missing_token_is_said_so(hub, run_dir, monkeypatch, tmp_path):
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    monkeypatch.setattr("huggingface_hub.utils._auth.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    assert "needs a token: set HF_TOKEN" in problem(run_dir)


def test_a_token_that_the_hub_refuses_is_said_so_and_not_shown(hub, run_dir, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_" + "w" * 34)
    said = problem(run_dir)
    assert "refuses the token (401)" in said and "hf_w" not in said


def test_a_token_that_may_only_read_is_refused(hub, run_dir):
    hub.role = "read"
    assert "may only read" in problem(run_dir)


def test_an_organisation_whose_repositories_may_only_be_read_is_refused(hub, run_dir):
    hub.orgs["lab"] = "read"
    assert "me may only read what belongs to lab" in problem(run_dir, repo="lab/model")


def test_a_repository_of_somebody_else_is_refused(hub, run_dir):
    assert "belongs to me, who may write to me, lab, not to you" in problem(run_dir, repo="you/model")


def test_revisions_that_exist_are_refused_unless_they_may_be_overwritten(hub, run_dir, tmp_path):
    put(run_dir, checkpoint(run_dir, 1), hub="huggingface", repo="me/model")
    deliver(run_dir)
    other = tmp_path / "other"
    assert "me/model has the branch main-step-000000001 already" in problem(other)
    assert check(other, overwrite_hub_revision=True).problems == [] and check(other, revision="v2").problems == []
    assert check(run_dir).problems == [], "a resumed run goes on with its own"


def test_revisions_that_exist_in_a_folder_are_refused_unless_they_may_be_overwritten(run_dir, tmp_path):
    folder = {"hub": "folder", "repo": None, "folder": str(tmp_path / "shelf"), "revision": "run/7"}
    put(run_dir, checkpoint(run_dir, 1), **folder)
    deliver(run_dir)
    other = tmp_path / "other"
    assert "shelf has the branch run/7-step-000000001 already" in problem(other, **folder)
    assert check(other, **folder, overwrite_hub_revision=True).problems == []
    assert check(other, **(folder | {"revision": "run/8"})).problems == []
    assert check(run_dir, **folder).problems == [], "a resumed run goes on with its own"


@pytest.mark.parametrize("where", ["folder", "huggingface"])
def test_a_final_model_that_somebody_else_has_pushed_is_refused(hub, run_dir, tmp_path, where):
    settings = {"hub": where, "repo": "me/model", "folder": str(tmp_path / "shelf")}
    push = {"finish": {"push": True}}

    def said(run_dir, **more):
        report = PreflightReport()
        HubRevisions(**settings, **more).preflight(LogContext(run_dir, run_config=push), report)
        return report.problems

    assert said(run_dir) == []
    state = LoopState(LogContext(run_dir, outbox=Outbox(run_dir)), lambda *a: None, lambda *a: None)
    HubRevisions(**settings).publish(state, checkpoint(run_dir, 1).path)
    deliver(run_dir)
    assert said(run_dir) == [], "a run that goes on replaces its own"
    (problem,) = said(tmp_path / "other")
    assert "has the branch main already" in problem
    assert said(tmp_path / "other", overwrite_hub_revision=True) == [] and said(tmp_path / "other", revision="v2") == []


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_folder_that_cannot_be_written_is_refused(run_dir, tmp_path, place):
    (tmp_path / "file").write_text("")
    said = problem(run_dir, hub="folder", repo=None, folder=str(tmp_path / place))
    assert f"plugins.hub_revisions.folder={tmp_path / place} " in said and "is a file, " in said


def test_settings_that_can_do_nothing_are_said_so(run_dir):
    assert "needs keep_last" in problem(run_dir, hub="folder", keep_best=1)
    report, ctx = PreflightReport(), LogContext(run_dir, run_config={"plugins": {"bema": {}}, "trainer": {"args": {}}})
    HubRevisions(keep_best=1, keep_last=1, artifacts=["bema", "bemma"]).preflight(ctx, report)
    assert report.problems == [] and len(report.warnings) == 2
    assert "eval_strategy=no" in report.warnings[0] and "is called bemma." in report.warnings[1]


def test_a_hub_that_does_not_answer_is_a_warning(hub, run_dir):
    hub.fail(Fault("GET whoami", status=503, times=100))
    report = check(run_dir)
    assert report.problems == [] and "could not be asked" in report.warnings[0]


def test_an_offline_environment_is_said_so(hub, run_dir, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "HF_HUB_OFFLINE" in problem(run_dir)


def test_the_client_of_everybody_else_is_left_as_it_was(hub, run_dir):
    from huggingface_hub import get_session

    check(run_dir)
    assert get_session().timeout.read is None and TOKEN not in str(get_session().headers)


def checked(run_dir, config, **settings):
    report = PreflightReport()
    HubRevisions(**settings).preflight(LogContext(run_dir, run_config=config), report)
    return report


def test_an_adapter_of_a_folder_is_warned_of_unless_its_base_is_on_the_hub(run_dir, tmp_path):
    base, adapter = tmp_path / "base", tmp_path / "adapter"
    for folder, name in ((base, "config.json"), (adapter, "adapter_config.json")):
        folder.mkdir()
        (folder / name).write_text(f'{{"base_model_name_or_path": "{base}"}}')
    lora = {"type": "LoraConfig"}
    for config in (
        {"model": {"path": str(base), "init": "pretrained"}, "peft": lora},
        {"model": {"path": str(adapter), "init": "pretrained"}, "peft": {"type": None}},
    ):
        [said] = checked(run_dir, config).warnings
        assert f"({base}, which nobody else has)" in said and "plugins.hub_revisions.base_model=OWNER/NAME" in said
        assert not checked(run_dir, config, base_model="me/base").warnings
    [said] = checked(run_dir, {"model": {"path": "x/y", "init": "config"}, "peft": lora}).warnings
    assert "(random weights, which are not published)" in said
    for config in (
        {"model": {"path": "Qwen/Qwen3-0.6B", "init": "pretrained"}, "peft": lora},
        {"model": {"path": str(base), "init": "pretrained"}, "peft": {"type": None}},
    ):
        assert not checked(run_dir, config).warnings


@pytest.mark.parametrize("name", ["/home/me/base", "a b", "me/", "here/base"])
def test_a_base_that_is_no_id_on_the_hub_is_refused(run_dir, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here" / "base").mkdir(parents=True)
    [said] = checked(run_dir, {}, base_model=name).problems
    assert f"plugins.hub_revisions.base_model={name} is no id of a model on the Hub" in said
