"""Files of experiments whose keys are no names, in the words of a user, before OmegaConf meets them."""

from __future__ import annotations

from callsheet.config.experiment.files import key_in
from callsheet.config.experiment.words import GROUP
from callsheet.config.texts.keys import nodes_of, odd_keys
from callsheet.errors import CallsheetError

NOTHING = ("", "~", "null")  # as YAML writes it


def require_names(file: str, path: str, text: str) -> None:
    """Raise `CallsheetError` where the `text` of a file holds no values by name, or names that YAML takes for others.

    OmegaConf takes true and false for keys, but no arm can be called so.
    """
    top = next(nodes_of(text), None)
    if path.startswith(f"{GROUP}/") and top and top[1] == "list":
        raise CallsheetError(f"{file}:{top[2]}: A file takes values by name, as in 'arms: {{…}}', and no list.")
    for above, written, line in odd_keys(text):
        within = key_in(path, text, above)
        if written.lower() in NOTHING or within.partition(".")[0] == GROUP:
            key = f"{within or 'A file'} has the key {written or 'null'}"
            raise CallsheetError(f"{file}:{line}: {key}, which YAML takes for no name. Put it in quotes.")
