"""What users see while a server behind the platform has a bad day: requests, orders and revocations go on through two
gateways while PostgreSQL, RabbitMQ, Redis or Consul is killed, frozen, cut off or slow. Prints a row for each."""
import asyncio, http.client, json, os, signal, subprocess, sys, tempfile, threading, time, uuid

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "orders"))
from shop import ARTICLES, GATEWAY, HOST, PORTS, STEP, call, fill, login, servers, start_instances, tree

BINARY, SECONDS = sys.argv[1], float(sys.argv[2])
CHOSEN = sys.argv[3:]
BEFORE, PATIENCE = 6, 60
GATEWAYS = [GATEWAY, GATEWAY + STEP]
SERVERS = {
    "postgres": ("GRAVITY_TEST_POSTGRES_URL", "GRAVITY_POSTGRES_URL"),
    "rabbitmq": ("GRAVITY_TEST_AMQP_URL", "GRAVITY_AMQP_URL"),
    "redis": ("GRAVITY_TEST_REDIS_URL", "GRAVITY_REDIS_URL"),
    "consul": ("GRAVITY_TEST_CONSUL_URL", "CONSUL_HTTP_ADDR"),
}
# Of Redis and Consul nothing is left after a kill; PostgreSQL and RabbitMQ keep what they were given.
FAULTS = ["killed", "frozen", "cut off", "slow"]


# --- The wire between the platform and a server ----------------------------------------------------------------------

class Gate:
    """Passes bytes on; when cut off it swallows them, when slow each piece waits."""

    def __init__(self, port):
        self.target, self.mode, self.listening = port, "open", threading.Event()
        threading.Thread(target=lambda: asyncio.run(self.serve()), daemon=True).start()
        assert self.listening.wait(10), "the gate does not listen"

    async def serve(self):
        server = await asyncio.start_server(self.accept, HOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        self.listening.set()
        await server.serve_forever()

    async def accept(self, reader, writer):
        while self.mode == "cut off":
            await asyncio.sleep(0.05)
        try:
            far_reader, far_writer = await asyncio.open_connection(HOST, self.target)
        except OSError:
            return writer.close()
        await asyncio.gather(self.pump(reader, far_writer), self.pump(far_reader, writer))

    async def pump(self, reader, writer):
        try:
            while data := await reader.read(65_536):
                while self.mode == "cut off":
                    await asyncio.sleep(0.05)
                if self.mode == "slow":
                    await asyncio.sleep(0.2)
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


def pid_of(server, folder):
    name = "postgres/data/postmaster.pid" if server == "postgres" else f"{server}/pid"
    return int(open(f"{folder}/servers/{name}").readline())


def begin(server, fault, gate, folder):
    if fault in ("cut off", "slow"):
        gate.mode = fault
        return lambda: setattr(gate, "mode", "open")
    pids = tree(pid_of(server, folder))
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL if fault == "killed" else signal.SIGSTOP)
        except ProcessLookupError:
            pass
    if fault == "killed":
        return lambda: subprocess.run(
            ["scripts/servers", "start", "--only", server, "--dir", f"{folder}/servers"], check=True,
            stdout=subprocess.DEVNULL)
    return lambda: [os.kill(pid, signal.SIGCONT) for pid in pids if os.path.exists(f"/proc/{pid}")]


# --- What users do ---------------------------------------------------------------------------------------------------

class Flow:
    """Each look or act is noted with its moment, how it ended and how long it took."""

    def __init__(self):
        self.notes, self.ends, self.lock = [], threading.Event(), threading.Lock()

    def note(self, kind, began, ending, details=None):
        with self.lock:
            self.notes.append((kind, began, ending, time.perf_counter() - began, details))

    def ask(self, port, method, path, body=None, token=None, headers={}, timeout=30):
        connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
        try:
            all_headers = dict(headers) | ({"Authorization": f"Bearer {token}"} if token else {})
            if body is not None:
                all_headers["Content-Type"] = "application/json"
            connection.request(method, path, json.dumps(body) if body is not None else None, all_headers)
            response = connection.getresponse()
            return response.status, response.read()
        except OSError as error:
            return type(error).__name__, b""
        finally:
            connection.close()

    def read(self, token, number):
        """Twenty reads a second of what each needs: a token, a database, and no more."""
        due = time.perf_counter()
        while not self.ends.is_set():
            due += 0.1
            time.sleep(max(0, due - time.perf_counter()))
            began = time.perf_counter()
            status, _ = self.ask(GATEWAYS[number % 2], "GET", "/api/v1/users/me", token=token)
            self.note("read", began, status)

    def buy(self, token, number):
        """One order after the other; without an answer it is asked again under the same key."""
        count = number * 1_000
        while not self.ends.is_set():
            count += 1
            key, began = str(uuid.uuid4()), time.perf_counter()
            body = {
                "lines": [{"sku": f"BENCH-{count % ARTICLES}", "quantity": 1}],
                "shipping_address": {"name": "B. Uyer", "line1": "1 Rack Road", "city": "Spa", "country": "BE"},
                "payment_method": "pm_sim_approve", "currency": "USD"}
            tries = 0
            while True:
                tries += 1
                status, _ = self.ask(GATEWAYS[tries % 2], "POST", "/api/v1/orders", body, token,
                                     {"Idempotency-Key": key, "Prefer": "wait=5"})
                if status == 201 or time.perf_counter() - began > PATIENCE:
                    break
                time.sleep(0.2)
            self.note("order", began, status, tries)

    def revoke(self, sessions):
        """Ends a session at one gateway, and looks at each until it is over there."""
        for token in sessions:
            if self.ends.is_set():
                return
            time.sleep(0.3)
            status, _ = self.ask(GATEWAYS[0], "POST", "/api/v1/auth/logout", {}, token, timeout=10)
            began = time.perf_counter()
            if status != 204:
                self.note("logout", began, status)
                continue
            last = 0
            while time.perf_counter() - began < 3:
                for port in GATEWAYS:
                    asked = time.perf_counter() - began
                    if self.ask(port, "GET", "/api/v1/auth/me", token=token)[0] == 200:
                        last = max(last, asked)
                time.sleep(0.05)
            self.note("logout", began, 204, last)


def run(server, fault, gate, folder, buyers, sessions):
    flow = Flow()
    threads = [threading.Thread(target=flow.read, args=(buyers[0], number)) for number in range(2)]
    threads += [threading.Thread(target=flow.buy, args=(buyers[1 + number], number)) for number in range(2)]
    threads += [threading.Thread(target=flow.revoke, args=(sessions,))]
    for thread in threads:
        thread.start()
    time.sleep(BEFORE)
    began = time.perf_counter()
    end = begin(server, fault, gate, folder)
    time.sleep(SECONDS)
    end()
    ended = time.perf_counter()
    # Until five seconds have passed in which nothing failed.
    while time.perf_counter() - ended < PATIENCE:
        time.sleep(0.5)
        with flow.lock:
            failed = [b for kind, b, ending, *_ in flow.notes if kind == "read" and ending != 200]
        if time.perf_counter() - max([ended, *failed]) > 5:
            break
    flow.ends.set()
    for thread in threads:
        thread.join()
    return row(server, fault, flow.notes, began, ended)


def row(server, fault, notes, began, ended):
    def share(kind, good, low, high):
        of = [ending for k, b, ending, *_ in notes if k == kind and low <= b < high]
        return f"{sum(ending != good for ending in of)} of {len(of)}"
    never, always = float("-inf"), float("inf")
    slowest = max((took for k, b, _, took, _ in notes if k == "read" and began <= b < ended), default=0)
    failed = [b for k, b, ending, *_ in notes if k == "read" and ending != 200 and b >= ended]
    orders = [(ending, took) for k, b, ending, took, _ in notes if k == "order" and b < ended and b + took > began]
    revoked = [last for k, b, ending, _, last in notes if k == "logout" and ending == 204 and began - 1 <= b < ended]
    refused = sum(k == "logout" and ending != 204 and began <= b < ended for k, b, ending, *_ in notes)
    late = sum(last > 1 for last in revoked)
    return (f"| {server} {fault} | {share('read', 200, never, began)} | {share('read', 200, began, ended)} "
            f"| {slowest * 1e3:,.0f} | {max(failed, default=ended) - ended:.1f} "
            f"| {sum(ending == 201 for ending, _ in orders)} of {len(orders)}, "
            f"{max((took for _, took in orders), default=0):.1f} "
            f"| {len(revoked)}, {refused} refused | {max(revoked, default=0):.2f} | {late} |")


def main():
    chosen = [(s, f) for s in SERVERS for f in FAULTS if not CHOSEN or s in CHOSEN or f"{s}/{f}" in CHOSEN]
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        urls, gates, extra, running = servers("start", folder), {}, {}, []
        try:
            for server, (theirs, ours) in SERVERS.items():
                port = int(urls[theirs].split("127.0.0.1:")[1].split("/")[0])
                gates[server] = Gate(port)
                extra[ours] = urls[theirs].replace(f":{port}", f":{gates[server].port}")
            running = start_instances(BINARY, folder, extra, 2)
            connection = http.client.HTTPConnection(HOST, GATEWAY)
            administrator, buyers = fill(connection, 4)
            print(f"load average before: {os.getloadavg()[0]:.2f}, {os.cpu_count()} cores; each lasts {SECONDS:.0f} s\n")
            print("| | reads failed before | during | slowest, ms | failed after, until s | orders placed, slowest s "
                  "| sessions ended | last let in after s | after more than 1 s |\n|---|---|---|---|---|---|---|---|---|")
            for server, fault in chosen:
                connection = http.client.HTTPConnection(HOST, GATEWAY)
                sessions = [login(connection, "buyer-3@bench.example", "quiet-orange-window-37") for _ in range(40)]
                print(run(server, fault, gates[server], folder, buyers, sessions), flush=True)
            balance = call(http.client.HTTPConnection(HOST, GATEWAY), "GET", "/api/v1/payments/ledger/balance",
                           token=administrator)
            assert balance["balanced"] is True, balance
            print("\nthe ledger balances")
        finally:
            for process in running:
                process.send_signal(signal.SIGTERM)
            for process in running:
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
            servers("stop", folder)


main()
