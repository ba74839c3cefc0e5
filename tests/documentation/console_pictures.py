"""The pictures of the README, as they are taken at the console of a demo that runs.

Run as a program from the root of the project, with the root on PYTHONPATH and the sign-in link that the demo has printed, this takes
them anew. It needs Debian's chromium.
"""

import io
import pathlib
import sys
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER = pathlib.Path(__file__).parents[2] / "docs" / "images"
CHROMIUM = "/usr/bin/chromium"
WIDTH, HEIGHT = 1280, 800
BYTES_MAX = 150_000
COLOURS = 128
LINKS_MAX = 30
WAIT_MS = 30_000
SETTLE_MS = 3_000
"""Plots and what comes by the stream are there after so long."""


class Picture(NamedTuple):
    """A page in one theme: `path`, and from there the first link in turn whose address begins with each word of `then`.

    Where `shows` names an element, it is the first of `LINKS_MAX` links that leads to a page whose window has that element whole.
    """

    name: str
    theme: str
    path: str
    then: str = ""
    shows: str = ""

    @property
    def file(self) -> pathlib.Path:
        """Where it stands."""
        return FOLDER / f"console-{self.name}-{self.theme}.png"


PICTURES = (
    Picture("queue", "light", "/queue"),
    Picture("case", "dark", "/queue", "/cases/", "section:has(> .waterfall)"),
    Picture("entity", "light", "/queue", "/cases/ /entities/customer_id/"),
    Picture("rule", "light", "/rules/account_takeover"),
    Picture("model", "light", "/models/named/payment_shape"),
    Picture("live", "dark", "/live"),
)


def take(link: str) -> None:
    """Signs in by `link` and writes all pictures."""
    from playwright.sync_api import sync_playwright

    there = urlsplit(link)
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"]) as browser:
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, locale="en-GB", timezone_id="Europe/Berlin")
        page.set_default_timeout(WAIT_MS)
        page.goto(link)
        page.wait_for_url("**/queue")
        for picture in PICTURES:
            picture.file.write_bytes(_small(_seen(page, f"{there.scheme}://{there.netloc}", picture)))


def _seen(page: "Page", address: str, picture: Picture) -> bytes:
    page.emulate_media(color_scheme="dark" if picture.theme == "dark" else "light")
    page.goto(address + picture.path)
    for beginning in picture.then.split():
        links = page.locator(f'main a[href^="{beginning}"]').evaluate_all("all => all.map(each => each.href)")
        page.goto(next((link for link in links[:LINKS_MAX] if _shows(page, link, picture.shows)), links[0]))
    page.wait_for_timeout(SETTLE_MS)
    return page.screenshot()


def _shows(page: "Page", link: str, element: str) -> bool:
    if not element:
        return True
    page.goto(link)
    found = page.locator(element).first
    box = found.bounding_box() if found.count() else None
    return box is not None and box["y"] + box["height"] <= HEIGHT


def _small(picture: bytes) -> bytes:
    """The picture with few colours, which text on flat grounds needs no more of."""
    from PIL import Image

    written = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as whole:
        whole.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(written, "PNG", optimize=True)
    return written.getvalue()


if __name__ == "__main__":
    take(sys.argv[1])
