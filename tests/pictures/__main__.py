"""Take the pictures of docs/messages.md: `make pictures`, or python -m tests.pictures [NAME …] for some of them.

Needs a Chromium. Each is a real render, cut to its content and put into few colours, so that the page stays light.
"""

import io
import sys
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import Browser, sync_playwright
from tests.pictures.scenes import SCALE, Picture, digest, pictures

from embedded import chromium
from mailer_service.render import TEMPLATES, Renderer

FOLDER = Path(__file__).parents[2] / "docs" / "images" / "messages"
COLOURS = 128


def take(browser: Browser, renderer: Renderer, picture: Picture) -> bytes:
    """The picture as a PNG."""
    html = renderer.mail(picture.message).html
    page = browser.new_page(
        viewport={"width": picture.width, "height": 100}, device_scale_factor=SCALE, color_scheme="dark" if picture.dark else "light"
    )
    try:
        page.set_content(html)
        whole = Image.open(io.BytesIO(page.screenshot(full_page=True)))
    finally:
        page.close()
    small, source = io.BytesIO(), PngInfo()
    # So that a test sees when a mail no longer looks like its picture.
    source.add_text("mail", digest(html))
    # No dithering: flat areas stay flat, and letters keep their edges.
    whole.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(small, "PNG", optimize=True, pnginfo=source)
    return small.getvalue()


def main(names: list[str]) -> None:
    """Write the pictures of these names, or all."""
    renderer = Renderer(TEMPLATES)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=["--no-sandbox"])
        for picture in pictures():
            if not names or picture.name in names:
                content = take(browser, renderer, picture)
                (FOLDER / f"{picture.name}.png").write_bytes(content)
                sys.stdout.write(f"{picture.name}.png  {len(content) // 1024} kB\n")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
