"""`aws-tags backfill --reduce-only` on files that unpack to gigabytes, or that nobody can parse: each is named once and counted, the rest
is there, in constant memory. `make sizes` runs it with the shipped build; `make test` with a sixteenth of what is long, and some bombs."""
import gzip
import json
import os
import struct
import time
import unittest
import zlib

import local_aws
from test_backfill import MIB, Backfill, packed, record, trail

GIB = 1 << 30
ALL = "SIZES" in os.environ
# What is long is read to its end; a bomb never is.
LONG = GIB if ALL else GIB // 16
BOMB = 2 * GIB
MEMORY_MIB = 128
DEEP = 1_000_000
SAMPLE = ("lists", "text-in-a-record")
OPEN = b'{"Records":['


def compact(number, name="CreateVolume", **more):
    return json.dumps(record(number, name, **more), separators=(",", ":")).encode()


def members(path, before, piece, times, after):
    """A file of many members, of which all but the first and the last are the same."""
    middle = gzip.compress(piece, 6)
    with open(path, "wb") as file:
        file.write(gzip.compress(before))
        for _ in range(times):
            file.write(middle)
        file.write(gzip.compress(after))


def bomb(path, before, piece, size=None):
    """A file of one member that unpacks to BOMB bytes, and says so or another size. Nobody gets to its checksum."""
    def deflated(text, flush):
        deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
        return deflate.compress(text) + deflate.flush(flush)

    # What follows a full flush refers to nothing before it.
    many = piece * (16 * MIB // len(piece))
    middle = deflated(many, zlib.Z_FULL_FLUSH)
    with open(path, "wb") as file:
        file.write(b"\x1f\x8b\x08" + bytes(7) + deflated(before, zlib.Z_FULL_FLUSH))
        for _ in range(BOMB // len(many)):
            file.write(middle)
        file.write(deflated(b"", zlib.Z_FINISH) + struct.pack("<II", 0, BOMB % (1 << 32) if size is None else size))
    assert os.path.getsize(path) * (1000 if len(piece) == 1 else 220) < BOMB, os.path.getsize(path)


class Sizes(Backfill):
    command = os.environ.get("COMMAND", local_aws.COMMAND)

    def path(self, name):
        return self.put(name, b"")

    def reduced(self, wanted, found):
        """Reads all files beside a good one: which are named, what is found, and what was said of all."""
        self.put("whole.json.gz", packed(trail(1, 2)))
        began = time.time()
        done = self.reduce("--jobs", "2", memory=True)
        counts = json.loads(done.stdout)
        print(f"{len(wanted)} bad files, {counts['bytes']:,} bytes packed: {time.time() - began:.1f} s, {self.peak:.0f} MiB")
        named = self.named(done)
        self.assertEqual(sorted(name for name, _ in named), sorted(wanted), f"each once:\n{done.stderr}")
        for name, reason in named:
            self.assertRegex(reason, wanted[name], name)
        self.assertEqual((done.returncode, counts["unread"]), (1 if wanted else 0, len(wanted)))
        self.assertEqual(self.found(), sorted([1, 2, *found]))
        self.assertLessEqual(self.peak, MEMORY_MIB, "MiB")
        return counts

    def test_bombs(self):
        open_record, wanted = compact(9)[:-1], {}
        for name, before, piece, reason in (
            ("blanks", b"", b" ", "given up after 64 MB"),
            ("zeros", b"", b"\0", "given up after 64 MB"),
            ("text", b'"', b"a", "given up after 64 MB"),
            ("lists", b"", b"[", "given up after 64 MB"),
            ("objects", b"", b'{"a":', "given up after 64 MB"),
            ("lists-in-a-list-of-records", OPEN, b"[", "given up after 64 MB"),
            ("blanks-among-records", OPEN + compact(9) + b",", b" ", "200 times its size"),
            ("records", OPEN + compact(9), b"," + compact(9), "200 times its size"),
            ("text-in-a-record", OPEN + open_record + b',"x":"', b"a", "200 times its size"),
            ("backslashes-in-a-record", OPEN + open_record + b',"x":"', b"\\", "200 times its size"),
            ("lists-in-a-record", OPEN + open_record + b',"x":', b"[", "200 times its size"),
            ("objects-in-a-record", OPEN + open_record + b',"x":', b'{"a":', "200 times its size"),
        ):
            if ALL or name in SAMPLE:
                # Some say that they are small, as one of 4 GiB and a bit does.
                bomb(self.path(f"{name}.json.gz"), before, piece, size=100 if b"x" in before else None)
                wanted[f"{name}.json.gz"] = reason
        self.reduced(wanted, [])

    def test_what_is_far_too_long(self):
        long = lambda number: compact(number)[:-1] + b',"x":"'
        text = os.urandom(4000).hex().encode().ljust(MIB, b"x")
        members(self.path("record.json.gz"), OPEN + compact(3) + b"," + long(9), text, LONG // MIB, b'"},' + compact(4) + b"]}")
        # Spaces, too, may be between records; nothing is wrong with these but their number.
        spaces = b" " * 4 * MIB
        members(self.path("spaces.json.gz"), OPEN + compact(5) + os.urandom(MIB).hex().encode().join((b',{"x":"', b'"}')), spaces, LONG // len(spaces) // 8,
                b"," + compact(6) + b"]}")
        with open(self.path("record.json"), "wb") as file:
            file.write(OPEN + compact(7) + b"," + long(9))
            for _ in range(LONG // MIB):
                file.write(text)
            file.write(b'"},' + compact(8) + b"]}")
        self.reduced({"record.json.gz": "^record 2: longer than 4 MiB", "record.json": "^record 2: longer than 4 MiB"}, [3, 4, 5, 6, 7, 8])

    def test_what_is_far_too_deep_or_has_far_too_many_values(self):
        wanted, numbers, deep = {}, iter(range(3, 13)), DEEP // 10
        for name, odd, reason in (
            ("deep-lists", b"[" * deep + b"]" * deep, ".*recursion limit"),
            ("deep-objects", b'{"a":' * deep + b"1" + b"}" * deep, ".*recursion limit"),
            ("lists", b"[" * DEEP + b"]" * DEEP, "more values"),
            ("objects", b'{"a":' * DEEP + b"1" + b"}" * DEEP, "longer than"),
            # No bracket fits to another.
            ("crossed", b"[" * DEEP + b"{" * DEEP + b"]" * DEEP + b"}" * DEEP, "more values"),
        ):
            around = [compact(next(numbers)), compact(99)[:-1] + b',"x":' + odd + b"}", compact(next(numbers))]
            self.put(f"{name}.json.gz", packed(OPEN, b",".join(around), b"]}"))
            self.put(f"{name}-alone.json.gz", packed(b"[", odd, b"]"))
            wanted |= {f"{name}.json.gz": f"^record 2: {reason}", f"{name}-alone.json.gz": f"^(record|line) 1: {reason}"}
        # Parsed, each of these would take some hundred megabytes.
        many = compact(99, "DeleteVolume")[:-1] + b',"error-code":"' + b"x" * 200 + b'","x":[' + b"[0]," * 1_000_000 + b"0]}"
        self.put("values.json.gz", packed(OPEN, many, b"]}"))
        self.put("values-again.json.gz", packed(OPEN, many, b"]}"))
        self.put("values-alone.json.gz", packed(many))
        self.put("junk.json.gz", packed(b"x" + b"{" * 5 * DEEP))
        self.put("junk-of-spaces.json.gz", packed(b"x" + b" " * 5 * MIB + b"{" * 5 * DEEP))
        self.reduced({**wanted, "values.json.gz": "more values", "values-again.json.gz": "more values", "values-alone.json.gz": "more values",
                      "junk.json.gz": "neither", "junk-of-spaces.json.gz": "neither"}, range(3, 13))

    def test_a_file_of_broken_records_is_named_as_often_as_others_and_takes_no_more_memory(self):
        broken = DEEP if ALL else DEEP // 10
        self.put("broken.json.gz", packed(OPEN, compact(3), b',{"eventName":"CreateVpc",x}' * broken, b"]}"))
        self.put("whole.json.gz", packed(trail(1, 2)))
        done = self.reduce("--jobs", "2", memory=True)
        self.assertEqual((len(self.named(done)), json.loads(done.stdout)["unread"], self.found()), (4, broken, [1, 2, 3]))
        self.assertLessEqual(self.peak, MEMORY_MIB, "MiB")

    def test_what_says_another_size_than_it_has(self):
        good = gzip.compress(trail(3, 4))
        for name, size in (("small", 3), ("smaller", 0), ("large", 1 << 20), ("largest", (1 << 32) - 1)):
            self.put(f"{name}.json.gz", good[:-4] + struct.pack("<I", size))
        self.put("twice.json.gz", good + good[-8:])
        self.put("other.json.gz", good + gzip.compress(trail(5)).replace(b"\x1f\x8b", b"\x1f\x8a"))
        names = ("small", "smaller", "large", "largest", "twice", "other")
        self.reduced({f"{name}.json.gz": "broken gzip" for name in names}, [])

    def test_a_file_that_is_only_long_is_read_whole(self):
        some, times = 600, LONG // MIB * 4
        piece = b"".join(b"," + compact(1000 + number, "DescribeVolumes", x=os.urandom(20).hex()) for number in range(some))
        piece += b"," + compact(4)
        members(self.path("long.json.gz"), OPEN + compact(3), piece, times, b"," + compact(5) + b"]}")
        counts = self.reduced({}, [3, 4, 5])
        self.assertEqual((counts["records"], counts["again"]), (4 + times * (some + 1), times - 1))
        self.assertGreater(len(piece) * times, LONG)


del Backfill

if __name__ == "__main__":
    unittest.main()
