"""Which settings are paths, by their names."""

from __future__ import annotations

import re

# Settings whose value is a path: a folder, or a file or a folder.
FOLDERS = re.compile(r"^(output_dir|resume|model\.path|trainer\.ref_model)$|(^|[._])(dir|folder)$")
FILES = re.compile(
    r"(^|[._])(path|file|filename)$|^model\.chat_template$|^trainer\.args\.deepspeed$|^plugins_lock$|^dataset\.eval(\.[\w-]+)?$"
)
NO_FILES = re.compile(r"^callbacks\.|^trainer\.args\.(output_dir|resume_from_checkpoint)$|^peft\.")


def kind_of_path(setting: str) -> str:
    """Whether the value of a setting is a "folder", a "file", or neither, by its name.

    >>> kind_of_path("dataset.eval_path"), kind_of_path("output_dir"), kind_of_path("callbacks.x.path")
    ('file', 'folder', '')
    """
    if NO_FILES.search(setting):
        return ""
    return "folder" if FOLDERS.search(setting) else "file" if FILES.search(setting) else ""
