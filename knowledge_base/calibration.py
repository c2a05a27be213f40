"""From raw signals to relevance: how far a cosine or a BM25 score can be trusted in this base.

Cosines mean nothing by themselves: one embedder's lie between 0.75 and 0.95, another's between 0
and 0.6, and an English one gives Chinese passages cosines that tell nothing. So each base is
measured with **pseudo-questions**: sentences of its own with most words left out, which ought to
find the chunk they were taken from (an inverse cloze task; Lee et al. 2019). They say where the
cosines of unrelated pairs lie and, for each script, how much the dense leg knows beside the
lexical one. The relevance model's few coefficients were learnt from pseudo-questions too, asked
with and without their chunk in the base, by `benchmarks/fit_relevance.py`.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from knowledge_base.sentences import sentences
from knowledge_base.terms import Terms, script_of, word_spans

QUESTIONS = 48
"""Pseudo-questions that a base is measured with; about half a second of the bundled embedder."""

MOST_REPLACED = 0.5
"""Up to half of a pseudo-question's terms are replaced: people ask in words of their own."""

_KEPT_WORDS = (0.25, 0.6)
_MOST_WORDS = 20
_LEAST_WORDS = 8
_BLIND_DEVIATIONS = 1.0
_SEEING_DEVIATIONS = 3.0
"""How far above unrelated chunks a pseudo-question's own chunk lies, in deviations: an embedder
that reads the script has it at 3.5 to 5.4, an English one in Chinese at 1.6. Trust goes from 0 to 1
between the two, quadratically."""
_MOST_DEVIATIONS = 6.0
_USUAL_DEVIATIONS = 4.0
_PRIOR_QUESTIONS = 4.0
"""Pseudo-questions' worth of belief that the embedder was chosen because it reads the script."""
_LEAST_SHARE = 0.1
"""Of a base's pseudo-questions, for a script to be one that the base is written in."""
_PRIOR_PAIRS = 10.0
"""How many unrelated cosines the base-wide mean and deviation count for beside a question's own."""

Floats = NDArray[np.float64]
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class DenseProfile:
    """What the cosines of one embedder mean in one base, for questions in one script."""

    script: str
    """As `terms.script_of` names it; "" for all scripts together."""
    mean: float
    """Of the cosines between questions and chunks that do not answer them."""
    deviation: float
    """Of the same, within one question."""
    trust: float
    """The dense leg's say beside the lexical one, in [0, 1]: 0 where it tells nothing."""
    foreign_mean: float | None = None
    foreign_deviation: float | None = None
    """The same for chunks in other scripts; None where the base has none."""

    def abroad(self) -> DenseProfile:
        """For chunks in another script than the question's."""
        if self.foreign_mean is None or self.foreign_deviation is None:
            return self
        return DenseProfile(self.script, self.foreign_mean, self.foreign_deviation, self.trust)


@dataclass(frozen=True, slots=True)
class Calibration:
    """The measurements of one base; they age as it grows."""

    fingerprint: str
    chunks: int
    """Size of the base when it was measured."""
    profiles: tuple[DenseProfile, ...]

    def profile(self, script: str) -> DenseProfile:
        """The profile for questions in this script, else that for all together."""
        return next((p for p in self.profiles if p.script == script), self.profiles[0])

    def fits(self, fingerprint: str, chunks: int) -> bool:
        """Whether it still describes a base of this embedder and size."""
        return self.fingerprint == fingerprint and self.chunks <= chunks * 2 <= self.chunks * 4

    def to_json(self) -> str:
        """As one line for storage."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Calibration:
        """What `to_json` wrote; ValueError for anything else."""
        try:
            fields = json.loads(text)
            profiles = tuple(DenseProfile(**profile) for profile in fields["profiles"])
            return cls(str(fields["fingerprint"]), int(fields["chunks"]), profiles)
        except (TypeError, KeyError) as error:
            raise ValueError("not a stored calibration") from error


@dataclass(frozen=True, slots=True)
class RelevanceModel:
    """Log-odds that a passage answers, from standardised signals.

    With t the dense leg's trust, k how surely the passage would use the question's words if it
    answered, f 1 where it is in another script and else 0, z the standardised cosine, n the chunks
    in the passage's script and l the lexical evidence: `t * (dense*z + size*highest_of(n) + bias +
    say(k)*lexical*l + k*known + (1-k)*(1-f)*astray) + (1-t) * (alone*l + unseen) + leaning`.
    """

    dense: float
    size: float
    bias: float
    lexical: float
    known: float
    astray: float
    alone: float
    unseen: float
    dense_rank: float = 1 / 16
    """What one standard deviation of cosine is worth in lexical evidence when ranking."""
    known_from: float = 0.1
    known_to: float = 0.4
    """Shares of the question's weight that the base knows, between which k goes from 0 to 1."""
    leaning: float = 0.0
    """Set by hand: above 0, a question is rather answered than refused in doubt."""
    least_say: float = 0.4
    """The lexical leg's say where the base knows none of the words: for names and numbers."""

    def knowing(self, known: Floats) -> Floats:
        """k: 0 where the question is probably in another language than the base, else up to 1."""
        share: Floats = (known - self.known_from) / (self.known_to - self.known_from)
        return np.clip(share, 0.0, 1.0)

    def say(self, known: Floats) -> Floats:
        """The lexical evidence's weight, between `least_say` and 1."""
        return self.least_say + (1 - self.least_say) * self.knowing(known)


@dataclass(frozen=True, slots=True, eq=False)
class Signals:
    """What is known of each candidate; arrays of one shape."""

    z: Floats
    """Standardised cosines; 0 where trust is 0."""
    evidence: Floats
    """Lexical evidence, in [0, 1], see `evidence`."""
    known: Floats
    """Share of the question's weight that its own language can be expected to share with the
    chunk, in [0, 1], see `expected`."""
    foreign: NDArray[np.bool_]
    """Whether the candidate is in another script than the question."""
    trust: float
    rivals: Floats
    """How many chunks were searched in the candidate's script: the more there are, the higher the
    best z of an unrelated one."""


SHIPPED = RelevanceModel(
    dense=0.683,
    size=-1.505,
    bias=1.97,
    lexical=26.12,
    known=-5.158,
    astray=-1.925,
    alone=26.498,
    unseen=-5.137,
)
"""Learnt from pseudo-questions of encyclopedic passages in English and Chinese, in bases of 3 to
800 chunks, in one language and across two, embedded with multilingual-e5-small."""

SHIPPED_FOR_PAIRS = RelevanceModel(
    dense=1.089,
    size=-2.222,
    bias=2.549,
    lexical=42.191,
    known=-7.437,
    astray=-0.823,
    alone=38.355,
    unseen=-6.644,
    leaning=1.1,
)
"""The same for questions whose terms are pairs of characters, learnt from Chinese alone: sharing
one says more than its share of the question, because so many others straddle two words."""


def shipped(script: str) -> RelevanceModel:
    """The model for questions in a script, as `terms.script_of` names it."""
    return SHIPPED_FOR_PAIRS if script == "HAN" else SHIPPED


def evidence(coverage: Floats, matched: Floats) -> Floats:
    """Lexical evidence: how often and how many of the question's terms occur, in equal parts."""
    mixed: Floats = coverage / 2 + matched / 4
    return mixed


def expected(known: float, matched: Floats, foreign: NDArray[np.bool_]) -> Floats:
    """How much of the question a chunk could have: what the searched bases know of it, but of a
    chunk in another script only what it has.
    """
    return np.where(foreign, matched, known)


def standardise(cosines: Floats, reference: Floats, profile: DenseProfile) -> Floats:
    """Cosines in deviations above those of unrelated chunks.

    `reference` holds the question's cosines to a sample of the base, whose best is taken to be an
    answer and left out; where the sample is small, the base's profile speaks for it.
    """
    unrelated = np.sort(reference)[:-1]
    weight = len(unrelated) + _PRIOR_PAIRS
    mean = (unrelated.sum() + _PRIOR_PAIRS * profile.mean) / weight
    spread = ((unrelated - mean) ** 2).sum() + _PRIOR_PAIRS * profile.deviation**2
    z: Floats = (cosines - mean) / max(1e-6, float(np.sqrt(spread / weight)))
    return z


def highest_of(count: Floats) -> Floats:
    """About the highest of that many standard normal values: the best unrelated chunk's z."""
    highest: Floats = np.sqrt(2 * np.log(count + 2))
    return highest


def rank_scores(signals: Signals, model: RelevanceModel = SHIPPED) -> Floats:
    """What candidates are ordered by; comparable within one question only."""
    scores: Floats = (
        model.dense_rank * signals.trust * signals.z + model.say(signals.known) * signals.evidence
    )
    return scores


def relevance(signals: Signals, model: RelevanceModel = SHIPPED) -> Floats:
    """Estimated probability that each candidate answers the question."""
    knowing, trust = model.knowing(signals.known), signals.trust
    both = (
        model.dense * signals.z
        + model.size * highest_of(signals.rivals)
        + model.bias
        + model.lexical * model.say(signals.known) * signals.evidence
        + model.known * knowing
        + model.astray * (1 - knowing) * ~signals.foreign
    )
    alone = model.alone * signals.evidence + model.unseen
    odds = trust * both + (1 - trust) * alone + model.leaning
    probability: Floats = 1 / (1 + np.exp(-odds))
    return probability


@dataclass(frozen=True, slots=True)
class PseudoQuestion:
    """A question of which we know the chunk that it is about."""

    chunk: int
    """Index into the texts it was made from."""
    text: str
    script: str
    whole: str
    """The sentence it was made from."""


def pseudo_questions(
    texts: Sequence[str], count: int = QUESTIONS, seed: int = 0
) -> list[PseudoQuestion]:
    """At most `count` of them, from as many different texts as there are."""
    rng = random.Random(seed)  # noqa: S311 - a repeatable sample, no secret
    order = list(range(len(texts)))
    rng.shuffle(order)
    made: list[PseudoQuestion] = []
    for turn in range(min(12, -(-count // max(1, len(order))))):
        for chunk in order:
            if len(made) < count and (question := _ask(texts[chunk], chunk, turn, rng)):
                made.append(question)
    return made


def _ask(text: str, chunk: int, turn: int, rng: random.Random) -> PseudoQuestion | None:
    parts = [s.text for s in sentences(text)]
    long_enough = [s for s in parts if len(word_spans(s)) >= _LEAST_WORDS] or ([text] * (not turn))
    if not long_enough:
        return None
    whole = rng.choice(long_enough)
    share = rng.uniform(*_KEPT_WORDS)
    kept = [span for span in word_spans(whole) if rng.random() < share][:_MOST_WORDS]
    if len(kept) < 3:
        return None
    asked, last = "", 0
    for start, end in kept:
        joint = "" if asked and script_of(whole[start]) == "HAN" == script_of(asked[-1]) else " "
        asked += joint * bool(asked) + whole[start:end]
        last = end
    return PseudoQuestion(chunk, asked, script_of(asked), whole[:last] or whole)


def replaced(terms: Terms, pool: NDArray[np.uint64], rng: np.random.Generator) -> Terms:
    """The question in other words: a share of its terms replaced, half of them by terms of
    other questions (`pool`, repeats wanted), half by terms that no base has.
    """
    gone = rng.random(len(terms)) < rng.uniform(0, MOST_REPLACED)
    foreign = gone & (rng.random(len(terms)) < 0.5)
    hashes = terms.hashes.copy()
    hashes[gone] = rng.choice(pool, int(gone.sum())) if len(pool) else 0
    hashes[foreign] = rng.integers(1, 1 << 63, int(foreign.sum()), dtype=np.uint64)
    unique = np.unique(hashes)
    return Terms(unique, np.ones(len(unique), np.uint16))


def measure(
    fingerprint: str,
    questions: Sequence[PseudoQuestion],
    vectors: Vectors,
    sample: Vectors,
    chunks: int,
) -> Calibration | None:
    """Measure a base of `chunks` chunks.

    `vectors` are the embedded questions, row by row; `sample` holds vectors of the texts that
    `PseudoQuestion.chunk` counts. None where there is no unrelated pair to measure.
    """
    if len({q.chunk for q in questions}) < 2:
        return None
    asked_of, own = np.unique([q.chunk for q in questions], return_inverse=True)
    cosines = (vectors @ sample[asked_of].T).astype(np.float64)
    scripts = np.array([q.script for q in questions])
    written = np.empty(len(asked_of), scripts.dtype)
    written[own] = scripts  # a chunk's script is that of the questions made of it
    groups = [("", np.arange(len(questions)))]
    for script in np.unique(scripts):
        rows = np.flatnonzero(scripts == script)
        if len(rows) >= _LEAST_SHARE * len(questions):
            groups.append((str(script), rows))
    profiles = [
        _profile(script, cosines[rows], own[rows], (written == script) | (script == ""))
        for script, rows in groups
    ]
    return Calibration(fingerprint, chunks, tuple(p for p in profiles if p))


async def calibrate(
    fingerprint: str,
    texts: Sequence[str],
    sample: Vectors,
    chunks: int,
    embed_query: Callable[[str], Awaitable[Vectors]],
) -> Calibration | None:
    """Make pseudo-questions of the sampled chunks' texts, embed them and measure the base.

    Costs `QUESTIONS` embedded questions; worth it from two chunks on.
    """
    questions = await asyncio.to_thread(pseudo_questions, texts)
    if not questions:
        return None
    vectors = np.stack([await embed_query(question.text) for question in questions])
    return await asyncio.to_thread(measure, fingerprint, questions, vectors, sample, chunks)


def _profile(
    script: str, cosines: Floats, own: NDArray[np.int64], native: NDArray[np.bool_]
) -> DenseProfile | None:
    """`native` says which chunks are in the script; None without an unrelated one among them."""
    rows = np.arange(len(own))
    unrelated = np.broadcast_to(native, cosines.shape).copy()
    unrelated[rows, own] = False
    if unrelated.sum(axis=1).min() < 1:
        return None
    mean, deviation = _spread(cosines, unrelated)
    bare = DenseProfile(script, mean, deviation, 1.0)
    kept = unrelated.copy()
    kept[rows, own] = True
    z = np.array(
        [
            standardise(row[[at]], row[among], bare)[0]
            for row, at, among in zip(cosines, own, kept, strict=True)
        ]
    )
    found = np.minimum(z, _MOST_DEVIATIONS).sum() + _PRIOR_QUESTIONS * _USUAL_DEVIATIONS
    apart = found / (len(own) + _PRIOR_QUESTIONS)
    share = (apart - _BLIND_DEVIATIONS) / (_SEEING_DEVIATIONS - _BLIND_DEVIATIONS)
    trust = min(1.0, max(0.0, float(share))) ** 2
    if native.all():
        return DenseProfile(script, mean, deviation, trust)
    foreign = _spread(cosines, np.broadcast_to(~native, cosines.shape))
    return DenseProfile(script, mean, deviation, trust, *foreign)


def _spread(cosines: Floats, among: NDArray[np.bool_]) -> tuple[float, float]:
    """Mean of the marked cosines, and their deviation within a question."""
    counts = among.sum(axis=1)
    means = np.where(among, cosines, 0.0).sum(axis=1) / counts
    squares = np.where(among, (cosines - means[:, None]) ** 2, 0.0).sum() / counts.sum()
    # With one or two chunks a question, take the spread between questions if it is larger.
    between = float(means.std()) if counts.max() < 3 else 0.0
    return float(means.mean()), max(float(np.sqrt(squares)), between, 1e-3)
