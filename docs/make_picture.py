"""Make report.png, the report of the demo on a desktop and a phone: `python docs/make_picture.py REPORT.html`."""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HEIGHT, GAP = 860, 24
DESKTOP, PHONE = 1180, 390
FRAME = (128, 128, 128)


def main() -> None:
    address = Path(sys.argv[1]).resolve().as_uri()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        desktop = picture(browser, address, DESKTOP, "light", "overview")
        phone = picture(browser, address, PHONE, "dark", "scores")
        browser.close()
    whole = Image.new("RGBA", (DESKTOP + GAP + PHONE + 4, HEIGHT + 2))
    for at, image in ((0, desktop), (DESKTOP + GAP + 2, phone)):
        whole.paste(FRAME, (at, 0, at + image.width + 2, HEIGHT + 2))
        whole.paste(image, (at + 1, 1))
    whole.quantize(128, method=Image.Quantize.FASTOCTREE).save(Path(__file__).with_name("report.png"), optimize=True)


def picture(browser: Browser, address: str, width: int, scheme: str, section: str) -> Image.Image:
    page = browser.new_page(viewport={"width": width, "height": HEIGHT}, color_scheme=scheme)
    page.goto(address)
    if section != "overview":
        page.evaluate(f"document.getElementById({section!r}).scrollIntoView()")
    page.wait_for_timeout(2000)
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


if __name__ == "__main__":
    main()
