"""A gateway of the stand-in: as `/api/v1/gateway` answers, as far as the console asks."""
import time

from stand_in_access import EVIL, Answers, Refusal, stamp


def route(name, path, service, access="public", **more):
    return {"name": name, "path": path, "headers": [], "service": service, "access": access, "identity_headers": False, **more}


def instance(service, id, health="up", breaker="closed", **more):
    return {"service": service, "id": id, "address": f"127.0.0.1:{9000 + len(id)}", "health": health, "ejected": False,
            "breaker": breaker, "open_routes": 0, "consecutive_failures": 0, "pending": 0, "latency_ms": 2.418, "connections": 4,
            "idle_connections": 3, **more}


def limit(policy, requests, window_ms, **more):
    return {"policy": policy, "requests": requests, "window_ms": window_ms, "by": "caller", "shared": False, "shadow": False,
            "refused": 0, "watched": 0, **more}


class Gateway(Answers):
    """`refusal`: why what stands in the source is not in force; `rates`: requests a second by route."""

    routes = (
        ("GET /api/v1/gateway", "gateway:read", "view"),
        ("GET /api/v1/gateway/routes", "gateway:read", "list_routes"),
        ("GET /api/v1/gateway/instances", "gateway:read", "list_instances"),
        ("GET /api/v1/gateway/limits", "gateway:read", "list_limits"),
        ("GET /api/v1/gateway/traffic", "gateway:read", "list_traffic"),
        ("POST /api/v1/gateway/breakers/reset", "gateway:write", "reset"),
    )

    def __init__(self):
        self.id, self.refusal, self.began = "127.0.0.1:8000", None, time.time()
        self.all_routes = [
            route("orders", "/api/orders/{id}", "orders", "orders:read", methods=["GET", "POST"], hosts=["*.example.org"],
                  headers=[f"x-plan: {EVIL}", "no x-beta"], timeout_ms=500, attempts=2, max_body=524_288),
            route("sign-in", "/api/v1/auth/login", "auth", methods=["POST"]),
            route("mine", "/api/v1/me/**", "auth", "authenticated", identity_headers=True),
            route("site", "/**", "site"),
        ] + [route(f"shop-{number}", f"/shops/{number}/**", "site") for number in range(100)]
        self.instances = [
            instance("auth", "auth-1"),
            instance("auth", "auth-2", health="down", breaker="open", consecutive_failures=5, latency_ms=None, connections=0,
                     idle_connections=0),
            instance("orders", "orders-1", breaker="half_open", consecutive_failures=1, pending=1),
            instance("orders", "orders-2", open_routes=2, latency_ms=1_204.5),
            instance("orders", f"orders-3 {EVIL}", ejected=True, pending=17),
            instance("site", "site-1", health="unasked"),
        ]
        self.limits = [
            limit("default", 100, 1_000, by="address"),
            limit("orders", 5, 60_000, route="orders", shared=True, refused=1_203),
            limit("sign-in", 10, 3_600_000, route="sign-in", by="address", shadow=True, watched=12),
        ]
        self.rates = {"orders": 42, "site": 1_300, "sign-in": 0.5}
        # Of the answers by the first digit of their status.
        self.shares = {"orders": {"2xx": 0.9, "4xx": 0.07, "5xx": 0.03}}

    def view(self, **_):
        told = {"id": self.id, "version": "0.1.0", "started_at": stamp(self.began - 7_200), "generation": 3,
                "routes": len(self.all_routes), "source": "routes.yaml", "routes_since": stamp(self.began - 60)}
        return 200, {**told, "refusal": self.refusal} if self.refusal else told

    def listed(self, items, query):
        return 200, {"gateway": self.id, **self.page(items, query)}

    def list_routes(self, query, **_):
        return self.listed(self.all_routes, query)

    def list_instances(self, query, **_):
        return self.listed([self.shown(instance) for instance in self.instances], query)

    def list_limits(self, query, **_):
        return self.listed(self.limits, query)

    def list_traffic(self, query, **_):
        elapsed = time.time() - self.began
        return self.listed([self.traffic(route["name"], elapsed) for route in self.all_routes] + [self.traffic(None, elapsed)], query)

    @staticmethod
    def shown(instance):
        if instance["breaker"] != "open":
            return instance
        # It is asked again and fails again, for as long as nobody resets it.
        return {**instance, "breaker_left_ms": 9_000 - int(time.time() * 1_000) % 8_000}

    def traffic(self, name, elapsed):
        rate = self.rates.get(name, 0)
        count = lambda seconds: self.count(int(rate * seconds), self.shares.get(name, {"2xx": 1}))
        # As if it had run for two hours.
        told = {"total": count(elapsed + 7_200), "recent": count(60), "recent_ms": 60_000}
        return {"route": name, **told} if name else told

    @staticmethod
    def count(requests, shares):
        answers = {f"{digit}xx": int(requests * shares.get(f"{digit}xx", 0)) for digit in range(1, 6)}
        times = {"p50_ms": 2.5, "p99_ms": 61.44} if requests else {}
        return {"requests": requests, **answers, **times}

    def reset(self, body, **_):
        for instance in self.instances:
            if (instance["service"], instance["id"]) == (body["service"], body["instance"]):
                instance.update(breaker="closed", open_routes=0, consecutive_failures=0)
                return 200, instance
        raise Refusal(404, "not_found", "No such instance")
