"""wandb-workspaces: a saved view under a name that is known before, and questions to W&B's server.

The package draws a new name for each view, and cannot say which views a project has: two runs would make two.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from callsheet.privates.library import Library, Private

ASKING = "wandb_workspaces/_graphql.py"
SAVING = "wandb_workspaces/workspaces/interface.py"

LIBRARY = Library(
    "wandb-workspaces",
    read_in="0.4.13",
    source="https://github.com/wandb/wandb-workspaces/blob/v0.4.13",
    names=(
        Private("execute_graphql", ASKING, 9, "asks which views a project has", takes=("api", "query", "variables")),
        Private("Workspace._internal_name", SAVING, 906, "gives a view the name that every run knows"),
        Private("Workspace._internal_id", SAVING, 909, "tells the view that it made from others"),
    ),
)


def ask(query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """What W&B's server answers to a GraphQL document. Raises what wandb raises, after 19 s without an answer."""
    import wandb
    from wandb_workspaces._graphql import execute_graphql

    return execute_graphql(wandb.Api(), query, variables)


def save(workspace: Any, name: str) -> str:
    """Save a new view under `name`; returns its id."""
    workspace._internal_name = name
    workspace.save()
    return str(workspace._internal_id)
