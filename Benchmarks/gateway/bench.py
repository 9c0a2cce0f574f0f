"""The gateway with everything on beside nginx, nginx with auth_request, HAProxy and Caddy, in one run.

The proxy has a core (or two) of its own choice, load and upstream the other; loopback only. Each scenario goes round the
proxies in turn, several times, and the medians are printed, with the CPU that a request took of the proxy."""
import json, os, re, signal, statistics, subprocess, sys, tempfile, time, urllib.request

BENCH, SECONDS, ROUNDS = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
CHOSEN = sys.argv[4:]
BASE = int(os.environ.get("BENCH_PORT", "18700"))
UP, AUTH = BASE, BASE + 1
TICK = os.sysconf("SC_CLK_TCK")
TOKEN = "bench." + "a" * 330
# name: (connections, path, TLS, HTTP/2, requests a second or None, cores of the proxy)
SCENARIOS = {
    "h1-64": ("HTTP/1.1, 64 connections, 1 kB", 64, "/api/v1/items", False, False, None, "0"),
    "h1-1000": ("HTTP/1.1, 1 000 connections, 1 kB", 1000, "/api/v1/items", False, False, None, "0"),
    "h1-100k": ("HTTP/1.1, 64 connections, 100 kB", 64, "/api/v1/items/large", False, False, None, "0"),
    "tls-64": ("HTTP/1.1 over TLS 1.3, 64 connections, 1 kB", 64, "/api/v1/items", True, False, None, "0"),
    "h2-64": ("HTTP/2 over TLS 1.3, 8 connections of 8 streams, 1 kB", 64, "/api/v1/items", True, True, None, "0"),
    "rate": ("HTTP/1.1, 64 connections, 6 400 requests a second whatever the answers, 1 kB",
             64, "/api/v1/items", False, False, 6_400, "0"),
    "cores": ("HTTP/1.1, 64 connections, 1 kB, proxies on both cores beside load and upstream",
              64, "/api/v1/items", False, False, None, "0,1"),
}


# --- Who stands beside it --------------------------------------------------------------------------------------------

def nginx(work, name, workers, body):
    folders = " ".join(f"{kind}_temp_path {work}/{name}-{kind};"
                       for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    open(f"{work}/{name}.conf", "w").write(f"""
daemon off; master_process {'on' if workers > 1 else 'off'}; worker_processes {workers};
pid {work}/{name}.pid; error_log {work}/{name}.err;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 10000000; keepalive_timeout 600; {folders} {body} }}""")
    return ["nginx", "-c", f"{work}/{name}.conf", "-p", work]


def configure(work, port, tls, h2, workers):
    """Name and command of each proxy; the n-th listens on port + n."""
    upstreams = (f"upstream up {{ server 127.0.0.1:{UP}; keepalive 256; keepalive_requests 10000000; }} "
                 f"upstream auth {{ server 127.0.0.1:{AUTH}; keepalive 256; keepalive_requests 10000000; }}")
    forward = ("proxy_http_version 1.1; proxy_set_header Connection ''; proxy_set_header Host $host; proxy_set_header "
               "X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;")

    def listen(number):
        secure = f" ssl{' http2' if h2 else ''}" if tls else ""
        files = f"ssl_certificate {work}/cert.pem; ssl_certificate_key {work}/key.pem; ssl_protocols TLSv1.3;"
        return f"listen 127.0.0.1:{port + number} backlog=1024{secure}; {files if tls else ''}"
    plain = nginx(work, f"plain-{port}", workers,
                  f"{upstreams} server {{ {listen(0)} location / {{ proxy_pass http://up; {forward} }} }}")
    fields = ('{"m":"$request_method","p":"$uri","s":$status,"t":$request_time,"a":"$remote_addr","i":"$request_id"}')
    authed = nginx(work, f"authed-{port}", workers, f"""
log_format ecs escape=json '{fields}'; access_log {work}/authed.log ecs buffer=64k;
limit_req_zone $http_authorization zone=l:10m rate=1000000r/s; {upstreams}
server {{ {listen(2)} location / {{ limit_req zone=l burst=100000 nodelay; auth_request /check; proxy_pass http://up; {forward} }}
location = /check {{ internal; proxy_pass http://auth; proxy_pass_request_body off; proxy_set_header Content-Length '';
proxy_http_version 1.1; proxy_set_header Connection ''; }} }}""")
    bind = f"ssl crt {work}/both.pem alpn {'h2,' if h2 else ''}http/1.1 ssl-min-ver TLSv1.3" if tls else ""
    open(f"{work}/haproxy-{port}.cfg", "w").write(f"""
global
  nbthread {workers}
  maxconn 8000
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option http-keep-alive
  http-reuse always
frontend f
  bind 127.0.0.1:{port + 3} {bind}
  option forwardfor
  default_backend b
backend b
  server s 127.0.0.1:{UP}
""")
    site = f"https://127.0.0.1:{port + 4}" if tls else f"http://127.0.0.1:{port + 4}"
    files = f"tls {work}/cert.pem {work}/key.pem {{\n    protocols tls1.3\n  }}" if tls else ""
    open(f"{work}/Caddyfile-{port}", "w").write(
        f"{{\n  admin off\n  auto_https off\n}}\n{site} {{\n  {files}\n  reverse_proxy 127.0.0.1:{UP}\n}}\n")
    bench = {"GATEWAYBENCH_LOOPS": str(workers)}
    if tls:
        bench |= {"GATEWAYBENCH_TLS": f"{work}/cert.pem:{work}/key.pem"}
    return {
        "nginx proxy_pass": (plain, {}, port),
        "gravity gateway, all on": ([BENCH, str(port + 1), str(UP), f"{work}/gateway.log"], bench, port + 1),
        "nginx auth_request+limit+log": (authed, {}, port + 2),
        "HAProxy": (["haproxy", "-db", "-f", f"{work}/haproxy-{port}.cfg"], {}, port + 3),
        "Caddy reverse_proxy": (["caddy", "run", "--config", f"{work}/Caddyfile-{port}", "--adapter", "caddyfile"],
                                {"GOMAXPROCS": str(workers), "HOME": work}, port + 4),
    }


# --- Measuring -------------------------------------------------------------------------------------------------------

def family(pid):
    pids = [pid]
    for thread in os.listdir(f"/proc/{pid}/task"):
        for child in open(f"/proc/{pid}/task/{thread}/children").read().split():
            pids += family(int(child))
    return pids


def cpu(pid):
    return sum(sum(int(field) for field in open(f"/proc/{one}/stat").read().rsplit(")", 1)[1].split()[11:13])
               for one in family(pid)) / TICK


def resident(pid):
    """Megabytes, and of these the anonymous ones: what it has allocated. The rest are pages of programs and libraries,
    which the system shares and can drop."""
    total = anonymous = 0
    for one in family(pid):
        text = open(f"/proc/{one}/smaps_rollup").read()
        total += int(re.search(r"Rss: *(\d+)", text)[1])
        anonymous += int(re.search(r"Anonymous: *(\d+)", text)[1])
    return total / 1024, anonymous / 1024


def milliseconds(text):
    number = float(re.match(r"[\d.]+", text)[0])
    return number * {"us": 0.001, "ms": 1, "s": 1000, "m": 60_000}[text.lstrip("0123456789.")]


def closed(url, connections):
    out = subprocess.run(
        ["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{SECONDS:.0f}s", "--latency",
         "-H", f"authorization: Bearer {TOKEN}", url], check=True, capture_output=True, text=True).stdout
    assert "Non-2xx" not in out, out
    requests, seconds = re.search(r"(\d+) requests in ([\d.]+\w+)", out).groups()
    return (int(requests), float(re.search(r"Requests/sec: *([\d.]+)", out)[1]),
            milliseconds(re.search(r"50% +(\S+)", out)[1]), milliseconds(re.search(r"99% +(\S+)", out)[1]))


def streams(url, connections, rate, h2, work):
    """h2load, which keeps the time of each request."""
    log = f"{work}/h2load.log"
    if os.path.exists(log):
        os.remove(log)
    command = ["taskset", "-c", "1", "h2load", "-t1", f"--duration={SECONDS:.0f}", "--warm-up-time=1",
               f"--log-file={log}", "-H", f"authorization: Bearer {TOKEN}"]
    command += ["-c8", "-m8"] if h2 else ["--h1", f"-c{connections}"]
    if rate:
        command += [f"--rps={rate // connections}"]
    out = subprocess.run([*command, url], check=True, capture_output=True, text=True).stdout
    lines = [line.split("\t") for line in open(log)]
    # What is under way at the end has no status.
    done = [fields for fields in lines if fields[1] == "200"]
    assert done and all(fields[1] in ("200", "-1", "0") for fields in lines), out
    times = sorted(int(fields[2]) / 1000 for fields in done)
    return len(times), len(times) / SECONDS, times[len(times) // 2], times[len(times) * 99 // 100]


def measure(name, pid, scenario, port, work):
    _, connections, path, tls, h2, rate, _ = scenario
    url = f"{'https' if tls else 'http'}://127.0.0.1:{port}{path}"
    before, began = cpu(pid), time.perf_counter()
    if h2 or rate:
        requests, each, p50, p99 = streams(url, connections, rate, h2, work)
        # What the warm-up took is not among the requests.
        used = (cpu(pid) - before) * SECONDS / (time.perf_counter() - began)
    else:
        requests, each, p50, p99 = closed(url, connections)
        used = cpu(pid) - before
    return each, p50, p99, used / requests * 1e6, *resident(pid)


def reachable(url, name, log):
    end = time.perf_counter() + 10
    import ssl
    context = ssl._create_unverified_context()
    while time.perf_counter() < end:
        try:
            request = urllib.request.Request(url, headers={"authorization": f"Bearer {TOKEN}"})
            if urllib.request.urlopen(request, timeout=2, context=context).status == 200:
                return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"{name} does not answer {url}: {open(log).read()[-1000:]}")


def run(key, scenario, work, port):
    title, _, path, tls, h2, _, cores = scenario
    workers = cores.count(",") + 1
    running, samples = {}, {}
    try:
        for name, (command, environment, its_port) in configure(work, port, tls, h2, workers).items():
            log = f"{work}/{its_port}.out"
            process = subprocess.Popen(
                ["taskset", "-c", cores, *command], env=os.environ | environment, stdout=open(log, "w"),
                stderr=subprocess.STDOUT)
            running[name] = (process, its_port)
            reachable(f"{'https' if tls else 'http'}://127.0.0.1:{its_port}{path}", name, log)
        for _ in range(ROUNDS):
            for name, (process, its_port) in running.items():
                samples.setdefault(name, []).append(measure(name, process.pid, scenario, its_port, work))
    finally:
        for process, _ in running.values():
            process.send_signal(signal.SIGTERM)
        for process, _ in running.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
    medians = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in samples.items()}
    base = medians["nginx proxy_pass"]
    print(f"\n{title} (`{key}`), load average {os.getloadavg()[0]:.1f}\n")
    print("| proxy | requests/s | ÷ nginx | p50 ms | p99 ms | CPU µs a request | ÷ nginx | RSS MB | of it anonymous |\n"
          "|---|---|---|---|---|---|---|---|---|")
    for name, (each, p50, p99, used, rss, anonymous) in medians.items():
        print(f"| {name} | {each:,.0f} | {each / base[0]:.2f} | {p50:.2f} | {p99:.2f} | {used:.1f} | {used / base[3]:.2f} "
              f"| {rss:.0f} | {anonymous:.0f} |", flush=True)


def main():
    unknown = [name for name in CHOSEN if name not in SCENARIOS]
    if unknown:
        sys.exit(f"there is no scenario {unknown[0]}; there are {', '.join(SCENARIOS)}")
    print(f"{ROUNDS} rounds of {SECONDS:.0f} s; {os.cpu_count()} cores; load average before {os.getloadavg()[0]:.2f}")
    with tempfile.TemporaryDirectory() as work:
        os.chmod(work, 0o755)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{work}/key.pem", "-out",
             f"{work}/cert.pem"], check=True, capture_output=True)
        open(f"{work}/both.pem", "w").write(open(f"{work}/cert.pem").read() + open(f"{work}/key.pem").read())
        answer = json.dumps({"id": "0190a5b4", "name": "item", "text": "x" * 960})
        open(f"{work}/large", "w").write("y" * 100_000)
        command = nginx(work, "upstream", 1, f"""
server {{ listen 127.0.0.1:{UP} backlog=1024; default_type application/json; location / {{ return 200 '{answer}'; }}
  location = /api/v1/items/large {{ alias {work}/large; open_file_cache max=10; }} }}
server {{ listen 127.0.0.1:{AUTH} backlog=1024; location / {{ return 204; }} }}""")
        upstream = subprocess.Popen(["taskset", "-c", "1", *command])
        try:
            for number, (key, scenario) in enumerate(SCENARIOS.items()):
                if not CHOSEN or key in CHOSEN:
                    run(key, scenario, work, BASE + 10 + 10 * number)
        finally:
            upstream.terminate()
            upstream.wait()


main()
