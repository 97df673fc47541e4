"""A function of our own that tells which CPU model it runs on.

Lambda does not say which processor served an invoke, and looking it up in the user's function
would be part of what is measured. So one probe runs in each round beside the samples: it tells
which models the region has, not which of them each sample had.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter

from bench.cloud.control import ControlPlane
from bench.cloud.copies import Copy, name_of
from bench.cloud.versions import Versions
from bench.cost.price import Architecture
from bench.errors import MeasurementError

_NUMBER = 999
#: Where no function of the run has a Python runtime.
_RUNTIME = "python3.13"
_MEMORY_MB = 128
_SOURCE = """\
def handler(event, context):
    with open("/proc/cpuinfo") as file:
        fields = [line.partition(":") for line in file]
    found = {name.strip(): value.strip() for name, _, value in fields}
    part = " ".join(found.get(name, "") for name in ("CPU implementer", "CPU part")).strip()
    return found.get("model name") or part or "unknown"
"""


class Probe:
    """Counts CPU models.

    Args:
        plane: the control plane.
        run_id: of the run that it belongs to.
        architecture: of the processors asked about.
        runtime: the Python that it runs on.
    """

    def __init__(
        self,
        plane: ControlPlane,
        run_id: str,
        architecture: Architecture,
        runtime: str | None = None,
    ) -> None:
        self._plane = plane
        self._versions = Versions(plane)
        self.models: Counter[str] = Counter()
        self.copy = Copy(
            name=name_of(run_id, _NUMBER),
            function="probe",
            variant="probe",
            arm="variant",
            memory_mb=_MEMORY_MB,
            architecture=architecture,
            timeout_s=10,
            runtime=runtime or _RUNTIME,
            handler="probe.handler",
            package=_package(),
        )

    def look(self, number: int) -> None:
        """Ask a new environment; without an answer the count stays as it is.

        Raises:
            Interrupted: the run is being stopped.
        """
        try:
            fresh = self._versions.prepare(self.copy, f"probe-{number}")
            answer = self._plane.call(
                "lambda", "invoke", FunctionName=self.copy.name, Qualifier=fresh.qualifier
            )
        except MeasurementError:
            return
        payload = (answer or {})["Payload"].read()
        if "FunctionError" not in (answer or {}):
            self.models[str(json.loads(payload))] += 1


def _package() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo("probe.py")
        entry.external_attr = 0o644 << 16
        archive.writestr(entry, _SOURCE)
    return target.getvalue()
