"""``coldbench serve``: a local AWS endpoint, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
import threading
from ipaddress import ip_address
from typing import TYPE_CHECKING

from bench.commands.options import ServeOptions
from bench.errors import UsageError

if TYPE_CHECKING:
    from bench.serve.endpoint import Endpoint

#: Packages of the extra ``serve``: any of them may be the one that is missing.
_EXTRA = ("boto3", "botocore", "flask", "flask_cors", "moto", "werkzeug")
_PORT_HINT = "another program may use it: `coldbench serve --port 0` takes a free one"
_HOST_HINT = "`--host` is an address of this machine; without it, 127.0.0.1 is used"


def execute(options: ServeOptions) -> tuple[str, int]:
    """Serve until a signal comes; then end every function and leave nothing behind.

    Raises:
        UsageError: the extra is not installed, or the address cannot be used.
    """
    _forget_credentials()
    endpoint = _endpoint(options)
    try:
        with endpoint:
            _say(_welcome(options, endpoint.url))
            threading.Event().wait()
    except KeyboardInterrupt:
        return "", 0
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        endpoint.close()
    return "", 0


def _endpoint(options: ServeOptions) -> Endpoint:
    try:
        from bench.serve.endpoint import Endpoint, EndpointOptions
        from bench.serve.front import AddressError
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        raise UsageError(
            f"`coldbench serve` needs moto, and `{error.name}` is not installed",
            hint="`pip install 'coldbench[serve]'`",
        ) from None
    try:
        return Endpoint(
            EndpointOptions(
                cache=options.settings.cache,
                host=options.host,
                port=options.port,
                state=options.state,
                concurrency=options.concurrency,
                idle_s=options.idle_s,
                retry_delays_s=options.retry_delays_s,
                cpu_mode=options.settings.cpu,
            ),
            warn=lambda text: _say(f"warning: {text}\n"),
        )
    except AddressError as error:
        raise UsageError(
            f"cannot listen on {options.host}, port {options.port}: {error}",
            hint=_PORT_HINT if error.of_port else _HOST_HINT,
        ) from None


def _forget_credentials() -> None:
    """The user's AWS settings are not needed here, and a wrong profile would be in the way."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]


def _welcome(options: ServeOptions, url: str) -> str:
    lines = [f"serving AWS at {url} (Ctrl-C ends it and everything it runs)"]
    if not _is_loopback(options.host):
        lines.append(
            f"warning: {options.host} can be reached from elsewhere, and whoever reaches it can "
            "run programs here; without `--host` only this machine can"
        )
    if options.verbosity >= 0:
        lines += [
            "  export AWS_ENDPOINT_URL=" + url,
            "  export AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any",
            "  export AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1",
        ]
    return "\n".join(lines) + "\n"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
