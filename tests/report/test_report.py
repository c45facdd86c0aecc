"""`aws-tags report` in a real browser: what it says is what the audits say, whoever reads it, however, and whatever stands in the tags."""
import csv
import gzip
import io
import json
import os
import re
import subprocess

import pytest
from playwright.sync_api import expect

import audits
from browser import browser as launched
from browser import opened, violations
from local_aws import COMMAND

RESOURCES = 1000
LONG = "long-" * 51 + "x"
MARKUP = "</script><img src=x onerror='window.hacked=1'>\"'><svg onload=window.hacked=1>"
TURNED = "safe\u202egpj.exe"
FORMULAS = ["=HYPERLINK(\"http://x\")", "+1", "-1", "@SUM(A1)", "\ttab", "\rreturn", "\nline", " =1+1", "＝1+1"]
HOSTILE = [
    {"arn": f"arn:aws:sqs:eu-west-1:111122223333:{text}", "type": f"sqs:{text}", "account": "111122223333", "region": f"eu{text}",
     "state": state, "owner": text, "missing": [text], "guess": {"owner": text, "why": text},
     "created": {"at": "2026-11-01T10:00:00Z", "event": text, "name": text, "by": text, "file": text},
     "tags": [{"key": text, "value": text, "from": "other", "run": text}, {"key": "emoji", "value": "🏷️🧾" * 60, "from": "request"}]}
    for text, state in [(MARKUP, "owner-unknown"), (TURNED, "incomplete"), (LONG, "owner-unknown"), ("🏷️", "ours")]
] + [
    {"arn": f"arn:aws:sqs:eu-west-1:111122223333:formula-{n}", "type": "sqs:queue", "account": "111122223333", "region": "eu-west-1",
     "state": "ours", "owner": text, "missing": [], "tags": [{"key": text, "value": text, "from": "other"}, {"key": "none", "value": "", "from": "other"}]}
    for n, text in enumerate(FORMULAS)
]


def report(paths, output, *options):
    done = subprocess.run([COMMAND, "report", *map(str, paths), "-o", str(output), *options], capture_output=True, text=True)
    assert done.returncode == 0, done
    return output


def resources_of(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file][1:]


@pytest.fixture(scope="module")
def browser():
    with launched() as one:
        yield one


@pytest.fixture(scope="module")
def year(tmp_path_factory):
    """Audits of a year; the last with hostile resources."""
    folder = tmp_path_factory.mktemp("year")
    *before, last = audits.write_year(folder, RESOURCES)
    return [*before, audits.write(last, RESOURCES, seed=11, covered=0.85, more=HOSTILE)]


@pytest.fixture(scope="module")
def path(year, tmp_path_factory):
    return report(year, tmp_path_factory.mktemp("report") / "report.html")


@pytest.fixture(scope="module")
def resources(year):
    return resources_of(year[-1])


@pytest.fixture
def page(browser, path):
    with opened(browser, path) as page:
        page.wait_for_selector("#list:not([hidden])")
        yield page


def numbers(text):
    return int(text.replace(",", ""))


def shown(page):
    """How many resources the list has."""
    return numbers(page.inner_text("#count").split()[0])


def open_menu(page, facet):
    page.click(f".menu summary:has-text('{facet}')")
    page.wait_for_selector(".menu[open] label")


def choose(page, facet, *labels):
    open_menu(page, facet)
    for label in labels:
        page.locator(".menu[open] label").filter(has=page.locator(f"bdi:text-is('{label}')")).click()
    page.keyboard.press("Escape")


def saved(page):
    """What "Save as CSV" saves, as rows by their headings, in their order."""
    with page.expect_download() as download:
        page.click("#csv")
    with open(download.value.path(), encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(io.StringIO(file.read(), newline="")))


# What it says.

def test_the_summary_needs_no_script(browser, path, resources):
    with opened(browser, path, java_script_enabled=False) as page:
        covered = sum(one["state"] in ("ours", "tagged-otherwise") for one in resources)
        # Rounded down.
        assert page.inner_text(".coverage strong") == f"{covered * 1000 // len(resources) / 10:g} %"
        assert f"of {len(resources):,} resources" in page.inner_text(".coverage")
        for state in ("ours", "tagged-otherwise", "incomplete", "owner-unknown"):
            number = page.inner_text(f"dl.states .{state} strong")
            assert numbers(number) == sum(one["state"] == state for one in resources), state
        for heading in ("Coverage over time", "By service", "By owner", "Where tags are missing", "How resources were found"):
            assert page.locator(f"h2:text-is('{heading}')").is_visible()
        assert "The list needs JavaScript" in page.inner_text("#resources")
        assert not page.locator("#list").is_visible()
        assert "This audit is partial" in page.inner_text("header")


def test_tables_say_what_the_audits_say(page, year, resources):
    lines = [row.inner_text().split("\t") for row in page.locator(".over-time table").first.locator("tbody tr").all()]
    assert len(lines) == 6
    for (_, covered, of, coverage), path in zip(lines, reversed(year)):
        all_of_it = resources_of(path)
        assert numbers(of) == len(all_of_it)
        assert numbers(covered) == sum(one["state"] in ("ours", "tagged-otherwise") for one in all_of_it)
        assert coverage == f"{numbers(covered) * 1000 // numbers(of) / 10:g} %"
    assert page.locator(".over-time details tbody tr").count() == len(year) - 6
    assert page.locator("svg.line circle").count() == len(year)
    assert page.locator("svg.line line.coverage").count() == len(year) - 1
    for section, name in (("by-service", lambda one: one["type"].split(":")[0]), ("by-owner", lambda one: one.get("owner"))):
        table = {row.locator("th bdi").inner_text(): [cell.inner_text() for cell in row.locator("td").all()]
                 for row in page.locator(f"section[aria-labelledby={section}] tbody tr:not(.rest)").all()}
        for group, (covered, of, _) in table.items():
            mine = [one for one in resources if name(one) == (None if group == "owner unknown" else group)]
            assert (numbers(covered), numbers(of)) == (sum(one["state"] in ("ours", "tagged-otherwise") for one in mine), len(mine)), group
        rest = page.locator(f"section[aria-labelledby={section}] tr.rest td")
        others = numbers(rest.nth(1).inner_text()) if rest.count() else 0
        assert others + sum(numbers(of) for _, of, _ in table.values()) == len(resources)


def test_untagged_resources_come_with_the_best_guess_and_its_reason(page, resources):
    by_arn = {one["arn"]: one for one in resources}
    rows = page.locator("section[aria-labelledby=untagged] tbody tr").all()
    assert len(rows) == 12
    guesses = 0
    for row in rows:
        one = by_arn.get(row.locator("code").inner_text())
        if one is None:  # A hostile one, which is shown escaped.
            continue
        text = row.inner_text()
        assert all(key in text for key in one["missing"])
        if "guess" in one and "owner" not in one:
            guesses += 1
            assert one["guess"]["owner"] + "?" in text and one["guess"]["why"] in text
        elif "created" in one:
            assert one["owner"] in text and "called " + one["created"]["name"] in text
    assert guesses >= 3


# The list.

def test_search_facets_and_sorting_show_what_they_should(page, resources):
    assert shown(page) == len(resources)
    page.fill("#search", "Team=PAYMENTS  ann")
    has = lambda one, word: word in json.dumps(
        [one["arn"], one["type"], one.get("owner"), one.get("guess", {}).get("owner"), one["account"], one["region"],
         one.get("created", {}).get("by"), one.get("created", {}).get("name"), [f"{tag['key']}={tag['value']}" for tag in one["tags"]]],
        ensure_ascii=False).lower()
    wanted = [one for one in resources if has(one, "team=payments") and has(one, "ann")]
    assert 0 < shown(page) == len(wanted) < len(resources)
    choose(page, "Service", "ec2", "logs")
    choose(page, "State", "Ours")
    wanted = [one for one in wanted if one["type"].split(":")[0] in ("ec2", "logs") and one["state"] == "ours"]
    assert [row["arn"] for row in saved(page)] == sorted(one["arn"] for one in wanted)
    page.click("#clear")
    choose(page, "Source of a tag", "session tags")
    wanted = [one for one in resources if any(tag["from"] == "session" for tag in one["tags"])]
    assert shown(page) == len(wanted)
    created = page.get_by_role("columnheader", name="Created (UTC)")
    assert created.get_attribute("aria-sort") == "none"
    created.get_by_role("button").click()
    assert created.get_attribute("aria-sort") == "ascending"
    created.get_by_role("button").click()
    assert created.get_attribute("aria-sort") == "descending"
    ordered = [row["created"] for row in saved(page)]
    assert ordered == sorted(ordered, reverse=True) and len(set(ordered)) > 100
    page.get_by_role("button", name="Owner", exact=True).click()
    owners = [row["owner"] for row in saved(page)]
    assert owners == sorted(owners)


def test_a_choice_says_how_many_there_would_be(page, resources):
    choose(page, "State", "Incomplete")
    open_menu(page, "Service")
    counts = {label.locator("bdi").inner_text(): numbers(label.locator(".count").inner_text())
              for label in page.locator(".menu[open] label").all()}
    incomplete = [one["type"].split(":")[0] for one in resources if one["state"] == "incomplete"]
    assert counts == {service: incomplete.count(service) for service in incomplete}
    # Of its own facet, the others stay choices.
    page.keyboard.press("Escape")
    open_menu(page, "State")
    assert page.locator(".menu[open] label").count() == 4


def test_the_address_holds_the_state(browser, path, page, resources):
    page.fill("#search", "volume")
    choose(page, "Region", "eu-west-1")
    page.get_by_role("button", name="Created (UTC)").click()
    page.get_by_role("button", name="Created (UTC)").click()
    page.locator("#table tbody button").nth(2).click()
    fragment = page.evaluate("location.hash")
    title = page.inner_text("#details-title")
    assert "sort=-created" in fragment and "q=volume" in fragment
    with opened(browser, path, fragment) as again:
        again.wait_for_selector("dialog[open]")
        assert again.inner_text("#details-title") == title
        assert again.input_value("#search") == "volume" and shown(again) == shown(page)
        # What an address names and is not there counts for nothing.
        again.evaluate("location.hash = '#service=nothing&sort=x&open=y&state=ours'")
        expect(again.locator("dialog")).not_to_be_visible()
        expect(again.locator("#table").get_by_role("columnheader", name="Resource")).to_have_attribute("aria-sort", "ascending")
        ours = sum(one["state"] == "ours" for one in resources)
        expect(again.locator("#count")).to_have_text(f"{ours:,} of {len(resources):,} resources")


def test_a_link_of_the_summary_chooses_in_the_list(page, resources):
    page.click("section[aria-labelledby=by-owner] a:has(bdi:text-is('ann'))")
    anns = sum(one.get("owner") == "ann" for one in resources)
    assert 0 < anns < len(resources)
    expect(page.locator("#count")).to_have_text(f"{anns:,} of {len(resources):,} resources")


def test_details_name_each_tag_and_where_it_came_from(page, resources):
    one = next(one for one in resources if one["state"] == "ours" and one["created"].get("file") and any("run" in tag for tag in one["tags"]))
    page.fill("#search", one["arn"])
    page.locator("#table tbody tr").first.click()
    dialog = page.locator("dialog")
    assert dialog.locator("h2").inner_text() == one["arn"]
    sources = {"principal": "the principal", "iam": "IAM tags", "session": "session tags", "request": "the creating request",
               "other": "others, or unknown"}
    assert [[cell.inner_text() for cell in row.locator("th, td").all()] for row in dialog.locator("tbody tr").all()] == [
        [tag["key"], tag["value"], sources[tag["from"]], tag.get("run", "–")] for tag in one["tags"]]
    text = dialog.inner_text()
    for part in ("event", "name", "by", "file"):
        assert one["created"][part] in text
    assert one["account"] in text and one["owner"] in text
    page.keyboard.press("Escape")
    page.fill("#search", "formula-0")
    page.locator("#table tbody tr").first.click()
    assert dialog.locator("tbody tr").nth(1).locator("td").first.inner_text() == "empty"


def test_csv_is_inert_in_a_spreadsheet(page, resources):
    rows = {row["arn"]: row for row in saved(page)}
    assert set(rows) == {one["arn"] for one in resources}
    for n, formula in enumerate(FORMULAS):
        row = rows[f"arn:aws:sqs:eu-west-1:111122223333:formula-{n}"]
        assert row["owner"] == "'" + formula
        assert row["tags"] == f"'{formula}={formula}; none="
    assert rows[HOSTILE[0]["arn"]]["file"] == MARKUP


# Whoever reads it, and however.

def test_with_the_keyboard_alone(page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.type("queue")
    for _ in range(2):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "State"
    page.keyboard.press("Enter")
    page.wait_for_selector(".menu[open] label")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.evaluate("document.activeElement.checked")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('tbody') !== null"):
            break
    first = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent") != first
    page.keyboard.press("End")
    focused = "Number(document.activeElement.closest('tr').getAttribute('aria-rowindex'))"
    assert page.evaluate(focused) == shown(page) + 1
    page.keyboard.press("Home")
    assert page.evaluate("document.activeElement.textContent") == first
    page.keyboard.press("Enter")
    assert page.locator("dialog").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("dialog").is_visible()
    assert page.evaluate("document.activeElement.textContent") == first


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser, path, scheme, width):
    with opened(browser, path, color_scheme=scheme, viewport={"width": width, "height": 800}) as page:
        page.wait_for_selector("#list:not([hidden])")
        assert violations(page) == []
        page.locator("#resources").scroll_into_view_if_needed()
        choose(page, "State", "Owner unknown")
        open_menu(page, "Service")
        assert violations(page) == []
        page.keyboard.press("Escape")
        page.locator("#table tbody tr").nth(1).click()
        assert violations(page) == []


def test_dark_is_dark(browser, path):
    shade = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0)"
    for scheme, is_dark in (("light", False), ("dark", True)):
        with opened(browser, path, color_scheme=scheme) as page:
            assert (page.evaluate(shade) < 200) == is_dark


def test_nothing_is_wider_than_a_phone(browser, path):
    with opened(browser, path, viewport={"width": 360, "height": 740}) as page:
        page.wait_for_selector("#list:not([hidden])")
        width = "document.documentElement.scrollWidth"
        assert page.evaluate(width) == 360
        for hostile in HOSTILE[:4]:
            page.fill("#search", hostile["owner"])
            assert page.evaluate(width) == 360
            open_menu(page, "Owner")
            assert page.evaluate(width) == 360
            page.keyboard.press("Escape")
            page.locator("#table tbody tr").first.click()
            dialog = page.evaluate("(({ scrollWidth, clientWidth }) => [scrollWidth, clientWidth])(document.querySelector('dialog'))")
            assert dialog[0] <= dialog[1]
            page.keyboard.press("Escape")
        # A card shows everything that a row does.
        page.fill("#search", "ec2:volume")
        card = page.locator("#table tbody tr").first
        box = card.bounding_box()
        for cell in card.locator("th, td").all():
            inner = cell.bounding_box()
            assert box["y"] <= inner["y"] and inner["y"] + inner["height"] <= box["y"] + box["height"] + 1
            assert inner["x"] + inner["width"] <= 360


def test_on_paper_are_no_controls_and_the_first_rows(page, resources):
    page.evaluate("""addEventListener("beforeprint", () => {
        window.printed = {rows: document.querySelectorAll("#table tbody tr").length, note: document.querySelector("#printed").textContent};
    })""")
    pdf = page.pdf()
    assert pdf.startswith(b"%PDF")
    assert page.evaluate("window.printed") == {"rows": 200, "note": f"The first 200 of {len(resources):,} resources. The file itself, or its CSV, has all."}
    # Afterwards the list is as it was.
    assert page.locator("#table tbody tr").count() < 100
    page.emulate_media(media="print")
    assert not page.locator(".controls").is_visible() and page.locator("dl.states").is_visible()
    assert page.locator("#printed").is_visible()


# Whatever stands in it.

def test_an_audit_of_nothing_is_a_report(browser, tmp_path):
    empty = report([audits.write(tmp_path / "empty.jsonl", 0, partial=False, required=())], tmp_path / "empty.html")
    with opened(browser, empty) as page:
        page.wait_for_selector("#list:not([hidden])")
        assert "No resources were found" in " ".join(page.inner_text(".coverage").split())
        assert "Required tags: none" in page.inner_text("header")
        assert shown(page) == 0 and page.locator("#none").is_visible()
        assert violations(page) == []
        page.fill("#search", "x")
        assert page.locator("#table tbody tr").count() == 0


def test_audits_of_one_day_have_their_times(tmp_path):
    head = {"version": 1, "accounts": ["111122223333"], "regions": ["eu-west-1"], "required": ["Owner"], "inventory": [], "partial": False}
    lines = [json.dumps({"audit": {**head, "at": f"2026-11-27T0{hour}:30:00Z"}}) for hour in (1, 2, 3)]
    done = subprocess.run([COMMAND, "report", "-"], input="\n".join(lines), capture_output=True, text=True)
    assert done.returncode == 0, done
    rows = re.findall(r"<th scope=\"row\">(27 [^<]*)</th>", done.stdout)
    assert rows == [f"27 November 2026, 0{hour}:30 UTC" for hour in (3, 2, 1)]


def test_a_plan_is_no_audit_in_one_line(tmp_path):
    plan = tmp_path / "plan.jsonl"
    line = {"arn": "arn:aws:sqs:eu-west-1:111122223333:orders", "type": "sqs:queue", "account": "111122223333", "region": "eu-west-1", "state": "add",
            "event": {"name": "CreateQueue"}, "add": [{"key": "Owner", "value": "ann", "source": "owner"}]}
    plan.write_text(f"{json.dumps(line)}\n" * 5)
    done = subprocess.run([COMMAND, "report", str(plan), "-o", str(tmp_path / "report.html")], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, ""), done
    assert done.stderr == (f"aws-tags: {plan}: this is a plan of a backfill, not an audit: give it to `aws-tags audit --history`, and what that writes "
                           "with `--json` here\n")


@pytest.mark.parametrize("end", ["between lines", "within a line", "within gzip"])
def test_an_audit_that_is_cut_off_is_no_whole_one(year, tmp_path, end):
    head, *rest = open(year[-1], encoding="utf-8").read().splitlines(keepends=True)
    told = json.loads(head)
    told["audit"]["resources"] = len(rest)
    cut = tmp_path / ("cut.jsonl.gz" if "gzip" in end else "cut.jsonl")
    text = "".join([json.dumps(told), "\n", *rest[:4]] + ([rest[4][:40]] if "within a line" in end else rest[4:] if "gzip" in end else []))
    packed = gzip.compress(text.encode())
    cut.write_bytes(packed[:len(packed) // 2] if "gzip" in end else text.encode())
    there = 5 if "within a line" in end else 4
    for paths in ([cut], [year[0], cut]):
        output = tmp_path / "cut.html"
        done = subprocess.run([COMMAND, "report", *map(str, paths), "-o", str(output)], capture_output=True, text=True)
        assert done.returncode == 1, done
        assert "covered" not in done.stdout and f"of {len(rest):,}, as the audit is cut off" in done.stdout, done
        assert re.search(rf"cut\.jsonl(\.gz)?: the audit is cut off: [\d,]+ of {len(rest):,} resources are there\n", done.stderr), done
        if "gzip" not in end:
            assert f"cut off: {there} of" in done.stderr, done
        page = output.read_text()
        assert "This audit is cut off." in page and "<strong>Cut off</strong>" in page and "100 %" not in page.split("class=\"over-time\"")[0]
    whole = tmp_path / "whole.jsonl"
    whole.write_text("".join([json.dumps(told), "\n", *rest]), encoding="utf-8")
    report([whole], tmp_path / "whole.html")


def test_a_terminal_gets_no_page(year):
    master, terminal = os.openpty()
    done = subprocess.run([COMMAND, "report", year[0]], stdout=terminal, stderr=subprocess.PIPE, text=True)
    os.close(terminal)
    os.close(master)
    assert done.returncode == 2
    assert done.stderr == "aws-tags: a report is no text for a terminal: give `-o report.html`, or `-o -` to see it all the same\n"


def test_hostile_values_are_inert(page):
    for hostile, escaped in ((HOSTILE[0], MARKUP), (HOSTILE[1], "safe\\u{202e}gpj.exe"), (HOSTILE[2], LONG)):
        page.fill("#search", hostile["owner"])
        assert shown(page) == 1
        page.locator("#table tbody tr").first.click()
        assert page.inner_text("#details-title").endswith(escaped)
        cells = page.locator("dialog tbody tr").first.locator("th, td")
        assert [cells.nth(n).inner_text() for n in (0, 1, 3)] == [escaped] * 3
        page.keyboard.press("Escape")
    assert page.evaluate("window.hacked") is None
    assert page.locator("img, body svg[onload]").count() == 0
    assert page.evaluate("[...document.querySelectorAll('*')].every((one) => [...one.attributes].every(({ name }) => !name.startsWith('on')))")
    assert "\u202e" not in page.evaluate("document.documentElement.outerHTML")


def test_the_policy_lets_nothing_in(browser, path):
    """Even somebody who could write into the page could neither run a script nor send anything away."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"file://{path}")
    page.evaluate("""() => {
        const add = (name, more) => document.body.append(Object.assign(document.createElement(name), more));
        add("script", { textContent: "window.hacked = 1" });
        add("img", { src: "https://example.com/x.png" });
        add("style", { textContent: "body { display: none }" });
        document.body.insertAdjacentHTML("beforeend", "<b onclick='window.hacked = 1' id='bait'>x</b>");
        document.querySelector("#bait").click();
    }""")
    assert page.evaluate("fetch('https://example.com/').then(() => 'sent', () => 'refused')") == "refused"
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("getComputedStyle(document.body).display") != "none"
    context.close()


def test_what_is_hidden_is_not_in_the_file(browser, year, resources, tmp_path):
    hidden = report(year[-1:], tmp_path / "hidden.html", "--hide-values", "--hide-principals")
    with opened(browser, hidden) as page:
        page.wait_for_selector("#list:not([hidden])")
        everything = page.evaluate("""async () => {
            const packed = Uint8Array.from(atob(JSON.parse(document.querySelector("#data").textContent)), (c) => c.charCodeAt(0));
            const data = await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
            return data + document.body.innerText;
        }""")
        data = json.loads(everything[:everything.rindex("}}") + 2])
        assert data["texts"]["values"] == [""]
        words = set(everything.replace("-", " ").replace("/", " ").replace('"', " ").replace(":", " ").split())
        assert not words & {"ann", "bo", "carl", "dora", "emil", "fatma", "gil", "hana"}
        assert "Passed on without values of tags and names of principals" in page.inner_text("header")
        owners = {one.get("owner") for one in resources}
        assert len(owners) > 10 and "principal-1" in words | set(data["texts"]["owners"])
        assert shown(page) == len(resources)
        page.locator("#table tbody tr").first.click()
        assert "not shown" in page.inner_text("dialog tbody")
