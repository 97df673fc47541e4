"""``coldbench prices`` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.cli import main
from bench.cost.table import load


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLDBENCH_CACHE", str(tmp_path))


def regions(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert main(["prices", "--json", *arguments]) == 0
    return list(json.loads(capsys.readouterr().out)["regions"])


def test_without_a_region_all_are_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the environment names one: prices are looked at to compare."""
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert regions(capsys) == sorted(load().regions)


def test_only_the_given_regions_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """In the table and in JSON."""
    assert regions(capsys, "--region", "us-east-1,eu-west-1") == ["eu-west-1", "us-east-1"]
    assert main(["prices", "--region", "us-east-1"]) == 0
    said = capsys.readouterr().out
    assert "us-east-1" in said
    assert "eu-west-1" not in said


def test_an_unknown_region_is_answered_with_near_ones(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, as for every other name."""
    assert main(["prices", "--region", "us-east-1,eu-wset-1"]) == 2
    said = capsys.readouterr().err
    assert "unknown region `eu-wset-1`" in said
    assert "`eu-west-1`" in said
