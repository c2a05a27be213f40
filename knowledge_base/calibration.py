"""From raw signals to relevance: how far a cosine or a BM25 score can be trusted in this base.

Cosines mean nothing by themselves: one embedder's lie between 0.75 and 0.95, another's between 0
and 0.6, and an English one gives Chinese passages cosines that tell nothing. So each base is
measured with questions of its own (`pseudo_questions`). The relevance model's few coefficients were
learnt from such questions too, asked with and without their chunk in the base, by
`benchmarks/fit_relevance.py`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

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
