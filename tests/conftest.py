"""What all tests share: everything is built before the first, servers end with the file that started them, and a test that fails shows
what servers and functions logged meanwhile."""
import glob
import os

import pytest

import local_aws
from rig import build

# Characters of a log that are shown.
SHOWN = 6000


@pytest.fixture(scope="session", autouse=True)
def built(request):
    """Builds everything, with cargo's progress: the first time takes minutes."""
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        build()


@pytest.fixture(scope="module", autouse=True)
def servers():
    yield
    local_aws.stop_all()


def logs():
    """The size of each log so far."""
    return {path: os.path.getsize(path) for path in glob.glob(os.path.join(local_aws.TOOLS, "*.log"))}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    item.logs_before = logs()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        for path, size in logs().items():
            began = item.logs_before.get(path, 0)
            with open(path, "rb") as file:
                file.seek(began if began <= size else 0)
                text = file.read().decode(errors="replace")
            if text.strip():
                report.sections.append((f"{os.path.basename(path)} meanwhile", text[-SHOWN:]))
    return report
