"""Under which launch which plugins that touch weights are tested with what; the table in the documentation is made from it."""

WHOLE, ADAPTER = "whole model", "adapter"

TESTED = {
    "bema": {
        "single": (WHOLE, ADAPTER),
        "ddp": (WHOLE, ADAPTER),
        "zero2": (WHOLE, ADAPTER),
        "zero3": (WHOLE, ADAPTER),
        "fsdp2": (WHOLE, ADAPTER),
    },
    "ref_sync": {
        "single": (WHOLE, ADAPTER),
        "ddp": (WHOLE, ADAPTER),
        "zero2": (WHOLE, ADAPTER),
        "zero3": (WHOLE, ADAPTER),
        "fsdp2": (WHOLE, ADAPTER),
    },
}


def launches(plugin, what=WHOLE, *, but=()):
    """The launches under which `plugin` is tested with `what`."""
    return [launch for launch, kinds in TESTED[plugin].items() if what in kinds and launch not in but]
