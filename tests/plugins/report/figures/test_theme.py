from itertools import combinations

import pytest

from callsheet_plugins.report.figures.theme import DARK, INK, LIGHT, Look, faint, for_page, look, plain

GROUND = ("#ffffff", "#14171b")  # --paper of page.css, in the light and in the dark
# How people without one kind of cones see linear light: rows of the matrices of Machado, Oliveira and Fernandes (2009).
BLIND = {
    "red": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "green": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
}


def linear(colour: str) -> list[float]:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def contrast(one: str, other: str) -> float:
    bright, dim = sorted(sum(map(float.__mul__, (0.2126, 0.7152, 0.0722), linear(it))) for it in (one, other))[::-1]
    return (bright + 0.05) / (dim + 0.05)


def lab(light: list[float]) -> list[float]:
    """Of linear light, where distances are those that people see."""
    rows = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    x, y, z = (sum(map(float.__mul__, row, light)) / white for row, white in zip(rows, (0.9505, 1, 1.089), strict=True))
    x, y, z = (max(part, 0) ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in (x, y, z))
    return [116 * y - 16, 500 * (x - y), 200 * (y - z)]


@pytest.mark.parametrize(("colours", "scheme"), [(LIGHT, 0), (DARK, 1)], ids=["light", "dark"])
def test_a_line_stands_out_from_its_ground_and_text_is_read_on_it(colours: tuple[str, ...], scheme: int):
    assert min(contrast(colour, GROUND[scheme]) for colour in colours) >= 3
    assert contrast(INK[scheme], GROUND[scheme]) >= 7


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("blind", BLIND)
def test_colour_blind_people_tell_all_colours_apart(colours: tuple[str, ...], blind: str):
    seen = [lab([sum(map(float.__mul__, row, linear(colour))) for row in BLIND[blind]]) for colour in colours]
    assert min(sum((a - b) ** 2 for a, b in zip(*pair, strict=True)) ** 0.5 for pair in combinations(seen, 2)) >= 15


def test_32_looks_differ():
    assert len({look(place) for place in range(32)}) == 32
    assert look(32) == look(0) == Look(LIGHT[0], "solid")


def test_the_page_knows_each_colour_and_its_band_in_the_dark():
    swaps = for_page()["swaps"]
    assert swaps[LIGHT[1]] == DARK[1]
    assert swaps[faint(LIGHT[1], 0.5).removesuffix("0.5)")] + "0.5)" == faint(DARK[1], 0.5)


def test_markup_in_a_name_is_plain():
    assert plain('<a href="x">&lt;') == '&lt;a href="x"&gt;&amp;lt;'
