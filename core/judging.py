"""Which of several passages supports a sentence, where they may say different things."""

from __future__ import annotations

from collections.abc import Sequence

from core.evidence import Claim, Evidence, Verdict


def verdicts(claim: Claim, evidence: Sequence[Evidence]) -> list[tuple[Verdict, float]]:
    """The verdict of each passage. What one denies, another that shares the words may not support
    unless it says so in so many."""
    own = [one.supports(claim) for one in evidence]
    if all(verdict is not Verdict.SUPPORTED for verdict, _ in own):
        return own
    denied = {stance for one in evidence for stance in one.denies(claim)}
    return [
        verdict if all(map(one.says, denied)) else (Verdict.UNSUPPORTED, 0.0)
        for one, verdict in zip(evidence, own, strict=True)
    ]


def best(
    claim: Claim, evidence: Sequence[Evidence], own: Sequence[tuple[Verdict, float]]
) -> tuple[Verdict, int | None]:
    """The passage that supports a claim best, as an index, by the verdicts of each.

    UNKNOWN where none does and the most relevant one, the first, cannot be compared.
    """
    is_spoken_of = any(
        verdict is Verdict.UNSUPPORTED and one.speaks_of(claim)
        for one, (verdict, _) in zip(evidence, own, strict=True)
    )
    # What speaks the same language says otherwise: a number elsewhere proves nothing.
    judged = [
        verdict if verdict[1] or not is_spoken_of else (Verdict.UNSUPPORTED, 0.0) for verdict in own
    ]
    supporters = [n for n, (verdict, _) in enumerate(judged) if verdict is Verdict.SUPPORTED]
    if supporters:
        return Verdict.SUPPORTED, max(supporters, key=lambda n: (judged[n][1], -n))
    if judged and judged[0][0] is Verdict.UNKNOWN:
        return Verdict.UNKNOWN, None
    return Verdict.UNSUPPORTED, None
