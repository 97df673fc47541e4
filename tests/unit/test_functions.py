"""Discovery: what makes a directory a function, and what is said where there is none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.errors import ConfigError, UsageError
from bench.functions.directory import go_package, is_function, load_function, recipes

GO_MAIN = "package main\n\nfunc main() {}\n"
HANDLER = "def handler(event, context):\n    return event\n"


def tree(directory: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory


def executable(directory: Path, name: str = "bootstrap") -> Path:
    tree(directory, {name: "#!/bin/sh\n"})
    (directory / name).chmod(0o755)
    return directory


def variant_ids(directory: Path) -> list[str]:
    return [variant.id for variant in recipes(load_function(directory))]


def test_an_executable_bootstrap_is_a_custom_function(tmp_path: Path) -> None:
    """An executable bootstrap wins over source code beside it."""
    function = load_function(executable(tree(tmp_path, {"main.go": GO_MAIN, "app.py": HANDLER})))

    assert (function.runtime, function.handler) == ("custom", "bootstrap")


def test_a_bootstrap_that_is_not_executable_is_still_a_function(tmp_path: Path) -> None:
    """Its trials tell what is wrong with it, so it has to be one."""
    assert load_function(tree(tmp_path, {"bootstrap": "?"})).runtime == "custom"


def test_a_go_main_package_is_a_go_function(tmp_path: Path) -> None:
    """Any Go file of package main will do, with or without go.mod beside it."""
    function = load_function(tree(tmp_path / "hello", {"serve.go": GO_MAIN}))

    assert (function.id, function.runtime, function.handler) == ("go/hello", "go", "bootstrap")


@pytest.mark.parametrize(
    "files",
    [
        {"lib.go": "package lib\n", "go.mod": "module x\n"},
        {"main_test.go": GO_MAIN},
        {"gen.go": "//go:build ignore\n\npackage main\n"},
        {"doc.go": "// package main\npackage doc\n"},
    ],
)
def test_go_files_of_other_packages_are_no_function(tmp_path: Path, files: dict[str, str]) -> None:
    """A library, a test, an excluded generator or a comment does not make a Go function."""
    assert not is_function(tree(tmp_path, files))


@pytest.mark.parametrize(
    ("source", "package"),
    [
        ("package main", "main"),
        ("\n// package a\n/* package b\n*/ package c // d\n", "c"),
        ("func main() {}", None),
        ("", None),
    ],
)
def test_the_package_clause_is_found_behind_comments(source: str, package: str | None) -> None:
    """The package clause is the first thing that is neither space nor comment."""
    assert go_package(source) == package


@pytest.mark.parametrize("file", ["lambda_function", "app", "handler", "main", "index"])
@pytest.mark.parametrize("name", ["lambda_handler", "handler"])
def test_a_python_file_with_a_handler_is_a_python_function(
    tmp_path: Path, file: str, name: str
) -> None:
    """Each of the usual file names with each of the usual handler names makes a function."""
    function = load_function(tree(tmp_path, {f"{file}.py": f"def {name}(event, context): ...\n"}))

    assert (function.runtime, function.handler) == ("python", f"{file}.{name}")


@pytest.mark.parametrize(
    "source",
    [
        "async def handler(event, context): ...",
        "handler = App()",
        "handler: Handler = App()",
        "from core import handler",
        "from core import a, main as handler",
        "def handler(event context)  # a syntax error",
    ],
)
def test_a_handler_may_be_bound_in_any_way(tmp_path: Path, source: str) -> None:
    """A definition, an assignment and an import count; the file need not even compile."""
    assert load_function(tree(tmp_path, {"app.py": source})).handler == "app.handler"


@pytest.mark.parametrize(
    "source", ["class A:\n    def handler(self): ...", "handler == 1", "# def handler():", "x = 1"]
)
def test_a_handler_must_be_at_module_level(tmp_path: Path, source: str) -> None:
    """A method, a comparison or a comment is no handler."""
    assert not is_function(tree(tmp_path, {"app.py": source}))


def test_the_first_of_the_usual_files_counts(tmp_path: Path) -> None:
    """lambda_function.py, the console's own name, comes first."""
    tree(tmp_path, {"app.py": HANDLER, "lambda_function.py": HANDLER})

    assert load_function(tmp_path).handler == "lambda_function.handler"


def test_a_directory_without_a_function_is_told_what_was_looked_for(tmp_path: Path) -> None:
    """The message lists what would have been a function."""
    with pytest.raises(
        UsageError, match=r"looked for an executable `bootstrap`.*`app.py`"
    ) as error:
        load_function(tmp_path)

    assert error.value.exit_code == 2


@pytest.mark.parametrize(
    ("files", "hint"),
    [
        ({"inner/app.py": HANDLER}, "sub-directories inner are functions"),
        ({"lib.go": "package lib"}, "package main"),
        ({"app.py": "x = 1"}, 'handler = "app.YOUR_FUNCTION"'),
        ({"service.py": "x = 1"}, 'handler = "service.YOUR_FUNCTION"'),
        ({}, "directory that holds the function's code"),
    ],
)
def test_a_directory_without_a_function_has_a_way_out(
    tmp_path: Path, files: dict[str, str], hint: str
) -> None:
    """The hint depends on what is there instead."""
    with pytest.raises(UsageError) as error:
        load_function(tree(tmp_path, files))

    assert hint in str(error.value.hint)


def test_a_directory_that_does_not_exist_is_said_so(tmp_path: Path) -> None:
    """A missing directory is not reported as one without a function."""
    with pytest.raises(UsageError, match="is not a directory"):
        load_function(tmp_path / "nowhere")


def test_function_toml_overrides_what_the_files_say(tmp_path: Path) -> None:
    """The declared runtime and handler win over discovery."""
    tree(
        tmp_path,
        {
            "main.go": GO_MAIN,
            "function.toml": 'runtime = "python"\nhandler = "x.y"\nmemory = 256\ntimeout = 2.5',
        },
    )

    function = load_function(tmp_path)

    assert (function.runtime, function.handler) == ("python", "x.y")
    assert (function.memory_mb, function.timeout_s) == (256, 2.5)


def test_import_styles_make_a_python_function(tmp_path: Path) -> None:
    """Tables of handlers need no runtime, and the eager handler is the function's own."""
    tree(
        tmp_path,
        {
            "function.toml": '[variants.lazy]\nhandler = "l.handler"\n'
            '[variants.eager]\nhandler = "e.handler"\n'
        },
    )

    assert load_function(tmp_path).handler == "e.handler"
    assert variant_ids(tmp_path) == ["eager", "lazy", "eager-source-only", "lazy-source-only"]


def test_a_python_function_without_a_lazy_source_has_the_eager_recipes(tmp_path: Path) -> None:
    """What is not written cannot be measured."""
    assert variant_ids(tree(tmp_path, {"app.py": HANDLER})) == ["eager", "eager-source-only"]


def test_a_go_function_has_every_go_recipe(tmp_path: Path) -> None:
    """Go recipes need nothing from the function."""
    assert variant_ids(tree(tmp_path, {"main.go": GO_MAIN}))[:2] == ["default", "stripped"]


def test_the_list_of_variants_restricts_the_recipes(tmp_path: Path) -> None:
    """The array form keeps the order of the table of recipes."""
    tree(tmp_path, {"main.go": GO_MAIN, "function.toml": 'variants = ["smallest", "default"]'})

    assert variant_ids(tmp_path) == ["default", "smallest"]


def test_a_custom_function_has_its_prebuilt_variants(tmp_path: Path) -> None:
    """Each [variants.NAME] with a path is a variant, and makes the function custom."""
    tree(
        tmp_path,
        {
            "a/bootstrap": "",
            "b/bootstrap": "",
            "function.toml": '[variants.one]\npath = "a"\n[variants.two]\npath = "b"\n',
        },
    )

    assert load_function(tmp_path).runtime == "custom"
    assert variant_ids(tmp_path) == ["one", "two"]


def test_a_custom_function_without_tables_is_its_own_default(tmp_path: Path) -> None:
    """One pre-built directory is the variant `default`."""
    assert variant_ids(executable(tmp_path)) == ["default"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('runtime = "go"\n[variants.eager]\nhandler = "a.b"', "a Go function has no tables"),
        ('runtime = "python"\n[variants.lasy]\nhandler = "a.b"', "unknown import style `lasy`"),
        ('runtime = "custom"\n[variants.a]\nhandler = "a.b"', "must have `path`"),
        ('runtime = "go"\nvariants = ["striped"]', "unknown variant `striped`"),
        ('runtime = "python"\nvariants = ["default"]', "unknown variant `default`"),
        ('runtime = "python"\nhandler = "app"', "must be `module.function`, not `app`"),
        ('handler = "a.b"\n[events.usd]\nuses_library = true', "unknown event `usd`"),
    ],
)
def test_variants_and_events_must_fit_the_runtime(tmp_path: Path, text: str, words: str) -> None:
    """A declaration that has no meaning for the runtime is an error that names the file."""
    tree(tmp_path, {"app.py": HANDLER, "function.toml": text, "events/used.json": "{}"})

    with pytest.raises(ConfigError, match=words) as error:
        load_function(tmp_path)

    assert "function.toml" in error.value.message


def test_a_lazy_recipe_needs_a_lazy_source(tmp_path: Path) -> None:
    """Asking for `lazy` without saying which handler that is cannot work."""
    tree(tmp_path, {"app.py": HANDLER, "function.toml": 'variants = ["eager", "lazy"]'})

    with pytest.raises(ConfigError, match=r"`lazy` of `variants` in .* has no source") as error:
        load_function(tmp_path)

    assert "[variants.lazy]" in str(error.value.hint)


def test_a_declared_python_function_without_a_handler_is_told_how_to_name_it(
    tmp_path: Path,
) -> None:
    """A runtime alone does not say what to call."""
    with pytest.raises(UsageError) as error:
        load_function(tree(tmp_path, {"function.toml": 'runtime = "python"'}))

    assert 'handler = "module.function"' in str(error.value.hint)


def test_events_are_the_json_files_by_name(tmp_path: Path) -> None:
    """Every events/*.json is an event; function.toml adds what it means."""
    tree(
        tmp_path,
        {
            "app.py": HANDLER,
            "events/used.json": "{}",
            "events/idle.json": "[]",
            "events/notes.txt": "",
            "function.toml": "[events.used]\nuses_library = true",
        },
    )

    events = load_function(tmp_path).events

    assert [(e.name, e.uses_library) for e in events] == [("idle", None), ("used", True)]


def test_a_function_without_events_gets_the_empty_object(tmp_path: Path) -> None:
    """The event of last resort is a file of the package, so that it has a path like any other."""
    (event,) = load_function(tree(tmp_path, {"app.py": HANDLER})).events

    assert (event.name, event.path.read_text().strip()) == ("empty", "{}")


def test_an_event_that_is_not_json_is_named_with_its_line(tmp_path: Path) -> None:
    """The file, line and column of the mistake are in the message."""
    tree(tmp_path, {"app.py": HANDLER, "events/bad.json": '{\n  "a": }\n'})

    with pytest.raises(ConfigError, match=r"not JSON: .*bad\.json, line 2, column 8"):
        load_function(tmp_path)


def test_an_event_that_is_not_text_is_named(tmp_path: Path) -> None:
    """Bytes that are no Unicode text are not JSON either."""
    tree(tmp_path, {"app.py": HANDLER, "events/bad.json": ""})
    (tmp_path / "events" / "bad.json").write_bytes(b'"\xff"')

    with pytest.raises(ConfigError, match=r"not JSON: .*bad\.json"):
        load_function(tmp_path)


def test_the_os_only_runtime_runs_what_the_files_say(tmp_path: Path) -> None:
    """``provided.al2023`` is for Go and for any ``bootstrap``, not for Python."""
    manifest = 'runtime = "provided.al2023"'
    go = tree(tmp_path / "go", {"main.go": "package main\n", "function.toml": manifest})
    python = tree(tmp_path / "python", {"app.py": HANDLER, "function.toml": manifest})

    assert load_function(go).runtime == "go"
    with pytest.raises(ConfigError, match="brings no Python"):
        load_function(python)


@pytest.mark.parametrize("name", [b"\xff/app.py", b"f/events/\xff.json"])
def test_a_name_that_is_not_utf_8_is_refused(tmp_path: Path, name: bytes) -> None:
    """Records and reports, which would have to hold it, are UTF-8."""
    path = tmp_path / os.fsdecode(name)
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    directory = path.parent if path.name == "app.py" else path.parent.parent
    (directory / "app.py").write_text("def handler(event, context):\n    return event\n")

    with pytest.raises(UsageError, match=r"xff.* is not UTF-8"):
        load_function(directory)


@pytest.mark.parametrize(
    ("name", "lambda_name"),
    [
        ("storage_2-b", "storage_2-b"),
        ("größe", "gr--e"),
        ("a.b@c d\n", "a-b-c-d-"),
        ("x" * 70, "x" * 64),
    ],
)
def test_the_name_on_lambda(tmp_path: Path, name: str, lambda_name: str) -> None:
    """What Lambda does not take in a name is a hyphen, and the id keeps the name."""
    (tmp_path / name).mkdir()
    (tmp_path / name / "app.py").write_text("def handler(event, context):\n    return event\n")
    function = load_function(tmp_path / name)

    assert (function.id, function.lambda_name) == (f"python/{name}", lambda_name)
