"""The pytest plugin ``coldbench``: a fixture ``cold_start`` for real cold starts in tests.

Pytest loads this module in every session where coldbench is installed, so it imports nothing: what
measures is imported by the first test that measures.

With pytest-benchmark the fixture depends on its ``benchmark``, so that ``--benchmark-skip``,
``--benchmark-only`` and marks apply to it; without, or with ``-p no:benchmark``, it stands alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bench.pytest_plugin.fixture import ColdStarts

_MARK = "cold_start"


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the mark, and the fixture that fits to the plugins of this session."""
    config.addinivalue_line(
        "markers", f"{_MARK}: measures cold starts (every test that uses the fixture has this mark)"
    )
    manager = config.pluginmanager
    fixtures = _WithBenchmark() if manager.hasplugin("benchmark") else _Alone()
    manager.register(fixtures, "coldbench-fixtures")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that measure, so that ``-m cold_start`` and its negation choose them."""
    for item in items:
        if _MARK in getattr(item, "fixturenames", ()):
            item.add_marker(_MARK)


class _WithBenchmark:
    """The fixture beside pytest-benchmark."""

    @pytest.fixture
    def cold_start(self, request: pytest.FixtureRequest, benchmark: Any) -> ColdStarts:
        """Measure cold starts of a function; see :class:`bench.pytest_plugin.fixture.ColdStarts`.

        What is measured appears in the tables and files of pytest-benchmark.
        """
        return _cold_starts(request, benchmark)


class _Alone:
    """The fixture without pytest-benchmark."""

    @pytest.fixture
    def cold_start(self, request: pytest.FixtureRequest) -> ColdStarts:
        """Measure cold starts of a function; see :class:`bench.pytest_plugin.fixture.ColdStarts`.

        Metrics and assertions are as with pytest-benchmark, whose tables and files there are not.
        """
        return _cold_starts(request, None)


def _cold_starts(request: pytest.FixtureRequest, benchmark: Any) -> ColdStarts:
    from bench.pytest_plugin.fixture import ColdStarts

    return ColdStarts(request, benchmark)
