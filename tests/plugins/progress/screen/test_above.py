"""What of a line that somebody prints reaches the terminal."""

from __future__ import annotations

import pytest

from callsheet_plugins.progress.screen.above import one_line


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("plain", "plain"),
        ("10%|#\r20%|##\r", "20%|##"),
        ("\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m\x1b[0m"),
        ("up\x1b[2A\x1b[K\x1b[?25l\x1b[2Jdown", "updown"),
        ("\x1b]0;title\x07text\x1b]8;;http://x\x1b\\link", "textlink"),
        ("bell\x07, back\x08, \x9b2Jc1, tab\t.", "bell, back, 2Jc1, tab\t."),
        ("cut \x1b[", "cut "),
        ("\x1bc reset", " reset"),
        ("", ""),
    ],
)
def test_colours_stay_and_what_moves_the_cursor_goes(printed: str, shown: str) -> None:
    assert one_line(printed) == shown
