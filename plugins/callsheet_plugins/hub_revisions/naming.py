"""Checks of names of repositories and branches, and the name of a step's branch."""

from __future__ import annotations

import re

REPO = re.compile(r"^(?:[A-Za-z0-9](?:[\w.-]*\w)?/)?[A-Za-z0-9_](?:[\w.-]*\w)?$", re.ASCII)
BAD_IN_BRANCH = re.compile(r"[\x00-\x20~^:?*\[\\\x7f]|\.\.|@\{|//|/\.|\.lock(/|$)")
LONGEST_REPO = 96
LONGEST_BRANCH = 240  # a file's name has at most 255 bytes, and locks and downloads add endings


def branch_of(revision: str, step: int) -> str:
    """The branch of one step.

    >>> branch_of("main", 1000)
    'main-step-000001000'
    """
    return f"{revision}-step-{step:09d}"


def problem_with_repo(repo: str) -> str:
    """Why the Hub would refuse `repo`, or an empty string."""
    if len(repo) > LONGEST_REPO:
        return f"is longer than {LONGEST_REPO} characters."
    if not REPO.match(repo) or "--" in repo or ".." in repo or repo.endswith(".git"):
        return "is no name of a repository; owner/name is, of letters, digits, '-', '_' and '.'."
    return "" if "/" in repo else "names no owner; owner/name does."


def problem_with_branch(name: str) -> str:
    """Why git, or the file system of a hub, would refuse a branch of this name, or an empty string."""
    if len(name.encode()) > LONGEST_BRANCH:
        return f"is too long for a branch, which has at most {LONGEST_BRANCH} characters, -step-000001000 among them."
    if not name or BAD_IN_BRANCH.search(name) or name[0] in "-/." or name[-1] in "/." or name == "@":
        return "is no name of a branch; letters, digits, '-', '_' and '.' are safe."
    return "is a name that the Hub keeps for itself." if name.startswith("refs/") else ""
