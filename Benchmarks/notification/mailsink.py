"""A mail server that takes every mail: mailsink.py FOLDER. Writes its port to FOLDER/port, and a line with Message-ID and
digest for each mail to FOLDER/mails before it answers.

When there is a file FOLDER/kill that says `rcpt` or `data`, the process whose id is in FOLDER/pid is killed at the next
RCPT, or when the next mail is whole and not yet answered. Ends with the process that started it, or after ten minutes.
"""
import asyncio, hashlib, os, signal, sys

folder = sys.argv[1]
mails = open(f"{folder}/mails", "a", buffering=1)


def strike(stage):
    try:
        with open(f"{folder}/kill") as file:
            if file.read().strip() != stage:
                return False
    except FileNotFoundError:
        return False
    os.remove(f"{folder}/kill")
    with open(f"{folder}/pid") as file:
        os.kill(int(file.read()), signal.SIGKILL)
    return True


class Sink(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.buffer, self.in_data = transport, b"", False
        transport.write(b"220 sink\r\n")

    def data_received(self, data):
        self.buffer += data
        replies = []
        while True:
            if self.in_data:
                end = self.buffer.find(b"\r\n.\r\n")
                if end < 0:
                    break
                self.take(self.buffer[:end + 2])
                self.buffer, self.in_data = self.buffer[end + 5:], False
                if strike("data"):
                    self.transport.abort()
                    return
                replies.append(b"250 taken\r\n")
                continue
            end = self.buffer.find(b"\r\n")
            if end < 0:
                break
            command, self.buffer = self.buffer[:end].upper(), self.buffer[end + 2:]
            if command.startswith(b"EHLO"):
                replies.append(b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n")
            elif command.startswith(b"DATA"):
                self.in_data = True
                replies.append(b"354 go on\r\n")
            elif command.startswith(b"QUIT"):
                replies.append(b"221 bye\r\n")
                self.transport.write(b"".join(replies))
                self.transport.close()
                return
            else:
                if command.startswith(b"RCPT") and strike("rcpt"):
                    self.transport.abort()
                    return
                replies.append(b"250 ok\r\n")
        if replies:
            self.transport.write(b"".join(replies))

    @staticmethod
    def take(content):
        begin = content.find(b"Message-ID: ") + 12
        name = content[begin:content.find(b"\r\n", begin)].decode("ascii", "replace")
        mails.write(f"{name} {hashlib.sha256(content).hexdigest()}\n")


async def main():
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with open(f"{folder}/.port", "w") as file:
        file.write(str(port))
    os.rename(f"{folder}/.port", f"{folder}/port")
    parent, left = os.getppid(), 6_000
    while os.getppid() == parent and left:
        await asyncio.sleep(0.1)
        left -= 1


asyncio.run(main())
