# /// script
# dependencies = ["nox[uv]"]
# ///
"""Sessions of coldbench: each installs and calls; arguments after ``--`` are passed on."""

from __future__ import annotations

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv"
nox.options.sessions = ["tests", "lint"]

PYPROJECT = nox.project.load_toml("pyproject.toml")


def install(session: nox.Session, *groups: str, extras: str = "go") -> None:
    """Install coldbench with extras, or with all and the pinned tools of dependency groups."""
    tools = nox.project.dependency_groups(PYPROJECT, *groups) if groups else ()
    chosen = "go,aws,serve,trend" if groups else extras
    session.install("-c", "constraints.txt", "-e", f".[{chosen}]", *tools)


@nox.session
def bench(session: nox.Session) -> None:
    """Build, measure and report: the main job."""
    install(session)
    session.run("python", "-m", "bench", "run", *session.posargs)


@nox.session
def build(session: nox.Session) -> None:
    """Build all artifacts and show their sizes."""
    install(session)
    session.run("python", "-m", "bench", "build", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run all tests, those of the functions under test included."""
    install(session, "tests")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and types of Python and Go."""
    install(session, "tests", "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("python", "-m", "tests.go_checks", "go_functions")
    session.run("zizmor", "--offline", "--no-progress", "--quiet", ".github/workflows")
    session.run(
        *("check-jsonschema", "--builtin-schema", "vendor.github-workflows"),
        *(".github/workflows/bench.yml", ".github/workflows/pull_request.yml"),
    )


@nox.session
def conformance(session: nox.Session) -> None:
    """Check the local Lambda against published measurements of the real one; takes long."""
    install(session, "tests")
    session.run("python", "-m", "tests.conformance", *session.posargs)


@nox.session
def acceptance(session: nox.Session) -> None:
    """Count what the statistics promise, on simulated and real noise; takes long."""
    install(session, "tests", "acceptance")
    session.run("python", "-m", "tests.acceptance", *session.posargs)


@nox.session
def aws(session: nox.Session) -> None:
    """Measure on real Lambda, or on another endpoint with ``--endpoint-url``."""
    install(session, extras="go,aws")
    session.run("python", "-m", "bench", "run", "--backend", "aws", *session.posargs)


@nox.session
def cloud_faults(session: nox.Session) -> None:
    """Many seeded lives of the AWS backend with faults at every call, and kills; takes long."""
    install(session, "tests")
    session.run("python", "-m", "tests.cloud", *session.posargs)


@nox.session
def bench_harness(session: nox.Session) -> None:
    """Measure what measuring costs: spawn, round trip, start-up of the command."""
    install(session, "tests")
    session.run("python", "-m", "tests.harness", *session.posargs)
