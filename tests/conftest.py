"""What holds in every test: no way out of this machine; what cannot run here is named."""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# How fast examples are made says something of the machine, and nothing of what is tested.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

ROOT = Path(__file__).resolve().parent.parent
_LOCAL = "torch"
_not_run = pytest.StashKey[list[str]]()
_LEFT_OUT = "left out"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs the extra `local` where it is missing, and soak tests if unasked."""
    has_local = importlib.util.find_spec(_LOCAL) is not None
    asked_for_soak = "soak" in (config.option.markexpr or "")
    kept, left, missing = [], [], []
    for item in items:
        if item.get_closest_marker("local") and not has_local:
            missing.append(item)
        elif item.get_closest_marker("soak") and not asked_for_soak:
            left.append(item)
        else:
            kept.append(item)
    config.stash[_not_run] = [item.nodeid for item in missing]
    if missing or left:
        config.hook.pytest_deselected(items=missing + left)
        items[:] = kept


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of a run that is shared out tells what it left out."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output[_LEFT_OUT] = session.config.stash.get(_not_run, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Every worker collects the same tests: what one left out, all did."""
    node.config.stash[_not_run] = node.workeroutput[_LEFT_OUT] if error is None else []


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Name what did not run here and why, so that a green run does not claim it."""
    if names := config.stash.get(_not_run, []):
        terminalreporter.section("not run: these need the extra `local` (make test-all)")
        for name in names:
            terminalreporter.line(name)
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped:
        terminalreporter.section("not run: skipped on this machine")
        for report in skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
            terminalreporter.line(f"{report.nodeid}: {reason}")


def _is_local(address: object) -> bool:
    if not isinstance(address, tuple) or not address:
        return True  # a path or another address family that stays on this machine
    host = str(address[0]).partition("%")[0]
    if host in ("localhost", ""):
        return True
    try:
        return ip_address(host).is_loopback or ip_address(host).is_unspecified
    except ValueError:
        return False


class OutsideConnectionError(RuntimeError):
    """A test tried to leave this machine."""


@pytest.fixture(autouse=True)
def _no_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    connect, connect_ex, getaddrinfo = (
        socket.socket.connect,
        socket.socket.connect_ex,
        socket.getaddrinfo,
    )

    def guarded(self: socket.socket, address: object) -> None:
        if not _is_local(address):
            raise OutsideConnectionError(f"connection to {address!r}")
        connect(self, address)

    def guarded_ex(self: socket.socket, address: object) -> int:
        if not _is_local(address):
            raise OutsideConnectionError(f"connection to {address!r}")
        return connect_ex(self, address)

    def resolved(host: object, *args: object, **kwargs: object) -> object:
        name = host.decode() if isinstance(host, bytes) else host
        if name is not None and not _is_local((name,)):
            raise OutsideConnectionError(f"look-up of {host!r}")
        return getaddrinfo(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_ex)
    monkeypatch.setattr(socket, "getaddrinfo", resolved)


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the developer's proxies nor their Lorekeeper settings take part."""
    import os

    for name in list(os.environ):
        if name.upper().startswith("LOREKEEPER__") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name in ("DISCORD_TOKEN", "TELEGRAM_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a family's small random model; needs the extra `local`."""
    from tests.support.tiny_models import model_shelf

    return model_shelf(tmp_path_factory.mktemp("models"))
