"""`kb eval`: golden questions asked, their figures told and held against the last run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from bot import golden_runs, output
from bot.building import build
from bot.config import load
from bot.errors import ConfigError, Problem
from bot.golden_bench import SHIPPED, Bench, read_file
from bot.golden_report import show
from bot.golden_runs import NoRunError, Run
from bot.process import WRONG_USAGE
from bot.progress import CountBar
from bot.settings import Config
from bot.titles import find_called
from bot.wording import own_words
from core.commands.tuning import unknown_lines
from core.golden import BadGoldenError, Golden
from core.language import Later
from core.settings import EngineSettings


@dataclass(frozen=True, slots=True)
class EvalRequest:
    """The options of `kb eval`."""

    file: Path | None = None
    """None: the shipped ones, over the samples."""
    base: str | None = None
    engine: str | None = None
    against: Path | None = None
    beside: Path | None = None
    """Another configuration, which is asked first and held against."""
    as_json: bool = False


async def evaluate(config: Config, request: EvalRequest) -> int:
    """Ask all questions, tell the figures, keep them for the next time."""
    _ = own_words(config)
    try:
        questions = await asyncio.to_thread(golden_of, request.file)
        other = None
        if request.against is not None:
            other = await asyncio.to_thread(golden_runs.load, request.against)
    except NoRunError:
        output.tell(_("{path} holds no run that `kb eval --json` printed.", path=request.against))
        return WRONG_USAGE
    if request.beside is not None:
        other = await _asked(await asyncio.to_thread(load, request.beside), questions, request)
    run = await _asked(with_engine(config, request.engine), questions, request)
    earlier = other or golden_runs.last(config.data_dir, run.questions)
    if request.engine is None:
        # What another engine would do is no measure of the nights to come.
        await asyncio.to_thread(golden_runs.keep, config.data_dir, run)
    if request.as_json:
        output.emit(run.told(earlier))
    else:
        beside = request.against or request.beside
        show(run, earlier, questions, _, beside=beside.name if beside else None)
    return 0


async def _asked(config: Config, questions: Sequence[Golden], request: EvalRequest) -> Run:
    """All questions put to what a configuration makes."""
    _ = own_words(config)
    async with AsyncExitStack() as stack:
        bot = await stack.enter_async_context(build(config))
        bench = Bench(bot.library, bot.inbox, bot.engines.name_for(None))
        if request.base is not None:
            base = (await find_called(config, bot.library, request.base, _)).name
        else:
            base = await stack.enter_async_context(bench.samples())
        held = await bot.library.documents((await bot.library.base(base)).base_id)
        for line in unknown_lines(questions, {document.name for document in held}, _):
            output.tell(line)
        with CountBar(_("golden questions"), quiet=request.as_json) as bar:
            return await bench.run(questions, base, bar.show)


def golden_of(file: Path | None) -> tuple[Golden, ...]:
    """The questions of a file, or the shipped ones. Raises `ConfigError`."""
    path = file or SHIPPED
    try:
        questions = read_file(path)
    except BadGoldenError as error:
        wanted = Later("is no golden question, see docs/evaluation.md")
        raise ConfigError(Problem(str(path), error.line, "", wanted)) from error
    except (OSError, UnicodeDecodeError) as error:
        wanted = Later("cannot be read as UTF-8")
        raise ConfigError(Problem(str(path), None, "", wanted)) from error
    if not questions:
        raise ConfigError(Problem(str(path), None, "", Later("has no questions")))
    return questions


def with_engine(config: Config, name: str | None) -> Config:
    """The configuration with that engine alone. Raises `ConfigError` for one that is not there."""
    if name is None:
        return config
    ours = {
        "extractive": EngineSettings(kind="extractive"),
        "bundled": EngineSettings(kind="llama_cpp", model="bundled"),
    }
    engines = {**ours, **config.engines}
    if name not in engines:
        wanted = Later("{name!r} is none of {engines}", name=name, engines=", ".join(engines))
        raise ConfigError(Problem("--engine", None, "", wanted))
    return replace(config, engine=engines[name], engines={})
