"""A report of many resources: small enough to be sent, and quick enough to work with. `make report` tries and prints 100,000, `make test`
a sample of a tenth, with the same bounds. Each time is the median of several; as other work on the machine only ever adds to it, they are
taken again until it is quick."""
import os
import statistics

import pytest

import audits
from browser import browser as launched
from browser import opened, violations
from test_report import report, shown

RESOURCES = int(os.environ.get("RESOURCES", 10_000))
# 8 MB for 100,000.
PAGE_BYTES, RESOURCE_BYTES = 100_000, 79
PAINT_MS = 1000
FILTER_MS = 100
TRIES = 5
ROUNDS = 4


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("large")
    return report([audits.write(folder / "audit.jsonl", RESOURCES)], folder / "report.html")


@pytest.fixture(scope="module")
def browser():
    with launched() as one:
        yield one


@pytest.fixture
def page(browser, path):
    with opened(browser, path) as page:
        page.wait_for_selector("#list:not([hidden])")
        yield page


def test_it_is_small(path):
    size = path.stat().st_size
    print(f"\n{RESOURCES:,} resources: {size / 1e6:.2f} MB, {size / RESOURCES:.0f} bytes each")
    assert size <= PAGE_BYTES + RESOURCES * RESOURCE_BYTES


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_a_phone_shows_it_whole(browser, path, scheme):
    with opened(browser, path, color_scheme=scheme, viewport={"width": 360, "height": 740}) as page:
        page.wait_for_selector("#list:not([hidden])")
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == 360


def assert_quick(what, measure, bound):
    """That the median of some measurements is within a bound, in milliseconds."""
    rounds = []
    while len(rounds) < ROUNDS and (not rounds or statistics.median(rounds[-1]) > bound):
        rounds.append([measure() for _ in range(TRIES)])
    median = statistics.median(rounds[-1])
    print(f"\n{what}: {median:.0f} ms, the median of {[round(one) for one in rounds[-1]]}; at most {bound} ms")
    assert median <= bound, rounds


def test_it_is_painted_at_once(browser, path):
    lists = []

    def paint():
        with opened(browser, path) as page:
            page.wait_for_selector("#list:not([hidden])")
            lists.append(page.evaluate("(({ startTime, duration }) => startTime + duration)(performance.getEntriesByName('filter')[0])"))
            return page.evaluate("""new Promise((done) => new PerformanceObserver((list) => {
                for (const { name, startTime } of list.getEntries()) if (name === "first-contentful-paint") done(startTime);
            }).observe({ type: "paint", buffered: true }))""")

    assert_quick("first paint", paint, PAINT_MS)
    print(f"the list is there after {statistics.median(lists):.0f} ms")


# From doing it to the next picture.
TIMED = """([selector, typed]) => new Promise((done) => {
    const element = document.querySelector(selector);
    const began = performance.now();
    if (typed === null) element.click();
    else {
        element.value = typed;
        element.dispatchEvent(new Event("input"));
    }
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
})"""


@pytest.mark.parametrize("typed", ["e", "team=pay", "volume ann", "no-such-thing", "vol-0 eu-west-1 session"])
def test_a_search_takes_no_time(page, typed):
    def search():
        page.fill("#search", "")
        return page.evaluate(TIMED, ["#search", typed])

    assert_quick(f"search for {typed!r}", search, FILTER_MS)
    print(f"{shown(page):,} found")


def test_a_choice_takes_no_time(page):
    box = ".menu[open] input[type=checkbox]"
    page.click(".menu summary:has-text('Service')")
    page.wait_for_selector(box)
    assert_quick("choice", lambda: page.evaluate(TIMED, [box, None]), FILTER_MS)


def test_an_order_takes_no_time(page):
    assert_quick("order", lambda: page.evaluate(TIMED, ["#table thead th:nth-child(2) button", None]), FILTER_MS)


def test_however_many_rows_there_are_few_are_drawn(page):
    assert shown(page) == RESOURCES
    assert page.locator("#table").get_attribute("aria-rowcount") == str(RESOURCES + 1)
    page.locator("#table tbody button").first.focus()
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement.closest('tr').getAttribute('aria-rowindex')") == str(RESOURCES + 1)
    assert page.locator("#table tbody tr").count() < 100
    for _ in range(3):
        page.keyboard.press("PageUp")
    rows = page.locator("#table tbody tr").evaluate_all("(rows) => rows.map((row) => Number(row.getAttribute('aria-rowindex')))")
    assert rows == sorted(rows)
    # Wherever one scrolls to, there are rows.
    in_sight = page.evaluate("""new Promise((done) => {
        scrollTo(0, document.documentElement.scrollHeight / 2);
        requestAnimationFrame(() => requestAnimationFrame(() => done(document.elementFromPoint(300, 500).closest("tr") !== null)));
    })""")
    assert in_sight
