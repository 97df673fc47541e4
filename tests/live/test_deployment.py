"""Layers, wrappers and neighbours of deployed functions, in real processes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bootstraps import order_of, write_bootstrap

from bench.build import BuildCache, install_runtime, interpreter
from bench.emulator import ephemeral_storage, limits
from bench.emulator.cgroups import detect, enter_v2
from bench.emulator.deployment import Deployment, PythonRuntime
from bench.emulator.function import LocalFunction
from bench.emulator.processes import Launcher
from bench.errors import UsageError

pytestmark = pytest.mark.live

Deploy = Callable[..., LocalFunction]

#: Answers with the value of a Python expression.
SAY = 'import json\npost("invocation/" + request_id + "/response", json.dumps({}).encode())'
HANDLER = "import {imports}\n\n\ndef handler(event, context):\n    return {value}\n"


@pytest.fixture(name="runtime", scope="module")
def _runtime() -> PythonRuntime:
    """The runtime directory, from the user's cache if it has been made before."""
    runtime = install_runtime(interpreter(), BuildCache())
    return PythonRuntime(
        interpreter=runtime.interpreter, directory=runtime.directory, minor=runtime.minor
    )


@pytest.fixture(name="deploy", params=["private root", "real paths"])
def _deploy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Deploy]:
    """Deploy a package, with the file system of Lambda and without."""
    support = limits.usable(enter_v2(detect()))
    deployed: list[tuple[LocalFunction, Launcher, limits.Cgroup | None]] = []

    def deploy(tree: Path, **settings: Any) -> LocalFunction:
        launcher = Launcher(private_root=request.param == "private root")
        if request.param == "private root" and launcher.root_obstacle is not None:
            launcher.close()
            pytest.skip(launcher.root_obstacle)
        number = len(deployed)
        cgroup = limits.create(support, f"{limits.owner_name()}-{number}")
        if cgroup is not None:
            launcher.join(cgroup.procs_files)
        scratch = tmp_path / f"scratch-{number}"
        scratch.mkdir()
        order = order_of(tree)
        function = replace(order.function, environment=settings.pop("environment", {}))
        if "python" in settings:
            function = replace(function, runtime="python", handler="app.handler")
        deployment = Deployment(
            function=function,
            handler=function.handler,
            tree=tree,
            memory_mb=1769,
            cpu_mode="on-demand",
            **settings,
        )
        local = LocalFunction(deployment, launcher, cgroup, scratch, lambda _: None)
        deployed.append((local, launcher, cgroup))
        return local

    yield deploy
    for local, launcher, cgroup in deployed:
        local.close()
        launcher.close()
        if cgroup is not None:
            cgroup.remove()


def answer(function: LocalFunction, event: bytes = b"{}") -> Any:
    """What the function returns."""
    result = function.invoke(event)
    assert result.function_error is None, result.payload
    return json.loads(result.payload)


def layer(root: Path, files: dict[str, str]) -> Path:
    """A layer of executable files."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    return root


def test_python_finds_the_packages_of_layers(
    deploy: Deploy, runtime: PythonRuntime, tmp_path: Path
) -> None:
    """Both places that AWS documents work, and what the package itself has comes first."""
    packages = f"python/lib/python{runtime.minor}/site-packages"
    both = layer(
        tmp_path / "layer",
        {
            "python/plain.py": "place = 'python'\n",
            f"{packages}/installed.py": "place = 'site-packages'\n",
            "python/own.py": "place = 'layer'\n",
        },
    )
    tree = layer(
        tmp_path / "function",
        {
            "app.py": HANDLER.format(
                imports="plain, installed, own", value="[plain.place, installed.place, own.place]"
            ),
            "own.py": "place = 'package'\n",
        },
    )

    function = deploy(tree, python=runtime, layers=(both,))

    assert answer(function) == ["python", "site-packages", "package"]


def test_a_wrapper_starts_the_managed_runtime(
    deploy: Deploy, runtime: PythonRuntime, tmp_path: Path
) -> None:
    """The script gets the runtime's command as its arguments, and may change the environment."""
    wrapper = '#!/bin/sh\nexport WRAPPED=yes\nexec "$@"\n'
    tree = layer(
        tmp_path / "function",
        {"app.py": HANDLER.format(imports="os", value="os.environ['WRAPPED']"), "wrap": wrapper},
    )
    environment = {"AWS_LAMBDA_EXEC_WRAPPER": "./wrap"}

    assert answer(deploy(tree, python=runtime, environment=environment)) == "yes"


def test_a_bootstrap_has_no_wrapper(deploy: Deploy, tmp_path: Path) -> None:
    """OS-only runtimes start ``bootstrap`` as it is."""
    tree = write_bootstrap(tmp_path / "function", handler=SAY.format("'WRAPPED' in os.environ"))
    environment = {"AWS_LAMBDA_EXEC_WRAPPER": "/no/such/wrapper"}

    assert answer(deploy(tree, environment=environment)) is False


def test_a_layer_may_have_the_bootstrap(deploy: Deploy, tmp_path: Path) -> None:
    """The package's own comes first; without it, that of the layers runs, in the package."""
    source = write_bootstrap(
        tmp_path / "runtime", handler=SAY.format("[os.path.basename(sys.argv[0]), os.listdir()]")
    )
    tree = layer(tmp_path / "function", {"code.lua": "return 1"})

    assert answer(deploy(tree, layers=(source,))) == ["bootstrap", ["code.lua"]]


def test_programs_of_layers_are_on_the_path(deploy: Deploy, tmp_path: Path) -> None:
    """``/opt/bin`` is searched, wherever that really is."""
    tools = layer(tmp_path / "tools", {"bin/layered-tool": "#!/bin/sh\necho from the layer\n"})
    tree = write_bootstrap(
        tmp_path / "function", handler=SAY.format("os.popen('layered-tool').read()")
    )

    assert answer(deploy(tree, layers=(tools,))) == "from the layer\n"


def test_4_kb_of_variables_are_the_limit(deploy: Deploy, tmp_path: Path) -> None:
    """Names and values of the user count, and the message has the size."""
    tree = write_bootstrap(tmp_path / "function")

    with pytest.raises(UsageError, match="4097 bytes"):
        deploy(tree, environment={"NAME": "x" * 4_093}).invoke(b"{}")


def test_tmp_is_full_at_its_size(deploy: Deploy, tmp_path: Path) -> None:
    """512 MB can be written, 600 MB cannot; where nothing enforces it, all of it can."""
    if ephemeral_storage.obstacle() is not None:
        pytest.skip(str(ephemeral_storage.obstacle()))
    tree = write_bootstrap(
        tmp_path / "function",
        handler="""
import json, errno, tempfile
result = []
for megabytes in (512, 600):
    with tempfile.TemporaryFile() as file:
        try:
            os.posix_fallocate(file.fileno(), 0, megabytes * 2**20)
            result.append("fits")
        except OSError as error:
            result.append(errno.errorcode[error.errno])
post("invocation/" + request_id + "/response", json.dumps(result).encode())
""",
    )
    function = deploy(tree, ephemeral_storage_mb=512)

    assert answer(function) in (["fits", "ENOSPC"], ["fits", "fits"])


INTRUDE = """
import json
if "other" not in globals():
    other = socket.create_connection(json.loads(event))
    other.sendall(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\n\\r\\n")
    got = "sent"
else:
    try:
        other.settimeout(5)
        got = other.recv(100).decode()
    except ConnectionError:
        got = ""
post("invocation/" + request_id + "/response", json.dumps(got).encode())
"""


def test_an_environment_cannot_talk_to_anothers_runtime_api(deploy: Deploy, tmp_path: Path) -> None:
    """Its connection is closed without an answer, and the other one's events stay its own."""
    tell = SAY.format("os.environ['AWS_LAMBDA_RUNTIME_API'].split(':')")
    victim = deploy(write_bootstrap(tmp_path / "victim", handler=tell))
    intruder = deploy(write_bootstrap(tmp_path / "intruder", handler=INTRUDE))
    address = answer(victim)

    assert answer(intruder, json.dumps([address[0], int(address[1])]).encode()) == "sent"
    assert answer(victim) == address
    assert answer(intruder) == ""
