"""A handler is found by its kind alone, imported when it is needed, and what keeps it from working names its package."""

import pytest

from callsheet.outbox import Delivery, Entry, Handler, Permanent, Transient, handlers
from callsheet.plugins import entry_points

ODD = """
from callsheet.outbox import Handler

class Breaks(Handler):
    def __init__(self, run_dir):
        raise RuntimeError("no account")

class Exits(Handler):
    def __init__(self, run_dir):
        super().__init__(run_dir)
        raise OSError(13, "Permission denied")

class Stranger:
    def __init__(self, run_dir):
        pass
"""


@pytest.fixture
def odd(shipping):
    """The package, with three kinds more, and one whose module cannot be imported."""
    (shipping / "odd.py").write_text(ODD)
    (shipping / "broken.py").write_text("import no_such_module_anywhere")
    points = shipping / "shipping-1.0.dist-info" / "entry_points.txt"
    more = "breaks = odd:Breaks\nexits = odd:Exits\nstranger = odd:Stranger\nabsent = odd:Absent\nbroken = broken:X\n"
    points.write_text(points.read_text() + more)
    entry_points.forget()


def test_the_handler_of_a_kind_is_made_for_a_run(tmp_path, shipping):
    made = handlers.make("shelf", tmp_path)
    assert isinstance(made, Handler) and made.run_dir == tmp_path and made.parallel == 4


def test_the_kinds_are_known_without_importing_their_modules(tmp_path, odd):
    for kind in ("shelf", "breaks", "stranger", "broken"):
        handlers.require(kind)


def test_a_kind_that_nobody_carries_out_names_the_nearest_and_the_way_to_add_one(tmp_path, shipping):
    with pytest.raises(LookupError, match="of kind 'shelv'. Did you mean 'shelf'?") as refused:
        handlers.require("shelv")
    assert "'callsheet.outbox'" in str(refused.value)
    with pytest.raises(Permanent, match="of kind 'shelv'. Did you mean 'shelf'?"):
        handlers.make("shelv", tmp_path)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("breaks", "The handler of kind 'breaks' could not be made: RuntimeError: no account."),
        ("exits", "could not be made: PermissionError: [Errno 13] Permission denied."),
        ("stranger", "The handler of kind 'stranger' is no callsheet.outbox.Handler."),
        ("absent", "names odd:Absent, which does not exist"),
        ("broken", "no_such_module_anywhere"),
    ],
)
def test_what_cannot_be_made_is_a_refusal_that_says_what_to_repair(tmp_path, odd, kind, said):
    with pytest.raises(Permanent) as refused:
        handlers.make(kind, tmp_path)
    assert said in str(refused.value) and refused.value.remedy == "Repair or reinstall shipping 1.0."
    assert handlers.make("shelf", tmp_path), "one broken kind takes no other with it"


def test_a_handler_that_carries_nothing_out_says_so(tmp_path):
    with pytest.raises(NotImplementedError):
        Handler(tmp_path).deliver(Delivery(Entry("1", "shelf", "1", {}, 0.0), tmp_path))


def test_a_delivery_without_a_courier_reports_to_nobody(tmp_path):
    entry = Entry("1", "shelf", "1", {"to": "x"}, 0.0)
    alone, other = Delivery(entry, tmp_path), Delivery(entry, tmp_path)
    alone.progress(1, 2)
    alone.queued().append(entry)
    assert alone.payload == {"to": "x"} and alone.files == {} and other.queued() == []


def test_what_went_wrong_carries_what_the_courier_needs():
    busy, early, refused = Transient("503", retry_after=7), Transient("soon", counts=False), Permanent("403", "Log in.")
    assert (str(busy), busy.retry_after, busy.counts) == ("503", 7, True)
    assert (early.retry_after, early.counts) == (None, False)
    assert (str(refused), refused.remedy, Permanent("gone").remedy) == ("403", "Log in.", "")
