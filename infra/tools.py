"""Paths, and the tools that deployment and tests use: each in its own virtual environment below the target folder, with the versions and
hashes of infra/requirements. `python3 infra/tools.py NAME` installs one and prints its folder of programs."""
import json
import os
import subprocess
import sys
import venv

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
REQUIREMENTS = os.path.join(ROOT, "infra", "requirements")


def target():
    """The folder that cargo builds into, according to environment and configuration."""
    folder = os.environ.get("CARGO_TARGET_DIR", "")
    if not os.path.isabs(folder):
        command = ["cargo", "metadata", "--no-deps", "--format-version", "1"]
        try:
            folder = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)["target_directory"]
        except FileNotFoundError:
            sys.exit("cargo is not on the PATH: install Rust, see https://rustup.rs")
    # For child processes, which may run in another folder.
    os.environ["CARGO_TARGET_DIR"] = folder
    return folder


TARGET = target()
TOOLS = os.path.join(TARGET, "tools")


def say(text):
    print(text, file=sys.stderr, flush=True)


def read(path):
    with open(path, errors="replace", encoding="utf-8") as file:
        return file.read()


def tool(name):
    """The bin folder of a tool. Installs it on first use."""
    home, lock = os.path.join(TOOLS, name), os.path.join(REQUIREMENTS, f"{name}.txt")
    done, want = os.path.join(home, "installed"), read(lock)
    if not os.path.exists(done) or read(done) != want:
        wanted = [line for line in read(os.path.join(REQUIREMENTS, f"{name}.in")).splitlines() if not line.startswith("#")]
        say(f"installing {' '.join(wanted)} into {home}")
        venv.create(home, with_pip=True, clear=True)
        pip = [os.path.join(home, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--require-hashes", "--no-deps", "-r", lock], check=True)
        with open(done, "w", encoding="utf-8") as file:
            file.write(want)
    return os.path.join(home, "bin")


if __name__ == "__main__":
    print(tool(sys.argv[1]))
