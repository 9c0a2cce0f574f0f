"""What receives webhooks in tests. The path says how it answers:

/verify    checks the signature with standardwebhooks (secrets in the file `secrets`): 204, or 401
/redirect  302 to /ok, which would be seen in the file `requests`
/large     a body without end
/slow      nothing for a minute
/garbage   no HTTP

Each request is a line of the file `requests`. Ends by itself after five minutes.
"""
import json, os, socketserver, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

folder = sys.argv[1]


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.do_POST()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        with open(f"{folder}/requests", "a") as file:
            file.write(json.dumps({"method": self.command, "path": self.path, "headers": dict(self.headers), "body": body.decode()}) + "\n")
        path = self.path.split("?")[0]
        if path == "/verify":
            self.answer(self.verify(body))
        elif path == "/redirect":
            self.send_response(302)
            self.send_header("location", "/ok")
            self.send_header("content-length", "0")
            self.end_headers()
        elif path == "/large":
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"x" * 65536)
            except OSError:
                self.close_connection = True
        elif path == "/slow":
            time.sleep(60)
        elif path == "/garbage":
            self.wfile.write(b"220 no HTTP here\r\n")
            self.close_connection = True
        else:
            self.answer(200)

    def verify(self, body):
        from standardwebhooks import Webhook, WebhookVerificationError

        headers = {name.lower(): value for name, value in self.headers.items()}
        for secret in open(f"{folder}/secrets").read().split():
            try:
                Webhook(secret).verify(body, headers)
            except WebhookVerificationError:
                return 401
        return 204

    def answer(self, status):
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
server.daemon_threads = True
with open(f"{folder}/.port", "w") as file:
    file.write(str(server.server_address[1]))
os.rename(f"{folder}/.port", f"{folder}/port")
threading.Timer(300, lambda: os._exit(0)).start()
server.serve_forever()
