"""The console in a real browser: what it shows, whether everybody can use it, and pictures of it in build/screens.

    make screens          COSMOWATCH_SCREENS_URL=http://127.0.0.1:PORT takes an agent that already runs (browser.world)

SPDX-License-Identifier: Apache-2.0
"""

import os
import re
import urllib.request

import pytest

from browser.chromium import Browser
from browser.world import World
from flow import kit

SCREENS = os.environ.get("COSMOWATCH_SCREENS", os.path.join(kit.ROOT, "build", "screens"))
SIZES = {"wide": 1280, "phone": 390}


def text_of(url):
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=60) as r:
        return r.read().decode()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    if os.environ.get("COSMOWATCH_SCREENS_URL"):
        yield None
        return
    w = World(str(tmp_path_factory.mktemp("world")))
    try:
        w.ready()
        yield w
    finally:
        w.close()


@pytest.fixture(scope="module")
def url(world):
    return world.url if world else os.environ["COSMOWATCH_SCREENS_URL"]


@pytest.fixture(scope="module")
def tab():
    b = Browser()
    yield b
    b.close()


def first_alert(url, query):
    found = re.findall(r'href="(/alerts/[0-9a-f-]{36})"', text_of(url + "/alerts?" + query))
    assert found, query
    return found[0]


@pytest.fixture(scope="module")
def pages(url):
    return {"overview": "/", "alerts": "/alerts", "accounts": "/accounts", "account": "/accounts/contoso-orders",
            "rules": "/rules", "incident": first_alert(url, "q=CosmosDBX_Incident"),
            "alert": first_alert(url, "type=CosmosDB_TorAnomaly"), "volume": first_alert(url, "type=CosmosDB_DataExfiltrationAnomaly"),
            "place": first_alert(url, "type=CosmosDB_GeoAnomaly"), "suppressed": first_alert(url, "account=contoso-archive"), "none": "/alerts?q=nothing-has-this"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page_fits_says_nothing_wrong_and_is_kept_as_a_picture(url, tab, pages, size, scheme):
    os.makedirs(SCREENS, exist_ok=True)
    tab.complaints.clear()
    for name, path in pages.items():
        tab.open(url + path, width=SIZES[size], scheme=scheme)
        tab.picture(os.path.join(SCREENS, "%s-%s-%s.png" % (name, size, scheme)))
        wider = tab.run("document.documentElement.scrollWidth - window.innerWidth")
        assert wider <= 0, "%s at %d px is %d px too wide" % (path, SIZES[size], wider)
        inside = tab.run("[...document.querySelectorAll('main *')].filter(e => !e.closest('svg') && e.scrollWidth > e.clientWidth + 1 && "
                         "getComputedStyle(e).overflowX !== 'visible').map(e => e.outerHTML.slice(0, 80))")
        assert not inside or size != "phone", "%s: %s scroll sideways" % (path, inside)
    assert not tab.complaints


def test_without_scripts_everything_is_there(url, tab, pages):
    for path in pages.values():
        texts = []
        for script in (True, False):
            tab.open(url + path, script=script)
            texts.append(re.sub(r"\d+", "0", tab.run(
                "[...document.querySelectorAll('button.copy')].forEach(b => b.remove()), document.querySelector('main').innerText")))
        assert texts[0] == texts[1] and len(texts[0]) > 50, path


def test_a_page_that_tries_to_run_a_script_is_stopped(url, tab):
    """That the browser would have complained above: the policy is there and is obeyed."""
    tab.open(url + "/")
    tab.complaints.clear()
    tab.run("document.head.appendChild(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'})), 1")
    assert tab.run("window.ran || 0") == 0
    assert tab.complaints and "Content Security Policy" in tab.complaints[0]
    tab.complaints.clear()


FOCUS = """(() => {
  const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
  return { at: [...document.querySelectorAll('*')].indexOf(e), tag: e.tagName,
           seen: e.tagName === 'SELECT' || parseFloat(s.outlineWidth) >= 2 && s.outlineStyle !== 'none' || e.className === 'skip',
           inside: r.width > 0 && r.height > 0 };
})()"""
REACHABLE = """(() => {
  const all = [...document.querySelectorAll('*')];
  return all.filter(e => e.matches('a[href], button, input, select, summary, [tabindex="0"]') && e.offsetParent !== null && !e.hidden)
            .filter(e => e.checkVisibility()).map(e => all.indexOf(e));
})()"""


@pytest.mark.parametrize("name", ["overview", "alerts", "incident", "account", "rules", "place"])
def test_the_keyboard_reaches_everything_and_shows_where_it_is(url, tab, pages, name):
    tab.open(url + pages[name])
    wanted, seen = set(tab.run(REACHABLE)), set()
    assert wanted
    for _ in range(len(wanted) + 30):
        tab.press("Tab", 9)
        f = tab.run(FOCUS)
        if f["at"] in seen and wanted <= seen:
            break
        seen.add(f["at"])
        assert f["tag"] in ("BODY", "HTML") or (f["seen"] and f["inside"]), f
    assert wanted <= seen, "not reached: %s" % tab.run("%s.map(i => document.querySelectorAll('*')[i].outerHTML.slice(0, 80))"
                                                       % sorted(wanted - seen))


def test_headings_are_in_order_tables_have_headers_and_pictures_have_words(url, tab, pages):
    for path in pages.values():
        tab.open(url + path)
        levels = tab.run("[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(h => +h.tagName[1])")
        assert levels.count(1) == 1 and levels[0] == 1, (path, levels)
        assert all(b <= a + 1 for a, b in zip(levels, levels[1:])), (path, levels)
        assert tab.run("[...document.querySelectorAll('table')].filter(t => !t.querySelector('th[scope]')).length") == 0, path
        assert tab.run("[...document.querySelectorAll('svg')].filter(s => !s.getAttribute('aria-label') && !s.closest('[aria-hidden=true]')).length") == 0, path
        assert tab.run("[...document.querySelectorAll('input,select')].filter(i => !i.labels.length).length") == 0, path
        assert tab.run("document.documentElement.lang") == "en" and tab.run("document.title.length") > 5
        ids = tab.run("[...document.querySelectorAll('[id]')].map(e => e.id)")
        assert len(ids) == len(set(ids)), path


# ---- colours ---------------------------------------------------------------------------------------------------------

def luminance(colour):
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a, b):
    hi, lo = sorted((luminance(a), luminance(b)), reverse=True)
    return (hi + 0.05) / (lo + 0.05)


def palettes():
    with open(os.path.join(kit.ROOT, "agent", "console", "style.css"), encoding="utf-8") as f:
        blocks = re.findall(r":root \{(.*?)\}", f.read(), re.S)
    assert len(blocks) == 2, "a light and a dark palette"
    full = []
    for b in blocks:
        got = {k: "#" + "".join(c * 2 for c in v[1:]) if len(v) == 4 else v for k, v in re.findall(r"--(\w+): (#\w+)", b)}
        full.append({**(full[0] if full else {}), **got})
    return dict(zip(("light", "dark"), full))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_of_text_stand_out(scheme):
    p = palettes()[scheme]
    for name in ("ink", "soft", "link", "high", "medium", "low", "info", "good"):
        for ground in ("ground", "sheet"):
            assert contrast(p[name], p[ground]) >= 4.5, "%s on %s: %.2f" % (name, ground, contrast(p[name], p[ground]))
    for name in ("learn", "usual", "seen"):  # shapes: WCAG 1.4.11
        assert contrast(p[name], p["sheet"]) >= 3, "%s: %.2f" % (name, contrast(p[name], p["sheet"]))


COLOURS = """(() => {
  const hex = c => '#' + c.match(/[\\d.]+/g).slice(0, 3).map(n => (+n).toString(16).padStart(2, '0')).join('');
  const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
                        if (!c.includes(', 0)') && c !== 'transparent') return hex(c); } return '#ffffff'; };
  return [...document.querySelectorAll('main *')].filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
    .filter(e => !e.closest('svg') && e.checkVisibility() && getComputedStyle(e).opacity === '1')
    .map(e => [hex(getComputedStyle(e).color), ground(e), e.outerHTML.slice(0, 60)]);
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(url, tab, pages, scheme):
    for path in pages.values():
        tab.open(url + path, scheme=scheme)
        for text, ground, what in tab.run(COLOURS):
            assert contrast(text, ground) >= 4.5, (path, text, ground, what)


# ---- is it of use? -----------------------------------------------------------------------------------------------------

def test_three_clicks_from_the_first_page_tell_who_did_what_from_where_and_what_to_do(url, tab, pages):
    tab.open(url + "/")
    clicks = 0
    for selector in ('nav a[href="/alerts"]', 'a[href="%s"]' % pages["incident"], "ol.timeline a"):
        tab.follow(selector)
        clicks += 1
    assert clicks <= 3
    said = tab.run("document.querySelector('main').innerText")
    for word in ("When", "What", "Who", "From where", "Investigate", "Contain and recover", "The rows behind it"):
        assert word in said, word
    assert re.search(r"\d+\.\d+\.\d+\.\d+", said) and "contoso-" in said
    assert tab.run("document.querySelector('main a[href^=\"/accounts/\"]') !== null")


def test_an_incident_leads_to_its_members_and_each_back(url, tab, pages):
    tab.open(url + pages["incident"])
    members = tab.run("[...document.querySelectorAll('ol.timeline a')].map(a => a.getAttribute('href'))")
    times = tab.run("[...document.querySelectorAll('ol.timeline time')].map(t => t.dateTime)")
    assert len(members) >= 2 and times == sorted(times)
    for m in members:
        tab.open(url + m)
        assert tab.run("document.querySelector('main a[href=\"%s\"]') !== null" % pages["incident"]), m


# ---- a report ---------------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def page(world):
    if not world:
        pytest.skip("a report is made from the store of the tests' own agent")
    path = os.path.join(world.dir, "report.html")
    kit.run(["report", "--from", "3d", "--out", path, "-c", os.path.join(world.dir, "cosmowatch.yaml")])
    return "file://" + path


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
@pytest.mark.parametrize("size", SIZES)
def test_a_report_fits_a_screen_a_telephone_and_paper(page, tab, size, scheme):
    os.makedirs(SCREENS, exist_ok=True)
    tab.complaints.clear()
    tab.open(page, width=SIZES[size], scheme="dark" if scheme == "print" else scheme)
    tab.call("Emulation.setEmulatedMedia", media="print" if scheme == "print" else "",
             features=[{"name": "prefers-color-scheme", "value": "light" if scheme == "light" else "dark"}])
    ground = tab.run("getComputedStyle(document.body).backgroundColor")
    tab.picture(os.path.join(SCREENS, "report-%s-%s.png" % (size, scheme)))
    wider = tab.run("document.documentElement.scrollWidth - window.innerWidth")
    cut = tab.run("[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth).length")
    tab.call("Emulation.setEmulatedMedia", media="")
    assert wider <= 0 and not tab.complaints
    assert cut == 0, "a table is cut: paper does not scroll"
    assert (ground == "rgb(255, 255, 255)") == (scheme == "print"), "ink is for letters"
    assert tab.run("[...document.querySelectorAll('table')].filter(t => !t.querySelector('th[scope]')).length") == 0
    assert tab.run("[...document.querySelectorAll('svg')].filter(s => !s.getAttribute('aria-label')).length") == 0
    assert tab.run("document.querySelectorAll('section').length") >= 10


def test_a_lost_interval_is_red_on_the_first_page_and_told_in_words(url, tab, pages):
    tab.open(url + pages["overview"])
    shown = tab.run("[...document.querySelectorAll('.strip .gap')].map(r => [getComputedStyle(r).fill, r.getBoundingClientRect().width])")
    assert shown and all(width >= 1 for _, width in shown)
    red = [int(palettes()["light"]["high"][i:i + 2], 16) for i in (1, 3, 5)]
    assert shown[0][0] == "rgb(%d, %d, %d)" % tuple(red)
    assert "is lost: " in tab.run("document.querySelector('main').innerText")
    assert any("lost" in label for label in tab.run("[...document.querySelectorAll('svg.strip')].map(s => s.getAttribute('aria-label'))"))


def test_pictures_of_an_alert_and_of_an_account_show_what_their_words_say(url, tab, pages):
    tab.open(url + pages["place"])
    inside = """(() => { const m = document.querySelector('svg.map').getBoundingClientRect();
        return [...document.querySelectorAll('svg.map circle')].map(c => c.getBoundingClientRect())
                 .every(c => c.left >= m.left && c.right <= m.right && c.top >= m.top && c.bottom <= m.bottom); })()"""
    assert tab.run(inside) and tab.run("document.querySelectorAll('svg.map circle.seen').length") >= 1
    assert re.search(r"Seen: .*(Nigeria|Brazil), about [\d]+ km from the nearest usual place", tab.run("document.querySelector('main').innerText"))
    tab.open(url + pages["volume"])
    widths = tab.run("[...document.querySelectorAll('table.bars')][0].querySelectorAll('rect').length")
    assert widths >= 3
    seen, usual = [tab.run("document.querySelector('.bars tr.%s rect').getBoundingClientRect().width" % c) for c in ("seen", "usual")]
    assert seen > usual > 0
    tab.open(url + pages["account"])
    assert tab.run("document.querySelectorAll('svg.week').length") == tab.run("document.querySelectorAll('svg.today').length") >= 3
    assert "Usual places" in tab.run("document.querySelector('main').innerText")
