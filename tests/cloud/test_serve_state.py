"""``coldbench serve --state DIR``: what is kept, by whom, and under many calls at once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.errors import UsageError
from bench.serve.endpoint import Endpoint, EndpointOptions

from .conftest import RUNTIME, Aws, clients_of, package
from .serve_process import served

pytestmark = pytest.mark.live

SOURCE = "def handler(event, context): return 'here'"


def create(aws: Aws, name: str) -> int:
    answer = aws.client("lambda").create_function(
        FunctionName=name,
        Role=aws.role,
        Runtime=RUNTIME,
        Handler="app.handler",
        Code={"ZipFile": package(app__py=SOURCE)},
    )
    return int(answer["ResponseMetadata"]["HTTPStatusCode"])


def names_in(state: Path) -> set[str]:
    document = json.loads((state / "state.json").read_text())
    groups = [group for place in document["places"] for group in place["functions"]]
    return {group["latest"]["spec"]["FunctionName"] for group in groups}


def test_functions_that_are_created_at_once_are_all_kept(
    endpoint_options: EndpointOptions, tmp_path: Path
) -> None:
    """No call fails while others write the state, and the file has every function."""
    names = {f"f-{number}" for number in range(40)}
    with Endpoint(replace(endpoint_options, state=tmp_path)) as endpoint:
        aws = Aws(endpoint.url)
        aws.client("lambda")
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda name: create(aws, name), names))

    assert set(answers) == {201}
    assert names_in(tmp_path) == names
    with Endpoint(replace(endpoint_options, state=tmp_path)) as endpoint:
        kept = clients_of(endpoint.url)("lambda").list_functions()["Functions"]
    assert {function["FunctionName"] for function in kept} == names


def test_functions_may_be_deleted_while_others_are_kept(
    endpoint_options: EndpointOptions, tmp_path: Path
) -> None:
    """No call fails, and the file has nothing of what was deleted."""
    with Endpoint(replace(endpoint_options, state=tmp_path)) as endpoint:
        aws = Aws(endpoint.url)
        client = aws.client("lambda")

        def come_and_go(name: str) -> None:
            create(aws, name)
            client.delete_function(FunctionName=name)

        create(aws, "stays")
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(come_and_go, [f"f-{number}" for number in range(40)]))

    assert names_in(tmp_path) == {"stays"}


def test_a_state_that_cannot_be_written_is_a_warning(
    endpoint_options: EndpointOptions, tmp_path: Path
) -> None:
    """The call was carried out, so that its answer says so; the user is told what was not kept."""
    said: list[str] = []
    state = tmp_path / "state"
    with Endpoint(replace(endpoint_options, state=state), warn=said.append) as endpoint:
        aws = Aws(endpoint.url)
        (state / "state.json").mkdir()

        answer = create(aws, "carried-out")

    assert answer == 201
    assert [text for text in said if "state.json" in text]


def test_layers_are_kept_without_a_function(
    endpoint_options: EndpointOptions, tmp_path: Path
) -> None:
    """A region that has layers only has them again after a restart."""
    with Endpoint(replace(endpoint_options, state=tmp_path)) as endpoint:
        content = {"ZipFile": package(python="x")}
        clients_of(endpoint.url)("lambda").publish_layer_version(LayerName="l", Content=content)
    with Endpoint(replace(endpoint_options, state=tmp_path)) as endpoint:
        layers = clients_of(endpoint.url)("lambda").list_layers()["Layers"]

    assert [layer["LayerName"] for layer in layers] == ["l"]


def test_a_function_keeps_a_layer_that_was_deleted(
    endpoint_options: EndpointOptions, tmp_path: Path
) -> None:
    """Also after a restart: a function goes on with the layer that it was given."""
    with Endpoint(replace(endpoint_options, state=tmp_path)) as endpoint:
        aws = Aws(endpoint.url)
        client = aws.client("lambda")
        layer = client.publish_layer_version(
            LayerName="gone", Content={"ZipFile": package(**{"python/of_layer__py": "word = 'l'"})}
        )
        source = "import of_layer\ndef handler(event, context): return of_layer.word"
        aws.deploy(source, FunctionName="keeps", Layers=[layer["LayerVersionArn"]])
        client.delete_layer_version(LayerName="gone", VersionNumber=1)
    with Endpoint(replace(endpoint_options, state=tmp_path)) as endpoint:
        answer = clients_of(endpoint.url)("lambda").invoke(FunctionName="keeps")

        assert json.load(answer["Payload"]) == "l"


def test_a_state_directory_has_one_endpoint_at_a_time(tmp_path: Path) -> None:
    """The second one is an error with exit code 2, which names the directory."""
    with served("--state", str(tmp_path)):
        done = refused("--state", str(tmp_path))

    assert done.returncode == 2
    assert f"{tmp_path} is in use" in done.stderr


def test_a_state_that_is_a_file_is_told_as_such(tmp_path: Path) -> None:
    """The error is about the directory and has no advice about ports."""
    path = tmp_path / "file"
    path.touch()

    done = refused("--state", str(path))

    assert done.returncode == 2
    assert str(path) in done.stderr
    assert "port" not in done.stderr


def refused(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", "serve", "--port", "0", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def without_layers(place: dict[str, Any]) -> None:
    place["functions"][0]["latest"]["spec"]["Layers"] = ["arn:aws:lambda:us-east-1:1:layer:l:1"]


def of_unknown_runtime(place: dict[str, Any]) -> None:
    place["functions"][0]["latest"]["spec"]["Runtime"] = "nodejs22.x"


@pytest.mark.parametrize("damage", [without_layers, of_unknown_runtime])
def test_a_state_that_cannot_be_restored_is_told_as_such(
    endpoint_options: EndpointOptions, tmp_path: Path, damage: Callable[[dict[str, Any]], None]
) -> None:
    """A file with what this endpoint refuses is damaged, as is one that is no JSON."""
    options = replace(endpoint_options, state=tmp_path)
    with Endpoint(options) as endpoint:
        create(Aws(endpoint.url), "damaged")
    document = json.loads((tmp_path / "state.json").read_text())
    damage(document["places"][0])
    (tmp_path / "state.json").write_text(json.dumps(document))

    with pytest.raises(UsageError, match="cannot be restored"):
        Endpoint(options)
