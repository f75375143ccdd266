"""Values and lines that no record of Callsheet holds, by name: a damage is written down by these names."""

from __future__ import annotations

DEEP = 100_000
LONG = 100_000

# As they stand in JSON: not all of them can be made by json.dumps.
VALUES = {
    "null": "null",
    "true": "true",
    "zero": "0",
    "minus": "-1",
    "half": "0.5",
    "large": "1e308",
    "beyond": "1e999",
    "nan": "NaN",
    "infinity": "-Infinity",
    "digits": "9" * 5000,
    "int64": str(2**63),
    "empty": '""',
    "text": '"x"',
    "long": '"' + "x" * LONG + '"',
    "lines": '"' + "x\\n" * 2000 + '"',
    "escape": '"\\u001b[31mred\\u0007"',
    "surrogate": '"\\ud800"',
    "nul": '"a\\u0000b"',
    "above": '"../../../outside/file"',
    "dots": '".."',
    "absolute": '"{outside}/file"',
    "folder": '"{outside}/folder"',
    "zeros": '"/dev/zero"',
    "time": '"2026-99-99T99:99:99"',
    "braces": '"${oc.env:HOME} {0} %s"',
    "list": "[]",
    "numbers": "[1, 2]",
    "object": "{}",
    "nested": '{"a": {"a": [{"a": null}]}}',
    "deep": "[" * DEEP + "]" * DEEP,
    "deep_object": '{"a":' * 2000 + "1" + "}" * 2000,
    "open": "[" * DEEP,
    "missing": "",
}

LINES = {
    "list": b"[1, 2]",
    "null": b"null",
    "number": b"7",
    "text": b'"x"',
    "object": b"{}",
    "words": b"this is no JSON",
    "torn": b'{"name": "checkpoint-9", "step',
    "nul": b"\0" * 4096,
    "bytes": b"\xff\xfe\x80",
    "bom": b"\xef\xbb\xbf{}",
    "deep": b"[" * DEEP,
    "long": b'{"x": "' + b"x" * (1 << 20) + b'"}',
    "two": b"{} {}",
    "nan": b'{"step": NaN}',
    "blank": b"\n\n\r\n\x0b\x0c",
}

FILLINGS = {
    "empty": b"",
    "ones": b"\xff" * 512,
    "nul": b"\0" * 512,
    "bom": b"\xef\xbb\xbf",
    "utf16": '{"a": 1}'.encode("utf-16"),
    "latin1": b'{"name": "caf\xe9"}',
    "brackets": b"[" * DEEP,
    "elf": b"\x7fELF" + b"\0" * 60,
    "zip": b"PK\x03\x04" + b"\0" * 60,
    "archive": b"PK\x05\x06" + b"\0" * 18,  # an empty one
    "pickle": b"cos\nsystem\n(S'touch {outside}/pickled'\ntR.",
    "yes": b"y\n" * 4096,
    **{f"json_{name}": VALUES[name].encode() for name in ("null", "true", "zero", "text", "list", "object", "nan")},
}

YAML = {
    "bomb": "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(
        f"{new}: &{new} [*{old}, *{old}, *{old}, *{old}, *{old}, *{old}, *{old}, *{old}, *{old}]\n"
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    ),
    "itself": "a: &a [*a]\nb: &b {b: *b}\n",
    "tag": "a: !!python/object/apply:os.system ['touch {outside}/yaml']\n",
    "tabs": "a:\n\tb: 1\n",
    "twice": "experiment: a\nexperiment: b\n",
    "nowhere": "experiment: ${nothing.of.that}\n",
    "circle": "experiment: ${output_dir}\noutput_dir: ${experiment}\n",
    "environment": "experiment: ${oc.env:HOME}\n",
    "documents": "a: 1\n---\nb: 2\n",
    "merge": "<<: [1]\n",
    "date": "experiment: 2026-99-99\n",
    "deep": "a: " + "[" * 2000 + "]" * 2000 + "\n",
    "anchor": "a: *nothing\n",
    "keys": "? [1, 2]\n: 3\nnull: 4\n1: 5\n",
    "plugins": "plugins: [bema]\n",
    "outbox": "outbox: 3\n",
}

NAMES = {
    "newline": "a\nb.json",
    "escape": "\x1b[31m.json",
    "long": "x" * 250 + ".json",
    "dots": "...json",
    "dash": "-rf.json",
    "hidden": ".json",
    "blank": " .json",
    "surrogate": "\udcff.json",
    "draft": ".x.draft",
    "temporary": ".run.json.0.tmp",
    "checkpoint": "checkpoint-999",
    "odd_checkpoint": "checkpoint-²",
    "no_number": "checkpoint-",
    "large": "checkpoint-" + "9" * 200,
    "log": "z.jsonl",
    "snapshot": "x-0123456789ab",
    "part": ".x.part",
}
