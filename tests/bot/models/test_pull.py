"""Fetching models from a hub that does everything wrong that hubs and lines do."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import namedtuple

import httpx2
import pytest
from pydantic import SecretStr

from bot.models.download import Download
from bot.models.errors import ModelInUseError, NotInstalledError, PullError
from bot.models.installed import Pull, Wanted, installed, models_folder, opened, remove, wanted
from bot.models.sources import Folder, HuggingFace, ModelScope, RemoteFile
from bot.models.verification import verify
from bot.models.wording import finding_words, mending_words
from bot.settings import Config, ModelsSettings
from bot.wording import sentence
from core.language import words
from core.settings import EngineSettings
from tests.support.hub import serving_hub

REPOSITORY = "acme/Small-1B"
WEIGHTS = bytes(range(256)) * 4000
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 1024000\n"


@pytest.fixture
async def hub():
    async with serving_hub() as serving:
        serving.add(REPOSITORY, "config.json", b"{}", large=False)
        serving.add(REPOSITORY, "tokenizer.json", b'{"model": {"vocab": {}}}', large=False)
        serving.add(REPOSITORY, "model.safetensors", WEIGHTS)
        serving.add(REPOSITORY, "README.md", b"read me", large=False)
        serving.add(REPOSITORY, "original/consolidated.pth", b"x")
        yield serving


@pytest.fixture
async def client():
    async with httpx2.AsyncClient(follow_redirects=True) as made:
        yield made


@pytest.fixture
def pull(hub, client, tmp_path, monkeypatch):
    monkeypatch.setattr("bot.models.download._SPARE_BYTES", 0)
    plain = Download.__init__

    def hasty(self, *given, **options):
        plain(self, *given, **(options | {"pause_seconds": 0.0}))

    monkeypatch.setattr(Download, "__init__", hasty)

    async def run(source=None, model=None, images=False):
        seen = []
        made = await Pull(source or HuggingFace(client, hub.url), client, tmp_path).run(
            model or Wanted("Small-1B", REPOSITORY),
            images=images,
            total=lambda size: seen.append(("total", size)),
            progress=lambda size: seen.append(("here", size)),
        )
        return made, seen

    return run


def weights(tmp_path):
    return (tmp_path / "Small-1B" / "model.safetensors").read_bytes()


async def test_a_model_is_fetched_with_what_it_needs_and_nothing_else(pull, tmp_path):
    made, seen = await pull()
    names = sorted(path.name for path in made.path.iterdir())
    assert names == ["config.json", "lorekeeper.json", "model.safetensors", "tokenizer.json"]
    assert weights(tmp_path) == WEIGHTS
    total = len(WEIGHTS) + 2 + len(b'{"model": {"vocab": {}}}')
    assert seen[0] == ("total", total)
    assert seen[-1] == ("here", total)
    manifest = json.loads((made.path / "lorekeeper.json").read_text())
    assert manifest["revision"] == "c0ffee"
    digest = hashlib.sha256(WEIGHTS).hexdigest()
    assert manifest["files"]["model.safetensors"] == {"size": len(WEIGHTS), "sha256": digest}


async def test_a_listing_of_many_pages_is_read_to_its_end(hub, pull):
    hub.page_size = 2
    made, _ = await pull()
    assert (made.path / "model.safetensors").is_file()


async def test_it_goes_on_where_the_connection_broke_off(hub, pull, tmp_path):
    hub.repositories[REPOSITORY]["model.safetensors"].breaks_after = [300_000, 200_000, 1]
    await pull()
    ranges = [wanted for path, wanted in hub.asked if path == "model.safetensors"]
    assert ranges[0] == ""
    assert all(wanted.startswith("bytes=") for wanted in ranges[1:])
    starts = [int(wanted[6:-1]) for wanted in ranges[1:]]
    assert starts == sorted(starts)
    assert starts[0] > 0
    assert weights(tmp_path) == WEIGHTS


async def test_a_later_run_goes_on_where_one_was_given_up(hub, pull, tmp_path):
    file = hub.repositories[REPOSITORY]["model.safetensors"]
    file.breaks_after = [400_000, *[0] * 20]
    with pytest.raises(PullError) as caught:
        await pull()
    assert caught.value.problem == "broken_off"
    assert installed(tmp_path) == ()
    file.breaks_after = []
    hub.asked.clear()
    await pull()
    [wanted_range] = [wanted for path, wanted in hub.asked if path == "model.safetensors"]
    assert wanted_range == "bytes=400000-"
    assert weights(tmp_path) == WEIGHTS


async def test_a_server_that_knows_no_parts_is_read_from_the_beginning(hub, pull, tmp_path):
    hub.ranges = False
    hub.repositories[REPOSITORY]["model.safetensors"].breaks_after = [300_000]
    await pull()
    assert weights(tmp_path) == WEIGHTS


async def test_what_is_here_already_is_not_fetched_again(hub, pull):
    await pull()
    hub.asked.clear()
    await pull()
    assert hub.asked == []


async def test_a_newer_version_replaces_the_file_and_not_the_rest_of_an_older_part(
    hub, pull, tmp_path
):
    file = hub.repositories[REPOSITORY]["model.safetensors"]
    file.breaks_after = [400_000, *[0] * 20]
    with pytest.raises(PullError):
        await pull()
    newer = WEIGHTS[::-1]
    hub.add(REPOSITORY, "model.safetensors", newer)
    await pull()
    assert weights(tmp_path) == newer


async def test_a_server_that_is_busy_is_asked_again(hub, pull, tmp_path):
    hub.repositories[REPOSITORY]["model.safetensors"].statuses = [503, 429, 500]
    await pull()
    assert weights(tmp_path) == WEIGHTS


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
async def test_wrong_content_is_tried_twice_and_never_kept(hub, pull, tmp_path, name):
    file = hub.repositories[REPOSITORY][name]
    file.instead = bytes(len(file.content))
    with pytest.raises(PullError) as caught:
        await pull()
    assert (caught.value.problem, caught.value.detail) == ("checksum", name)
    assert [path for path, _ in hub.asked].count(name) == 2
    assert not (tmp_path / "Small-1B" / name).exists()
    assert not list((tmp_path / "Small-1B").glob(f"{name}*.part"))


async def test_a_pointer_in_place_of_the_file_is_told_as_such(hub, pull):
    # A mirror that holds no large files tells the pointer's size, too.
    hub.add(REPOSITORY, "model.safetensors", POINTER, large=False)
    with pytest.raises(PullError) as caught:
        await pull()
    assert (caught.value.problem, caught.value.detail) == ("pointer", "model.safetensors")


async def test_a_repository_that_is_not_there_is_told(pull):
    with pytest.raises(PullError) as caught:
        await pull(model=Wanted("x", "acme/Nothing"))
    assert caught.value.problem == "not_found"


async def test_a_model_behind_an_agreement_is_told_and_a_token_opens_it(hub, tmp_path):
    hub.gated.add(REPOSITORY)
    for token, problem in ((None, "gated"), (SecretStr(hub.token), None)):
        config = Config(data_dir=tmp_path, models=ModelsSettings(endpoint=hub.url, token=token))
        async with opened(config, "huggingface") as (source, _client):
            if problem is None:
                assert (await source.listing(REPOSITORY)).files
                continue
            with pytest.raises(PullError) as caught:
                await source.listing(REPOSITORY)
            assert caught.value.problem == problem


async def test_a_hub_that_cannot_be_reached_is_told(client, tmp_path):
    with pytest.raises(PullError) as caught:
        await HuggingFace(client, "http://127.0.0.1:9").listing(REPOSITORY)
    assert (caught.value.problem, caught.value.detail) == ("unreachable", "127.0.0.1:9")


async def test_answers_that_are_no_listing_are_told(hub, client):
    for source in (HuggingFace(client, f"{hub.url}/cdn"), ModelScope(client, f"{hub.url}/cdn")):
        with pytest.raises(PullError) as caught:
            await source.listing(REPOSITORY)
        assert caught.value.problem in ("not_found", "answer")


async def test_modelscope_serves_too(hub, client, pull, tmp_path):
    made, _ = await pull(source=ModelScope(client, hub.url))
    assert weights(tmp_path) == WEIGHTS
    assert json.loads((made.path / "lorekeeper.json").read_text())["source"] == "modelscope"


async def test_a_folder_serves_too_and_its_pointers_are_told(pull, tmp_path):
    mirror = tmp_path / "mirror" / "acme" / "Small-1B"
    mirror.mkdir(parents=True)
    (mirror / "config.json").write_bytes(b"{}")
    (mirror / "model.safetensors").write_bytes(WEIGHTS)
    made, _ = await pull(source=Folder(tmp_path / "mirror"))
    assert (made.path / "model.safetensors").read_bytes() == WEIGHTS
    shutil.rmtree(made.path)
    (mirror / "model.safetensors").write_bytes(POINTER)
    with pytest.raises(PullError) as caught:
        await pull(source=Folder(tmp_path / "mirror"))
    assert caught.value.problem == "pointer"
    with pytest.raises(PullError) as caught:
        await pull(source=Folder(tmp_path / "none"))
    assert caught.value.problem == "folder"


async def test_a_full_disk_is_told_before_anything_is_fetched(hub, pull, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(10, 10, 1000))
    with pytest.raises(PullError) as caught:
        await pull()
    assert caught.value.problem == "disk"
    assert caught.value.need > 1_000_000
    assert hub.asked == []


async def test_one_quantisation_is_fetched_with_all_its_parts(hub, pull):
    repository = "acme/Small-GGUF"
    for name in ("S-Q8_0.gguf", "S-Q4_K_M-00001-of-00002.gguf", "S-Q4_K_M-00002-of-00002.gguf"):
        hub.add(repository, name, b"GGUF" + name.encode())
    made, _ = await pull(model=wanted("acme/Small-GGUF", "huggingface"))
    assert sorted(path.name for path in made.path.parent.glob("*.gguf")) == [
        "S-Q4_K_M-00001-of-00002.gguf",
        "S-Q4_K_M-00002-of-00002.gguf",
    ]
    assert made.path.name == "S-Q4_K_M-00001-of-00002.gguf"
    made, _ = await pull(model=wanted("acme/Small-GGUF:q8_0", "huggingface"))
    assert made.path.name == "S-Q8_0.gguf"
    assert made.name == "Small-GGUF-q8_0"
    with pytest.raises(PullError) as caught:
        await pull(model=wanted("acme/Small-GGUF:Q2_K", "huggingface"))
    assert caught.value.problem == "no_files"


async def test_a_model_of_the_list_is_held_to_our_own_checksum(hub, pull):
    model = wanted("Qwen3.5-9B", "huggingface")
    hub.add(model.repository, "Qwen3.5-9B-Q4_K_M.gguf", b"GGUF something else")
    with pytest.raises(PullError) as caught:
        await pull(model=model)
    assert caught.value.problem == "checksum"


async def test_an_embedding_model_comes_with_its_modules_and_nothing_else_below(
    hub, pull, client, tmp_path
):
    hub.add(REPOSITORY, "modules.json", b"[]", large=False)
    hub.add(REPOSITORY, "1_Pooling/config.json", b'{"pooling_mode_mean_tokens": true}', large=False)
    hub.add(REPOSITORY, "2_Dense/model.safetensors", b"dense")
    hub.add(REPOSITORY, "onnx/model.safetensors", b"the same once more")
    hub.add(REPOSITORY, "1_Pooling/../../evil.json", b"{}", large=False)
    made, _seen = await pull()
    assert made.embeds
    below = {path.relative_to(made.path).as_posix() for path in made.path.rglob("*/*")}
    assert below == {"1_Pooling/config.json", "2_Dense/model.safetensors"}
    hub.asked.clear()
    await pull()
    assert hub.asked == []
    again = tmp_path / "again"
    again.mkdir()
    await Pull(Folder(made.path), client, again).run(
        Wanted("Small-1B", REPOSITORY), images=False, total=print, progress=print
    )
    assert (again / "Small-1B" / "1_Pooling" / "config.json").is_file()


async def test_names_with_folders_in_them_lead_nowhere(hub, pull, tmp_path):
    hub.add(REPOSITORY, "../../outside.json", b"{}", large=False)
    hub.add(REPOSITORY, "..", b"{}", large=False)
    await pull()
    assert not list(tmp_path.parent.glob("outside.json"))


@pytest.mark.parametrize("name", ["nothing", "a/b/c", "../x", "/etc", "a/", "https://x/y"])
def test_what_is_no_name_of_a_model_is_told(name):
    with pytest.raises(PullError) as caught:
        wanted(name, "huggingface")
    assert caught.value.problem == "unknown"


def test_a_model_that_the_other_source_does_not_have_is_told():
    with pytest.raises(PullError) as caught:
        wanted("smollm3-3b", "modelscope")
    assert caught.value.problem == "not_found"


def test_a_model_that_is_configured_is_not_removed(tmp_path):
    config = Config(data_dir=tmp_path)
    folder = models_folder(config) / "m"
    folder.mkdir(parents=True)
    (folder / "m.gguf").write_bytes(b"1234")
    used = Config(data_dir=tmp_path, engine=EngineSettings(model=str(folder / "m.gguf")))
    with pytest.raises(ModelInUseError) as caught:
        remove(used, "m")
    assert caught.value.key == "engine.model"
    assert remove(config, "m") == 4
    assert not folder.exists()
    for name in ("m", "../models", "", "."):
        with pytest.raises(NotInstalledError):
            remove(config, name)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_trouble_has_a_sentence_with_its_facts(language):
    say = words(language)
    problems = [
        "unknown", "not_found", "gated", "unreachable", "broken_off", "answer", "no_files",
        "disk", "checksum", "pointer", "folder",
    ]  # fmt: skip
    said = {
        sentence(PullError(problem, "the-model", "the-detail", 5 * 10**9), say)
        for problem in problems
    }
    assert len(said) == len(problems)
    assert all("the-model" in one or "the-detail" in one for one in said)
    assert any("5.0 GB" in one for one in said)
    assert any("\u4e00" <= letter <= "\u9fff" for letter in "".join(said)) == (language == "zh")


async def test_nothing_of_a_wrong_range_is_believed(client, tmp_path, hub):
    """A proxy that answers 206 with another beginning would mix the file up."""
    (tmp_path / "f.bin.abc.part").write_bytes(b"x" * 10)
    file = RemoteFile("f.bin", len(WEIGHTS), f"{hub.url}/cdn/{REPOSITORY}/model.safetensors")
    made = await Download(client, "m", tmp_path, pause_seconds=0).fetch(file, lambda _size: None)
    assert made.size == len(WEIGHTS)


def test_findings_of_what_was_fetched_are_told_in_both_languages(tmp_path):
    (tmp_path / "config.json").write_bytes(POINTER)
    found = verify(tmp_path)
    for language in ("en", "zh"):
        for finding in found.findings:
            assert finding_words(finding, words(language))
            assert mending_words(finding, "m", words(language))
