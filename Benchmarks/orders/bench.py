"""Orders through the gateway to confirmed. Load and platform share the machine's cores, so CPU is each process's own,
from /proc, and the figure to compare; orders a second depend on what else runs."""
import asyncio, http.client, itertools, json, os, re, signal, subprocess, sys, tempfile, time, uuid

from shop import ARTICLES, GATEWAY, HOST, OFFSET, PORTS, STEP, call, cpu, fill, servers, start, start_instances

BINARY, SECONDS, CLIENTS = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
# A number is so many instances of every part, each a process of its own.
KINDS = sys.argv[4:] or ["embedded", "distributed"]
WAIT = 20


# --- Buyers ----------------------------------------------------------------------------------------------------------

class Buyer(asyncio.Protocol):
    """Places the next order as soon as the one before is answered. As little as an HTTP client can do."""

    def __init__(self, token, number, end, results, done):
        self.head = (
            f"POST /api/v1/orders HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token}\r\n"
            f"Prefer: wait={WAIT}\r\nContent-Type: application/json\r\nIdempotency-Key: ")
        self.numbers = itertools.count(number * 7_919)
        self.end, self.results, self.done = end, results, done
        self.buffer, self.began = b"", 0

    def connection_made(self, transport):
        self.transport = transport
        self.order()

    def order(self):
        number = next(self.numbers)
        self.began = time.perf_counter()
        if self.began >= self.end:
            self.transport.close()
            return
        body = json.dumps({
            "lines": [{"sku": f"BENCH-{number % ARTICLES}", "quantity": 1},
                      {"sku": f"BENCH-{(number * 31 + 7) % ARTICLES}", "quantity": 2}],
            "shipping_address": {"name": "B. Uyer", "line1": "1 Rack Road", "city": "Spa", "country": "BE"},
            "payment_method": "pm_sim_approve", "currency": ("USD", "JPY", "KWD")[number % 3]})
        self.transport.write(
            f"{self.head}{uuid.uuid4()}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())

    def data_received(self, data):
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", self.buffer[:head + 2])
        if len(self.buffer) < head + 4 + int(length[1]):
            return
        status = int(self.buffer[9:12])
        ending = "confirmed" if status == 201 and b'"status":"confirmed"' in self.buffer else f"{status}"
        if ending != "confirmed" and len(self.results) < 10_000 and status != 201:
            print("refused:", self.buffer[:600], file=sys.stderr)
        self.results.append((ending, time.perf_counter() - self.began))
        self.buffer = b""
        self.order()

    def connection_lost(self, error):
        if error:
            self.results.append((f"{error}", 0))
        if not self.done.done():
            self.done.set_result(None)


async def buy(buyers, seconds, gateways):
    """How each order ended and after how long, and how long all of it took. Buyers take gateways in turn."""
    loop, results, began = asyncio.get_running_loop(), [], time.perf_counter()
    done = [loop.create_future() for _ in buyers]
    for number, token in enumerate(buyers):
        await loop.create_connection(
            lambda: Buyer(token, number, began + seconds, results, done[number]), HOST, gateways[number % len(gateways)])
    await asyncio.gather(*done)
    return results, time.perf_counter() - began


# --- What an order cost -----------------------------------------------------------------------------------------------

def metrics(instances):
    """Requests served, transactions and events of every service, since its start."""
    sums = {}
    for name, port in ((n, p + STEP * index) for n, p in PORTS.items() for index in range(instances)):
        connection = http.client.HTTPConnection(HOST, port + OFFSET)
        connection.request("GET", "/metrics")
        for line in connection.getresponse().read().decode().splitlines():
            match = re.match(r"(\w+)(?:\{(.*)\})? ([\d.e+]+)$", line)
            if not match:
                continue
            label, dimensions, value = match[1], match[2] or "", float(match[3])
            if label == "http_server_request_duration_seconds_count" and "/api/" in dimensions:
                key = "HTTP requests to services"
            elif label == "db_client_operation_duration_seconds_count":
                operation = re.search(r'db_operation_name="(\w+)"', dimensions)[1]
                key = {"write": "write transactions", "read": "read transactions", "rows": "single reads"}[operation]
            elif label.startswith("messaging_outbox_published"):
                key = "events published"
            elif label.startswith("db_client_transaction_retries"):
                key = "transactions run again"
            else:
                continue
            sums[key] = sums.get(key, 0) + value
            sums[f"{key}, {name}"] = sums.get(f"{key}, {name}", 0) + value
    return sums


def postgres(urls, folder):
    """Commits, rollbacks and flushes of the log to disk."""
    if not urls:
        return {}
    text = subprocess.run(
        [f"{urls['GRAVITY_TEST_POSTGRES_BIN']}/psql", "-Atq", urls["GRAVITY_TEST_POSTGRES_URL"], "-c",
         "SELECT sum(xact_commit), sum(xact_rollback), (SELECT wal_sync FROM pg_stat_wal) FROM pg_stat_database"],
        check=True, capture_output=True, text=True).stdout
    commits, rollbacks, syncs = (float(part) for part in text.strip().split("|"))
    return {"PostgreSQL commits": commits, "PostgreSQL rollbacks": rollbacks, "PostgreSQL log flushes": syncs}


def quiet(processes):
    """Waits until the work behind the orders is done: mail, events. At most three minutes."""
    end, busy = time.perf_counter() + 180, time.perf_counter()
    last = sum(cpu(pid) for pid in processes.values())
    while time.perf_counter() < end:
        time.sleep(0.5)
        now = sum(cpu(pid) for pid in processes.values())
        # What many processes do when nobody asks anything is a little of each.
        if now - last > 0.02 * max(3, len(processes)):
            busy = time.perf_counter()
        elif time.perf_counter() - busy > 2:
            return
        last = now


def check(connection, administrator, confirmed):
    """Every order is terminal, none is there that was not asked for, and the ledger balances."""
    orders, cursor = {}, ""
    while True:
        page = call(connection, "GET", f"/api/v1/orders?all=true&limit=100{cursor}", token=administrator)
        for order in page["items"]:
            orders[order["status"]] = orders.get(order["status"], 0) + 1
        if not page.get("next_cursor"):
            break
        cursor = f"&cursor={page['next_cursor']}"
    balance = call(connection, "GET", "/api/v1/payments/ledger/balance", token=administrator)
    assert orders == {"confirmed": confirmed}, (orders, confirmed)
    assert balance["balanced"] is True, balance
    print(f"checked: {confirmed} orders, all confirmed; the ledger balances in {len(balance['currencies'])} currencies",
          file=sys.stderr)


# --- All of it -------------------------------------------------------------------------------------------------------

def measure(kind, folder):
    instances = int(kind) if kind.isdigit() else 1
    urls = servers("start", folder) if kind != "embedded" else {}
    extra = {"GRAVITY_POSTGRES_URL": urls["GRAVITY_TEST_POSTGRES_URL"],
             "GRAVITY_AMQP_URL": urls["GRAVITY_TEST_AMQP_URL"]} if urls else {}
    if kind.isdigit():
        extra |= {name: urls[theirs] for name, theirs in (
            ("GRAVITY_REDIS_URL", "GRAVITY_TEST_REDIS_URL"), ("CONSUL_HTTP_ADDR", "GRAVITY_TEST_CONSUL_URL"))
            if theirs in urls}
        running = start_instances(BINARY, folder, extra, instances)
    else:
        running = start(BINARY, folder, extra)
    gateways = [GATEWAY + STEP * index for index in range(instances)]
    try:
        processes = {f"platform {process.pid}": process.pid for process in running}
        if urls:
            processes["PostgreSQL"] = int(open(f"{folder}/servers/postgres/data/postmaster.pid").readline())
            processes["RabbitMQ"] = int(open(f"{folder}/servers/rabbitmq/pid").read())
        connection = http.client.HTTPConnection(HOST, GATEWAY)
        administrator, buyers = fill(connection, CLIENTS)
        early, _ = asyncio.run(buy(buyers, 2, gateways))
        quiet(processes)
        load = os.getloadavg()[0]
        counts = metrics(instances) | postgres(urls, folder)
        before = {name: cpu(pid) for name, pid in processes.items()} | {"load": time.process_time()}
        results, seconds = asyncio.run(buy(buyers, SECONDS, gateways))
        own = time.process_time() - before.pop("load")
        quiet(processes)
        used = {"platform": 0}
        for name, pid in processes.items():
            name_of = "platform" if name.startswith("platform") else name
            used[name_of] = used.get(name_of, 0) + cpu(pid) - before[name]
        after = metrics(instances) | postgres(urls, folder)
        times = sorted(duration for ending, duration in results if ending == "confirmed")
        assert times, results[:5]
        print(row(kind, times, seconds, used, own, load))
        others = len(results) - len(times)
        if others:
            print(f"{others} were not confirmed when they were answered: {sorted({e for e, _ in results})}")
        check(connection, administrator, len(early) + len(results))
        if kind.isdigit():
            print(requests(kind, gateways, buyers[0]), file=sys.stderr)
        return {name: (after[name] - counts.get(name, 0)) / len(results) for name in after}
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
        for process in running:
            process.wait()
        if urls:
            servers("stop", folder)


def requests(kind, gateways, token):
    """Reads of one's own profile, all gateways together, by wrk."""
    running = [subprocess.Popen(
        ["wrk", "-t1", f"-c{64 // len(gateways)}", "-d5s", "-H", f"authorization: Bearer {token}",
         f"http://{HOST}:{port}/api/v1/users/me"], stdout=subprocess.PIPE, text=True) for port in gateways]
    outputs = [process.communicate()[0] for process in running]
    assert not any("Non-2xx" in output for output in outputs), outputs
    total = sum(float(re.search(r"Requests/sec: *([\d.]+)", output)[1]) for output in outputs)
    return f"{kind} of each: {total:,.0f} reads of a profile a second"


def row(kind, times, seconds, used, own, load):
    def each(cost):
        return f"{cost / len(times) * 1e6:,.0f}"
    name = {"embedded": "embedded, SQLite FULL", "distributed": "PostgreSQL and RabbitMQ"}.get(
        kind, f"{kind} of each, on PostgreSQL, RabbitMQ, Redis, Consul")
    return (f"| {name} | {len(times) / seconds:,.0f} | {times[len(times) // 2] * 1e3:,.0f} "
            f"| {times[len(times) * 99 // 100] * 1e3:,.0f} | {each(used['platform'])} "
            f"| {each(used['PostgreSQL']) if 'PostgreSQL' in used else '-'} "
            f"| {each(used['RabbitMQ']) if 'RabbitMQ' in used else '-'} | {each(own)} | {load:.1f} |")


def main():
    print(f"load average before: {os.getloadavg()[0]:.2f}, {os.cpu_count()} cores\n")
    print(f"| {CLIENTS} clients, {SECONDS:.0f} s | orders/s confirmed | p50 ms | p99 ms | platform, CPU µs an order "
          "| PostgreSQL | RabbitMQ | load generator | load average |\n|---|---|---|---|---|---|---|---|---|")
    budgets = {}
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            budgets[kind] = measure(kind, folder)
    print("\n| an order takes | " + " | ".join(KINDS) + " |\n|---|" + "---|" * len(KINDS))
    for name in sorted({name for budget in budgets.values() for name in budget}):
        cells = [f"{budget[name]:.2f}" if name in budget else "-" for budget in budgets.values()]
        if any(cell not in ("-", "0.00") for cell in cells):
            print(f"| {name} | " + " | ".join(cells) + " |")


main()
