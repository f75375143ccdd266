"""The files with the weights in a model folder: the ones that transformers would take, each looked at from outside."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

from callsheet.model_files.contents import COPY_AGAIN, Damaged, json_of, refuse_pointer
from callsheet.model_files.safetensors import Shapes, shapes_in

INDEX = ".index.json"
# In the order in which transformers 5.23 and PEFT 0.21 look for them.
OF_MODEL = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
OF_ADAPTER = ("adapter_model.safetensors", "adapter_model.bin")
SHOWN = 3


def check(folder: Path, names: Iterable[str] = OF_MODEL) -> Shapes:
    """The shapes of the tensors in the first of `names` that `folder` has, as far as they can be known.

    Raises `Damaged` with the file that is cut off, is not there, or holds something else.
    """
    # A link to nothing, as an interrupted download leaves it, is there as well.
    name = next((name for name in names if (folder / name).exists() or (folder / name).is_symlink()), "")
    if not name:
        return {}
    return _sharded(folder, name) if name.endswith(INDEX) else _whole(folder / name)


def _whole(path: Path) -> Shapes:
    if path.suffix == ".safetensors":
        return shapes_in(path)
    refuse_pointer(path)
    with path.open("rb") as file:
        start = file.read(2)
    if not start:
        raise Damaged(f"{path} is empty. {COPY_AGAIN}")
    if start == b"PK" and not zipfile.is_zipfile(path):  # older files of torch are no archives
        raise Damaged(f"{path} is cut off: the end of the archive is missing. {COPY_AGAIN}")
    return {}


def _sharded(folder: Path, name: str) -> Shapes:
    index = json_of(folder / name).get("weight_map")
    if not isinstance(index, dict) or not index:
        raise Damaged(f"{folder / name} has no weight_map. {COPY_AGAIN}")
    files = sorted({str(file) for file in index.values()})
    if missing := [file for file in files if not (folder / file).is_file()]:
        shown = ", ".join(missing[:SHOWN]) + (f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else "")
        what = "a file that is" if len(missing) == 1 else f"{len(missing)} files that are"
        raise Damaged(f"{folder / name} names {what} not there: {shown}. Copy or download what is missing.")
    found = {file: _whole(folder / file) for file in files}
    for tensor, file in index.items():
        if found[file] and tensor not in found[file]:
            raise Damaged(f"{folder / file} holds no tensor {tensor!r}, which {name} names there. {COPY_AGAIN}")
    return {tensor: shape for shapes in found.values() for tensor, shape in shapes.items()}
