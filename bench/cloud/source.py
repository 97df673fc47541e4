"""An existing function as the thing to measure: read, never changed.

Its code, configuration, layers and environment go from the account straight into the copies. The
environment may hold secrets: it is kept in memory only, and its values are cut out of every text
that is stored or shown. ARNs and image URIs, which hold the account's number, are not recorded.
"""

from __future__ import annotations

import base64
import re
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from bench.cloud.account import Account
from bench.cloud.arms import SNAPSTART_PYTHON
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
_PYTHON = re.compile(r"python(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A function of the account, and what is planned with it."""

    selection: Selection
    artifact: Artifact
    configuration: Mapping[str, Any] = field(repr=False)
    image: str | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """Its name in the account."""
        return self.artifact.recipe.removeprefix(_PREFIX)

    def applied(self, copy: Copy, arms: frozenset[str]) -> Copy:
        """The copy with the configuration of the function, but for what its arms are about."""
        found = self.configuration
        network = {} if "vpc" in arms else found.get("VpcConfig", {})
        layers = () if "image" in arms else found.get("Layers", ())
        size_mb = found.get("EphemeralStorage", {}).get("Size", 512)
        return replace(
            copy,
            runtime=found.get("Runtime"),
            handler=found.get("Handler"),
            architecture=self.architecture,
            environment=found.get("Environment", {}).get("Variables", {}),
            layers=(*(layer["Arn"] for layer in layers), *copy.layers),
            subnets=(*network.get("SubnetIds", ()), *copy.subnets),
            security_groups=(*network.get("SecurityGroupIds", ()), *copy.security_groups),
            tmp_mb=copy.tmp_mb if "tmp" in arms else size_mb,
            snap_start=copy.snap_start or self._has_snap_start,
            image=copy.image or self.image,
        )

    @property
    def architecture(self) -> Architecture:
        """That of the function: its package need not run on another one."""
        return cast(Architecture, (self.configuration.get("Architectures") or ["x86_64"])[0])

    @property
    def _has_snap_start(self) -> bool:
        found: Mapping[str, Any] = self.configuration.get("SnapStart", {})
        return found.get("ApplyOn") == "PublishedVersions"

    def check(self, *, architectures: Sequence[str], arms: Sequence[str]) -> None:
        """Check that copies of the function can be what is asked for.

        Raises:
            UsageError: they cannot, with the reason.
        """
        if set(architectures) - {self.architecture}:
            raise UsageError(
                f"`{self.name}` has a package for {self.architecture}, which need not run on"
                " another architecture",
                hint="leave out `--architecture`, or measure its sources: `coldbench run"
                " DIRECTORY --backend aws --architecture x86_64,arm64`",
            )
        for arm in arms:
            reason = self._why_not(arm)
            if reason:
                raise UsageError(
                    f"`--arm {arm}` is not possible for `{self.name}`: {reason}",
                    hint=f"leave out `--arm {arm}`, or measure this function in a run of its own",
                )

    def _why_not(self, arm: str) -> str | None:
        if self.image is not None and arm in ("snapstart", "layer"):
            return "it is a container image"
        if arm != "snapstart":
            return None
        if self._has_snap_start:
            return "it has SnapStart already"
        runtime = str(self.configuration.get("Runtime"))
        version = _PYTHON.fullmatch(runtime)
        if version is None or (int(version[1]), int(version[2])) < SNAPSTART_PYTHON:
            oldest = ".".join(str(part) for part in SNAPSTART_PYTHON)
            return f"it runs on {runtime}, and SnapStart is measured on Python {oldest} or newer"
        return None


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
    return artifact.variant.partition("+")[0] == _VARIANT and artifact.recipe.startswith(_PREFIX)


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
