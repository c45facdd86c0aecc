"""Lambda's event source mapping: takes messages from a real queue, invokes the built functions with them, and deletes what they
have done.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
"""
import json
import os
import subprocess
import threading
import time

from local_aws import ACCOUNT, REGION, TARGET, client_env
from runtime_api import Function

CREATIONS, DEAD_LETTERS = "aws-tags-creations", "aws-tags-creations-dead-letters"


class Mapping:
    """A queue and its function, as the template makes them."""

    def __init__(self, c, url, binary="tag-handler", processes=1, seconds=30, batch_size=10, delay=0, env=None, release=False,
                 names=(CREATIONS, DEAD_LETTERS), region=REGION):
        self.sqs, self.batch_size, self.seconds, self.region = c("sqs", region), batch_size, seconds, region
        self.arn, dead = (f"arn:aws:sqs:{region}:{ACCOUNT}:{name}" for name in names)
        self.dead = self.sqs.create_queue(QueueName=names[1])["QueueUrl"]
        redrive = json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 100})
        self.url = self.sqs.create_queue(QueueName=names[0], Attributes={
            "VisibilityTimeout": "190", "DelaySeconds": str(delay), "RedrivePolicy": redrive})["QueueUrl"]
        binary = binary if os.path.sep in binary else os.path.join(TARGET, "release" if release else "debug", binary)
        env = {**client_env(url), "DEAD_LETTER_QUEUE_ARN": dead, "MAXIMUM_CONCURRENCY": str(processes), **(env or {})}
        self.start = lambda: Function(binary, env, seconds, subprocess.PIPE)
        self.lines, self.late, self.failed, self.invocations = [], 0, 0, 0
        self.functions = [self.start() for _ in range(processes)]
        for function in self.functions:
            self.collect(function)

    def collect(self, function):
        def read():
            with function.process.stdout as lines:
                for line in lines:
                    self.lines.append(json.loads(line))
        threading.Thread(target=read, daemon=True).start()

    def restart(self):
        """New processes, which know nothing."""
        for function in self.functions:
            function.stop()
        self.functions = [self.start() for _ in self.functions]
        for function in self.functions:
            self.collect(function)

    def send(self, events):
        for start in range(0, len(events), 10):
            entries = [{"Id": str(n), "MessageBody": json.dumps(event)} for n, event in enumerate(events[start:start + 10])]
            self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)

    def receive(self, url=None, wait=0):
        return self.sqs.receive_message(QueueUrl=url or self.url, MaxNumberOfMessages=10, WaitTimeSeconds=wait,
                                        AttributeNames=["All"], MessageAttributeNames=["All"]).get("Messages", [])

    def invoke(self, function, messages):
        """Invokes a function; deletes what it has done, and gives the rest."""
        started = time.monotonic()
        function.api.payloads.put({"Records": [self.record(message) for message in messages]})
        how, answer = function.api.answers.get(timeout=self.seconds + 60)
        self.late += time.monotonic() - started > self.seconds
        self.invocations += 1
        if how != "response":
            self.failed += 1
            return messages
        left = {item["itemIdentifier"] for item in answer["batchItemFailures"]}
        done = [message for message in messages if message["MessageId"] not in left]
        for start in range(0, len(done), 10):
            entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(done[start:start + 10])]
            self.sqs.delete_message_batch(QueueUrl=self.url, Entries=entries)
        return [message for message in messages if message["MessageId"] in left]

    def record(self, message):
        said = {name: {"stringValue": value["StringValue"], "dataType": value["DataType"]}
                for name, value in message.get("MessageAttributes", {}).items()}
        return {"messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"], "body": message["Body"],
                "attributes": message["Attributes"], "messageAttributes": said, "eventSource": "aws:sqs",
                "eventSourceARN": self.arn, "awsRegion": self.region}

    def count(self, url=None):
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=url or self.url, AttributeNames=names)["Attributes"]
        return [int(attributes[name]) for name in names]

    def drain(self, seconds):
        """Runs all functions at once until the queue is empty, or the time is over; gives the seconds that it took."""
        started, stop = time.monotonic(), threading.Event()

        def poll(function):
            while not stop.is_set():
                messages = more = self.receive(wait=1)
                while more and len(messages) < self.batch_size:
                    messages += (more := self.receive())
                if messages:
                    self.invoke(function, messages)

        pollers = [threading.Thread(target=poll, args=[function], daemon=True) for function in self.functions]
        for poller in pollers:
            poller.start()
        while sum(self.count()) and time.monotonic() - started < seconds:
            time.sleep(0.5)
        took = time.monotonic() - started
        stop.set()
        for poller in pollers:
            poller.join(self.seconds + 5)
        return took

    def stop(self):
        for function in self.functions:
            function.stop()
        for url in (self.url, self.dead):
            self.sqs.delete_queue(QueueUrl=url)
