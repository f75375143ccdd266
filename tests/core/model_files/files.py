"""Model folders for tests, written without torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

DEMO = Path(__file__).parents[3] / "conf" / "callsheet_conf" / "demo" / "model"


def write_tensors(path: Path, shapes: Mapping[str, tuple[int, ...]], **changes: Any) -> Path:
    """A safetensors file with zeros in float32; `changes` replace what the header says of the first tensor."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + 4 * prod(shape)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [begin, end], **changes}
        changes = {}
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(end))
    return path


def copy_demo(folder: Path, tokens: int = 0, **config: Any) -> Path:
    """The demo's model without weights, with so many tokens added, and with other settings in its `config.json`."""
    folder.mkdir(parents=True)
    for file in DEMO.iterdir():
        content = json.loads(file.read_text())
        if file.name == "config.json":
            content |= config
        elif file.name == "tokenizer.json":
            ids = [33 + number for number in range(tokens)]
            content["added_tokens"] += [{**content["added_tokens"][0], "id": id, "content": f"<t{id}>"} for id in ids]
        (folder / file.name).write_text(json.dumps(content))
    return folder
