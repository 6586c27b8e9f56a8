"""The failure page in a real browser: drawn in light and dark, walked by keyboard, nothing injected."""

from __future__ import annotations

import html
import json
import re
import shutil
import struct
import subprocess

import pytest
from tests.unit.race.page_sample import EVIL, eviction_race
from tests.unit.race.test_page_content import seen_race

from planproof.race.page import html_of


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: install the package chromium"),
]

# What a test adds to the page, for the policy of the page allows its own script only in the page.
PROBE = """
<script>
addEventListener("load", () => {
  const press = (key) =>
    document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  const box = (one) => one.getBoundingClientRect();
  const bars = [...document.querySelectorAll(".bar")];
  const found = {
    bars: bars.length,
    hidden: bars.filter((bar) => box(bar).width < 12 || box(bar).height < 12).length,
    wider: document.documentElement.scrollWidth > innerWidth ? 1 : 0,
    ground: getComputedStyle(document.body).backgroundColor,
    title: document.title,
  };
  const of = (text) => bars.find((bar) => bar.textContent.includes(text));
  found.overlap = box(of("'s6'")).right > box(of("'s7'")).left ? 1 : 0;
  found.after = box(document.querySelector(".bar.blocked")).left > box(of("'s7'")).right ? 1 : 0;
  press("ArrowRight"); press("ArrowRight");
  found.focus = document.activeElement.getAttribute("aria-label");
  found.row = document.querySelector("tr.at").id;
  found.told = document.getElementById("told").textContent;
  press("ArrowLeft");
  found.back = document.activeElement.dataset.op;
  document.body.setAttribute("data-found", JSON.stringify(found));
});
</script>
"""


def chromium(*options):
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *options],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-500:]
    return done.stdout


def found_in(page, tmp_path, *options):
    path = tmp_path / "page.html"
    path.write_text(page.replace("</main>", "</main>" + PROBE), encoding="utf-8")
    dom = chromium(f"--user-data-dir={tmp_path / 'profile'}", *options, "--dump-dom", path.as_uri())
    return json.loads(html.unescape(re.search(r'data-found="([^"]*)"', dom).group(1)))


def test_it_draws_and_is_walked_by_keyboard(tmp_path):
    found = found_in(html_of(*eviction_race(), title="Five sessions"), tmp_path, "--window-size=1280,900")
    assert found["bars"] == 9
    assert found["hidden"] == 0
    assert found["overlap"] == 1
    assert found["after"] == 1
    assert found["title"] == "Five sessions"
    assert found["focus"].startswith("client ann: login('u1'), ok 's2'")
    assert found["row"] == "row-op1"
    assert "State before: [s1]; after: [s1, s2]" in found["told"]
    assert found["back"] == "op0"


def test_a_narrow_window_scrolls_only_inside(tmp_path):
    found = found_in(html_of(*eviction_race()), tmp_path, "--window-size=520,900")
    assert found["wider"] == 0


def test_light_and_dark_differ(tmp_path):
    page = html_of(*eviction_race())
    light = found_in(page, tmp_path, "--blink-settings=preferredColorScheme=1")
    dark = found_in(page, tmp_path, "--blink-settings=preferredColorScheme=0")
    assert light["ground"] != dark["ground"]


def test_nothing_of_the_application_runs(tmp_path):
    found = found_in(html_of(*eviction_race(EVIL), title="Still mine"), tmp_path)
    assert found["title"] == "Still mine"


def test_a_picture_has_the_colours_of_the_page(tmp_path):
    (tmp_path / "page.html").write_text(html_of(*eviction_race()), encoding="utf-8")
    picture = tmp_path / "page.png"
    chromium(
        f"--user-data-dir={tmp_path / 'profile'}",
        "--window-size=1200,900",
        f"--screenshot={picture}",
        (tmp_path / "page.html").as_uri(),
    )
    data = picture.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == (1200, 900)
    assert len(data) > 40_000, "an empty page packs far smaller"


@pytest.mark.parametrize("width", [1280, 420])
def test_the_page_of_an_observer_is_walked_and_scrolls_only_inside(tmp_path, width):
    probe = PROBE.replace(
        "found.overlap = box(of(\"'s6'\")).right > box(of(\"'s7'\")).left ? 1 : 0;", ""
    ).replace(
        'found.after = box(document.querySelector(".bar.blocked")).left > box(of("\'s7\'")).right ? 1 : 0;',
        "",
    )
    path = tmp_path / "seen.html"
    path.write_text(seen_race().replace("</main>", "</main>" + probe), encoding="utf-8")
    dom = chromium(
        f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},900", "--dump-dom", path.as_uri()
    )
    found = json.loads(html.unescape(re.search(r'data-found="([^"]*)"', dom).group(1)))
    assert (found["bars"], found["hidden"], found["wider"]) == (3, 0, 0)
    assert "buy('tea')" in found["told"]
