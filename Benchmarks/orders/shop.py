"""The platform as the benchmarks start it, and a shop to order from."""
import http.client, json, os, re, secrets, subprocess, sys, time, uuid

# So many instances of every part are so many processes, this far apart.
OFFSET, STEP = 2500, 100
HOST, GATEWAY = "127.0.0.1", 8000 + OFFSET
PORTS = {"auth": 8001, "user": 8002, "notification": 8003, "payment": 8005, "order": 8006, "product": 8007,
         "inventory": 8008}
TICK = os.sysconf("SC_CLK_TCK")
PASSWORD = "tall-green-ladder-97"
ARTICLES = 200


# --- What runs -------------------------------------------------------------------------------------------------------

def environment(extra):
    return {k: v for k, v in os.environ.items() if not k.startswith("GRAVITY_")} | extra | {
        "GRAVITY_ADMIN_PASSWORD": PASSWORD, "GRAVITY_AUTH_BCRYPT_COST": "4", "GRAVITY_AUTH_ACCESS_TTL": "1h",
        "GRAVITY_GATEWAY_RATE_LIMIT": "1000000000", "GRAVITY_GATEWAY_SIGN_IN_LIMIT": "1000000000",
        "GRAVITY_LOG_FORMAT": "json",
    }


def start(binary, folder, extra):
    log = open(f"{folder}/log", "w")
    process = subprocess.Popen(
        [binary, "up", "--data-dir", f"{folder}/data", "--port-offset", str(OFFSET)], env=environment(extra),
        stdout=subprocess.PIPE, stderr=log, text=True)
    for line in process.stdout:
        if "is ready" in line:
            return [process]
    sys.exit(f"the platform did not start:\n{open(log.name).read()[-2000:]}")


def start_instances(binary, folder, extra, count, parts=(*PORTS, "gateway")):
    """So many of every part: `gravity serve PART`, which find each other where Consul, or else a list, says."""
    extra = extra | {"GRAVITY_MASTER_KEY": secrets.token_hex(32), "GRAVITY_POSTGRES_CONNECTIONS": "8"}
    if "CONSUL_HTTP_ADDR" not in extra:
        extra["GRAVITY_STATIC_REGISTRY"] = ";".join(
            f"{name}=" + ",".join(f"{HOST}:{port + OFFSET + STEP * index}" for index in range(count))
            for name, port in PORTS.items())
    processes = []
    for index in range(count):
        for name in parts:
            log = open(f"{folder}/{name}-{index}.log", "w")
            processes.append(subprocess.Popen(
                [binary, "serve", name, "--data-dir", f"{folder}/data", "--port-offset", str(OFFSET + STEP * index)],
                env=environment(extra), stdout=log, stderr=log))
            # The first of each brings its database up to date.
            if index == 0 and name != "gateway":
                await_ready(PORTS[name] + OFFSET, log.name)
    for index in range(count):
        await_ready(GATEWAY + STEP * index, f"{folder}/gateway-{index}.log")
    return processes


def await_ready(port, log):
    end = time.perf_counter() + 60
    while time.perf_counter() < end:
        try:
            connection = http.client.HTTPConnection(HOST, port, timeout=5)
            connection.request("GET", "/health/ready")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    sys.exit(f"nobody is ready at {port}:\n{open(log).read()[-2000:]}")


def servers(command, folder):
    output = open(f"{folder}/servers.out", "w+")
    subprocess.run(["scripts/servers", command, "--dir", f"{folder}/servers"], check=True, stdout=output)
    output.seek(0)
    return dict(re.findall(r"export (\w+)=(.*)", output.read()))


def tree(pid):
    """The process and its descendants; one that has just ended has none."""
    pids = [pid]
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            for child in open(f"/proc/{pid}/task/{thread}/children").read().split():
                pids += tree(int(child))
    except FileNotFoundError:
        pass
    return pids


def cpu(pid):
    """Seconds of a process and all that it started, also of what has ended."""
    total = 0
    for one in tree(pid):
        try:
            fields = open(f"/proc/{one}/stat").read().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(int(field) for field in fields[11:15])
    return total / TICK


# --- The shop --------------------------------------------------------------------------------------------------------

def call(connection, method, path, body=None, token=None, key=None):
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if key:
        headers["Idempotency-Key"] = key
    connection.request(method, path, json.dumps(body) if body is not None else None, headers)
    response = connection.getresponse()
    data = response.read()
    assert response.status < 300, (path, response.status, data)
    return json.loads(data) if data else {}


def login(connection, email, password):
    return call(connection, "POST", "/api/v1/auth/login", {"email": email, "password": password})["access_token"]


def fill(connection, clients):
    """Articles with stock for all, and so many buyers."""
    administrator = login(connection, "admin@gravity.local", PASSWORD)
    for number in range(ARTICLES):
        sku = f"BENCH-{number}"
        prices = [{"amount": 1_000 + number, "currency": currency} for currency in ("USD", "JPY", "KWD")]
        call(connection, "POST", "/api/v1/products",
             {"title": f"Article {number}", "status": "published", "variants": [{"sku": sku, "prices": prices}]},
             administrator)
        call(connection, "POST", f"/api/v1/inventory/items/{sku}/adjustments",
             {"delta": 1_000_000, "reason": "received"}, administrator, str(uuid.uuid4()))
    buyers = []
    for number in range(clients):
        email, password = f"buyer-{number}@bench.example", f"quiet-orange-window-{number}7"
        call(connection, "POST", "/api/v1/auth/register", {"email": email, "password": password, "name": "Buyer"})
        buyers.append(login(connection, email, password))
    return administrator, buyers
