"""What the tests run in Node.js, an IAM simulator and cdk-nag, and for tests in a browser Chromium and axe-core: the scripts of
tests/support/node with the packages that it pins."""
import functools
import os
import shutil
import subprocess

from local_aws import ROOT, TOOLS, read, say, tool

SCRIPTS = os.path.join(ROOT, "tests", "support", "node")


@functools.cache
def node_packages():
    """A copy of the scripts, beside which Node.js looks for packages. Installs these on first use."""
    home = shutil.copytree(SCRIPTS, os.path.join(TOOLS, "node-packages"), dirs_exist_ok=True)
    done, want = os.path.join(home, "installed"), read(os.path.join(SCRIPTS, "package-lock.json"))
    if not os.path.exists(done) or read(done) != want:
        say(f"installing the packages of {SCRIPTS} into {home}")
        npm = [os.path.join(tool("node"), "npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        path = f"{tool('node')}{os.pathsep}{os.environ['PATH']}"
        subprocess.run(npm, cwd=home, check=True, env={**os.environ, "PATH": path})
        with open(done, "w", encoding="utf-8") as file:
            file.write(want)
    return home


def node(script, *arguments, **more):
    """Runs a script of tests/support/node."""
    return subprocess.run([os.path.join(tool("node"), "node"), os.path.join(node_packages(), script), *arguments], text=True, **more)
