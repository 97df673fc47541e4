"""What a copy takes from the function it is of, and what from its arm."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.cloud.copies import Copy
from bench.cloud.source import Source
from bench.errors import UsageError
from bench.functions.targets import Selection
from bench.subjects import Artifact, Function, Variant

FOUND = {
    "Runtime": "python3.13",
    "Handler": "app.handler",
    "Architectures": ["arm64"],
    "Layers": [{"Arn": "own-layer"}],
    "VpcConfig": {"SubnetIds": ["subnet-own"], "SecurityGroupIds": ["sg-own"]},
    "EphemeralStorage": {"Size": 1024},
}
COPY = Copy(
    name="coldbench-r-000",
    function="python/payments",
    variant="default",
    arm="variant",
    memory_mb=128,
    architecture="x86_64",
    timeout_s=3,
    runtime=None,
    handler=None,
)


def a_source(image: str | None = None, **changes: Any) -> Source:
    function = Function(
        id="python/payments", runtime="python", directory=Path(), handler="", events=()
    )
    variant = Variant(id="default", runtime="python", summary="")
    return Source(
        selection=Selection(function=function, variants=(variant,), events=(), baseline="default"),
        artifact=Artifact(
            function=function.id,
            variant="default",
            digest="",
            zip_path=Path(),
            tree_path=Path(),
            handler="",
            zip_bytes=0,
            unpacked_bytes=0,
            binary_bytes=0,
            toolchain={},
            recipe="aws-payments",
        ),
        configuration=FOUND | changes,
        image=image,
    )


def test_without_an_arm_everything_is_the_functions() -> None:
    """Also its architecture, whatever this machine is."""
    made = a_source().applied(COPY, frozenset())
    assert (made.architecture, made.tmp_mb, made.layers) == ("arm64", 1024, ("own-layer",))
    assert (made.subnets, made.security_groups) == (("subnet-own",), ("sg-own",))


def test_an_arm_changes_what_it_is_about_and_nothing_else() -> None:
    """Layers are added to those of the function; a network and a size take their place."""
    source = a_source()
    layered = source.applied(replace(COPY, layers=("further",)), frozenset({"layer"}))
    assert (layered.layers, layered.tmp_mb) == (("own-layer", "further"), 1024)
    joined = source.applied(replace(COPY, subnets=("subnet-1",)), frozenset({"vpc"}))
    assert (joined.subnets, joined.security_groups) == (("subnet-1",), ())
    assert source.applied(COPY, frozenset({"tmp"})).tmp_mb == 512
    assert source.applied(replace(COPY, snap_start=True), frozenset({"snapstart"})).snap_start
    assert source.applied(replace(COPY, image="uri"), frozenset({"image"})).layers == ()


@pytest.mark.parametrize(
    ("source", "arm", "words"),
    [
        (a_source(Runtime="python3.11"), "snapstart", "runs on python3.11"),
        (a_source(Runtime="java21"), "snapstart", "runs on java21"),
        (
            a_source(SnapStart={"ApplyOn": "PublishedVersions"}),
            "snapstart",
            "has SnapStart already",
        ),
        (a_source(image="uri"), "snapstart", "is a container image"),
        (a_source(image="uri"), "layer", "is a container image"),
    ],
)
def test_arms_that_the_function_cannot_have_are_refused(
    source: Source, arm: str, words: str
) -> None:
    """By what is known of it, before anything is made."""
    with pytest.raises(UsageError, match=words):
        source.check(architectures=(), arms=(arm,))


def test_arms_and_the_architecture_that_it_has_are_taken() -> None:
    """Naming what it is anyway is no mistake."""
    a_source().check(architectures=("arm64",), arms=("snapstart", "tmp", "layer"))
