"""Logins beside the machine's own bcrypt, refreshes and introspections, at auth itself without the gateway. Client and
server share the machine's cores, so CPU is the server's own, from /proc, and the figure to compare: a core's worth is
one second over it."""
import base64, concurrent.futures, ctypes, ctypes.util, http.client, json, multiprocessing, os, re, signal, socket
import subprocess, sys, tempfile, time, urllib.parse

BINARY, SECONDS = sys.argv[1], float(sys.argv[2])
OFFSET = 1700
HOST, AUTH = "127.0.0.1", 8001 + OFFSET
TICK = os.sysconf("SC_CLK_TCK")
CORES = len(os.sched_getaffinity(0))
ADMIN = {"email": "bench-admin@example.com", "password": "tall-green-ladder-9"}
ACCOUNT = {"email": "bench@example.com", "password": "quiet-orange-window-7"}


def hash_until(end):
    """bcrypt of cost 12 by the system's libcrypt, as auth does it, one after another."""
    crypt = ctypes.CDLL(ctypes.util.find_library("crypt")).crypt
    crypt.restype = ctypes.c_char_p
    done = 0
    while time.time() < end:
        assert crypt(b"quiet-orange-window-7", b"$2b$12$CCCCCCCCCCCCCCCCCCCCC.").startswith(b"$2b$12$")
        done += 1
    return done


def bcrypt_limit():
    began = time.time()
    with multiprocessing.Pool(CORES) as pool:
        done = sum(pool.map(hash_until, [began + SECONDS] * CORES))
    return done / (time.time() - began)


def start(folder):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GRAVITY_")}
    environment |= {
        "GRAVITY_ADMIN_EMAIL": ADMIN["email"], "GRAVITY_ADMIN_PASSWORD": ADMIN["password"], "GRAVITY_LOG_FORMAT": "json"}
    process = subprocess.Popen(
        [BINARY, "up", "--data-dir", folder, "--port-offset", str(OFFSET)], env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    for line in process.stdout:
        if "is ready" in line:
            return process
    raise SystemExit(f"the platform did not start: {process.wait()}")


def tree(pid):
    pids = [pid]
    for thread in os.listdir(f"/proc/{pid}/task"):
        for child in open(f"/proc/{pid}/task/{thread}/children").read().split():
            pids += tree(int(child))
    return pids


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def connect():
    connection = http.client.HTTPConnection(HOST, AUTH)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def call(connection, path, body, token=None):
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    connection.request("POST", path, json.dumps(body), headers)
    response = connection.getresponse()
    data = response.read()
    assert response.status < 300, (path, response.status, data)
    return json.loads(data) if data else {}


def login(connection, state=None):
    return call(connection, "/api/v1/auth/login", ACCOUNT)


def refresh(connection, state):
    return call(connection, "/api/v1/auth/refresh", {"refresh_token": state["refresh_token"]})


def clients(states, step):
    """`step(connection, state)` over and over by a client for each state; returns operations and seconds."""
    def one(state):
        connection, done = connect(), 0
        while time.perf_counter() < end:
            state = step(connection, state)
            done += 1
        return done
    began = time.perf_counter()
    end = began + SECONDS
    with concurrent.futures.ThreadPoolExecutor(len(states)) as pool:
        done = sum(pool.map(one, states))
    return done, time.perf_counter() - began


def introspections(token):
    """A resource server asks about one token after another of the same, as most do within a token's life."""
    administrator = call(connect(), "/api/v1/auth/login", ADMIN)["access_token"]
    made = call(
        connect(), "/api/v1/auth/clients",
        {"name": "bench", "grants": ["client_credentials"], "scopes": ["tokens:introspect"]}, administrator)
    basic = base64.b64encode(f"{made['client']['id']}:{made['client_secret']}".encode()).decode()
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(
            'wrk.method = "POST"\n'
            f'wrk.body = "token={urllib.parse.quote(token)}"\n'
            'wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"\n'
            f'wrk.headers["Authorization"] = "Basic {basic}"\n')
        script.flush()
        output = subprocess.run(
            ["wrk", "-t1", "-c64", f"-d{SECONDS:.0f}s", "-s", script.name, f"http://{HOST}:{AUTH}/oauth/introspect"],
            capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in output, output
    return int(re.search(r"(\d+) requests in", output)[1]), SECONDS


def row(name, done, seconds, cpu):
    print(f"| {name} | {done / seconds:,.1f} | {cpu / done * 1e6:,.0f} | {done / cpu:,.1f} |", flush=True)


def main():
    print(f"load average before: {os.getloadavg()[0]:.2f}, {CORES} cores\n", flush=True)
    limit = bcrypt_limit()
    with tempfile.TemporaryDirectory() as folder:
        process = start(folder)
        try:
            pids = tree(process.pid)
            call(connect(), "/api/v1/auth/register", ACCOUNT | {"name": "Bench"})
            print("| auth, embedded | operations/s | server CPU µs each | a second of one core |\n|---|---|---|---|")
            before = cpu_seconds(pids)
            done, seconds = clients([None] * 8, login)
            row("login, bcrypt cost 12, 8 clients", done, seconds, cpu_seconds(pids) - before)
            share = done / seconds / limit
            sessions = [login(connect()) for _ in range(32)]
            before = cpu_seconds(pids)
            done, seconds = clients(sessions, refresh)
            row("refresh, 32 clients (fsync each, grouped)", done, seconds, cpu_seconds(pids) - before)
            token = login(connect())["access_token"]
            before = cpu_seconds(pids)
            done, seconds = introspections(token)
            row("introspection, 64 connections", done, seconds, cpu_seconds(pids) - before)
            after = bcrypt_limit()
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
    print(f"\nbcrypt alone, {CORES} processes: {limit:.1f} a second before, {after:.1f} after; logins are {share:.0%} of it")


main()
