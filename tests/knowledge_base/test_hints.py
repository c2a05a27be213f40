"""What was written about a passage leads to it, is never quoted, and goes with it."""

from __future__ import annotations

import numpy as np
import pytest

from knowledge_base.erasing import Doomed
from knowledge_base.hints import Hint, hints_of, with_terms
from knowledge_base.models import Legs, Scope, Upload
from knowledge_base.terms import pack_terms, terms_of, unpack_terms
from tests.support.hash_embeddings import HashEmbedder, hash_vector
from tests.support.libraries import add_text, open_library

GATE = "It opens at nine; Thomas locks it once the bell has rung."
HINTS = ("Opening hours of the orangery", "When may visitors enter the orangery?", "温室几点开放？")
FILLER = "The visitors of house {n} may read when and where it rained the most, 几 in 点 the 开."


@pytest.fixture
async def library(tmp_path):
    async with open_library(tmp_path / "library") as opened:
        yield opened


async def shelf(library, tmp_path, fillers: int = 12):
    """A base with a passage that does not use the words people ask with."""
    base = (await library.ensure_base("shared")).base_id
    for n in range(fillers):
        await add_text(library, base, tmp_path, f"filler {n}.md", FILLER.format(n=n))
    await add_text(library, base, tmp_path, "house rules.md", GATE)
    return base


async def hint_all(library, base):
    """Every passage has hints, as where an engine had the time."""
    for n in range(12):
        others = (
            f"Rain upon house {n}",
            f"Where did it rain upon house {n}?",
            f"房子{n}哪里下雨？",
        )
        await hint(library, base, others, f"filler {n}.md")
    await hint(library, base)


async def hint(library, base, texts=HINTS, name="house rules.md"):
    chunk = (await library.passages(base, name))[0]
    return await library.enrichment.keep(chunk, base, texts, "tester")


async def found(library, base, question, *, enriched=True, legs=Legs.BOTH):
    result = await library.search(
        Scope(frozenset({base})), question, limit=3, legs=legs, enriched=enriched
    )
    return [passage.document.name for passage in result.passages], result


@pytest.mark.parametrize("legs", list(Legs))
@pytest.mark.parametrize("question", ["When may visitors enter the orangery?", "温室几点开放？"])
async def test_a_passage_is_found_by_what_was_written_about_it(library, tmp_path, question, legs):
    base = await shelf(library, tmp_path)
    await hint_all(library, base)
    plain, before = await found(library, base, question, enriched=False, legs=legs)
    names, after = await found(library, base, question, legs=legs)
    assert names[0] == "house rules.md"
    assert plain[:1] != ["house rules.md"]
    assert after.relevance > before.relevance


async def test_what_was_written_is_never_what_a_passage_says(library, tmp_path):
    base = await shelf(library, tmp_path)
    await hint(library, base)
    _names, result = await found(library, base, HINTS[1])
    assert result.passages[0].chunk.text == GATE
    quotations = await library.quote(HINTS[1], result.passages)
    assert quotations
    for quotation in quotations:
        assert quotation.text in result.passages[quotation.passage].chunk.text


async def test_off_unless_it_is_chosen(library, tmp_path):
    base = await shelf(library, tmp_path)
    await hint(library, base)
    scope = Scope(frozenset({base}))
    first = (await library.search(scope, HINTS[1], limit=1)).passages[0].document.name
    assert first != "house rules.md"
    library.enriched = True
    first = (await library.search(scope, HINTS[1], limit=1)).passages[0].document.name
    assert first == "house rules.md"


async def test_every_stage_tells_of_what_hints_found(library, tmp_path):
    base = await shelf(library, tmp_path)
    await hint_all(library, base)
    library.enriched = True
    told = await library.examine(Scope(frozenset({base})), HINTS[1], limit=3)
    assert told.candidates[0].passage.document.name == "house rules.md"


async def test_a_new_version_has_no_hints_of_the_old_one(library, tmp_path):
    base = await shelf(library, tmp_path)
    await hint(library, base)
    await found(library, base, HINTS[1])
    await add_text(library, base, tmp_path, "house rules.md", "No dogs on lawns, please.")
    names, _result = await found(library, base, HINTS[1])
    assert names[0] != "house rules.md"
    assert (await library.enrichment.progress(base)).passages == 0


async def test_what_is_removed_is_not_found_by_its_hints(library, tmp_path):
    base = await shelf(library, tmp_path)
    await hint(library, base)
    await found(library, base, HINTS[1])
    await library.remove(base, "house rules.md")
    names, _result = await found(library, base, HINTS[1])
    assert "house rules.md" not in names
    assert not (await library.verify(base)).problems


async def test_what_is_erased_is_in_no_file_any_more(tmp_path):
    folder = tmp_path / "library"
    async with open_library(folder) as library:
        base = (await library.ensure_base("shared")).base_id
        path = tmp_path / "given"
        path.write_text(GATE, encoding="utf-8")
        await library.add(base, Upload("house rules.md", path, "Ada", "discord:ada"))
        await hint(library, base, ("zaubernuss",))
        assert holding(folder, b"zaubernuss")
        await library.erase(Doomed("discord:ada", uploads=True))
        await library.scrub(thoroughly=True)
    assert not holding(folder, b"zaubernuss")


async def test_hints_outlive_a_restart_and_are_in_no_export(tmp_path):
    async with open_library(tmp_path / "library") as library:
        base = await shelf(library, tmp_path)
        await hint(library, base)
    async with open_library(tmp_path / "library") as library:
        assert (await found(library, base, HINTS[1]))[0][0] == "house rules.md"
        whole = await library.base("shared")
        await library.export(whole, tmp_path / "out.zip")
        other = (await library.ensure_base("other")).base_id
        upload = Upload("out.zip", tmp_path / "out.zip")
        async with library.bundle(upload) as entries:
            for entry in entries:
                await library.restore(other, entry)
        assert (await library.enrichment.progress(other)).passages == 0


async def test_another_process_sees_what_was_written_since(tmp_path):
    async with open_library(tmp_path / "library") as one, open_library(tmp_path / "library") as two:
        base = await shelf(one, tmp_path)
        assert (await found(two, base, HINTS[1]))[0][0] != "house rules.md"
        await hint(one, base)
        assert (await found(two, base, HINTS[1]))[0][0] == "house rules.md"


async def test_passages_without_hints_are_named_the_newest_first_and_each_once(library, tmp_path):
    base = await shelf(library, tmp_path, fillers=2)
    missing = await library.enrichment.missing(base, 2)
    assert [own.document.name for own in missing] == ["house rules.md", "filler 1.md"]
    await hint(library, base)
    await hint(library, base, (), "filler 1.md")
    missing = await library.enrichment.missing(base, 2)
    assert [own.document.name for own in missing] == ["filler 0.md"]
    progress = await library.enrichment.progress(base)
    assert (progress.passages, progress.total, progress.texts) == (2, 3, 3)


async def test_hints_of_a_passage_that_is_gone_are_not_kept(library, tmp_path):
    base = await shelf(library, tmp_path)
    chunk = (await library.passages(base, "house rules.md"))[0]
    await library.remove(base, "house rules.md")
    assert not await library.enrichment.keep(chunk, base, HINTS, "tester")


async def test_all_hints_of_a_base_can_be_taken_out(library, tmp_path):
    base = await shelf(library, tmp_path)
    await hint(library, base)
    await found(library, base, HINTS[1])
    assert await library.enrichment.forget(base) == 1
    assert (await found(library, base, HINTS[1]))[0][0] != "house rules.md"


async def test_texts_that_may_not_go_to_the_embedder_lead_to_passages_by_words_alone(tmp_path):
    embedder = HashEmbedder()
    async with open_library(tmp_path / "library", embedder) as library:
        base = await shelf(library, tmp_path)

        async def nowhere(_base: str) -> bool:
            return False

        library.keeps_near(nowhere)
        before = embedder.embedded
        await hint(library, base)
        assert embedder.embedded == before
        assert (await found(library, base, HINTS[1], legs=Legs.LEXICAL))[0][0] == "house rules.md"


async def test_another_embedder_gives_hints_new_vectors_without_asking_who_wrote_them(tmp_path):
    async with open_library(tmp_path / "library") as library:
        base = await shelf(library, tmp_path)
        await hint_all(library, base)
    async with open_library(tmp_path / "library", HashEmbedder(salt="2")) as library:
        await library.rebuild(base)
        assert (await found(library, base, HINTS[1], legs=Legs.DENSE))[0][0] != "house rules.md"
        assert await library.enrichment.renew(base) == 13
        assert await library.enrichment.renew(base) == 0
        assert (await found(library, base, HINTS[1], legs=Legs.DENSE))[0][0] == "house rules.md"


async def test_giving_hints_new_vectors_ends_where_their_texts_may_go_there_no_more(tmp_path):
    async with open_library(tmp_path / "library") as library:
        base = await shelf(library, tmp_path)
        await hint_all(library, base)
    async with open_library(tmp_path / "library", HashEmbedder(salt="2")) as library:
        asked = 0

        async def only_at_first(_base: str) -> bool:
            nonlocal asked
            asked += 1
            assert asked < 100, "it never ends"
            return asked == 1

        library.keeps_near(only_at_first)
        await library.enrichment.renew(base)
        assert (await library.enrichment.progress(base)).passages == 13


async def test_without_hints_a_search_is_what_it_was(library, tmp_path):
    base = await shelf(library, tmp_path)
    for question in ("the weather of that year", "When does it open?", "温室几点开放？"):
        plain = (await found(library, base, question, enriched=False))[1]
        assert (await found(library, base, question))[1] == plain


def test_terms_of_a_passage_and_its_hints_are_counted_together():
    own = terms_of("The gate opens at nine.")
    packed = with_terms(pack_terms(own), ["When does the gate open?"])
    together = unpack_terms(packed)
    gate = terms_of("gate").hashes[0]
    assert together.counts[np.searchsorted(together.hashes, gate)] == 2
    assert set(own.hashes) < set(together.hashes)
    assert together.script == "LATIN"


def test_vectors_of_another_embedder_lead_nowhere():
    packed = pack_terms(terms_of("gate"))
    vector = hash_vector("gate").astype("<f4").tobytes()
    hints = hints_of([Hint(7, packed, ("gate",), "other", vector)], "own", 64)
    assert not len(hints.nearest(hash_vector("gate"), 5))
    assert len(hints.lexical) == 1


def test_too_few_hints_in_a_script_say_nothing_of_meaning():
    packed = pack_terms(terms_of("gate"))
    vector = hash_vector("gate").astype("<f4").tobytes()
    hints = hints_of([Hint(7, packed, ("gate",), "own", vector)], "own", 64)
    z = hints.standardised(hash_vector("gate"), np.array([3, 7]), np.ones(2))
    assert np.isneginf(z).all()


def holding(folder, mark):
    return [path for path in folder.rglob("*") if path.is_file() and mark in path.read_bytes()]
