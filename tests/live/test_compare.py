"""`coldbench compare` on a real repository: what it finds, and what it leaves alone."""

from __future__ import annotations

import json
import platform
import signal
import subprocess
import zipfile
from pathlib import Path

import pytest
from bootstraps import ANSWER, write_bootstrap
from projects import Project, eventually

from bench.store import load_record

pytestmark = pytest.mark.live

#: Work at the start that is many times what a start takes otherwise.
BURN = "for _ in range(1_000_000): pass"
#: For a machine with other work to do.
PATIENCE_S = 120.0
UNFIT = 4
FEW = ("--memory", "1769", "--rounds", "16")


class Repository(Project):
    """A project under version control."""

    def __init__(self, root: Path, cache: Path) -> None:
        super().__init__(root)
        (root / "cache").symlink_to(cache)
        (self.directory / "coldbench.toml").write_text("")
        (self.directory / ".gitignore").write_text("reports/\n")
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        """What git says."""
        identity = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
        command = ["git", *identity, *arguments]
        done = subprocess.run(command, cwd=self.directory, capture_output=True, check=True)
        return done.stdout.decode()

    def commit(self, tag: str) -> None:
        """Commit everything there is and give it a name."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", tag)
        self.git("tag", tag)

    def rewrite(self, name: str, init: str) -> None:
        """Change what a function does at its start."""
        write_bootstrap(self.directory / "functions" / name, handler=ANSWER, init=init)

    def state(self) -> tuple[object, ...]:
        """Everything of the user's that a comparison could touch."""
        own = self.directory / ".git"
        return (
            {path: path.read_bytes() for path in sorted(own.rglob("*")) if path.is_file()},
            self.git("status", "--porcelain"),
            self.git("stash", "list"),
            self.git("worktree", "list"),
        )

    def workspaces(self) -> list[Path]:
        """Directories that a comparison made for its revisions."""
        return sorted((self.root / "cache" / "revisions").glob("*/"))

    def compare(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `coldbench compare` to its end, with a result file to read.

        One sound run in a hundred is called unfit: that one is measured once more.
        """
        result = ended(self.start("compare", *arguments, *FEW, "-q", "--json"))
        if result.returncode != UNFIT:
            return result
        return ended(self.start("compare", *arguments, *FEW, "-q", "--json"))


def ended(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    """Wait for a whole comparison: some of its builds, and all of its rounds."""
    stdout, stderr = process.communicate(timeout=PATIENCE_S)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


@pytest.fixture(name="cache", scope="module")
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the control's programs are built into, once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(name="repository")
def _repository(tmp_path: Path, cache: Path) -> Repository:
    """Two commits: `quick` becomes slow, `other` stays, `gone` goes, `added` comes."""
    repository = Repository(tmp_path, cache)
    for name in ("quick", "other", "gone"):
        repository.add_function(name)
    repository.commit("v1")
    repository.rewrite("quick", BURN)
    repository.git("rm", "-r", "--quiet", "functions/gone")
    repository.add_function("added")
    repository.commit("v2")
    return repository


def test_a_slower_revision_is_a_regression(repository: Repository) -> None:
    """Each function has its own answer, and nothing is left out without a word."""
    (repository.directory / "functions" / "other" / "note").write_text("uncommitted")
    repository.git("stash", "--include-untracked", "--quiet")
    (repository.directory / "functions" / "quick" / "note").write_text("uncommitted")
    before = repository.state()

    result = repository.compare("v1", "v2")

    assert result.returncode == 1, result.stderr
    document = json.loads(result.stdout)
    states = {f["function"]: f["state"] for f in document["gate"]["findings"]}
    assert states["custom/quick"] == "regression"
    assert document["unpaired"].keys() == {"custom/gone", "custom/added"}
    assert {states["custom/gone"], states["custom/added"]} == {"incomparable"}
    same = {a["function"] for a in document["artifacts"] if a["identical_to"]}
    assert same == {"custom/other"}
    kinds = [(r["kind"], r["commit"]) for r in document["revisions"]]
    assert kinds == [("commit", repository.git("rev-parse", tag).strip()) for tag in ("v1", "v2")]
    assert repository.state() == before
    assert repository.workspaces() == []


def test_uncommitted_work_is_compared_as_it_is(repository: Repository) -> None:
    """Only what changed is built; the record says what the work was on top of."""
    repository.rewrite("quick", "")
    (repository.directory / "functions" / "quick" / "new-file").write_text("not tracked")

    result = repository.compare("HEAD", "WORKTREE", "--changed")

    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert {c["function"] for c in document["comparisons"]} == {"custom/quick"}
    assert {c["verdict"] for c in document["comparisons"] if c["metric"] == "cpu_cold_total"} == {
        "faster"
    }
    assert document["unchanged"] == ["custom/added", "custom/other"]
    assert [r["dirty"] for r in document["revisions"]] == [False, True]


def test_a_revision_and_itself_are_the_same_bytes(repository: Repository) -> None:
    """Nothing has to be measured to know that, and the gate passes."""
    result = repository.compare("HEAD", "v2")

    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert (document["run"]["trials"], document["verdict"]) == (0, "no regression")


def test_two_packages_are_compared(repository: Repository) -> None:
    """Two zip files need no repository; their own sizes count."""
    packages = []
    for number, init in enumerate(("", BURN)):
        tree = write_bootstrap(repository.root / str(number), handler=ANSWER, init=init)
        package = repository.root / f"p{number}.zip"
        with zipfile.ZipFile(package, "w") as archive:
            archive.write(tree / "bootstrap", "bootstrap")
        packages.append(package)

    result = repository.compare(*map(str, packages), "--fail-on", "slower:5%")

    assert result.returncode == 1, result.stderr
    document = json.loads(result.stdout)
    assert [a["zip_bytes"] for a in document["artifacts"]] == [
        package.stat().st_size for package in packages
    ]


@pytest.mark.parametrize(
    ("module", "arguments"), [("app", ()), ("entry", ("--handler", "entry.handler"))]
)
def test_two_python_packages_are_compared(
    repository: Repository, module: str, arguments: tuple[str, ...]
) -> None:
    """They do not say what they were built for; the record says what they ran on."""
    packages = []
    for number, init in enumerate(("", BURN)):
        package = repository.root / f"p{number}.zip"
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr(f"{module}.py", f"{init}\ndef handler(event, context): return 1\n")
        packages.append(str(package))

    result = repository.compare(*packages, *arguments)

    assert result.returncode == 1, result.stderr
    document = json.loads(result.stdout)
    assert document["failures"] == []
    assert document["environment"]["pythons"] == {"python/p1": platform.python_version()}
    report = (repository.out / "compare.md").read_text()
    assert f"python of python/p1 | {platform.python_version()}" in report


def test_nothing_allows_a_function_of_both_revisions_to_go_unmeasured(
    repository: Repository,
) -> None:
    """A renamed event is no missing function, so the gate has no answer and does not pass."""
    events = repository.directory / "functions" / "other" / "events"
    (events / "order-0.json").rename(events / "renamed.json")

    result = repository.compare("HEAD", "WORKTREE", "other", "--allow-missing")

    assert result.returncode == 6, result.stderr
    document = json.loads(result.stdout)
    assert document["unpaired"] == {}
    assert document["incomparable"].keys() == {"custom/other"}
    assert document["verdict"] == "incomparable"


def test_a_narrow_terminal_shows_the_revisions(repository: Repository) -> None:
    """A branch with a long name fits nowhere in one piece, and is there all the same."""
    repository.git("branch", "feature/a-long-branch-name-that-does-not-fit", "HEAD")

    result = ended(
        repository.start("compare", "feature/a-long-branch-name-that-does-not-fit", "WORKTREE")
    )

    assert result.returncode == 0, result.stderr
    assert "given as: feature/a-long-branch-name-that-does-not-fit" in result.stdout


def test_a_broken_revision_is_a_failed_build(repository: Repository) -> None:
    """The words are the compiler's, the code is 3, and nothing is left behind."""
    repository.add_broken_go_function("added-broken")
    repository.commit("v3")
    (repository.directory / "functions" / "added-broken" / "main.go").write_text(
        "package main\n\nfunc main() {}\n"
    )

    result = repository.compare("v3", "WORKTREE", "added-broken")

    assert result.returncode == 3, result.stderr
    assert "undefinedName" in result.stdout + result.stderr
    assert repository.workspaces() == []


def test_an_unknown_revision_has_near_misses(repository: Repository) -> None:
    """A typing mistake costs nothing and leaves nothing."""
    result = repository.compare("v11", "v2")

    assert (result.returncode, repository.workspaces()) == (2, [])
    assert "unknown revision `v11`" in result.stderr
    assert "`v1`" in result.stderr


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_comparison_can_go_on(repository: Repository, end: int) -> None:
    """The revisions are gone by then; packages and events are not."""
    process = repository.start("compare", "v1", "v2", "quick", *FEW)
    repository.wait_for_trials(5)
    process.send_signal(end)
    interrupted = ended(process)

    resumed = ended(repository.start("run", "--resume", "-q", "--json"))

    assert interrupted.returncode == 130, interrupted.stderr
    assert repository.workspaces() == []
    assert resumed.returncode == 1, resumed.stderr
    assert json.loads(resumed.stdout)["run"]["complete"]
    assert load_record(repository.record_directory).sealed


def test_what_a_killed_comparison_left_is_removed_by_the_next(repository: Repository) -> None:
    """`kill -9` gives nobody a chance to clean up, so the next one does."""
    process = repository.start("compare", "v1", "v2", *FEW)
    eventually(repository.workspaces, "a written out revision")
    process.kill()
    ended(process)
    before = repository.state()
    assert len(repository.workspaces()) == 1

    repository.compare("HEAD", "v2")

    assert repository.workspaces() == []
    assert repository.state() == before


def test_hooks_do_not_run(repository: Repository) -> None:
    """Writing out a commit is no checkout."""
    hook = repository.directory / ".git" / "hooks" / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {repository.root}/hook-ran\n")
    hook.chmod(0o755)
    index = repository.directory / ".git" / "index"
    before = index.read_bytes()

    result = repository.compare("HEAD", "v2")

    assert result.returncode == 0, result.stderr
    assert not (repository.root / "hook-ran").exists()
    assert index.read_bytes() == before
