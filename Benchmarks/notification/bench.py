"""Notifications from the POST to the mail server. Clients, service, mail server and PostgreSQL share the machine's cores,
so CPU is each process's own, from /proc, and the figure to compare; the rate depends on what else runs. The service is
asked directly, without the gateway, by administrators' tokens; each notification is one POST with a key of its own."""
import concurrent.futures, http.client, json, os, signal, smtplib, socket, subprocess, sys, tempfile, time, uuid

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "orders"))
from shop import HOST, OFFSET, PASSWORD, PORTS, cpu, login, servers, start

BINARY, COUNT, CLIENTS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
KINDS = sys.argv[4:] or ["embedded", "postgres"]
HERE = os.path.dirname(os.path.abspath(__file__))
# As many connections as the service may have: four goes of three each.
CONNECTIONS = 12
PATIENCE = 600


class Server:
    """mailsink.py in a folder of its own."""

    def __init__(self, folder):
        self.mails = f"{folder}/mails"
        self.process = subprocess.Popen([sys.executable, f"{HERE}/mailsink.py", folder])
        while not os.path.exists(f"{folder}/port"):
            time.sleep(0.01)
        self.port = int(open(f"{folder}/port").read())

    def count(self):
        with open(self.mails, "rb") as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))

    def await_count(self, count):
        end = time.perf_counter() + PATIENCE
        while (found := self.count()) < count:
            if time.perf_counter() > end:
                sys.exit(f"after {PATIENCE} s the mail server has {found} of {count} mails")
            time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def feed(port, number):
    """What Python's own client hands over on one connection."""
    text = f"From: a@example.org\r\nTo: b@example.org\r\nSubject: x\r\nMessage-ID: <{{}}@bench>\r\n\r\n{'x' * 1500}\r\n"
    with smtplib.SMTP(HOST, port) as client:
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(number):
            client.sendmail("a@example.org", ["b@example.org"], text.format(uuid.uuid4()).encode())


def limit(server):
    """Mails a second that the mail server takes, fed by as many processes as the service has connections."""
    before, began = server.count(), time.perf_counter()
    share = COUNT // CONNECTIONS + 1
    with concurrent.futures.ProcessPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(feed, [server.port] * CONNECTIONS, [share] * CONNECTIONS))
    server.await_count(before + share * CONNECTIONS)
    return share * CONNECTIONS / (time.perf_counter() - began)


def notify(token, numbers):
    connection = http.client.HTTPConnection(HOST, PORTS["notification"] + OFFSET)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    head = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    for number in numbers:
        connection.request(
            "POST", "/api/v1/notifications",
            json.dumps({"template": "welcome", "address": f"bench-{number}@example.org", "name": "Bench"}),
            head | {"Idempotency-Key": str(uuid.uuid4())})
        response = connection.getresponse()
        body = response.read()
        assert response.status == 202, (response.status, body)


def send(token, server, count):
    """Asks for so many, and waits until the mail server has them. Returns seconds until all were asked for, and in all."""
    before, began = server.count(), time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(notify, [token] * CLIENTS, [range(client, count, CLIENTS) for client in range(CLIENTS)]))
    asked = time.perf_counter() - began
    server.await_count(before + count)
    return asked, time.perf_counter() - began


def measure(kind, server, folder):
    urls = servers("start", folder) if kind == "postgres" else {}
    extra = {"GRAVITY_SMTP_URL": f"smtp://{HOST}:{server.port}?tls=none"}
    if urls:
        extra["GRAVITY_POSTGRES_URL"] = urls["GRAVITY_TEST_POSTGRES_URL"]
    process = start(BINARY, folder, extra)[0]
    try:
        token = login(
            http.client.HTTPConnection(HOST, PORTS["auth"] + OFFSET), "admin@gravity.local", PASSWORD)
        send(token, server, min(COUNT, 200))
        pids = {"service": process.pid, "mail server": server.process.pid}
        if urls:
            pids["PostgreSQL"] = int(open(f"{folder}/servers/postgres/data/postmaster.pid").readline())
        before = {name: cpu(pid) for name, pid in pids.items()}
        asked, seconds = send(token, server, COUNT)
        used = {name: (cpu(pid) - before[name]) / COUNT * 1e6 for name, pid in pids.items()}
        name = "PostgreSQL" if urls else "embedded, SQLite FULL"
        print(
            f"| {name} | {COUNT / asked:,.0f} | {COUNT / seconds:,.0f} | {used['service']:,.0f} "
            f"| {format(used['PostgreSQL'], ',.0f') if urls else '-'} | {used['mail server']:,.0f} "
            f"| {os.getloadavg()[0]:.1f} |", flush=True)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
        if urls:
            servers("stop", folder)


def main():
    print(f"load average before: {os.getloadavg()[0]:.2f}, {os.cpu_count()} cores\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder)
        try:
            before = limit(server)
            print(
                f"| {COUNT} mails, {CLIENTS} clients | POSTs/s | mails/s to the server | platform, CPU µs each "
                "| PostgreSQL | mail server | load average |\n|---|---|---|---|---|---|---|")
            for kind in KINDS:
                with tempfile.TemporaryDirectory() as place:
                    os.chmod(place, 0o755)
                    measure(kind, server, place)
            after = limit(server)
        finally:
            server.stop()
    print(f"\nthe mail server alone, fed by {CONNECTIONS} processes of smtplib: {before:,.0f} mails a second before, "
          f"{after:,.0f} after")


main()
