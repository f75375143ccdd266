"""A package imports a name when it is first asked for."""

import subprocess
import sys

import pytest

import callsheet.outbox
import callsheet.sharding
import callsheet_plugins.benchmarks.dispatch


@pytest.mark.parametrize("package", [callsheet.outbox, callsheet.sharding, callsheet_plugins.benchmarks.dispatch])
def test_every_name_of_a_lazy_package_is_there_and_no_other(package):
    assert [name for name in package.__all__ if getattr(package, name).__name__ != name] == []
    with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'nothing'"):
        _ = package.nothing


def test_a_composition_imports_what_the_plugins_set_and_not_what_they_do():
    heavy = ("callsheet.outbox.handlers", "callsheet.sharding.whole", "callsheet_plugins.benchmarks.dispatch.runner")
    look = (
        f"import sys, callsheet_plugins.bema, callsheet_plugins.benchmarks; print([*{{*{heavy}}} & {{*sys.modules}}])"
    )
    assert subprocess.run([sys.executable, "-c", look], capture_output=True, text=True).stdout == "[]\n"
