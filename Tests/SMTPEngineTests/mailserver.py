"""A mail server for tests: aiosmtpd, which does what a recipient's name asks for.

busy@ 451, gone@ 550, refused@ 554 after the mail, closing@ 421 and the end of the connection, drop@ takes the first copy
of a mail and ends the connection without a word. Each mail that was taken is a file, mails/<number>.json.

Modes that need no aiosmtpd say something else than they should: inject, silent, garbage.
Ends by itself after five minutes.
"""
import asyncio, json, os, ssl, sys

folder, mode = sys.argv[1], sys.argv[2]
os.makedirs(f"{folder}/mails", exist_ok=True)
seen, count = set(), 0


def record(server, envelope, session, outcome):
    global count
    count += 1
    content = envelope.content if isinstance(envelope.content, bytes) else envelope.content.encode()
    entry = {
        "from": envelope.mail_from, "to": envelope.rcpt_tos, "options": envelope.mail_options,
        "content": content.decode("utf-8", "surrogateescape"),
        "tls": server.transport.get_extra_info("ssl_object") is not None,
        "user": session.auth_data if isinstance(session.auth_data, str) else None, "outcome": outcome,
        "connection": str(session.peer), "utf8": bool(envelope.smtp_utf8),
    }
    with open(f"{folder}/mails/.new", "w") as file:
        json.dump(entry, file)
    os.rename(f"{folder}/mails/.new", f"{folder}/mails/{count}.json")


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.split("@")[0]
        if name == "busy":
            return "451 4.3.2 try again later"
        if name == "gone":
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        name = envelope.rcpt_tos[0].split("@")[0]
        if name == "refused":
            return "554 5.7.1 looks like spam"
        if name == "closing":
            asyncio.get_running_loop().call_later(0.05, server.transport.close)
            return "421 4.3.2 shutting down"
        if name == "drop" and envelope.content not in seen:
            seen.add(envelope.content)
            record(server, envelope, session, "dropped")
            server.transport.abort()
            return "250 nobody hears this"
        record(server, envelope, session, "taken")
        return "250 2.0.0 taken"


def certificate():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
    return context


def real():
    from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

    def authenticate(server, session, envelope, mechanism, data):
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"ada", b"s3cret/word")
        return AuthResult(success=good, handled=False, auth_data=data.login.decode() if good else None)

    options = {"hostname": "localhost", "data_size_limit": 100_000, "enable_SMTPUTF8": "ascii" not in mode}
    if "starttls" in mode:
        options["tls_context"] = certificate()
    if "auth" in mode:
        options |= {"authenticator": authenticate, "auth_required": True, "auth_require_tls": "smtps" not in mode}
    if "login" in mode:
        options["auth_exclude_mechanism"] = ["PLAIN"]
    return lambda: SMTP(Handler(), **options)


class Raw(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        if mode == "garbage":
            transport.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        elif mode == "inject":
            transport.write(b"220 ready\r\n")

    def data_received(self, data):
        if mode == "inject" and data.startswith(b"EHLO"):
            self.transport.write(b"250-here\r\n250 STARTTLS\r\n")
        elif mode == "inject" and data.startswith(b"STARTTLS"):
            self.transport.write(b"220 go\r\n250-forged\r\n250 AUTH PLAIN\r\n")


async def main():
    factory = Raw if mode in ("inject", "silent", "garbage") else real()
    context = certificate() if "smtps" in mode else None
    server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0, ssl=context)
    with open(f"{folder}/.port", "w") as file:
        file.write(str(server.sockets[0].getsockname()[1]))
    os.rename(f"{folder}/.port", f"{folder}/port")
    await asyncio.sleep(300)


asyncio.run(main())
