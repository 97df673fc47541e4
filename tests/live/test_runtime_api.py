"""What the Runtime API answers to a real process that keeps to its rules, or does not."""

from __future__ import annotations

import json
import socket

import pytest
from deployments import Lambda

from bench.emulator.invocation import Caller

pytestmark = pytest.mark.live

#: Tools for bootstraps: connections of their own, and what they were answered.
TOOLS = """
import json, re
host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
def connect():
    return socket.create_connection((host, int(port)), 3)
def answer(sock):
    data = b""
    while b"\\r\\n\\r\\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            return 0, b""
        data += piece
    head, _, body = data.partition(b"\\r\\n\\r\\n")
    length = int(re.search(rb"(?i)content-length: (\\d+)", head).group(1))
    while len(body) < length:
        body += sock.recv(65536)
    return int(head.split()[1]), body[:length]
def ask(data, sock=None):
    sock = sock or connect()
    sock.sendall(data)
    return answer(sock)
def request(method, path, body=b"", head=""):
    text = "%s /2018-06-01%s HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: %d\\r\\n%s\\r\\n"
    return (text % (method, path, len(body), head)).encode() + body
"""
REPORT = 'post("invocation/" + request_id + "/response", json.dumps(seen).encode())'


def _seen(cloud: Lambda, handler: str, init: str = "") -> object:
    function = cloud.bootstrap(init=TOOLS + init, handler=handler + "\n" + REPORT)
    answer = function.invoke(b'{"an": "event"}')
    assert answer.function_error is None, answer.payload
    return json.loads(answer.payload)


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/ping", 200, None),
        ("POST", "/runtime/invocation/123/response", 400, "InvalidRequestID"),
        ("POST", "/runtime/invocation/123/error", 400, "InvalidRequestID"),
        ("POST", "/runtime/init/error", 403, "InvalidStateTransition"),
        ("POST", "/runtime/restore/error", 403, "InvalidStateTransition"),
        ("GET", "/runtime/restore/next", 403, "InvalidStateTransition"),
        ("POST", "/runtime/invocation/next", 405, "MethodNotAllowed"),
        ("GET", "/runtime/init/error", 405, "MethodNotAllowed"),
        ("GET", "/runtime/nothing", 404, "NotFound"),
        ("GET", "/../../etc/passwd", 404, "NotFound"),
    ],
)
def test_requests_that_the_state_does_not_allow(
    cloud: Lambda, method: str, path: str, status: int, kind: str | None
) -> None:
    """Each has its status and error type, on a connection of its own."""
    handler = f"""
status, body = ask(request({method!r}, {path!r}))
seen = [status, json.loads(body).get("errorType") if status != 200 else None]
"""
    assert _seen(cloud, handler) == [status, kind]


def test_a_repeated_next_gives_the_same_event(cloud: Lambda) -> None:
    """Body and request id are those of the event that is being handled."""
    handler = """
status, body = ask(request("GET", "/runtime/invocation/next"))
seen = [status, json.loads(body)]
"""
    assert _seen(cloud, handler) == [200, {"an": "event"}]


def test_a_second_response_is_refused(cloud: Lambda) -> None:
    """After the response the state allows nothing but the next event; 202 has its body."""
    handler = """
seen = ask(request("POST", "/runtime/invocation/%s/response" % request_id, b"{}"))
again = ask(request("POST", "/runtime/invocation/%s/response" % request_id, b"{}"))
print(seen, again[0], json.loads(again[1])["errorType"], flush=True)
"""
    cloud.bootstrap(init=TOOLS, handler=handler).invoke(b"{}")

    assert """(202, b'{"status":"OK"}\\n') 403 InvalidStateTransition""" in cloud.text


def test_pipelined_requests_are_answered_in_order(cloud: Lambda) -> None:
    """Three requests in one segment give three answers on one connection."""
    handler = """
sock = connect()
ping = request("GET", "/ping")
sock.sendall(ping + request("GET", "/nothing") + ping)
data = b""
while data.count(b"HTTP/1.1") < 3:
    data += sock.recv(65536)
seen = [int(s) for s in re.findall(rb"HTTP/1.1 ([0-9]+)", data)]
"""
    assert _seen(cloud, handler) == [200, 404, 200]


def test_a_response_sent_byte_by_byte(cloud: Lambda) -> None:
    """Header names in any case, a chunked body with trailers, one byte at a time."""
    handler = """
sock = connect()
data = ("POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\\r\\nhOsT: x\\r\\n"
        "TRANSFER-ENCODING: Chunked\\r\\ncontent-TYPE: text/x\\r\\n\\r\\n"
        "3\\r\\nabc\\r\\n02;x=y\\r\\nde\\r\\n0\\r\\nX-Trailer: 1\\r\\n\\r\\n" % request_id).encode()
for i in range(len(data)):
    sock.sendall(data[i:i + 1])
answer(sock)
"""
    answer = cloud.bootstrap(init=TOOLS, handler=handler).invoke(b"{}")

    assert (answer.payload, answer.content_type) == (b"abcde", "text/x")


def test_a_client_that_waits_for_continue(cloud: Lambda) -> None:
    """The body is asked for once, and only then sent."""
    handler = """
sock = connect()
sock.sendall(("POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\\r\\n"
              "Expect: 100-continue\\r\\nContent-Length: 4\\r\\n\\r\\n" % request_id).encode())
assert sock.recv(65536) == b"HTTP/1.1 100 Continue\\r\\n\\r\\n"
sock.sendall(b"done")
assert answer(sock)[0] == 202
"""
    assert cloud.bootstrap(init=TOOLS, handler=handler).invoke(b"{}").payload == b"done"


def test_slow_and_half_open_clients_block_nobody(cloud: Lambda) -> None:
    """Half requests, unread answers and abandoned connections leave the invoke as fast."""
    handler = """
half = connect()
half.sendall(b"POST /2018-06-01/runtime/invocation/x/response HTTP/1.1\\r\\nContent-")
deaf = connect()
deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
deaf.sendall(request("GET", "/ping") * 3000)
gone = connect()
gone.sendall(b"POST /x HTTP/1.1\\r\\nContent-Length: 100\\r\\n\\r\\nabc")
gone.close()
begin = time.monotonic()
ask(request("GET", "/ping"))
seen = time.monotonic() - begin < 1.0
"""
    assert _seen(cloud, handler) is True


def test_a_client_that_has_closed_its_side_gets_its_answer(cloud: Lambda) -> None:
    """As `nc -N` does: the request, the end, and then the answer is read."""
    handler = """
sock = connect()
sock.sendall(request("GET", "/ping"))
sock.shutdown(socket.SHUT_WR)
seen = [answer(sock)[0], sock.recv(100).decode()]
"""
    assert _seen(cloud, handler) == [200, ""]


@pytest.mark.parametrize(
    "abuse",
    [
        "Content-Length: 5\\r\\nContent-Length: 6",
        "Content-Length: 5\\r\\nTransfer-Encoding: chunked",
        "Content-Length: -5",
        "Content-Length: 0x5",
        "Content-Length: 99999999999999999999",
        "Transfer-Encoding: chunked, gzip",
        " folded: line",
        "no colon",
    ],
)
def test_abuse_of_the_headers_is_refused(cloud: Lambda, abuse: str) -> None:
    """400, and the connection is closed; the invoke goes on."""
    handler = f"""
sock = connect()
sock.sendall(b"POST /2018-06-01/ping HTTP/1.1\\r\\n{abuse}\\r\\n\\r\\n")
seen = [answer(sock)[0], sock.recv(100).decode()]
"""
    assert _seen(cloud, handler) == [400, ""]


def test_a_truncated_response(cloud: Lambda) -> None:
    """The connection ends before the body does."""
    handler = """
sock = connect()
sock.sendall(("POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\\r\\n"
              "Content-Length: 100\\r\\n\\r\\nabc" % request_id).encode())
sock.shutdown(socket.SHUT_WR)
status, body = answer(sock)
print(status, json.loads(body)["errorType"], flush=True)
time.sleep(1)
"""
    answer = cloud.bootstrap(init=TOOLS, handler=handler).invoke(b"{}")

    assert json.loads(answer.payload)["errorType"] == "Runtime.TruncatedResponse"
    assert "400 TruncatedResponse" in cloud.text


@pytest.mark.parametrize(
    ("size", "kind"),
    [(6 * 1024 * 1024 + 100, None), (6 * 1024 * 1024 + 101, "Function.ResponseSizeTooLarge")],
)
def test_the_limit_on_a_buffered_response(cloud: Lambda, size: int, kind: str | None) -> None:
    """6 MB and 100 bytes go through, one byte more does not."""
    handler = f'post("invocation/" + request_id + "/response", b"x" * {size})'

    answer = cloud.bootstrap(handler=handler).invoke(b"{}")

    assert answer.function_error == (None if kind is None else "Unhandled")
    assert (
        len(answer.payload) == size
        if kind is None
        else json.loads(answer.payload)["errorType"] == kind
    )


def test_an_error_above_the_limit(cloud: Lambda) -> None:
    """It is accepted; the caller gets its type and the beginning of its message."""
    handler = """
body = b'{"errorType": "Verbose", "errorMessage": "' + b"x" * (7 << 20) + b'"}'
print(post("invocation/" + request_id + "/error", body)[0].split()[1], flush=True)
"""
    answer = cloud.bootstrap(handler=handler).invoke(b"{}")

    assert json.loads(answer.payload) == {"errorType": "Verbose", "errorMessage": "x" * 2_000}
    assert "202" in cloud.text


def test_a_refused_client_is_told_of_in_the_failure(cloud: Lambda) -> None:
    """A stranger's connection may have been the answer of a runtime that did not stay for it."""
    handler = """
if event == b"2":
    time.sleep(0.2)
    os._exit(3)
post("invocation/" + request_id + "/response", os.environ["AWS_LAMBDA_RUNTIME_API"].encode())
"""
    function = cloud.bootstrap(handler=handler)
    host, _, port = function.invoke(b"1").payload.decode().partition(":")
    with socket.create_connection((host, int(port))) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")

        message = json.loads(function.invoke(b"2").payload)["errorMessage"]

    assert "Runtime exited with error: exit status 3 (a client was refused" in message


def test_an_unknown_response_mode(cloud: Lambda) -> None:
    """400 with its own error type."""
    handler = """
print(ask(request("POST", "/runtime/invocation/%s/response" % request_id, b"{}",
                  "Lambda-Runtime-Function-Response-Mode: telepathic\\r\\n")), flush=True)
"""
    answer = cloud.bootstrap(init=TOOLS, handler=handler).invoke(b"{}")

    assert json.loads(answer.payload)["errorType"] == "Runtime.InvalidResponseModeHeader"
    assert "400" in cloud.text


STREAM = """
sock = connect()
head = ("POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\\r\\n"
        "Lambda-Runtime-Function-Response-Mode: streaming\\r\\nContent-Type: text/plain\\r\\n"
        "Trailer: Lambda-Runtime-Function-Error-Type\\r\\n"
        "Transfer-Encoding: chunked\\r\\n\\r\\n" % request_id).encode()
sock.sendall(head)
for part in (b"one ", b"two ", b"three"):
    sock.sendall(b"%x\\r\\n%s\\r\\n" % (len(part), part))
    time.sleep(0.1)
"""


def test_a_streamed_response_is_passed_on_as_it_comes(cloud: Lambda) -> None:
    """Each piece arrives at its time; the first one is stamped."""
    pieces: list[tuple[str, bytes]] = []
    function = cloud.bootstrap(
        init=TOOLS, handler=STREAM + 'sock.sendall(b"0\\r\\n\\r\\n")\nanswer(sock)\n'
    )

    answer = function.invoke(b"{}", stream_to=lambda kind, piece: pieces.append((kind, piece)))

    assert pieces == [("text/plain", b"one "), ("text/plain", b"two "), ("text/plain", b"three")]
    assert answer.payload == b""
    assert answer.phases["invoke"] - answer.phases["first_byte"] > 200_000_000
    assert function.invoke(b"{}").payload == b"one two three"


def test_an_error_in_mid_stream_is_in_the_trailers(cloud: Lambda) -> None:
    """Once the response has begun, /error is refused; the trailers carry the error."""
    handler = (
        STREAM
        + """
refused = ask(request("POST", "/runtime/invocation/%s/error" % request_id, b"{}"))
print(refused[0], flush=True)
import base64
error = base64.b64encode(b'{"errorMessage": "lost", "errorType": "Function.Lost"}').decode()
sock.sendall(("0\\r\\nLambda-Runtime-Function-Error-Type: Function.Lost\\r\\n"
              "Lambda-Runtime-Function-Error-Body: %s\\r\\n\\r\\n" % error).encode())
answer(sock)
"""
    )
    answer = cloud.bootstrap(init=TOOLS, handler=handler).invoke(
        b"{}", stream_to=lambda kind, piece: None
    )

    assert json.loads(answer.payload) == {"errorMessage": "lost", "errorType": "Function.Lost"}
    assert "403" in cloud.text


def test_a_streamed_response_may_be_longer_than_a_buffered_one(cloud: Lambda) -> None:
    """20 MB come through in pieces, none of them kept."""
    handler = """
post = request("POST", "/runtime/invocation/%s/response" % request_id, b"x" * 20_000_000,
               "Lambda-Runtime-Function-Response-Mode: streaming\\r\\n")
ask(post)
"""
    sizes: list[int] = []

    answer = cloud.bootstrap(init=TOOLS, handler=handler).invoke(
        b"{}", stream_to=lambda kind, piece: sizes.append(len(piece))
    )

    assert answer.function_error is None
    assert sum(sizes) == 20_000_000


HEADERS = """
names = ("Trace-Id", "Client-Context", "Cognito-Identity", "Aws-Tenant-Id", "Invoked-Function-Arn")
fields = dict(line.split(": ", 1) for line in head.split("\\r\\n")[1:])
seen = [fields.get("Lambda-Runtime-" + name, "") for name in names]
"""


def test_what_the_caller_hands_over_is_passed_on(cloud: Lambda) -> None:
    """Trace, client context, identity, tenant and the ARN as called; JSON fits into a header."""
    function = cloud.bootstrap(init="import json", handler=HEADERS + REPORT)
    trace = "Root=1-5e1b4151-5ac6c58f5b5daa6a5b5daa6a;Parent=53995c3f42cd8ad8;Sampled=1"
    caller = Caller(
        trace_id=trace,
        client_context='{"client":\n {"app": "\u00e9"}}',
        cognito_identity='{"cognitoIdentityId":"x"}',
        tenant_id="blue",
        function_arn="arn:aws:lambda:us-east-1:000000000000:function:f:live",
    )

    answer = function.invoke(b"{}", caller=caller)

    assert json.loads(answer.payload) == [
        trace,
        '{"client":{"app":"\\u00e9"}}',
        '{"cognitoIdentityId":"x"}',
        "blue",
        "arn:aws:lambda:us-east-1:000000000000:function:f:live",
    ]
    assert answer.report.xray_trace_id == "1-5e1b4151-5ac6c58f5b5daa6a5b5daa6a"
    assert answer.report.sampled is True


def test_headers_without_a_value_are_absent(cloud: Lambda) -> None:
    """Without a caller's context there are no such headers; the trace is not sampled."""
    function = cloud.bootstrap(init="import json", handler=HEADERS + REPORT)

    answer = function.invoke(b"{}")

    trace, client, identity, tenant, _ = json.loads(answer.payload)
    assert trace.endswith(";Sampled=0")
    assert (client, identity, tenant) == ("", "", "")
    assert answer.report.xray_trace_id is None


@pytest.mark.parametrize(
    ("header", "reported"),
    [
        ("Runtime.NoSuchModule", "Runtime.NoSuchModule"),
        ("Runtime.no", "Runtime.Unknown"),
        ("ValueError", "Function.Unknown"),
        ("Function.Broken", "Function.Broken"),
    ],
)
def test_error_types_are_normalised(cloud: Lambda, header: str, reported: str) -> None:
    """INIT_REPORT has one of Lambda's types; the payload is the runtime's own."""
    init = f"""
ask(request("POST", "/runtime/init/error", b'{{"errorType": "Mine", "errorMessage": "no"}}',
            "Lambda-Runtime-Function-Error-Type: {header}\\r\\n"
            "Lambda-Runtime-Function-XRay-Error-Cause: " + "c" * 900_000 + "\\r\\n"))
sys.exit(1)
"""
    answer = cloud.bootstrap(init=TOOLS + init, handler="pass").invoke(b"{}")

    assert json.loads(answer.payload)["errorType"] == "Mine"
    assert f"Phase: init\tStatus: error\tError Type: {reported}" in cloud.text
    assert f"Phase: invoke\tStatus: error\tError Type: {reported}" in cloud.text
