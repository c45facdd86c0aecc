"""A headless Chromium, and pages in it that must be quiet: no console message, no error, no request but for the file itself.

On Linux on x86-64 it is the one that tests/support/node pins, installed below the target folder with all that it needs. Elsewhere it is
the machine's; without any, the tests that need it are skipped, and pytest's summary says why."""
import contextlib
import functools
import os
import platform
import shutil
import subprocess

import pytest
from playwright.sync_api import sync_playwright

from local_aws import TOOLS, read, say
from node_packages import node, node_packages

NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
# A root user has no sandbox; the rest keeps the browser itself off the network.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{0}/fonts</dir><cachedir>{0}/fonts-cache</cachedir></fontconfig>
"""


def pinned():
    """The path of the pinned Chromium and its environment. Unpacks it on first use."""
    home = os.path.join(TOOLS, "chromium")
    done, want = os.path.join(home, "installed"), read(os.path.join(node_packages(), "package-lock.json"))
    if not os.path.exists(done) or read(done) != want:
        say(f"unpacking Chromium into {home}")
        shutil.rmtree(home, ignore_errors=True)
        os.makedirs(home)
        node("unpack_chromium.mjs", check=True, env={**os.environ, "TMPDIR": home})
        for path, text in ((os.path.join(home, "fonts.conf"), FONTS.format(home)), (done, want)):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
    env = {"LD_LIBRARY_PATH": os.path.join(home, "al2023", "lib"), "FONTCONFIG_FILE": os.path.join(home, "fonts.conf")}
    return os.path.join(home, "chromium"), {**os.environ, **env}


def candidates():
    """Paths of browsers with the environment of each, the best first."""
    if named := os.environ.get("CHROMIUM"):
        yield named, None
        return
    if (platform.system(), platform.machine()) == ("Linux", "x86_64"):
        yield pinned()
    for path in filter(None, map(shutil.which, NAMES)):
        yield path, None


@functools.cache
def chromium():
    """The first that starts: its path and environment."""
    complaints = []
    for path, env in candidates():
        try:
            asked = subprocess.run([path, "--version"], env=env, capture_output=True, text=True)
            if asked.returncode == 0:
                return path, env
            complaints.append(f"{path}: {asked.stderr.strip()}")
        except OSError as error:
            complaints.append(f"{path}: {error.strerror}")
    why = "; ".join(complaints) or f"none is pinned for {platform.system()} on {platform.machine()}, and none is installed"
    return pytest.skip(f"NOT TESTED IN A BROWSER: no Chromium starts here ({why}); name one with CHROMIUM=…")


@contextlib.contextmanager
def browser():
    path, env = chromium()
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, env=env, args=ARGUMENTS)
        yield launched
        launched.close()


@contextlib.contextmanager
def opened(browser, path, fragment="", **settings):
    """A page of a file, in a context with these settings. In the end it must have been quiet."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **settings})
    said, asked = [], []
    context.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    context.on("weberror", lambda error: said.append(str(error.error)))
    # Images and blobs that the file itself holds are asked of nobody.
    context.on("request", lambda request: asked.append(request.url) if request.url.split(":")[0] not in ("data", "blob") else None)
    context.set_default_timeout(10_000)
    page = context.new_page()
    url = f"file://{path}"
    page.goto(url + fragment)
    yield page
    context.close()
    assert said == []
    assert {one.split("#")[0] for one in asked} == {url}


@functools.cache
def axe():
    """axe-core, which finds what people with assistive technology stumble over."""
    return read(os.path.join(node_packages(), "node_modules", "axe-core", "axe.min.js"))


def violations(page):
    """What axe-core finds in the page as it is now."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(axe() + "\n0")
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [(one["id"], one["nodes"][0]["html"], one["nodes"][0]["failureSummary"]) for one in found["violations"]]
