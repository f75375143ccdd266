"""A warning at every step would bury the run."""

import warnings

from callsheet.process.warnings_once import warnings_once


def warn():
    with warnings.catch_warnings():  # whoever leaves this resets what Python remembers
        warnings.simplefilter("ignore", ImportWarning)
    warnings.warn("gone in the next release", FutureWarning, stacklevel=1)


def test_the_same_warning_is_printed_once_whatever_resets_pythons_memory(monkeypatch):
    printed = []
    monkeypatch.setattr(warnings, "showwarning", lambda message, *place: printed.append(str(message)))
    with warnings_once():
        for _ in range(3):
            warn()
        warnings.warn("another", FutureWarning, stacklevel=1)
    assert printed == ["gone in the next release", "another"]
    warn()
    assert len(printed) == 3, "outside, everything is as it was"


def test_what_records_warnings_still_gets_all_of_them():
    with warnings_once(), warnings.catch_warnings(record=True) as recorded:
        warnings.simplefilter("always")
        for _ in range(2):
            warn()
    assert len(recorded) == 2
