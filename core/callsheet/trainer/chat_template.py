"""The chat template that `model.chat_template` names or is."""

from __future__ import annotations

import re
from pathlib import Path

from callsheet.errors import CallsheetError, did_you_mean


def problems(written: str | None) -> list[str]:
    """Say what is wrong with the template that `written` is or names."""
    try:
        return [] if written is None or template_of(written) else ["model.chat_template is empty."]
    except CallsheetError as error:
        return [str(error)]


def template_of(written: str) -> str:
    """The chat template that `written` is, or that lies in the file it names; raises `CallsheetError` for neither."""
    from jinja2 import Environment, TemplateSyntaxError

    if "{" in written:
        text = written
    else:
        file = Path(written).expanduser()
        if not file.is_file():
            near = did_you_mean(file.name, [f.name for f in file.parent.iterdir()] if file.parent.is_dir() else [])
            raise CallsheetError(f"model.chat_template={written} is no file, and no template: it has no braces.{near}")
        text = file.read_text(encoding="utf-8")
    try:
        # transformers knows loop controls too, and {% generation %}, which Jinja does not.
        Environment(extensions=["jinja2.ext.loopcontrols"]).parse(_without_markers(text))
    except TemplateSyntaxError as error:
        raise CallsheetError(f"model.chat_template does not parse: line {error.lineno}: {error.message}") from error
    return text


def _without_markers(template: str) -> str:
    return re.sub(r"\{%-?\s*(end)?generation\s*-?%\}", "", template)
