"""Which process of how many this is, by the environment that its starter left."""

from callsheet.distributed.world import World, world


def test_a_lone_process_is_no_worker():
    assert world({}) == World(0, 1, "") and not world({}).is_worker


def test_torchrun_and_the_driver_are_told_apart():
    environ = {"RANK": "1", "WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "x"}
    assert world(environ) == World(1, 2, "torchrun") and not world(environ).is_driven
    assert world({**environ, "CALLSHEET_DRIVER": "1"}).is_driven
