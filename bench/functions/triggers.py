"""What calls a function, read from its source, and a sample of the event that it would get.

A function without events of its own is given the sample of its trigger, because most handlers fail
on ``{}``. The signs are the event types of ``aws-lambda-go`` and of Powertools, the resolvers of
frameworks, and the keys that Python code looks up. Nothing is imported or run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_SAMPLES = Path(__file__).parent / "events"
#: The sample for functions that show no trigger: the empty object.
NO_TRIGGER = "empty"
_SOURCES = ("*.go", "*.py", "bootstrap")
#: A larger source is data, generated, or a binary.
_MAX_SOURCE_BYTES = 1 << 20

# In the order of precedence: a handler that takes both versions of an event gets the newer one,
# and a key that several triggers have in common stands after those that only one has.
_SIGNS = (
    ("function-url", r"\bLambdaFunctionU(?:RL|rl)|\blambdaurl\."),
    (
        "api-gateway-http",
        r"\bAPIGatewayV2|\bAPIGatewayProxyEventV2|\bAPIGatewayHttpResolver|\bMangum\("
        r"""|["'](?:rawPath|routeKey|rawQueryString)["']|["']http["']\]\[["']method["']""",
    ),
    ("load-balancer", r"""\bALBTargetGroup|\bALBResolver|\bALBEvent|["']elb["']"""),
    (
        "api-gateway-rest",
        r"\bAPIGatewayProxy(?:Request|Event)\b|\bAPIGatewayRestResolver|\bApiGatewayResolver"
        r"""|["'](?:httpMethod|pathParameters|queryStringParameters)["']""",
    ),
    (
        "sqs",
        r"""\bSQSEvent|\bEventType\.SQS|["'](?:receiptHandle|batchItemFailures|aws:sqs)["']""",
    ),
    ("s3", r"""\bS3Event\b|\["s3"\]\[|\['s3'\]\[|["']aws:s3["']"""),
    ("sns", r"""\bSNSEvent|["'](?:Sns|aws:sns)["']"""),
    (
        "dynamodb",
        r"\bDynamoDB(?:Stream)?Event\b|\bEventType\.DynamoDBStreams"
        r"""|["'](?:NewImage|OldImage|aws:dynamodb)["']""",
    ),
    (
        "kinesis",
        r"""\bKinesis(?:Stream)?Event\b|\bEventType\.Kinesis|["'](?:kinesis|aws:kinesis)["']""",
    ),
    (
        "eventbridge",
        r"""\bCloudWatchEvent\b|\bEventBridgeEvent\b|["']detail-type["']|event\[["']detail["']\]""",
    ),
    ("sqs", r"""["']Records["'](?s:.)*\[["']body["']\]"""),
)
#: The triggers with a sample, in the order of precedence.
TRIGGERS = tuple(dict.fromkeys(name for name, _ in _SIGNS))


def sample(trigger: str) -> Path:
    """The sample event of one of :data:`TRIGGERS`, or of :data:`NO_TRIGGER`."""
    return _SAMPLES / f"{trigger}.json"


def detect_trigger(directory: Path) -> str:
    """The first trigger of the table that the sources in ``directory`` show, or ``empty``."""
    text = "\n".join(_texts(directory))
    for name, sign in _SIGNS:
        if re.search(sign, text):
            return name
    return NO_TRIGGER


def _texts(directory: Path) -> Iterator[str]:
    for pattern in _SOURCES:
        for path in sorted(directory.glob(pattern)):
            is_test = path.name.endswith("_test.go") or path.name.startswith("test_")
            if not is_test and path.is_file() and path.stat().st_size <= _MAX_SOURCE_BYTES:
                yield path.read_bytes().decode("utf-8", errors="replace")
