"""An existing function as the thing to measure: read, never changed.

Its code, configuration, layers and environment go from the account straight into the copies. The
environment may hold secrets: it is kept in memory only, and its values are cut out of every text
that is stored or shown. ARNs and image URIs, which hold the account's number, are not recorded.
"""

from __future__ import annotations

import base64
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from bench.cloud.account import Account
from bench.cloud.copies import Copy
from bench.cloud.faults import Stopped, stopped
from bench.cost.price import Architecture
from bench.errors import UsageError
from bench.functions.targets import Selection
from bench.functions.triggers import NO_TRIGGER, sample
from bench.model import Record
from bench.store import write_whole
from bench.subjects import Artifact, Event, Function, Runtime, Variant

_VARIANT = "default"
_TIMEOUT_S = 60
_PREFIX = "aws-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A function of the account, and what is planned with it."""

    selection: Selection
    artifact: Artifact
    configuration: Mapping[str, Any] = field(repr=False)
    image: str | None = field(default=None, repr=False)

    def applied(self, copy: Copy) -> Copy:
        """The copy with the configuration of the function."""
        found = self.configuration
        network = found.get("VpcConfig", {})
        return replace(
            copy,
            runtime=found.get("Runtime"),
            handler=found.get("Handler"),
            architecture=_architecture(found),
            environment=found.get("Environment", {}).get("Variables", {}),
            layers=tuple(layer["Arn"] for layer in found.get("Layers", ())),
            subnets=tuple(network.get("SubnetIds", ())),
            security_groups=tuple(network.get("SecurityGroupIds", ())),
            tmp_mb=found.get("EphemeralStorage", {}).get("Size", 512),
            snap_start=found.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions",
            image=self.image,
        )


class Sources:
    """Reads functions of one region, each once.

    Args:
        account: where.
        cache: directory for downloaded packages.
    """

    def __init__(self, account: Account, cache: Path) -> None:
        self._account = account
        self._cache = cache
        #: By function id.
        self.found: dict[str, Source] = {}

    def name_in(self, record: Record, function_id: str) -> str | None:
        """The name in the account, for a function of a record that came from there."""
        artifact = next(a for a in record.artifacts if a.function == function_id)
        return artifact.recipe.removeprefix(_PREFIX) if _is_copied(artifact) else None

    def copy_of(self, name: str, *, event: str | None, cwd: Path) -> Source:
        """Read a function and download its package.

        Raises:
            UsageError: there is no such function, or the event is no file.
            Stopped: AWS refuses.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = self._account.control("lambda").get_function(FunctionName=name)
        except ClientError as error:
            if error.response["Error"].get("Code") == "ResourceNotFoundException":
                raise UsageError(
                    f"there is no function `{name}` in {self._account.region}",
                    hint="`aws lambda list-functions` shows those of a region",
                ) from None
            raise stopped(error, f"reading `{name}`", self._account.redact) from None
        except BotoCoreError as error:
            raise stopped(error, f"reading `{name}`", self._account.redact) from None
        configuration = answer["Configuration"]
        self._account.redact.add(configuration.get("Environment", {}).get("Variables", {}).values())
        short = str(configuration["FunctionName"])
        function = _function(short, configuration, _event(event, cwd))
        source = Source(
            selection=Selection(
                function=function,
                variants=(
                    Variant(id=_VARIANT, runtime=function.runtime, summary="as it is in AWS"),
                ),
                events=function.events,
                baseline=_VARIANT,
            ),
            artifact=self._artifact(short, function, configuration, answer.get("Code", {})),
            configuration=configuration,
            image=answer.get("Code", {}).get("ImageUri"),
        )
        self.found[function.id] = source
        return source

    def _artifact(
        self,
        name: str,
        function: Function,
        configuration: Mapping[str, Any],
        code: Mapping[str, Any],
    ) -> Artifact:
        digest = base64.b64decode(configuration["CodeSha256"]).hex() if not _is_image(code) else ""
        digest = digest or str(configuration["CodeSha256"])
        path = self._cache / "cloud" / f"{digest}.zip"
        if not _is_image(code) and not path.is_file():
            self._download(name, code, path)
        return Artifact(
            function=function.id,
            variant=_VARIANT,
            digest=digest,
            zip_path=path,
            tree_path=path.parent,
            handler=function.handler,
            zip_bytes=int(configuration.get("CodeSize", 0)),
            unpacked_bytes=0,
            binary_bytes=0,
            toolchain={"runtime": str(configuration.get("Runtime", "image"))},
            recipe=f"{_PREFIX}{name}",
        )

    def _download(self, name: str, code: Mapping[str, Any], path: Path) -> None:
        url = str(code.get("Location", ""))
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
                data = answer.read()
        except (OSError, ValueError, urllib.error.URLError) as error:
            reason = self._account.redact(str(getattr(error, "reason", type(error).__name__)))
            raise Stopped(
                f"the package of `{name}` cannot be downloaded: {reason}",
                hint="the permission lambda:GetFunction is needed, and the way to Amazon S3",
            ) from None
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)


def _is_copied(artifact: Artifact) -> bool:
    return artifact.variant == _VARIANT and artifact.recipe.startswith(_PREFIX)


def _is_image(code: Mapping[str, Any]) -> bool:
    return bool(code.get("ImageUri"))


def _function(name: str, configuration: Mapping[str, Any], event: Event) -> Function:
    runtime: Runtime = "python" if "python" in str(configuration.get("Runtime")) else "custom"
    return Function(
        id=f"{runtime}/{name}",
        runtime=runtime,
        directory=Path(),
        handler=str(configuration.get("Handler", "")),
        events=(event,),
        memory_mb=int(configuration["MemorySize"]),
        timeout_s=float(configuration["Timeout"]),
    )


def _event(name: str | None, cwd: Path) -> Event:
    if name is None:
        return Event(name=NO_TRIGGER, path=sample(NO_TRIGGER))
    path = cwd / Path(name).expanduser()
    if not path.is_file():
        raise UsageError(
            f"`{name}` is no file with an event",
            hint="`--from-function` knows no events of its own: `--event FILE`",
        )
    return Event(name=path.stem, path=path)


def _architecture(configuration: Mapping[str, Any]) -> Architecture:
    return cast(Architecture, (configuration.get("Architectures") or ["x86_64"])[0])
