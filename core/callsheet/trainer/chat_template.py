"""The chat template that `model.chat_template` names or is."""

from __future__ import annotations

import re
from pathlib import Path

from callsheet.disk import regular
from callsheet.errors import CallsheetError, did_you_mean

LONGEST = 255  # characters of a path that is looked up
LARGEST = 4 * 2**20  # bytes of a template


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
        if len(written) > LONGEST or "\n" in written or not file.exists() or file.is_dir():
            near = _nearest(file) if len(written) <= LONGEST else ""
            said = "is no file, and no template: it has no braces"
            raise CallsheetError(f"model.chat_template={written} {said}.{near}")
        text = read(file)
    try:
        # transformers knows loop controls too, and {% generation %}, which Jinja does not.
        Environment(extensions=["jinja2.ext.loopcontrols"]).parse(_without_markers(text))
    except TemplateSyntaxError as error:
        raise CallsheetError(f"model.chat_template does not parse: line {error.lineno}: {error.message}") from error
    return text


def read(file: Path) -> str:
    """The text of a template in a file; raises `CallsheetError` for what is no small file of text."""
    try:
        return regular.read(file, LARGEST, follow=True).decode("utf-8")
    except regular.Irregular as error:
        raise CallsheetError(f"model.chat_template: {error}.") from error
    except UnicodeDecodeError as error:
        raise CallsheetError(f"model.chat_template={file} is no UTF-8 text: {error.reason}.") from error


def _nearest(file: Path) -> str:
    return did_you_mean(file.name, [each.name for each in file.parent.iterdir()] if file.parent.is_dir() else [])


def _without_markers(template: str) -> str:
    return re.sub(r"\{%-?\s*(end)?generation\s*-?%\}", "", template)
