"""The template that a model speaks with."""

from __future__ import annotations

import pytest

from callsheet import CallsheetError
from callsheet.trainer.chat_template import template_of


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("nowhere.jinja", "model.chat_template=nowhere.jinja is no file, and no template: it has no braces."),
        ("{% for m in messages %}", "model.chat_template does not parse: line 1: Unexpected end of template."),
    ],
)
def test_a_template_that_cannot_be_is_refused(template: str, said: str):
    with pytest.raises(CallsheetError) as refusal:
        template_of(template)
    assert said in str(refusal.value)


def test_templates_that_mark_generations_parse():
    text = "{% for m in messages %}{% generation %}{{ m }}{%- endgeneration -%}{% break %}{% endfor %}"
    assert template_of(text) == text
