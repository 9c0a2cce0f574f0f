"""Start, memory and auth through the gateway. Client and server share the machine's cores, so CPU is the server's own,
from /proc, and the figure to compare; requests a second depend on what else ran."""
import concurrent.futures, http.client, json, os, re, signal, socket, statistics, subprocess, sys, tempfile, time

BINARY, SECONDS = sys.argv[1], float(sys.argv[2])
OFFSET = 1500
HOST, GATEWAY = "127.0.0.1", 8000 + OFFSET
TICK = os.sysconf("SC_CLK_TCK")


def start(folder):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GRAVITY_")}
    environment |= {
        "GRAVITY_ADMIN_PASSWORD": "tall-green-ladder-9", "GRAVITY_LOG_FORMAT": "json",
        "GRAVITY_GATEWAY_RATE_LIMIT": "1000000000", "GRAVITY_GATEWAY_SIGN_IN_LIMIT": "1000000000",
    }
    began = time.perf_counter()
    process = subprocess.Popen(
        [BINARY, "up", "--data-dir", folder, "--port-offset", str(OFFSET)], env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    for line in process.stdout:
        if "is ready" in line:
            break
    return process, time.perf_counter() - began


def tree(pid):
    pids = [pid]
    for thread in os.listdir(f"/proc/{pid}/task"):
        for child in open(f"/proc/{pid}/task/{thread}/children").read().split():
            pids += tree(int(child))
    return pids


def private_megabytes(pids):
    text = "".join(open(f"/proc/{pid}/smaps_rollup").read() for pid in pids)
    return sum(int(k) for k in re.findall(r"Private_\w+: +(\d+)", text)) / 1024


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def call(connection, method, path, body=None, token=None):
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    connection.request(method, path, json.dumps(body) if body is not None else None, headers)
    response = connection.getresponse()
    data = response.read()
    assert response.status < 300, (path, response.status, data)
    return json.loads(data) if data else {}


def connect():
    connection = http.client.HTTPConnection(HOST, GATEWAY)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def clients(count, step):
    """`step(connection, state)` over and over by `count` clients; returns operations and seconds."""
    def one(number):
        connection, state, done = connect(), number, 0
        while time.perf_counter() < end:
            state = step(connection, state)
            done += 1
        return done
    began = time.perf_counter()
    end = began + SECONDS
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        done = sum(pool.map(one, range(count)))
    return done, time.perf_counter() - began


def row(name, done, seconds, cpu):
    print(f"| {name} | {done / seconds:,.0f} | {cpu / done * 1e6:,.0f} |")


def main():
    print(f"load average before: {os.getloadavg()[0]:.2f}, {os.cpu_count()} cores\n")
    times = []
    for _ in range(5):
        with tempfile.TemporaryDirectory() as folder:
            for _ in range(2):  # a new folder, then the same again
                process, seconds = start(folder)
                times.append(seconds)
                process.send_signal(signal.SIGTERM)
                process.wait()
    print(f"start to ready, new folder:  median {statistics.median(times[::2]) * 1000:.0f} ms of {sorted(round(t * 1000) for t in times[::2])}")
    print(f"start to ready, used folder: median {statistics.median(times[1::2]) * 1000:.0f} ms of {sorted(round(t * 1000) for t in times[1::2])}")

    with tempfile.TemporaryDirectory() as folder:
        process, _ = start(folder)
        pids = tree(process.pid)
        time.sleep(2)
        print(f"idle, private memory of {len(pids)} processes: {private_megabytes(pids):.1f} MB\n")
        print("| through the gateway | operations/s | server CPU µs each |\n|---|---|---|")
        try:
            measure(pids)
        finally:
            print(f"\nloaded, private memory: {private_megabytes(pids):.1f} MB")
            process.send_signal(signal.SIGTERM)
            process.wait()


def measure(pids):
    account = {"email": "bench@example.com", "password": "quiet-orange-window-7"}
    call(connect(), "POST", "/api/v1/auth/register", account | {"name": "Bench"})

    def login(connection, state):
        return call(connection, "POST", "/api/v1/auth/login", account)

    def refresh(connection, state):
        token = state["refresh_token"] if isinstance(state, dict) else sessions[state]["refresh_token"]
        return call(connection, "POST", "/api/v1/auth/refresh", {"refresh_token": token})

    before = cpu_seconds(pids)
    done, seconds = clients(8, login)
    row("login, bcrypt cost 12, 8 clients", done, seconds, cpu_seconds(pids) - before)
    sessions = [login(connect(), None) for _ in range(32)]
    before = cpu_seconds(pids)
    done, seconds = clients(32, refresh)
    row("refresh, 32 clients (fsync each, grouped)", done, seconds, cpu_seconds(pids) - before)
    token = login(connect(), None)["access_token"]
    for path, name in (("/api/v1/auth/me", "auth/me, 64 connections"),
                       ("/api/v1/users/me", "users/me from L1, 64 connections"),
                       ("/.well-known/jwks.json", "public, no database, 64 connections")):
        before = cpu_seconds(pids)
        output = subprocess.run(
            ["wrk", "-t1", "-c64", f"-d{SECONDS:.0f}s", "--latency", "-H", f"Authorization: Bearer {token}",
             f"http://{HOST}:{GATEWAY}{path}"], capture_output=True, text=True, check=True).stdout
        assert "Non-2xx" not in output, output
        done = int(re.search(r"(\d+) requests in", output)[1])
        slowest = re.search(r"99%\s+(\S+)", output)[1]
        row(f"{name}, p99 {slowest}", done, SECONDS, cpu_seconds(pids) - before)
    profile(token)


def profile(token):
    """One profile through the gateway, by one client: from the database after each change, and then from L1."""
    connection, cold, warm = connect(), [], []
    for number in range(300):
        call(connection, "PATCH", "/api/v1/users/me", {"display_name": f"Bench {number}"}, token)
        for times in (cold, warm):
            began = time.perf_counter()
            read = call(connection, "GET", "/api/v1/users/me", token=token)
            times.append(time.perf_counter() - began)
            assert read["display_name"] == f"Bench {number}", read
    print(f"\nprofile, one client: from the database median {statistics.median(cold) * 1e6:.0f} µs, "
          f"from L1 {statistics.median(warm) * 1e6:.0f} µs")


main()
