"""Prints what arrives, and what was missed, until Ctrl-C: python3 examples/python/consumer.py 'sensors.#'

Speaks the wire protocol over the library websockets. The session outlives its connection: after a cut the hub goes on
behind the last tag received. The numbers § are those of protocol/PROTOCOL.md.
"""

import asyncio
import json
import os
import random
import sys

try:
    import websockets
except ImportError:
    sys.exit("the library websockets is missing: apt install python3-websockets, or pip install websockets")

URL = os.environ.get("RINGHUB_URL", "http://127.0.0.1:8080")
TOKEN = os.environ.get("RINGHUB_TOKEN") or sys.exit(
    "RINGHUB_TOKEN is not set: the hub prints its token when it starts; export it here"
)
PATTERN = sys.argv[1] if len(sys.argv) > 1 else "#"
OPTIONS = {"bindings": [["amq.topic", PATTERN]], "since": "earliest"}
# The hub batches payloads up to 256 KiB, but a single one may be larger.
MAX_MESSAGE_BYTES = 4 * 1024 * 1024


class Consumer:
    """What has to be remembered to resume (§12): the session and how far its one queue has come."""

    def __init__(self):
        self.session = None
        self.resume_token = None
        self.queue = None
        self.last_tag = 0
        self.cursor = None

    def hello(self):
        hello = {"version": 1, "token": TOKEN}
        if self.queue is not None:
            queue = {
                "queue": self.queue,
                "lastTag": self.last_tag,
                "ackedUpTo": self.last_tag,
                "ackedRanges": [],
                "cursor": self.cursor,
                "options": OPTIONS,
            }
            hello["resume"] = {
                "session": self.session,
                "token": self.resume_token,
                "queues": [queue],
                "exchanges": [],
            }
        return ["hello", hello]

    def answers(self, frame):
        """Takes one frame; yields the frames to send. Frames it does not know are passed over (§2)."""
        name, *fields = frame
        if name == "welcome":
            yield from self.welcomed(fields[0])
        elif name == "ok":
            self.queue, self.cursor = fields[1]["queue"], fields[1]["cursor"]
            print(f"subscribed to {PATTERN}", flush=True)
        elif name == "deliver":
            _, first_tag, items = fields[:3]
            for item in items:
                show(item)
            # Lazier acks (§8) save frames; one for each delivery is the simplest thing that works.
            self.last_tag = first_tag + len(items) - 1
            yield ["ack", self.queue, self.last_tag]
        elif name == "mark":
            self.cursor = fields[1]  # §10: everything delivered before it was processed
        elif name == "ping":
            yield ["pong"]  # §4
        elif name == "error":
            sys.exit(f"{fields[1]}: {fields[2]}")

    def welcomed(self, welcome):
        self.session, self.resume_token = welcome["session"], welcome["resumeToken"]
        if self.queue is None:
            yield ["subscribe", 1, OPTIONS]
            return
        yield ["ping"]  # §12: proves that the new token arrived
        print("resumed" if welcome["resumed"] else "a new session, from the cursor", flush=True)
        if not welcome["resumed"]:
            again = welcome["queues"][0]
            if "code" in again:
                sys.exit(f"{again['code']}: {again['text']}")
            self.queue, self.cursor, self.last_tag = again["queue"], again["cursor"], 0


def show(item):
    if isinstance(item, list):
        _, key, payload = item[:3]
        print(key, payload, flush=True)
    elif "gap" in item:
        print("missed", item["gap"]["count"], item["gap"]["reason"], flush=True)


async def main():
    consumer = Consumer()
    while True:
        try:
            url = f"{URL.replace('http', 'ws', 1)}/v1/ws"
            async with websockets.connect(
                url, subprotocols=["ringhub.v1.json"], max_size=MAX_MESSAGE_BYTES
            ) as socket:
                await socket.send(json.dumps(consumer.hello()))
                async for text in socket:
                    for line in text.split("\n"):
                        for answer in consumer.answers(json.loads(line)):
                            await socket.send(json.dumps(answer))
        except websockets.ConnectionClosed as closed:
            if closed.rcvd and 4100 <= closed.rcvd.code < 4200:  # §14: stop
                sys.exit(f"{closed.rcvd.code}: {closed.rcvd.reason}")
        except OSError as error:
            print(f"no hub answers at {URL}: set RINGHUB_URL ({error})", file=sys.stderr, flush=True)
        await asyncio.sleep(random.uniform(0, 2))


try:
    asyncio.run(main())
except KeyboardInterrupt:
    pass
