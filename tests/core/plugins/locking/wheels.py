"""Packages with one plugin, laid out as an installer leaves them."""

from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path

PLUGIN = '''"""Wish luck."""

from pathlib import Path

from callsheet import LoopState, Plugin, hookimpl

Path(__file__).with_name("imported").touch()


class Lucky(Plugin):
    """Wish luck."""

    @hookimpl
    def on_train_start(self, state: LoopState) -> None:
        print("good luck")
'''


def install(
    site: Path, *, name: str = "lucky", version: str = "1.0", source: str = PLUGIN, installer: str = "pip"
) -> Path:
    """`callsheet-NAME VERSION` with the plugin NAME; returns the module's file."""
    module, info = site / f"callsheet_{name}.py", site / f"callsheet_{name}-{version}.dist-info"
    for old in site.glob(f"callsheet_{name}-*.dist-info/*"):
        old.unlink()
    info.mkdir(parents=True, exist_ok=True)
    module.write_text(source)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: callsheet-{name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[callsheet.plugins]\n{name} = callsheet_{name}:Lucky\n")
    (info / "INSTALLER").write_text(installer)
    files = [module, *(path for path in info.iterdir() if path.name != "RECORD")]
    lines = [f"{path.relative_to(site)},sha256={_digest(path)},{path.stat().st_size}" for path in files]
    (info / "RECORD").write_text(
        "\n".join([*lines, f"{info.name}/RECORD,,", f"../../bin/{name},sha256=x{site.name},9"])
    )
    return module


def _digest(path: Path) -> str:
    return urlsafe_b64encode(sha256(path.read_bytes()).digest()).decode().rstrip("=")
