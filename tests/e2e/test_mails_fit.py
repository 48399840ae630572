"""Every mail in a real browser, at the widths of a screen and of small phones, light and dark: nothing sticks out, all can be read."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright
from tests.unit.mailer.told import FACTS_OF, message

from embedded import chromium
from mailer_service.render import TEMPLATES, Renderer

pytestmark = pytest.mark.browser

LONG = "Donaudampfschifffahrtsgesellschaftskapitänsmützenständer"
# WCAG AA asks for 4.5; of what is not hidden, the colours of text and of what lies behind it.
CONTRASTS = """() => {
  const linear = (v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map(v => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (one) => {
    while (getComputedStyle(one).backgroundColor === "rgba(0, 0, 0, 0)") one = one.parentElement;
    return getComputedStyle(one).backgroundColor;
  };
  const speaks = (one) => [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim());
  return [...document.body.querySelectorAll("*")].filter(one => one.checkVisibility({opacityProperty: true}) && speaks(one)).map(one => {
    const [a, b] = [light(getComputedStyle(one).color), light(behind(one))].sort((x, y) => y - x);
    return [(a + 0.05) / (b + 0.05), one.textContent.trim().slice(0, 40)];
  });
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_mails_fit_and_can_be_read(browser: Browser, *, dark: bool) -> None:
    renderer = Renderer(TEMPLATES)
    page = browser.new_page(color_scheme="dark" if dark else "light")
    for message_type in FACTS_OF:
        asked = message(message_type, language="de", name=LONG, opens_url="https://x.example/1", unsubscribe_url="https://x.example/2")
        page.set_content(renderer.mail(asked).html)
        for width in (1280, 640, 390, 320):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{message_type} at {width}"
        assert [(ratio, words) for ratio, words in page.evaluate(CONTRASTS) if ratio < 4.5] == [], message_type
    page.close()
