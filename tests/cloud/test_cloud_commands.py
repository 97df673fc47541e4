"""The commands that speak to AWS, as a user types them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.cli import main
from bench.serve.errors import ServiceError
from bench.store import load_record
from tests.cloud import life
from tests.cloud.scripted_lambda import Answer, Invoke, ScriptedLambda, ordinary

HANDLER = "def lambda_handler(event, context):\n    return {}\n"
COPIED = ("--from-function", "payments", "--rounds", "2", "--memory", "128")
SECRETS = (life.ACCESS_KEY, life.SECRET_KEY, life.TOKEN)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one Python function, and planted credentials in the environment."""
    directory = tmp_path / "project" / "functions" / "tiny"
    (directory / "events").mkdir(parents=True)
    (directory / "lambda_function.py").write_text(HANDLER)
    (directory / "events" / "empty.json").write_text("{}")
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("COLDBENCH_CACHE", str(tmp_path / "cache"))
    for name, value in life.ENVIRON.items():
        monkeypatch.setenv(name, value)
    return tmp_path / "project"


def run(url: str, *arguments: str) -> int:
    fixed = ("--variant", "eager", "--memory", "128", "--rounds", "2", "--no-probe")
    return main(["run", "--backend", "aws", "--endpoint-url", url, *fixed, *arguments])


def everything_in(directory: Path) -> str:
    return "".join(f.read_text(errors="replace") for f in directory.rglob("*") if f.is_file())


def test_dry_run_prints_the_plan_and_makes_nothing(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Copies, cost, duration and the calls, without a single call."""
    with ScriptedLambda() as endpoint:
        assert run(endpoint.url, "--dry-run") == 0
        assert not endpoint.calls
    said = capsys.readouterr().out
    assert "2 throw-away copies" in said
    assert "about $" in said
    assert "lambda:CreateFunction" in said
    assert not (project / "reports").exists()


def test_a_run_above_the_limit_needs_yes(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, the estimate, and nothing made."""
    with ScriptedLambda() as endpoint:
        assert run(endpoint.url, "--max-cost", "0.0000001") == 2
        assert not endpoint.calls
        said = capsys.readouterr().err
        assert "--yes" in said
        assert "above the limit of $0.00000010" in said
        assert "$0.00," not in said
        assert "e-" not in said.partition("error:")[2]
        assert run(endpoint.url, "--max-cost", "0.0000001", "--yes") in (0, 6)


def test_no_credential_reaches_a_record_a_report_or_an_error(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Planted keys are in none of the files and in nothing that is said, also on failure."""

    def script(invoke: Invoke) -> Answer:
        leaked = f"{life.SECRET_KEY} {life.TOKEN}"
        return Answer(
            payload=json.dumps({"errorType": "E", "errorMessage": leaked}).encode(),
            function_error="Unhandled",
            printed=f"{leaked} {life.ACCESS_KEY}\n",
        )

    with ScriptedLambda(script) as endpoint:
        run(endpoint.url)
        with_user = endpoint.url.replace("http://", "http://user:pass-word@")
        run(with_user, "--dry-run")
    said = capsys.readouterr()
    found = everything_in(project / "reports") + said.out + said.err
    assert "errorMessage" in found or "E: ***" in found
    assert not [secret for secret in SECRETS if secret in found]


def test_an_existing_function_is_copied_and_not_touched(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Code, configuration and environment go into the copies; its secrets into nothing else."""
    with ScriptedLambda() as endpoint:
        observer = life.Observer(endpoint.url)
        observer.make_decoys()
        before = observer.state()
        code = main(
            ["run", "--backend", "aws", "--endpoint-url", endpoint.url, "--no-probe", *COPIED]
        )
        assert observer.state() == before
    said = capsys.readouterr()
    assert code in (0, 4, 6), said.err
    assert "bug" not in said.err
    assert "hunter2" not in everything_in(project / "reports") + said.out + said.err
    assert {"PASSWORD": "hunter2"} in endpoint.environments


def copied(url: str, *arguments: str) -> int:
    place = ("--endpoint-url", url, "--no-probe")
    return main(["run", "--backend", "aws", *place, *COPIED, *arguments])


def test_arms_of_a_copied_function_are_measured_and_resumed(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The function as it is, its A/A copy, and one copy more for each arm, in both sessions."""

    def script(invoke: Invoke) -> Answer:
        expired = ServiceError(403, "ExpiredTokenException", "expired")
        return Answer(refusal=expired) if invoke.number == 8 else ordinary(invoke)

    arms = ("--arm", "tmp=2048")
    with ScriptedLambda(script) as endpoint:
        life.Observer(endpoint.url).make_decoys()
        assert copied(endpoint.url, *arms, "--dry-run") == 0
        assert "3 throw-away copies" in capsys.readouterr().out
        assert copied(endpoint.url, *arms, "--yes", "--warm", "1") == 4
        place = ("--endpoint-url", endpoint.url, "--no-probe")
        assert main(["run", "--resume", *place, *arms]) in (0, 6), capsys.readouterr().err
    (record,) = (load_record(d) for d in (project / "reports" / "records").iterdir())
    assert record.complete
    assert {t.variant for t in record.trials} == {"default", "default+tmp"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--architecture", "arm64"), "`payments` has a package for x86_64"),
        (("--architecture", "x86_64,arm64"), "leave out `--architecture`"),
        (("--arm", "snapstart"), "provided.al2023"),
    ],
)
def test_what_a_copied_function_cannot_be_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    """Exit 2 with the reason, instead of a run that leaves the option out."""
    with ScriptedLambda() as endpoint:
        life.Observer(endpoint.url).make_decoys()
        assert copied(endpoint.url, *arguments, "--dry-run") == 2
    assert words in capsys.readouterr().err


def test_clean_lists_and_deletes_by_run(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--dry-run` only lists; `--older-than` spares what is young."""
    with ScriptedLambda() as endpoint:
        observer = life.Observer(endpoint.url)
        observer.make_decoys()
        before = observer.state()
        record = life.new_record(project / "gone" / "r", run_id="20261120-000000-000c")
        life.make_and_abandon(record, endpoint.url)
        clean = ["clean", "--endpoint-url", endpoint.url]
        assert main([*clean, "--dry-run"]) == 0
        assert "would be deleted" in capsys.readouterr().out
        assert main([*clean, "--older-than", "9999d"]) == 0
        assert "nothing of coldbench" in capsys.readouterr().out
        assert main([*clean, "--run", record.run_id]) == 0
        assert "deleted" in capsys.readouterr().out
        assert observer.state() == before


def test_aws_options_need_the_backend(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A local run does not pass over `--region` in silence."""
    assert main(["run", "--region", "us-east-1"]) == 2
    assert "--backend aws" in capsys.readouterr().err


def test_a_missing_region_is_advice(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with the AWS CLI, a region must come from somewhere."""
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    assert main(["clean"]) == 2
    assert "AWS_REGION" in capsys.readouterr().err


def test_an_interrupted_run_is_resumed_by_its_id(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that AWS stopped goes on with the same options and completes."""
    expired = ServiceError(403, "ExpiredTokenException", "expired")

    def script(invoke: Invoke) -> Answer:
        return Answer(refusal=expired) if invoke.number == 5 else ordinary(invoke)

    with ScriptedLambda(script) as endpoint:
        assert run(endpoint.url, "--warm", "1") == 4
        assert "--resume" in capsys.readouterr().err
        place = ["--endpoint-url", endpoint.url, "--no-probe"]
        assert main(["run", "--resume", *place]) in (0, 6)


@pytest.mark.parametrize(
    ("role", "words"),
    [
        ("arn:aws:iam::123456789012:role/path/nobody", "no role `nobody`"),
        ("nobody", "is not the ARN of a role"),
    ],
)
def test_a_role_that_does_not_exist_is_refused_at_once(
    project: Path, capsys: pytest.CaptureFixture[str], role: str, words: str
) -> None:
    """Exit 2 and no record, instead of two minutes of waiting for IAM to know it."""
    with ScriptedLambda() as endpoint:
        assert run(endpoint.url, "--role", role) == 2
    assert words in capsys.readouterr().err
    assert not (project / "reports").exists()


def test_a_given_role_is_used(project: Path) -> None:
    """It is looked up by its name, whatever its path is."""
    with ScriptedLambda() as endpoint:
        iam = life.Observer(endpoint.url).client("iam")
        made = iam.create_role(RoleName="mine", Path="/a/b/", AssumeRolePolicyDocument="{}")
        assert run(endpoint.url, "--role", made["Role"]["Arn"]) in (0, 6)
        assert [role["RoleName"] for role in iam.list_roles()["Roles"]] == ["mine"]


def test_a_region_without_lambda_ends_a_run_before_it_begins(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name of the right form that no region has: advice, and no record."""
    with ScriptedLambda() as endpoint:
        assert run(endpoint.url, "--region", "eu-west-9") == 4
    assert "`eu-west-9` does not answer" in capsys.readouterr().err
    assert not (project / "reports").exists()


@pytest.mark.parametrize(
    ("place", "code", "words"),
    [
        (("--endpoint-url", "localhost:4566"), 2, "http://127.0.0.1:4566"),
        (("--endpoint-url", "http://127.0.0.1:1"), 4, "coldbench serve"),
        (("--endpoint-url", "http://127.0.0.1:1", "--region", "mars-1"), 2, "us-east-1"),
    ],
)
def test_an_aws_that_is_not_there_is_advice_and_leaves_nothing(
    project: Path,
    capsys: pytest.CaptureFixture[str],
    place: tuple[str, ...],
    code: int,
    words: str,
) -> None:
    """A wrong address or region ends a run before it has a record, in seconds."""
    fixed = ("--variant", "eager", "--memory", "128", "--rounds", "2")
    assert main(["run", "--backend", "aws", *fixed, *place]) == code
    assert words in capsys.readouterr().err
    assert not (project / "reports").exists()


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (("run", "--backend", "aws", "--variant", "eager"), "coldbench[aws]"),
        (("clean",), "coldbench[aws]"),
        (("mine", "--log-group", "g"), "coldbench[aws]"),
        (("prices", "--refresh"), "coldbench[aws]"),
        (("serve", "--port", "0"), "coldbench[serve]"),
    ],
)
def test_without_boto3_a_command_names_the_extra(
    project: Path, arguments: tuple[str, ...], extra: str
) -> None:
    """Exit code 2 and what to install, and no traceback."""
    absent = "import sys; sys.modules.update(dict.fromkeys(['boto3', 'botocore', 'moto']))"
    program = f"{absent}; from bench.cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert f"pip install '{extra}'" in done.stderr
