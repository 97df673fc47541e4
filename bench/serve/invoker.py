"""One invoke, from the environment that takes it to the log that tells of it."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import replace

from bench.emulator.conversation import ResponseSink
from bench.emulator.invocation import NOBODY, Caller
from bench.errors import BenchError
from bench.serve.environment import Invoked
from bench.serve.environments import Environments
from bench.serve.errors import ServiceError
from bench.serve.log_book import LogEvent
from bench.serve.revision import Revision
from bench.serve.services import Target

WriteLog = Callable[[Revision, str, list[LogEvent]], None]


class Invoker:
    """Runs events in environments. Thread-safe: each call in the thread of its caller.

    Args:
        environments: where they run.
        write_log: writes to CloudWatch Logs.
    """

    def __init__(self, environments: Environments, write_log: WriteLog) -> None:
        self._environments = environments
        self._write_log = write_log
        self._log_lock = threading.Lock()

    def invoke(
        self,
        target: Target,
        event: bytes,
        *,
        caller: Caller = NOBODY,
        request_id: str | None = None,
        stream_to: ResponseSink | None = None,
    ) -> Invoked:
        """Invoke and wait.

        Args:
            target: what to invoke.
            event: the body of the event.
            caller: what comes along with it; the ARN is that of ``target``.
            request_id: is kept over the retries of an asynchronous invoke; None makes one.
            stream_to: gets the pieces of a streamed response.

        Raises:
            ServiceError: throttled, or the emulator itself failed.
        """
        caller = replace(caller, function_arn=target.arn)
        if target.revision.traced and caller.trace_id is None:
            caller = replace(caller, trace_id=_sampled_trace())
        environment = self._environments.acquire(target.revision)
        try:
            invoked = environment.invoke(
                event, caller=caller, request_id=request_id, stream_to=stream_to
            )
        except BenchError as error:
            self._environments.release(environment, broken=True)
            raise ServiceError(500, "ServiceException", f"the emulator failed: {error}") from error
        except BaseException:
            self._environments.release(environment, broken=True)
            raise
        self._environments.release(environment)
        with self._log_lock:
            self._write_log(target.revision, invoked.log_stream, invoked.events)
        return invoked


def _sampled_trace() -> str:
    """An X-Ray trace header; with active tracing every invoke is sampled here."""
    random = uuid.uuid4().hex
    return f"Root=1-{int(time.time()):08x}-{random[:24]};Parent={random[16:]};Sampled=1"
