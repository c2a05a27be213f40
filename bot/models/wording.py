"""What is said of models: errors, findings and what mends them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, assert_never

from bot.models.errors import (
    ModelInUseError,
    NotInstalledError,
    NotWrittenError,
    PullError,
    PullProblem,
)
from bot.models.recommendation import Aim
from bot.models.verification import Finding, Trouble
from core.engines.memory import GIB, Part
from core.explain import explain
from core.inert import inert
from core.language import N_, Words, told


def size_words(size: int) -> str:
    """As hubs and disks count: thousands of thousands."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"


def gib_words(size: int) -> str:
    """As memory is counted."""
    return f"{size / GIB:.1f} GiB"


def language_words(languages: Sequence[str], _: Words) -> str:
    """English and Chinese first, for these are ours."""
    own = [tag for tag in ("en", "zh") if tag in languages]
    others = len(languages) - len(own)
    if "…" in languages:
        return ", ".join((*own, _("many more")))
    return ", ".join((*own, f"+{others}")) if others else ", ".join(own)


def aim_words(aim: Aim, _: Words) -> str:
    match aim:
        case "quality":
            return _("quality")
        case "balanced":
            return _("balanced")
        case "fast":
            return _("fast")
        case _ as never:
            assert_never(never)


def part_words(part: Part, _: Words) -> str:
    match part:
        case Part.WEIGHTS:
            return _("weights")
        case Part.CACHE:
            return _("cache of the answers at work")
        case Part.RESERVE:
            return _("computing and reserve")
        case Part.EMBEDDER:
            return _("embedding model")
        case Part.RERANKER:
            return _("reranker")
        case _ as never:
            assert_never(never)


_PULL: Final[Mapping[PullProblem, str]] = {
    "unknown": N_(
        "There is no model {name} in the list. `python -m bot models list` shows it; any "
        "repository can be named as owner/name, with :Q4_K_M for one quantisation."
    ),
    "not_found": N_(
        "{name} is not there ({detail}). Check its name, or try the other source: "
        "`--source modelscope` or `--source huggingface`."
    ),
    "gated": N_(
        "{detail} gives {name} only to those who agreed to its terms: agree on its page there, "
        "make a token that may read, and set `models.token_env`."
    ),
    "unreachable": N_(
        "{detail} cannot be reached. Set `network.proxy`, or a mirror as `models.endpoint`, or "
        "`models.source` to the other source."
    ),
    "broken_off": N_(
        "The connection broke off again and again at {detail}. Run the same command once more: "
        "it goes on where it stopped."
    ),
    "answer": N_(
        "{detail} answered something that is not understood. A mirror as `models.endpoint` may "
        "offer files, but not their list."
    ),
    "no_files": N_(
        "{name} has no files of weights that fit ({detail}). Name a quantisation that it has, as "
        "in owner/name:Q8_0."
    ),
    "disk": N_(
        "{size} more must be free on the disk of {detail}. Free them, or set `models.folder` to "
        "another disk."
    ),
    "checksum": N_(
        "{detail} has arrived twice with a wrong checksum and was deleted: something between here "
        "and the source changes it. Try another source or mirror."
    ),
    "pointer": N_(
        "In place of {detail} came a Git LFS pointer, a note of where the file lies. What it came "
        "from holds no large files: try another, or run `git lfs pull` in that folder."
    ),
    "folder": N_("There is no folder {detail}."),
}


@explain.register
def _pull(error: PullError, _: Words) -> str:
    name, detail = inert(error.model), inert(error.detail)
    return _(_PULL[error.problem], name=name, detail=detail, size=size_words(error.need))


@explain.register
def _in_use(error: ModelInUseError, _: Words) -> str:
    return _(
        "{name} is what `{key}` names. Configure another model first: "
        "`python -m bot models recommend --apply`.",
        name=inert(error.model),
        key=error.key,
    )


@explain.register
def _not_written(error: NotWrittenError, _: Words) -> str:
    return _(
        "{file} cannot be written and is as it was: {reason}",
        file=inert(error.file),
        reason=inert(told(error.reason, _)),
    )


@explain.register
def _not_installed(error: NotInstalledError, _: Words) -> str:
    if not error.known:
        return _("There are no models in the folder of models.")
    return _(
        "There is no model {name}. There are: {names}.",
        name=inert(error.model),
        names=", ".join(map(inert, error.known)),
    )


_FINDINGS: Final[Mapping[Trouble, str]] = {
    "missing": N_("{file} is missing."),
    "pointer": N_("{file} is a Git LFS pointer and not the file itself."),
    "truncated": N_("{file} is not whole: its end is missing."),
    "size": N_("{file} has another size than what was fetched."),
    "checksum": N_("{file} has another checksum than what was fetched."),
    "no_model": N_("{file} is no GGUF file that can be read."),
    "config": N_("{file} cannot be read ({detail})."),
    "index": N_("{file}, which lists the parts, cannot be read."),
    "shard": N_("{file} belongs to another model: {detail} is not in it."),
    "tokenizer_missing": N_("There is no tokenizer: neither {file} nor any other."),
    "tokenizer_broken": N_("{file} cannot be read."),
    "tokenizer_large": N_(
        "{file} belongs to another model: it has more tokens than the weights ({detail})."
    ),
    "no_weights": N_("There are no weights in {file}."),
    "unfinished": N_("{file} is half fetched."),
}


def finding_words(finding: Finding, _: Words) -> str:
    """What is wrong, and with what."""
    facts = {"file": inert(finding.file), "detail": inert(finding.detail)}
    return _(_FINDINGS[finding.trouble], **facts)


def mending_words(finding: Finding, name: str, _: Words) -> str:
    """What to do about it."""
    match finding.trouble:
        case "pointer":
            return _(
                "`git lfs pull` in that folder, or `python -m bot models pull {name}`.", name=name
            )
        case "tokenizer_large" | "shard":
            return _(
                "Take all files from one repository: `python -m bot models remove {name}`, then "
                "`models pull`.",
                name=name,
            )
        case "config" | "no_model":
            return _("Fetch it again, or take a model that this version knows.")
        case _:
            return _(
                "`python -m bot models pull {name}` fetches what is missing or wrong and keeps the "
                "rest.",
                name=name,
            )
