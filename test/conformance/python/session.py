"""One session from hello to bye, in plain calls of the library websockets and nothing of the hub's own code.

python3 session.py: RINGHUB_URL and RINGHUB_TOKEN say where. A line for each step that went as protocol/PROTOCOL.md has it
(the numbers § are its sections); exit code 1, and what came instead, where one did not.
"""

import asyncio
import base64
import json
import os
import sys

import websockets

URL = os.environ["RINGHUB_URL"].replace("http", "ws", 1) + "/v1/ws"
TOKEN = os.environ["RINGHUB_TOKEN"]
SUBPROTOCOL = "ringhub.v1.json"
EXCHANGE = "py.orders"
# Two unacknowledged and one waiting fill the ring: what comes more gives way to a gap.
OPTIONS = {"bindings": [[EXCHANGE, "order.*"]], "overflow": "drop-oldest", "capacity": 3, "prefetch": 2}
# That the hub does not answer at all, not that it is slow.
HANGS_S = 60


def check(is_so, what, came):
    if not is_so:
        sys.exit(f"{what}, but there came: {json.dumps(came)}")


class Wire:
    """One connection: frames out, and frames in by their name."""

    def __init__(self, socket):
        self.socket = socket
        self.waiting = []

    @classmethod
    async def open(cls):
        socket = await websockets.connect(URL, subprotocols=[SUBPROTOCOL])
        check(socket.subprotocol == SUBPROTOCOL, "the subprotocol is taken (§2)", socket.subprotocol)
        return cls(socket)

    async def send(self, *frames):
        """§2: several frames may share a message, one a line."""
        await self.socket.send("\n".join(json.dumps(frame) for frame in frames))

    async def next(self, name):
        """The fields of the next frame of this name; others wait until they are asked for."""
        while True:
            for at, frame in enumerate(self.waiting):
                if frame[0] == name:
                    return self.waiting.pop(at)[1:]
            text = await asyncio.wait_for(self.socket.recv(), HANGS_S)
            check(isinstance(text, str), "JSON comes as text (§2)", str(text))
            for line in text.split("\n"):
                frame = json.loads(line)
                if frame == ["ping"]:
                    await self.send(["pong"])  # §4
                else:
                    self.waiting.append(frame)

    async def answer(self, ref):
        got = await self.next("ok")
        check(got[0] == ref, f"command {ref} is answered", got)
        return got[1] if len(got) > 1 else None

    async def confirmed(self, first, last):
        """§11: runs of publishes, until all of them are confirmed."""
        runs = []
        missing = set(range(first, last + 1))
        while missing:
            for run in (await self.next("confirm"))[0]:
                seqs = set(range(run[0], run[0] + run[1]))
                check(seqs <= missing, f"each of {first} to {last} is confirmed once", run)
                missing -= seqs
                runs.append(run)
        return runs

    async def delivered(self, queue, first_tag, count):
        """§7: so many items, with contiguous tags from this one on."""
        items = []
        while len(items) < count:
            frame = await self.next("deliver")
            check(frame[0] == queue and frame[1] == first_tag + len(items), f"tag {first_tag + len(items)}", frame)
            items += frame[2]
        check(len(items) == count, f"{count} items", items)
        return items


def hello(resume=None):
    fields = {"version": 1, "token": TOKEN, "client": "session.py"}
    if resume is not None:
        fields["resume"] = resume
    return ["hello", fields]


def resume_of(welcome, queue, last_tag, cursor):
    """§12: what the hub needs to go on behind this tag."""
    known = {"queue": queue, "lastTag": last_tag, "ackedUpTo": last_tag, "ackedRanges": []}
    return {
        "session": welcome["session"],
        "token": welcome["resumeToken"],
        "queues": [{**known, "cursor": cursor, "options": OPTIONS}],
        "exchanges": [[EXCHANGE, {"type": "topic"}]],
    }


def keys(items):
    return [item[1] if isinstance(item, list) else item for item in items]


def order(seq):
    return ["publish", seq, EXCHANGE, f"order.{seq}", {"json": {"number": seq}}]


def done(step):
    print(step, flush=True)


async def main():
    wire = await Wire.open()
    await wire.send(hello())
    (welcome,) = await wire.next("welcome")
    check(welcome["resumed"] is False and welcome["queues"] == [], "a new session", welcome)
    check(welcome["publishSeq"] == 0, "publishes are counted from nothing", welcome)
    done("hello")

    await wire.send(["declare", 1, EXCHANGE, {"type": "topic"}])
    await wire.answer(1)
    await wire.send(["declare", 2, EXCHANGE, {"passive": True}])
    await wire.answer(2)
    done("declare")

    await wire.send(["subscribe", 3, OPTIONS])
    subscribed = await wire.answer(3)
    queue, cursor, granted = subscribed["queue"], subscribed["cursor"], subscribed["granted"]
    check((granted["capacity"], granted["prefetch"]) == (3, 2), "granted as asked for", subscribed)
    done("subscribe")

    # Text and bytes as they are, with headers; both in one message.
    text = "Grüße, 世界 🌍"
    await wire.send(
        ["publish", 1, EXCHANGE, "order.text", text, {"headers": {"n": 1, "s": "é", "b": True, "z": None}}],
        ["publish", 2, EXCHANGE, "order.bytes", {"b64": base64.b64encode(bytes(range(256))).decode()}],
    )
    done("publish")

    runs = await wire.confirmed(1, 2)
    check(all(run[2] == "v" and run[4] == 1 for run in runs), "in the volatile log, to one session", runs)
    done("confirm")

    first, second = await wire.delivered(queue, 1, 2)
    check(first[:4] == [EXCHANGE, "order.text", text, "text/plain"], "the text", first)
    check(first[7]["headers"] == {"n": 1, "s": "é", "b": True, "z": None}, "its headers", first)
    check(base64.b64decode(second[2]["b64"]) == bytes(range(256)), "the bytes", second)
    check(second[5] == first[5] + 1, "one offset after the other", [first, second])
    done("deliver")

    await wire.send(["ack", queue, 2])
    await wire.send(order(3), order(4))
    await wire.confirmed(3, 4)
    items = await wire.delivered(queue, 3, 2)
    check(json.loads(items[0][2]) == {"number": 3} and items[0][3] == "application/json", "a value", items)
    done("ack")

    await wire.send(["ping"])
    await wire.next("pong")
    await asyncio.wait_for(await wire.socket.ping(), HANGS_S)
    done("ping")

    # Tag 3 is acknowledged, 4 is not, when the connection goes without a close frame.
    await wire.send(["ack", queue, 3], ["ping"])
    await wire.next("pong")
    wire.socket.transport.abort()
    done("cut")

    # Somebody else publishes meanwhile: the ring of the parked session has room for one of these beside 4 and 5.
    other = await Wire.open()
    await other.send(hello())
    await other.next("welcome")
    await other.send(*[order(seq) for seq in range(1, 6)])
    await other.confirmed(1, 5)

    wire = await Wire.open()
    await wire.send(hello(resume_of(welcome, queue, 3, cursor)))
    (again,) = await wire.next("welcome")
    check(again["resumed"] is True and again["session"] == welcome["session"], "the same session", again)
    check(again["resumeToken"] != welcome["resumeToken"], "with another token", again)
    check(again["publishSeq"] == 4, "that knows of four publishes", again)
    check([(q["was"], q["queue"]) for q in again["queues"]] == [(queue, queue)], "the same queue", again)
    await wire.send(["ping"])  # §12: proves that the new token arrived
    await wire.next("pong")
    done("resume")

    (resent,) = await wire.delivered(queue, 4, 1)
    check(resent == items[1], "tag 4 once more", resent)
    done("sent again")

    # What is lost is an item of the queue, at its place, before what came later.
    await wire.send(["ack", queue, 4])
    rest, tag, messages, lost = [], 5, [], 0
    while len(messages) + lost < 5:
        frame = await wire.next("deliver")
        check(frame[:2] == [queue, tag], f"tag {tag}", frame)
        rest += frame[2]
        tag += len(frame[2])
        await wire.send(["ack", queue, tag - 1])
        messages = [item for item in rest if isinstance(item, list)]
        lost = sum(item["gap"]["count"] for item in rest if isinstance(item, dict))
    gaps = [item["gap"] for item in rest if isinstance(item, dict)]
    check(len(gaps) == 1 and gaps[0]["reason"] == "overflow" and lost > 0, "one gap, of overflow", rest)
    log, _, start, end, count, _ = gaps[0]["ranges"][0]
    place = rest.index({"gap": gaps[0]})
    check(log == "v" and count == lost == end - start + 1, "it says which", rest)
    check(all(item[5] < start for item in rest[:place]), "older ones stand before it", rest)
    check(place < len(rest) - 1 and all(item[5] > end for item in rest[place + 1 :]), "newer ones behind it", rest)
    check(rest[-1][1] == "order.5", "up to the last", rest)
    done("gap")

    await wire.send(["publish", 5, EXCHANGE, "nobody", "x", {"mandatory": True}])
    refused = await wire.next("refused")
    check(refused[0] == 5 and refused[2].startswith("unroutable:"), "a publish is refused", refused)
    await wire.send(["declare", 4, EXCHANGE, {"type": "fanout"}])
    error = await wire.next("error")
    check(error[0] == 4 and error[2].startswith("exchange-mismatch:"), "a command is refused", error)
    await wire.send(["ack", queue, tag + 100])
    error = await wire.next("error")
    check(error[0] is None and error[2].startswith("unknown-tag:"), "an ack is refused", error)
    await wire.send(["ping"])
    await wire.next("pong")
    done("refused")

    for one in (other, wire):
        await one.send(["bye"])
        await asyncio.wait_for(one.socket.wait_closed(), HANGS_S)
        check(one.socket.close_code == 1000, "closed with 1000 (§13)", one.socket.close_code)
        left = [frame for frame in one.waiting if frame[0] != "mark"]
        check(left == [], "nothing else", left)
    done("bye")

    # Session gone: another one, subscribed anew from its cursor, tags from 1 (§12).
    wire = await Wire.open()
    await wire.send(hello(resume_of(again, queue, tag - 1, cursor)))
    (anew,) = await wire.next("welcome")
    check(anew["resumed"] is False and anew["session"] != welcome["session"], "another session", anew)
    fresh = anew["queues"][0]
    check(fresh["was"] == queue and "code" not in fresh, "the queue anew", anew)
    await wire.send(["ping"])
    replayed = await wire.delivered(fresh["queue"], 1, 2)
    check(keys(replayed) == ["order.text", "order.bytes"], "from the cursor, which was before them all", replayed)
    await wire.send(["bye"])
    await asyncio.wait_for(wire.socket.wait_closed(), HANGS_S)
    done("begun anew")


asyncio.run(main())
