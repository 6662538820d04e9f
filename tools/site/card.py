"""The picture that a link to the site shows elsewhere: tools/site/assets/card.png.

python -m tools.site.card
"""

from __future__ import annotations

from pathlib import Path

from lambdatotp import qr_svg
from playwright.sync_api import sync_playwright

from tools import chromium
from tools.site.links import REPOSITORY

HERE = Path(__file__).parent


def main() -> None:
    """Draw it anew."""
    page = (HERE / "card.html").read_text().replace("<!-- qr -->", qr_svg(REPOSITORY))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium.fetch(), args=["--no-sandbox"]
        )
        view = browser.new_page(viewport={"width": 1200, "height": 630})
        view.set_content(page)
        view.screenshot(path=HERE / "assets" / "card.png")
        browser.close()


if __name__ == "__main__":
    main()
