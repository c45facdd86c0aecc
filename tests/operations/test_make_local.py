"""`make local` as a user meets it: a shell runs the commands that it prints, unchanged, the test reads what it reports about
their effect, and Ctrl-C ends it with everything that it started."""
import contextlib
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from local_aws import ROOT, read

OWNER = "arn:aws:sts::111122223333:assumed-role/developer/ann@example.com"
# Without cargo-lambda, as for a user who never installed it.
PATH = os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if not os.path.exists(os.path.join(part, "cargo-lambda")))


def descendants(pid):
    """The child processes of a process, and theirs."""
    table = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], check=True, stdout=subprocess.PIPE, text=True).stdout
    pairs = [tuple(map(int, line.split())) for line in table.splitlines()]
    found = [pid]
    for one in found:
        found += [child for child, parent in pairs if parent == one]
    return found[1:]


def alive(pid):
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], stdout=subprocess.PIPE, text=True).stdout.strip()
    return state and not state.startswith("Z")


class Local(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())

    def start(self):
        """Starts `make local` in a terminal, and waits until it has printed its instructions."""
        self.said = os.path.join(self.folder, "said")
        with open(self.said, "w") as said:
            terminal = subprocess.Popen(["make", "local"], cwd=ROOT, env={**os.environ, "PATH": PATH}, stdin=subprocess.DEVNULL,
                                        stdout=said, stderr=said, start_new_session=True)
        self.addCleanup(self.interrupt, terminal)
        self.until(lambda: "is shown here" in read(self.said) or terminal.poll() is not None)
        return terminal

    def until(self, what, seconds=180):
        end = time.time() + seconds
        while not what():
            self.assertLess(time.time(), end, read(self.said))
            time.sleep(0.1)

    def interrupt(self, terminal):
        """Ctrl-C: a terminal sends the signal to all foreground processes."""
        if terminal.poll() is None:
            os.killpg(terminal.pid, signal.SIGINT)
        try:
            terminal.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(terminal.pid, signal.SIGTERM)
            raise

    def test_the_printed_commands_tag_and_ctrl_c_ends_everything(self):
        terminal = self.start()
        commands = re.findall("^  ((?:export|cargo) .*)$", read(self.said), re.M)
        if not commands and "is taken" in read(self.said):
            self.skipTest(read(self.said))
        self.assertEqual([line.split()[0] for line in commands], ["export"] + ["cargo"] * 3, read(self.said))
        for command in commands[1:3]:
            done = subprocess.run(["sh", "-euc", f"{commands[0]}\n{command}"], cwd=ROOT, env={**os.environ, "PATH": PATH},
                                  capture_output=True, text=True, timeout=300)
            self.assertEqual(done.returncode, 0, done)
        self.until(lambda: f"Owner          {OWNER}" in read(self.said))
        session, gateway = (self.tags_in(start) for start in ("session-recorder has stored", "tag-handler has tagged"))
        self.assertEqual(session, {"Team": "payments", "CostCenter": "4711"})
        self.assertEqual(gateway, {"Owner": OWNER, "PrincipalId": "AROAEXAMPLEDEVELOPER1:ann@example.com", "Squad": "checkout",
                                 "Team": "payments", "CostCenter": "4711"})
        processes = descendants(terminal.pid)
        self.assertGreaterEqual(len(processes), 4, "the script, cargo-lambda, two functions")
        self.interrupt(terminal)
        self.until(lambda: not any(map(alive, processes)), 30)
        self.assertNotIn("Traceback", read(self.said))

    def tags_in(self, start):
        """The tags in the paragraph that begins with `start`."""
        paragraph = next(one for one in read(self.said).split("\n\n") if one.startswith(start))
        return dict(line.split() for line in paragraph.splitlines()[1:])

    def test_a_taken_port_is_named(self):
        with contextlib.ExitStack() as stack:
            for family, host in ((socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.1")):
                # If another process already uses the port, the test works too.
                with contextlib.suppress(OSError):
                    stack.enter_context(socket.create_server((host, 9000), family=family))
            self.assertNotEqual(self.start().wait(60), 0)
        self.assertIn("Port 9000 of", read(self.said))
