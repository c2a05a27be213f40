"""Rules of the house that no linter knows."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import os
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("bot", "core", "knowledge_base")
SOURCES = sorted(
    path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if path.is_file()
)
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in SOURCES
    if path.name != "__main__.py"
)
HEAVY = ("torch", "transformers", "gradio", "discord", "telegram", "faiss")

_IMPORT_ALL = """
import importlib, os, sys, threading
before = set(os.listdir("."))
environ = dict(os.environ)
for name in sys.argv[1:]:
    importlib.import_module(name)
assert set(os.listdir(".")) == before, "importing made files"
assert threading.active_count() == 1, f"importing started threads: {threading.enumerate()}"
assert "torch" not in sys.modules and "sentence_transformers" not in sys.modules
changed = {k for k in os.environ if os.environ[k] != environ.get(k)}
allowed = {"KMP_INIT_AT_FORK", "KMP_DUPLICATE_LIB_OK", "MATPLOTLIBRC", "GRPC_VERBOSITY"}
assert not {k for k in changed if k.startswith(("LOREKEEPER", "OMP_"))}, changed
"""


def _run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    keep = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**keep, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_every_module_imports_with_an_empty_environment_and_does_nothing(tmp_path):
    done = _run("-c", _IMPORT_ALL, *MODULES, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_help_imports_nothing_heavy(tmp_path, record_property):
    probe = (
        "import sys, time; start = time.perf_counter(); sys.argv = ['bot', '--help']\n"
        "try:\n    import runpy; runpy.run_module('bot', run_name='__main__')\n"
        "except SystemExit as end:\n    code = end.code\n"
        "print('took', time.perf_counter() - start)\n"
        f"print('heavy', sorted(set({HEAVY!r}) & set(sys.modules)), code)\n"
    )
    done = _run("-c", probe, cwd=tmp_path)
    assert "heavy [] 0" in done.stdout, done.stdout + done.stderr
    record_property("help_seconds", done.stdout.split("took ")[1].split()[0])


def test_the_help_of_every_command_works(tmp_path):
    for command in ("run", "chat", "kb"):
        assert _run("-m", "bot", command, "--help", cwd=tmp_path).returncode == 0


def test_no_test_uses_mocks_that_nod():
    banned = re.compile(r"\b(Magic" + r"Mock|Async" + r"Mock|mock\.patch|unittest\.mock)\b")
    found = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("*.py")
        if banned.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_core_never_asks_what_a_platform_is_called():
    named = re.compile(r"Platform\.(DISCORD|TELEGRAM|WEB|API|TERMINAL)\b|\"(discord|telegram)\"")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in (ROOT / "core").rglob("*.py")
        if path.name != "events.py"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if named.search(line.partition("#")[0]) and '"""' not in line
    ]
    assert found == []


def test_no_class_is_named_after_a_vague_role():
    vague = re.compile(r"(Manager|Helper|Util|Utils|Handler|Service)$|^(Base|I)[A-Z][a-z]")
    found = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and vague.search(node.name)
    ]
    assert [name for name in found if not name.endswith(ALLOWED_NAMES)] == []


ALLOWED_NAMES = (": BaseRows", ": BaseStatistics", ": BaseView")
"""Rows, statistics and view *of a base*: here the word is the domain's own."""


def test_errors_end_in_error_and_those_for_people_have_words():
    import bot.wording  # noqa: F401 (adds the words for the surfaces' errors)
    from core.explain import explain

    for name in MODULES:
        for value in list(vars(importlib.import_module(name)).values()):
            if not (isinstance(value, type) and issubclass(value, Exception)):
                continue
            if value.__module__ != name:
                continue
            assert value.__name__.endswith("Error"), f"{name}.{value.__name__}"
            # What a person may be told stands in an errors.py; the rest stays inside its module.
            if name.endswith(".errors") and value.__name__ != "ConfigError":
                assert explain.dispatch(value) is not explain.dispatch(Exception), (
                    f"{name}.{value.__name__} has no words in core.explain"
                )


def test_values_that_cross_boundaries_are_frozen_and_slotted():
    for name in (
        "knowledge_base.models",
        "knowledge_base.settings",
        "core.events",
        "core.replies",
        "core.settings",
        "bot.settings",
    ):
        module = importlib.import_module(name)
        for value in list(vars(module).values()):
            if dataclasses.is_dataclass(value) and value.__module__ == name:
                frozen = value.__dataclass_params__.frozen  # type: ignore[attr-defined]
                assert frozen, f"{name}.{value.__name__} is not frozen"
                assert hasattr(value, "__slots__"), f"{name}.{value.__name__} has no slots"


def test_two_broad_catches_in_the_whole_program():
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in SOURCES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"except (Base)?Exception\b|except:\s*$", line)
        and not _re_raises(path, number)
    ]
    assert len(found) <= 2, found


def _re_raises(path: Path, number: int) -> bool:
    """Whether the handler that starts on this line ends in a bare `raise`: it lets all pass."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ExceptHandler) and node.lineno == number:
            last = node.body[-1]
            return isinstance(last, ast.Raise) and last.exc is None
    return False


def test_no_test_folder_is_a_package():
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_every_module_says_what_it_is_for():
    silent = [
        str(path.relative_to(ROOT))
        for path in SOURCES
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []


def test_constraints_pin_what_the_project_declares():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = list(declared["dependencies"])
    for extra, names in declared["optional-dependencies"].items():
        wanted += names if extra != "gpu" else []
    pinned = {
        _normal(line.partition("==")[0])
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line
    }
    names = {_normal(re.split(r"[\[<>=~; ]", entry)[0]) for entry in wanted} - {"lorekeeper"}
    assert sorted(names - pinned) == []


def test_constraints_carry_no_local_version_and_no_location():
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert not re.search(r"^[^#]*(\+|@|file:|https?:)", text, re.MULTILINE)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_are_found_by_the_build(package):
    found = {module.name for module in pkgutil.iter_modules([str(ROOT)])}
    assert package in found
