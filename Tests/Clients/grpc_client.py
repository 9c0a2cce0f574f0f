"""gRPC's own client and server, with a gateway between them.

    grpc_client.py serve              answers on a free port of 127.0.0.1, and prints it
    grpc_client.py ask HOST:PORT      asks there, prints a line for each thing that was right, and fails with the first that was not
    grpc_client.py refused HOST:PORT  the same of what the gateway itself refuses
"""

import sys
from concurrent import futures

import grpc

SERVICE = "gravity.test.Echo"


def as_is(message):
    return message


class Echo(grpc.GenericRpcHandler):
    def service(self, call):
        method = call.method.rpartition("/")[2]
        handlers = {
            "Unary": grpc.unary_unary_rpc_method_handler(self.unary),
            "Count": grpc.unary_stream_rpc_method_handler(self.count),
            "Sum": grpc.stream_unary_rpc_method_handler(self.sum),
            "Chat": grpc.stream_stream_rpc_method_handler(self.chat),
            "Fail": grpc.unary_unary_rpc_method_handler(self.fail),
            "Late": grpc.unary_stream_rpc_method_handler(self.late),
            "Wait": grpc.unary_unary_rpc_method_handler(self.wait),
        }
        return handlers.get(method)

    def unary(self, message, context):
        metadata = dict(context.invocation_metadata())
        context.send_initial_metadata((("x-head", metadata.get("x-ask", "")),))
        context.set_trailing_metadata((("x-tail", "yes"), ("x-tail-bin", b"\x00\xff")))
        return message

    def count(self, message, context):
        for number in range(int(message)):
            yield b"%d" % number

    def sum(self, messages, context):
        return b"%d" % sum(int(message) for message in messages)

    def chat(self, messages, context):
        for message in messages:
            yield message.upper()

    def fail(self, message, context):
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not so: \u00fc")

    def late(self, message, context):
        yield b"one"
        context.abort(grpc.StatusCode.DATA_LOSS, "lost")

    def wait(self, message, context):
        event = futures.Future()
        context.add_callback(lambda: event.set_result(None))
        event.result(timeout=30)
        return b""


def serve():
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
    server.add_generic_rpc_handlers((Echo(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


def right(what, condition, told=""):
    if not condition:
        sys.exit(f"wrong: {what} {told}")
    print(what, flush=True)


def status(call):
    try:
        call()
    except grpc.RpcError as error:
        return error.code(), error.details()
    return grpc.StatusCode.OK, ""


def ask(address):
    with grpc.insecure_channel(address) as channel:
        path = f"/{SERVICE}/"
        unary = channel.unary_unary(path + "Unary")
        answer, call = unary.with_call(b"hello", metadata=(("x-ask", "a b"),), timeout=10)
        right("unary", answer == b"hello")
        right("initial metadata", dict(call.initial_metadata()).get("x-head") == "a b", call.initial_metadata())
        tail = dict(call.trailing_metadata())
        right("trailing metadata", tail.get("x-tail") == "yes" and tail.get("x-tail-bin") == b"\x00\xff", tail)
        big = bytes(3_000_000)
        right("three megabytes there and back", unary(big, timeout=30) == big)
        right("an empty message", unary(b"", timeout=10) == b"")
        numbers = list(channel.unary_stream(path + "Count")(b"500", timeout=30))
        right("a stream of answers", numbers == [b"%d" % number for number in range(500)])
        total = channel.stream_unary(path + "Sum")(iter([b"%d" % number for number in range(500)]), timeout=30)
        right("a stream of questions", total == b"124750", total)
        # The next question is asked only when the last one is answered.
        questions = futures.Future(), futures.Future()

        def asking():
            yield b"first"
            questions[0].result(timeout=10)
            yield b"second"
            questions[1].result(timeout=10)

        answers = channel.stream_stream(path + "Chat")(asking(), timeout=30)
        first = next(answers)
        questions[0].set_result(None)
        second = next(answers)
        questions[1].set_result(None)
        right("a conversation", (first, second) == (b"FIRST", b"SECOND") and list(answers) == [])
        fail = status(lambda: channel.unary_unary(path + "Fail")(b"", timeout=10))
        right("a status without an answer", fail == (grpc.StatusCode.FAILED_PRECONDITION, "not so: \u00fc"), fail)
        late = status(lambda: list(channel.unary_stream(path + "Late")(b"", timeout=10)))
        right("a status behind an answer", late == (grpc.StatusCode.DATA_LOSS, "lost"), late)
        none = status(lambda: channel.unary_unary(path + "Nothing")(b"", timeout=10))
        right("a method that is not there", none[0] == grpc.StatusCode.UNIMPLEMENTED, none)
        deadline = status(lambda: channel.unary_unary(path + "Wait")(b"", timeout=0.3))
        right("a deadline", deadline[0] == grpc.StatusCode.DEADLINE_EXCEEDED, deadline)
        calls = [unary.future(b"%d" % number, timeout=30) for number in range(300)]
        right("300 at once", [call.result() for call in calls] == [b"%d" % number for number in range(300)])


def refused(address):
    code = grpc.StatusCode
    with grpc.insecure_channel(address) as channel:

        def told(service, method="Unary", message=b"x", metadata=()):
            call = channel.unary_unary(f"/gravity.test.{service}/{method}")
            return status(lambda: call(message, metadata=metadata, timeout=10))

        def is_refusal(answer, expected, why):
            return answer[0] == expected and answer[1].startswith(f"{why}: ")

        for what, answer, expected, why in (
            ("a service without a route", told("Nowhere"), code.UNIMPLEMENTED, "not_found"),
            ("no token", told("Mine"), code.UNAUTHENTICATED, "unauthenticated"),
            ("no token that is one", told("Mine", metadata=(("authorization", "Bearer x"),)), code.UNAUTHENTICATED, "invalid_token"),
            ("a service that cannot be reached", told("Gone"), code.UNAVAILABLE, "bad_gateway"),
            ("a service that is too slow", told("Hasty", "Wait"), code.DEADLINE_EXCEEDED, "upstream_timeout"),
            ("a message that is too large", told("Small", message=bytes(1000)), code.RESOURCE_EXHAUSTED, "body_too_large"),
        ):
            right(what, is_refusal(answer, expected, why), answer)
        right("what the limit allows", told("Limited")[0] == code.OK)
        try:
            channel.unary_unary("/gravity.test.Limited/Unary")(b"x", timeout=10)
            right("a limit", False)
        except grpc.RpcError as error:
            answer = error.code(), error.details()
            fields = dict(error.initial_metadata() or ()) | dict(error.trailing_metadata() or ())
            right("a limit", is_refusal(answer, code.RESOURCE_EXHAUSTED, "rate_limited"), answer)
            right("when to come again", "retry-after" in fields and "ratelimit" in fields, fields)
        # A caller that is still asking is answered, too.
        questions = futures.Future()

        def asking():
            yield b"1"
            questions.result(timeout=10)

        call = channel.stream_unary("/gravity.test.Mine/Sum")
        right("a caller that has not finished asking", status(lambda: call(asking(), timeout=10))[0] == code.UNAUTHENTICATED)
        questions.set_result(None)


if sys.argv[1] == "serve":
    serve()
elif sys.argv[1] == "refused":
    refused(sys.argv[2])
else:
    ask(sys.argv[2])
