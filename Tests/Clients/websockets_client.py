"""WebSockets by the package `websockets`, its client and its server, with a gateway between them.

    websockets_client.py serve                     answers on a free port of 127.0.0.1, and prints it
    websockets_client.py ask ws://HOST:PORT        asks there, prints a line for each thing that was right, and fails with the first
                                                   that was not
    websockets_client.py ask wss://HOST:PORT FILE  the same over TLS, with a certificate to trust
"""

import asyncio
import http
import ssl
import sys
import urllib.parse

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve as listen
from websockets.exceptions import ConnectionClosed, InvalidStatus

PIECE = 65_536
PIECES = 1_024


class Service:
    """`counts`: pieces sent or read so far, by path; `closed`: what a client closed with, by the name that it gave."""

    def __init__(self):
        self.counts, self.closed, self.may_read = {}, {}, asyncio.Event()

    def refuse(self, connection, request):
        if request.path == "/ws/forbidden":
            return connection.respond(http.HTTPStatus.FORBIDDEN, "not you\n")
        return None

    async def answer(self, socket):
        url = urllib.parse.urlsplit(socket.request.path)
        name = urllib.parse.unquote(url.query)
        try:
            await getattr(self, url.path.removeprefix("/ws/"))(socket, name)
        except ConnectionClosed:
            pass
        finally:
            self.closed[name] = f"{socket.close_code} {socket.close_reason}"

    async def echo(self, socket, name):
        async for message in socket:
            await socket.send(message)

    async def pieces(self, socket, name):
        """Says what pieces a message came in, and answers in three."""
        pieces = [piece async for piece in socket.recv_streaming()]
        await socket.send(["|".join(pieces), " in ", str(len([piece for piece in pieces if piece]))])

    async def ping(self, socket, name):
        latency = await (await socket.ping(b"are you there"))
        await socket.send(f"answered {latency >= 0}")

    async def flood(self, socket, name):
        for number in range(PIECES):
            await socket.send(number.to_bytes(4, "big") * (PIECE // 4))
            self.counts["flood"] = number + 1

    async def sink(self, socket, name):
        await self.may_read.wait()
        total = 0
        for _ in range(PIECES):
            total += len(await socket.recv())
        await socket.send(str(total))

    async def read(self, socket, name):
        self.may_read.set()

    async def count(self, socket, name):
        async for path in socket:
            await socket.send(str(self.counts.get(path, 0)))

    async def told(self, socket, name):
        async for other in socket:
            await socket.send(self.closed.get(other, ""))

    async def close(self, socket, name):
        code, reason = name.split(" ", 1)
        await socket.close(int(code), reason)

    async def abort(self, socket, name):
        await socket.recv()
        socket.transport.abort()


async def serve():
    service = Service()
    # A reader that stops is to be seen at once: no queue of messages, and no ping that would end the connection meanwhile.
    async with listen(service.answer, "127.0.0.1", 0, process_request=service.refuse, max_size=None, max_queue=1,
                      select_subprotocol=lambda _, offered: "chat.v2" if "chat.v2" in offered else None, ping_interval=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


def right(what, condition, told=""):
    if not condition:
        sys.exit(f"wrong: {what} {told}")
    print(what, flush=True)


async def until(question, answer):
    """Asks until the answer is the wanted one, or none that is empty."""
    while True:
        told = await question()
        if told == answer or answer is None and told:
            return told
        await asyncio.sleep(0.02)


async def at_rest(count):
    """The count, once it has stayed the same for a second and is no 0."""
    last, looks = 0, 0
    while looks < 20:
        now = await count()
        looks = looks + 1 if now == last and now > 0 else 0
        last = now
        await asyncio.sleep(0.05)
    return last


class Client:
    def __init__(self, base, certificate):
        self.base = base
        self.tls = {"ssl": ssl.create_default_context(cafile=certificate)} if certificate else {}

    def open(self, path, root="ws", **options):
        return connect(f"{self.base}/{root}/{path}", proxy=None, max_size=None, ping_interval=None, **self.tls, **options)

    async def one(self, path, message):
        async with self.open(path) as socket:
            await socket.send(message)
            return await socket.recv()

    async def refusal(self, path, root="ws"):
        try:
            async with self.open(path, root):
                return None
        except InvalidStatus as error:
            return error.response

    async def ask(self):
        await self.messages()
        await self.held_back()
        await self.closing()
        forbidden = await self.refusal("forbidden")
        told = forbidden and (forbidden.status_code, forbidden.body, forbidden.headers.get("upgrade"))
        right("an upgrade that the service refuses", told == (403, b"not you\n", None), told)
        nowhere = await self.refusal("echo", root="nowhere")
        right("an upgrade that no route takes", nowhere is not None and nowhere.status_code == 404, nowhere)

    async def messages(self):
        async with self.open("echo") as socket:
            for what, message in (("text", "Zoë 管理"), ("binary", bytes(range(256))), ("nothing", ""), ("a mebibyte", bytes(1 << 20)),
                                  ("a mebibyte of text", "é" * (1 << 19))):
                await socket.send(message)
                right(what, await socket.recv() == message)
            for number in range(1_000):
                await socket.send(str(number))
            right("a thousand before the first answer is read", [await socket.recv() for _ in range(1_000)] == [str(n) for n in range(1_000)])
            right("a ping of the client", await (await socket.ping(b"are you there")) >= 0)
            right("compression is agreed on", any("deflate" in one.name for one in socket.protocol.extensions), socket.protocol.extensions)
        async with self.open("pieces", compression=None) as socket:
            await socket.send(["a", "b", "c"])
            pieces = [piece async for piece in socket.recv_streaming()]
            # What ends a message of unknown length is an empty piece.
            told = "".join(pieces)
            right("a message in pieces", told.rstrip("|").startswith("a|b|c") and told.endswith(" in 3"), pieces)
            right("an answer in pieces", len([piece for piece in pieces if piece]) == 3, pieces)
        async with self.open("ping") as socket:
            right("a ping of the service", await socket.recv() == "answered True")
        async with self.open("echo", subprotocols=["chat.v9", "chat.v2"]) as socket:
            right("a subprotocol", socket.subprotocol == "chat.v2", socket.subprotocol)
        answers = await asyncio.gather(*(self.one("echo", f"{number}" * 1_000) for number in range(50)))
        right("50 at once", answers == [f"{number}" * 1_000 for number in range(50)])

    async def held_back(self):
        async with self.open("count") as counting:

            async def sent():
                await counting.send("flood")
                return int(await counting.recv())

            async with self.open("flood", compression=None, max_queue=1) as socket:
                held = await at_rest(sent)
                right("a client that does not read holds the service back", held < PIECES * 3 // 4, held)
                numbers = [int.from_bytes((await socket.recv())[:4], "big") for _ in range(PIECES)]
                right("and has everything once it reads", numbers == list(range(PIECES)))
        async with self.open("sink", compression=None) as socket:
            count = 0

            async def send():
                nonlocal count
                for _ in range(PIECES):
                    await socket.send(bytes(PIECE))
                    count += 1

            async def now():
                return count

            sending = asyncio.create_task(send())
            held = await at_rest(now)
            right("a service that does not read holds the client back", held < PIECES * 3 // 4, held)
            async with self.open("read"):
                await sending
            total = await socket.recv()
            right("and has everything, too", total == str(PIECE * PIECES), total)

    async def closing(self):
        async with self.open("told") as telling:

            async def closed(name):
                async def question():
                    await telling.send(name)
                    return await telling.recv()

                return await until(question, None)

            for code, reason in ((1000, ""), (4001, "mine: é")):
                socket = await self.open(f"echo?{code}")
                await socket.close(code, reason)
                told = await closed(f"{code}")
                right(f"the service hears {code} of the client", told == f"{code} {reason}", told)
            for code, reason in ((1000, ""), (1001, "going"), (1011, "broken"), (4002, "theirs")):
                async with self.open(f"close?{code}%20{reason}") as socket:
                    try:
                        await socket.recv()
                    except ConnectionClosed as error:
                        told = error.rcvd and (error.rcvd.code, error.rcvd.reason)
                    right(f"the client hears {code} of the service", told == (code, reason), told)
            async with self.open("abort") as socket:
                await socket.send("go")
                try:
                    await socket.recv()
                except ConnectionClosed as error:
                    right("a service that breaks off", error.rcvd is None and socket.close_code == 1006, error)
            socket = await self.open("echo?broken")
            socket.transport.abort()
            told = await closed("broken")
            right("a client that breaks off", told.startswith("1006"), told)


async def main():
    if sys.argv[1] == "serve":
        return await serve()
    async with asyncio.timeout(120):
        await Client(sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None).ask()


asyncio.run(main())
