"""Which weights are streamed, and which optimizers must not go on before they are read."""

from types import SimpleNamespace

import torch
from torch.optim.optimizer import _global_optimizer_pre_hooks

from callsheet_plugins.bema.streams.holding import before_each_step, on_gpus, writes_in_steps_alone

WEIGHTS = [torch.nn.Parameter(torch.ones(2))]


class ScheduleFree(torch.optim.SGD):
    def train(self): ...

    def eval(self): ...


class AdaLomo(torch.optim.Optimizer):
    def __init__(self):
        super().__init__(WEIGHTS, {})


def test_only_weights_on_a_gpu_are_streamed_each_over_streams_of_its_own():
    places = {"a": ("cpu", 3), "b": ("cuda:0", 3), "c": ("cuda:1", 3), "d": ("cuda:0", 3), "empty": ("cuda:0", 0)}

    def shard(place, size):
        return SimpleNamespace(read=lambda: SimpleNamespace(device=torch.device(place), numel=lambda: size))

    found = on_gpus({name: shard(*about) for name, about in places.items()})
    assert {str(device): [*part] for device, part in found.items()} == {"cuda:0": ["b", "d"], "cuda:1": ["c"]}


def test_each_of_several_optimizers_is_preceded():
    called = []
    handle = before_each_step(lambda: called.append(None))
    for kind in (torch.optim.SGD, torch.optim.AdamW):
        kind(WEIGHTS, lr=0.1).step()
    handle.remove()
    torch.optim.SGD(WEIGHTS, lr=0.1).step()
    assert len(called) == 2 and not _global_optimizer_pre_hooks


def test_optimizers_that_write_outside_their_steps_are_known():
    plain = torch.optim.AdamW(WEIGHTS)
    wrapped = SimpleNamespace(optimizer=plain, train=lambda: None, eval=lambda: None)  # as accelerate's
    assert writes_in_steps_alone(plain) and writes_in_steps_alone(wrapped)
    assert not writes_in_steps_alone(ScheduleFree(WEIGHTS, lr=0.1))
    assert not writes_in_steps_alone(SimpleNamespace(optimizer=ScheduleFree(WEIGHTS, lr=0.1)))
    assert not writes_in_steps_alone(AdaLomo())
    assert not writes_in_steps_alone(object()), "who knows"
