"""The API's published description holds: Schemathesis asks what it says may be asked, and more."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.support.api_server import Served, api_process

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of libraries, while they are imported
    import schemathesis
    from schemathesis.specs.openapi.checks import positive_data_acceptance

MODELS = ("lorekeeper", "lorekeeper/shared", "obedient")
EXAMPLES = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    with api_process(tmp_path_factory.mktemp("document")) as started:
        yield started


@pytest.fixture(scope="module")
def described(served):
    return schemathesis.openapi.from_url(f"{served.url}/openapi.json", headers=opens(served))


def opens(served: Served) -> dict[str, str]:
    return {"Authorization": f"Bearer {served.keys['all']}"}


OPERATIONS = (
    ("GET", "/models"),
    ("GET", "/models/{model}"),
    ("POST", "/chat/completions"),
    ("POST", "/embeddings"),
)


def test_the_description_names_every_address_and_no_other(described):
    found = {(one.ok().method.upper(), one.ok().path) for one in described.get_all_operations()}
    assert found == set(OPERATIONS)


@pytest.mark.parametrize("mode", ["positive", "negative"])
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_answer_is_as_described(described, served, method, path, mode):
    operation = described[path][method]
    kind = schemathesis.GenerationMode(mode)

    @EXAMPLES
    @given(case=operation.as_strategy(generation_mode=kind))
    def holds(case: schemathesis.Case) -> None:
        if mode == "positive" and isinstance(case.body, dict):
            # A description cannot say what models are called.
            model = MODELS[len(case.body["model"]) % len(MODELS)]
            case.body["model"] = "hash" if path == "/embeddings" else model
        # Nor can it say that the last message is the user's.
        case.call_and_validate(
            headers=opens(served), excluded_checks=[positive_data_acceptance], timeout=60
        )

    holds()


@pytest.mark.parametrize("asked", ["Where does Paris lie?", "break off"])
def test_every_event_of_a_stream_is_as_described(described, served, asked):
    body = {
        "model": "obedient",
        "stream": True,
        "messages": [{"role": "user", "content": asked}],
    }
    case = described["/chat/completions"]["POST"].Case(body=body, media_type="application/json")
    case.call_and_validate(headers=opens(served), timeout=60)
