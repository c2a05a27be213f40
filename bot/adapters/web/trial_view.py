"""The Retrieval test's parts as HTML and pictures in which nothing of others can act."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from bot.adapters.web.markup import plain
from core.counts import characters_of
from core.golden import Measured, Outcome
from core.language import N_, Words
from core.prompts import Prompt
from core.text import clip
from knowledge_base.models import Passage
from knowledge_base.stages import Candidate, Stages

_FATES: Final = {
    "taken": N_("taken"),
    "joined": N_("in a better one's text"),
    "alike": N_("says the same as a better one"),
    "beyond": N_("not among those wanted"),
}
_ROLES: Final = {
    "system": N_("instructions"),
    "user": N_("question and passages"),
    "assistant": N_("an answer before"),
}
_WIDTH, _HEIGHT, _BINS = 640, 190, 40
_MOST_OUTCOMES: Final = 300
_BEGINNING: Final = 120
_MOST_OF_A_LEG: Final = 10


def verdict(stages: Stages, threshold: float, _: Words) -> str:
    """Whether this would be answered, under this threshold."""
    best = max((passage.relevance for passage in stages.passages), default=0.0)
    if not stages.candidates:
        return _said(_("Nothing was found at all."), failed=True)
    facts = {"best": f"{best:.2f}", "threshold": f"{threshold:.2f}"}
    if best < threshold:
        told = _("Refused: the best passage has a relevance of {best}, and {threshold} is needed.",
                 **facts)  # fmt: skip
        return _said(told, failed=True)
    count = sum(passage.relevance >= threshold for passage in stages.passages)
    told = _.plural(
        "Answered: {count} passage reaches {threshold}; the best has {best}.",
        "Answered: {count} passages reach {threshold}; the best has {best}.",
        count,
        **facts,
    )
    return _said(told)


def candidates(stages: Stages, threshold: float, _: Words) -> str:
    """What both legs proposed, as it was ranked, with the cut where the threshold is."""
    if not stages.candidates:
        return ""
    titles = (
        _("Rank"), _("Passage"), _("Relevance"), _("Cosine"), _("Place"), _("BM25"), _("Place"),
        _("Deviations"), _("Words' evidence"), _("Score"), _("What became of it"),
    )  # fmt: skip
    head = "".join(f'<th scope="col">{plain(title)}</th>' for title in titles)
    rows, is_cut = [], False
    for rank, candidate in enumerate(stages.candidates, start=1):
        if candidate.passage.relevance < threshold and not is_cut:
            is_cut = True
            told = plain(_("threshold {threshold}", threshold=f"{threshold:.2f}"))
            rows.append(f'<tr class="cut"><td colspan="{len(titles)}">{told}</td></tr>')
        rows.append(_candidate(rank, candidate, is_below=is_cut, _=_))
    body = "".join(rows)
    return (
        f'<div class="scroll"><table class="figures"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _candidate(rank: int, own: Candidate, *, is_below: bool, _: Words) -> str:
    passage = own.passage
    place = passage.chunk.heading or ""
    if passage.chunk.page is not None:
        place = f"{_('page {page}', page=passage.chunk.page)} {place}".strip()
    text = passage.chunk.text
    shown = clip(" ".join(text.split()), _BEGINNING)
    cells = (
        f"{passage.relevance:.3f}",
        "–" if passage.dense is None else f"{passage.dense:.3f}",
        "–" if own.dense_rank is None else str(own.dense_rank),
        "–" if passage.lexical is None else f"{passage.lexical:.2f}",
        "–" if own.lexical_rank is None else str(own.lexical_rank),
        f"{own.deviations:.2f}",
        f"{own.evidence:.2f}",
        f"{own.score:.3f}",
    )
    figures = "".join(f'<td class="n">{cell}</td>' for cell in cells)
    kind = "below" if is_below or own.fate != "taken" else ""
    return (
        f'<tr class="{kind}"><td class="n">{rank}</td><td><details><summary><b>'
        f"{plain(passage.document.name)}</b> <small>{plain(place)}</small><br>{plain(shown)}"
        f"</summary><p>{plain(text)}</p></details></td>{figures}"
        f"<td>{plain(_(_FATES[own.fate]))}</td></tr>"
    )


def plot(stages: Stages, threshold: float, _: Words) -> str:
    """Two pictures: the question's cosines against those of unrelated chunks, and relevance by
    rank against the threshold."""
    if not stages.candidates:
        return ""
    return f'<div class="plots">{_background(stages, _)}{_relevance(stages, threshold, _)}</div>'


def _background(stages: Stages, _: Words) -> str:
    found = [own for own in stages.candidates if own.passage.dense is not None]
    if not stages.background or not found:
        return ""
    cosines = [float(own.passage.dense or 0.0) for own in found]
    low = min(*stages.background, *cosines)
    high = max(*stages.background, *cosines)
    spread = max(high - low, 1e-3)
    low, high = low - spread * 0.05, high + spread * 0.05
    counts, _edges = np.histogram(stages.background, bins=_BINS, range=(low, high))
    floor, top, wide = _HEIGHT - 26, 12, _WIDTH - 20

    def x(value: float) -> float:
        return 10 + (value - low) / (high - low) * wide

    step = wide / _BINS
    bars = "".join(
        f'<rect x="{10 + n * step:.1f}" y="{floor - c / max(counts.max(), 1) * (floor - top):.1f}" '
        f'width="{max(step - 1, 1):.1f}" height="{c / max(counts.max(), 1) * (floor - top):.1f}"/>'
        for n, c in enumerate(counts)
    )
    marks = "".join(
        f'<line class="{"hit" if own.fate == "taken" else "near"}" x1="{x(cosine):.1f}" '
        f'x2="{x(cosine):.1f}" y1="{floor - (70 if own.fate == "taken" else 34)}" y2="{floor}"/>'
        for own, cosine in reversed(list(zip(found, cosines, strict=True)))
    )
    ticks = "".join(
        f'<text x="{x(value):.1f}" y="{_HEIGHT - 8}" text-anchor="middle">{value:.2f}</text>'
        for value in np.linspace(low + spread * 0.05, high - spread * 0.05, 5)
    )
    title = _.plural(
        "Cosines: what was found against {count} chunk of the base",
        "Cosines: what was found against {count} chunks of the base",
        len(stages.background),
    )
    key = _("grey: the base; tall: taken; short: other candidates")
    return _picture(title, key, f'<g class="bars">{bars}</g>{marks}{ticks}')


def _relevance(stages: Stages, threshold: float, _: Words) -> str:
    floor, top, wide = _HEIGHT - 26, 12, _WIDTH - 50
    step = wide / max(len(stages.candidates), 10)

    def y(value: float) -> float:
        return floor - value * (floor - top)

    bars = "".join(
        f'<rect class="{"hit" if own.passage.relevance >= threshold else "miss"}" '
        f'x="{36 + n * step:.1f}" y="{y(own.passage.relevance):.1f}" width="{step - 2:.1f}" '
        f'height="{max(1.0, floor - y(own.passage.relevance)):.1f}"/>'
        for n, own in enumerate(stages.candidates)
    )
    scale = "".join(
        f'<text x="28" y="{y(value) + 4:.1f}" text-anchor="end">{value:g}</text>'
        for value in (0, 0.5, 1)
    )
    cut = (
        f'<line class="cut" id="cut" data-threshold="{threshold:.2f}" x1="32" x2="{_WIDTH - 8}" '
        f'y1="{y(threshold):.1f}" y2="{y(threshold):.1f}"/>'
    )
    title = _("Relevance by rank, and the threshold")
    key = _("threshold {threshold}", threshold=f"{threshold:.2f}")
    return _picture(title, key, bars + scale + cut)


def _picture(title: str, key: str, drawn: str) -> str:
    return (
        f"<figure><figcaption><b>{plain(title)}</b> <small>{plain(key)}</small></figcaption>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{plain(title)}">'
        f"{drawn}</svg></figure>"
    )


def asked(stages: Stages, _: Words) -> str:
    """The question as the two legs had it."""
    own = stages.asked
    numbers = ", ".join(f"{number:.3f}" for number in own.numbers)
    facts = [
        (_("What the words' leg looks for"), ", ".join(own.terms) or "–"),
        (_("Script"), own.script or "–"),
        (_("Embedded by"), own.embedder or _("nobody: the words' leg works alone")),
        (_("As it is embedded"), own.text or "–"),
        (_("Its vector"), f"[{numbers}, …] ({own.dimension})" if own.numbers else "–"),
        (_("Say of the cosines, by what was measured"), f"{stages.trust:.2f}"),
        (_("Share of the question's words that the bases know"), f"{stages.known:.0%}"),
    ]
    cells = "".join(f"<div><dt>{plain(k)}</dt><dd>{plain(v)}</dd></div>" for k, v in facts)
    return f'<dl class="facts tall">{cells}</dl>'


def legs(stages: Stages, _: Words) -> str:
    """What each leg puts first, by itself."""
    by_meaning = [
        (own.dense_rank, f"{own.passage.dense:.3f}", own)
        for own in stages.candidates
        if own.dense_rank is not None and own.passage.dense is not None
    ]
    by_words = [
        (own.lexical_rank, f"{own.passage.lexical:.2f}", own)
        for own in stages.candidates
        if own.lexical_rank is not None and own.passage.lexical is not None
    ]
    meaning, said = _("By meaning: cosine"), _("By words: BM25")
    return f'<div class="plots">{_leg(meaning, by_meaning, _)}{_leg(said, by_words, _)}</div>'


def _leg(title: str, found: Sequence[tuple[int, str, Candidate]], _: Words) -> str:
    lines = "".join(
        f'<li value="{rank}"><b>{score}</b> {plain(own.passage.document.name)} '
        f"<small>{plain(_place_of(own.passage, _))}</small></li>"
        for rank, score, own in sorted(found, key=lambda one: one[0])[:_MOST_OF_A_LEG]
    )
    nothing = f'<p class="note">{plain(_("This leg found nothing, or took no part."))}</p>'
    body = f'<ol class="leg">{lines}</ol>' if lines else nothing
    return f"<figure><figcaption><b>{plain(title)}</b></figcaption>{body}</figure>"


def second(stages: Stages, _: Words) -> str:
    """What a reranker made of the order, and of what passages are worth."""
    if not stages.looked_at:
        return f'<p class="note">{plain(_("Nobody looked at it again."))}</p>'
    if stages.late:
        told = _("There was no time for a second look: the search's own order holds.")
        return f'<p class="note">{plain(told)}</p>'
    before = {own.chunk.chunk_id: place for place, own in enumerate(stages.looked_at, start=1)}
    worth = {own.chunk.chunk_id: own.relevance for own in stages.looked_at}
    lines = ""
    for own in stages.passages:
        key = own.chunk.chunk_id
        told = _(
            "was at {place}; relevance {before} → {after}",
            place=before.get(key, "–"),
            before=f"{worth.get(key, 0.0):.2f}",
            after=f"{own.relevance:.2f}",
        )
        name = plain(own.document.name)
        lines += f"<li><b>{name}</b> <small>{plain(_place_of(own, _))}</small> {plain(told)}</li>"
    return f'<ol class="leg">{lines}</ol>'


def origins(stages: Stages, _: Words) -> str:
    """From which sections of which documents the candidates are cut, in the documents' order."""
    by_document: dict[str, list[Candidate]] = {}
    for own in stages.candidates:
        by_document.setdefault(own.passage.document.name, []).append(own)
    shown = ""
    for name, cut in by_document.items():
        lines = ""
        for own in sorted(cut, key=lambda one: one.passage.chunk.ordinal):
            chunk, document = own.passage.chunk, own.passage.document
            told = _(
                "chunk {number} of {count}, {length}",
                number=chunk.ordinal + 1,
                count=max(document.passages, chunk.ordinal + 1),
                length=characters_of(len(chunk.text), _),
            )
            section = _place_of(own.passage, _) or _("no heading")
            kind = "" if own.fate == "taken" else ' class="note"'
            lines += f"<li{kind}><b>{plain(section)}</b>: {plain(told)}</li>"
        shown += f'<p><b>{plain(name)}</b></p><ul class="origins">{lines}</ul>'
    return shown or f'<p class="note">{plain(_("Nothing was found at all."))}</p>'


def _place_of(passage: Passage, _: Words) -> str:
    """Page and section."""
    page = passage.chunk.page
    parts = (_("page {page}", page=page) if page is not None else "", passage.chunk.heading or "")
    return " · ".join(part for part in parts if part)


def passages(found: Sequence[Passage], _: Words) -> str:
    """What goes into the prompt, whole."""
    shown = ""
    for number, passage in enumerate(found, start=1):
        head = [f"[{number}]", passage.document.name, passage.chunk.heading or ""]
        head.append(characters_of(len(passage.chunk.text), _))
        told = " · ".join(piece for piece in head if piece)
        shown += (
            f'<section class="passage"><p class="note">{plain(told)}</p>'
            f"<p>{plain(passage.chunk.text)}</p></section>"
        )
    return shown or f'<p class="note">{plain(_("Nothing was found at all."))}</p>'


def prompt(made: Prompt, engine: str, _: Words) -> str:
    """Every message as the engine reads it."""
    parts = "".join(
        f'<section class="passage"><p class="note">{plain(_(_ROLES.get(m.role, m.role)))}</p>'
        f"<p>{plain(m.text)}</p></section>"
        for m in made.messages
    )
    told = _.plural(
        "For {engine}; {count} token is left for the answer.",
        "For {engine}; {count} tokens are left for the answer.",
        made.max_tokens,
        engine=engine,
    )
    if made.dropped_passages:
        told += " " + _.plural(
            "{count} passage was left out: the model cannot read so much at once.",
            "{count} passages were left out: the model cannot read so much at once.",
            made.dropped_passages,
        )
    return f'<p class="note">{plain(told)}</p>{parts}'


def golden(figures: Measured, threshold: float, suggestion: float | None, _: Words) -> str:
    """What the outcomes come to."""
    facts = [(_("Questions"), str(figures.questions))]
    facts += [(f"hit@{k}", f"{share:.0%}") for k, share in figures.hits if figures.answerable]
    if figures.mrr is not None:
        facts.append(("MRR", f"{figures.mrr:.3f}"))
    if figures.refused_rightly is not None:
        facts.append((_("Unanswerable, and refused"), f"{figures.refused_rightly:.0%}"))
    if figures.refused_wrongly is not None:
        facts.append((_("Answerable, and refused"), f"{figures.refused_wrongly:.0%}"))
    cells = "".join(f"<div><dt>{plain(k)}</dt><dd>{plain(v)}</dd></div>" for k, v in facts)
    if suggestion is None:
        told = _("For a threshold to be suggested, give at least three questions with an answer "
                 "and three without one.")  # fmt: skip
    elif abs(suggestion - threshold) < 0.005:
        told = _("The threshold of {threshold} suits these questions best.",
                 threshold=f"{threshold:.2f}")  # fmt: skip
    else:
        told = _("A threshold of {suggestion} would suit these questions better than {threshold}.",
                 suggestion=f"{suggestion:.2f}", threshold=f"{threshold:.2f}")  # fmt: skip
    return f'<dl class="facts">{cells}</dl><p class="suggested">{plain(told)}</p>'


def outcomes(found: Sequence[Outcome], threshold: float, _: Words) -> str:
    """One row for each question, those that went wrong first."""
    titles = (_("Question"), _("Expected"), _("Place"), _("Relevance"), _("Found"), "")
    head = "".join(f'<th scope="col">{plain(title)}</th>' for title in titles)

    def is_right(own: Outcome) -> bool:
        if not own.golden.is_answerable:
            return own.relevance < threshold
        return own.rank is not None and own.relevance >= threshold

    rows = ""
    for own in sorted(found, key=is_right)[:_MOST_OUTCOMES]:
        expected = own.golden.document or "; ".join(own.golden.words)
        if not own.golden.is_answerable:
            expected = _("no answer")
        mark = _("right") if is_right(own) else _("wrong")
        rows += (
            f'<tr class="{"" if is_right(own) else "wrong"}"><td>{plain(own.golden.question)}</td>'
            f'<td>{plain(expected)}</td><td class="n">{own.rank or "–"}</td>'
            f'<td class="n">{own.relevance:.2f}</td><td>{plain(", ".join(own.found[:3]))}</td>'
            f"<td>{plain(mark)}</td></tr>"
        )
    return (
        f'<div class="scroll"><table class="figures"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _said(text: str, *, failed: bool = False) -> str:
    kind = "said failed" if failed else "said"
    return f'<div class="{kind}" role="status">{plain(text)}</div>'
