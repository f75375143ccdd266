"""Names of repositories and branches."""

import pytest

from callsheet_plugins.hub_revisions.naming import branch_of, problem_with_branch, problem_with_repo


@pytest.mark.parametrize("repo", ["me/model", "me/Qwen3-0.6B", "a/b_c.d", "me-too/x"])
def test_what_the_hub_takes_is_taken(repo):
    assert problem_with_repo(repo) == ""


@pytest.mark.parametrize("repo", ["", "model", "me/", "/model", "a/b/c", "me/mo del", "me/a--b", "me/a..b", "me/x.git", "me/é", "me/" + "x" * 97])  # fmt: skip
def test_what_the_hub_would_refuse_is_refused(repo):
    assert problem_with_repo(repo)


@pytest.mark.parametrize("name", ["", "a b", "a..b", "-a", "a.", "/a", "a/", "a//b", "a~1", "a^", "a:b", "a?", "a*", "a[", "a\\b", "a.lock", "x/a.lock/b", "@", "a@{b", "refs/pr/1", "a\tb", "x" * 300])  # fmt: skip
def test_what_git_would_refuse_is_refused(name):
    assert problem_with_branch(name)


@pytest.mark.parametrize("name", ["main", "run/7", "v1.0", branch_of("main", 1000)])
def test_what_git_takes_is_taken(name):
    assert problem_with_branch(name) == ""


def test_branches_sort_as_their_steps_do():
    steps = [1, 20, 300, 99_999_999]
    assert sorted(branch_of("main", step) for step in reversed(steps)) == [branch_of("main", step) for step in steps]
