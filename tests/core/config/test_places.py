"""Where a setting stands, for somebody who knows its name alone."""

import pytest

from callsheet.config import places
from callsheet.config.compose import compose


@pytest.mark.parametrize(("name", "setting"), [*places.ELSEWHERE.items()])
def test_a_name_of_another_program_leads_to_a_setting_that_is_there(name, setting):
    assert setting in places.of(name, None)
    compose(["recipe=demo", "peft=lora", f"{setting}=1" if ".args." in setting else f"{setting}=auto"])
