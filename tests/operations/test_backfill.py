"""`aws-tags backfill --reduce-only` on a trail with everything that goes wrong: each is named once and counted, and the rest is there."""
import gzip
import json
import os
import re
import signal
import subprocess
import tempfile
import time
import unittest

import local_aws
from fault_proxy import Unreliable
from local_aws import ACCOUNT, COMMAND, REGION, env_of, session

DAY = f"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2025/01/31"
MIB = 1 << 20


def record(number, name="CreateVolume", **more):
    volume = {"volumeId": f"vol-{number:017x}"}
    return {"eventVersion": "1.11", "eventTime": "2025-01-31T12:00:00Z", "eventSource": "ec2.amazonaws.com", "eventName": name, "awsRegion": REGION,
            "userIdentity": {"type": "IAMUser", "accountId": ACCOUNT, "userName": "ann"}, "requestParameters": volume, "responseElements": volume,
            "eventID": f"00000000-0000-4000-8000-{number:012x}", "recipientAccountId": ACCOUNT, "eventCategory": "Management", **more}


def trail(*numbers):
    return json.dumps({"Records": [record(number) for number in numbers]}, separators=(",", ":")).encode()


def packed(*pieces):
    """What `pieces` give, in one member."""
    return gzip.compress(b"".join(pieces), 1)


def repeated(before, piece, times, after):
    """A packed text that is never in memory as a whole."""
    with tempfile.TemporaryFile() as file:
        with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=6) as out:
            out.write(before)
            for _ in range(times):
                out.write(piece)
            out.write(after)
        file.seek(0)
        return file.read()


class Backfill(unittest.TestCase):
    command = COMMAND

    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.out = os.path.join(self.enterContext(tempfile.TemporaryDirectory()), "reduction.jsonl.gz")

    def put(self, name, body):
        path = os.path.join(self.folder, DAY, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(body)
        return path

    def reduce(self, *arguments, url="http://127.0.0.1:9", source=None, memory=False):
        command = [self.command, "backfill", "--json", "--reduce-only", self.out, *arguments, source or self.folder]
        if memory:
            # The kernel's own account of the command, as its only child.
            command = ["python3", "-c", "import resource,subprocess,sys\ncode = subprocess.run(sys.argv[1:]).returncode\n"
                       "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)\nsys.exit(code)", *command]
        done = subprocess.run(command, env=env_of(url), capture_output=True, text=True, timeout=600)
        if memory:
            *lines, peak = done.stderr.splitlines()
            done.stderr, self.peak = "\n".join(lines), int(peak) / 1024
        return done

    def found(self):
        with gzip.open(self.out) as file:
            return sorted(int(json.loads(line)["eventID"].rsplit("-", 1)[1], 16) for line in file)

    def named(self, done):
        """The names in complaints, each with what is wrong."""
        # What says how far it is names nothing.
        lines = [line for line in done.stderr.splitlines() if not re.search(r" files, .* read in .* records kept$", line)]
        pairs = [re.fullmatch(r"aws-tags: (.*?): (.*)", line) for line in lines]
        self.assertNotIn(None, pairs, done.stderr)
        return [(os.path.basename(pair[1]), pair[2]) for pair in pairs]


class BadInput(Backfill):
    def assert_named(self, done, wanted, found):
        named = dict(self.named(done))
        self.assertEqual((done.returncode, sorted(named)), (1, sorted(wanted)), done.stderr)
        self.assertEqual(len(self.named(done)), len(wanted), f"each once:\n{done.stderr}")
        for name, reason in wanted.items():
            self.assertRegex(named[name], reason, name)
        self.assertEqual(json.loads(done.stdout)["unread"], len(wanted))
        self.assertEqual(self.found(), found)

    def test_each_broken_file_is_named_once_and_the_rest_is_there(self):
        whole = packed(trail(1, 2))
        self.put("whole.json.gz", whole)
        corrupt = bytearray(packed(trail(*range(10, 40))))
        corrupt[len(corrupt) // 2] ^= 0x55
        self.put("corrupt.json.gz", bytes(corrupt))
        self.put("cut.json.gz", packed(trail(*range(10, 40)))[:-40])
        self.put("cut-inside.json.gz", packed(trail(50, 51)[:-300]))
        self.put("latin.json.gz", packed(trail(60).replace(b"ann", b"\xe4nn")))
        self.put("two-members.json.gz", packed(trail(70)[:40]) + packed(trail(70)[40:]))
        os.makedirs(os.path.join(self.folder, DAY, "folder.json.gz"))
        os.mkfifo(os.path.join(self.folder, DAY, "pipe.json.gz"))
        os.symlink("/nowhere/at/all", os.path.join(self.folder, DAY, "vanished.json.gz"))
        wanted = {"corrupt.json.gz": "broken gzip", "cut.json.gz": "broken gzip: incomplete", "cut-inside.json.gz": "cut|end|JSON",
                  "latin.json.gz": "invalid unicode", "folder.json.gz": "folder", "pipe.json.gz": "regular", "vanished.json.gz": "No such file"}
        if os.geteuid():
            os.chmod(self.put("secret.json.gz", whole), 0)
            wanted["secret.json.gz"] = "[Pp]ermission"
        self.assert_named(self.reduce(), wanted, [1, 2, 50, 70])

    def test_what_is_far_too_long_is_named_in_constant_memory(self):
        self.put("whole.json.gz", packed(trail(1, 2)))
        first, last = trail(3)[:-2], trail(4)[len(b'{"Records":['):]
        long = json.dumps(record(5)).encode()[:-1] + b',"x":"'
        self.put("long.json.gz", repeated(first + b"," + long, b"x" * MIB, 64, b'"},' + last))
        self.put("bomb.json.gz", repeated(b"", b" " * MIB, 256, b""))
        self.put("many.json.gz", repeated(first, b"," + json.dumps(record(6, "DescribeVolumes", x="y" * MIB)).encode(), 64, b"," + last))
        done = self.reduce("--jobs", "2", memory=True)
        self.assert_named(done, {"long.json.gz": "record 2: longer than 4 MiB", "bomb.json.gz": "."}, [1, 2, 3, 4])
        self.assertLess(self.peak, 64, "MiB")


class Files(Backfill):
    def test_a_record_that_comes_again_is_written_once_and_tokens_never(self):
        start = record(9, "AssumeRole", eventSource="sts.amazonaws.com", responseElements={"credentials": {"sessionToken": "secret-of-ann"}})
        body = json.dumps({"Records": [start, record(1), record(2, "DescribeVolumes"), record(3, "DeleteVolume")]}).encode()
        self.put("a.json.gz", packed(body))
        self.put("b.json.gz", packed(body))
        done = self.reduce()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        counts = json.loads(done.stdout)
        self.assertEqual([counts[key] for key in ("records", "creations", "sessions", "endings", "again")], [8, 1, 1, 1, 3])
        self.assertEqual(self.found(), [1, 3, 9])
        with gzip.open(self.out, "rt") as file:
            self.assertNotIn("secret-of-ann", file.read())

    def test_a_kill_leaves_the_file_as_it_was_and_the_next_run_is_whole(self):
        for number in range(300):
            self.put(f"{number}.json.gz", packed(trail(*range(number * 50, number * 50 + 50))))
        for wait, sent in ((0.05, signal.SIGKILL), (0.15, signal.SIGKILL), (0.1, signal.SIGINT), (0.1, signal.SIGTERM)):
            with open(self.out, "wb") as file:
                file.write(packed(b"before"))
            running = subprocess.Popen([COMMAND, "backfill", "--reduce-only", self.out, self.folder], env=env_of(""),
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            time.sleep(wait)
            running.send_signal(sent)
            _, said = running.communicate(timeout=60)
            with self.subTest(sent=sent, wait=wait), gzip.open(self.out) as file:
                if running.returncode == 0:
                    self.assertEqual(len(file.read().splitlines()), 15_000, "it was faster")
                    continue
                self.assertEqual(file.read(), b"before")
                self.assertIn(running.returncode, (-sent, 130), said)
        self.assertEqual(self.reduce().returncode, 0)
        self.assertEqual(self.found(), list(range(15_000)))

    def test_filters_leave_out_by_path_and_by_record(self):
        self.put("in.json.gz", packed(trail(1)))
        other = os.path.join(self.folder, DAY.replace(REGION, "us-east-1"), "x.json.gz")
        os.makedirs(os.path.dirname(other))
        with open(other, "wb") as file:
            file.write(b"never opened")
        done = self.reduce("--regions", REGION, "--since", "2025-01-31", "--until", "2025-01-31")
        self.assertEqual((done.returncode, json.loads(done.stdout)["leftOutByFilters"], self.found()), (0, 1, [1]), done)
        self.assertEqual(self.reduce("--regions", REGION, "--since", "2025-01-31T12:00:01Z").returncode, 0)
        self.assertEqual(self.found(), [])


class FromS3(Backfill):
    @classmethod
    def setUpClass(cls):
        cls.moto = local_aws.moto()
        cls.s3 = session(cls.moto.url)("s3")
        cls.s3.create_bucket(Bucket="trail", CreateBucketConfiguration={"LocationConstraint": REGION})
        cls.keys = [f"{DAY}/{number:03}.json.gz" for number in range(40)]
        for number, key in enumerate(cls.keys):
            cls.s3.put_object(Bucket="trail", Key=key, Body=packed(trail(number)))
        # Larger than what is kept in memory.
        cls.s3.put_object(Bucket="trail", Key=f"{DAY}/040.json.gz", Body=packed(trail(40)[:-1], b"," + os.urandom(2 * MIB).hex().encode().join((b'"x":"', b'"}'))))
        for folder in ("CloudTrail-Digest", "CloudTrail"):
            cls.s3.put_object(Bucket="trail", Key=f"{DAY.replace('/CloudTrail/', f'/{folder}/').replace(REGION, 'us-east-1')}/x.json.gz", Body=packed(trail(99)))

    def setUp(self):
        super().setUp()
        self.aws = Unreliable(self.moto.url)

    def get(self, key):
        return f"/trail/{key}?x-id=GetObject"

    def test_objects_are_read_and_filters_leave_folders_out(self):
        done = self.reduce("--regions", REGION, url=self.aws.url, source="s3://trail")
        self.assertEqual(done.returncode, 1, "the large one is no trail's file")
        self.assertEqual(self.found(), list(range(41)))
        asked = [path for path in self.aws.accepted if "us-east-1" in path and "GetObject" in path]
        self.assertEqual(asked, [])

    def test_what_s3_refuses_is_named_once_and_the_rest_is_there(self):
        kinds = dict(zip(self.keys, ("denied", "not found", "throttled", "500", "reset", "truncated")))
        self.aws.faults = {self.get(key): kind for key, kind in kinds.items()}
        done = self.reduce(url=self.aws.url, source=f"s3://trail/{DAY}/0")
        self.assertEqual(done.returncode, 1, done)
        named = [name for name, _ in self.named(done)]
        self.assertEqual(sorted(named), sorted([*(os.path.basename(key) for key in kinds), "040.json.gz"]), done.stderr)
        self.assertEqual(self.found(), list(range(6, 41)))

    def test_a_bucket_that_is_not_there_or_not_ours_ends_as_bad_input(self):
        done = self.reduce(url=self.aws.url, source="s3://nobodys-bucket/x")
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (2, 1), done)
        self.assertRegex(done.stderr, r"s3://nobodys-bucket/x: cannot be listed.*NoSuchBucket")


if __name__ == "__main__":
    unittest.main()
