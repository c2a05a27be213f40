"""One command of the shell as a process: configuration, logs, exit codes, signals."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from bot import output
from bot.errors import BackupError, ConfigError, SurfaceError
from bot.own_language import words_in
from bot.proxies import proxy_for

if TYPE_CHECKING:
    from bot.settings import Config

FAILED = 1
WRONG_USAGE = 2


def execute(
    config_path: Path | None,
    work: Callable[[Config], Coroutine[None, None, int]],
    *,
    log_level: str | None = None,
    refused: Callable[[ConfigError], int] | None = None,
) -> NoReturn:
    """Run a command to its end and leave with its exit code.

    Ctrl-C and SIGTERM cancel the work, which undoes what is half done; the exit code is then 1.
    A configuration that cannot be used is told, and the exit code 2, unless `refused` tells it.
    """
    from bot import config as configuration
    from bot import logs

    output.use_utf8()
    try:
        config = configuration.load(config_path)
    except ConfigError as error:
        if refused is not None:
            sys.exit(refused(error))
        output.tell(error.told(words_in(error.language)))
        sys.exit(WRONG_USAGE)
    share_threads(config)
    logs.set_up(config.logs, level=log_level)
    try:
        code = asyncio.run(_guarded(work, config))
    except KeyboardInterrupt:
        from bot.wording import own_words

        _ = own_words(config)
        output.tell(_("Stopped. What was reported as done is done."))
        code = FAILED
    sys.exit(code)


def share_threads(config: Config) -> None:
    """Bound the thread teams of native libraries, before the first of them is loaded.

    Spinning teams of several libraries on the same cores cost a factor of five and more. What the
    operator has set stays.
    """
    threads = config.embedding.threads or cores()
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TQDM_DISABLE", "1")  # libraries' bars: progress is ours to show
    keep_downloads(config)


def keep_downloads(config: Config) -> None:
    """What libraries fetch by themselves lies with our data, unless the operator says where."""
    caches = config.data_dir / "cache"
    for variable, folder in (
        ("HF_HOME", "huggingface"),
        ("TORCH_HOME", "torch"),
        ("MODELSCOPE_CACHE", "modelscope"),
    ):
        os.environ.setdefault(variable, str(caches / folder))
    if config.models.source == "huggingface" and config.models.endpoint:
        os.environ.setdefault("HF_ENDPOINT", config.models.endpoint)
    if (proxy := proxy_for(config.models.proxy, config.network.proxy)) is not None:
        # For libraries that fetch models by themselves; all that is ours is told its proxy.
        for variable in ("HTTPS_PROXY", "HTTP_PROXY"):
            os.environ.setdefault(variable, proxy)
        os.environ.setdefault("NO_PROXY", "localhost,127.0.0.1,::1")
    if config.models.token is not None:
        os.environ.setdefault("HF_TOKEN", config.models.token.get_secret_value())


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


async def _guarded(work: Callable[[Config], Coroutine[None, None, int]], config: Config) -> int:
    """Errors that are expected become a sentence and exit code 1 or 2; others are bugs and show."""
    from bot.wording import own_words, sentence
    from core.errors import EngineError, PromptTemplateError, UserError
    from knowledge_base.errors import KnowledgeError

    task = asyncio.current_task()
    if task is not None:
        with contextlib.suppress(NotImplementedError):  # Windows has no signal handlers in loops
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        return await work(config)
    except ConfigError as error:
        output.tell(error.told(own_words(config)))
        return WRONG_USAGE
    except PromptTemplateError as error:
        output.tell(sentence(error, own_words(config)))
        return WRONG_USAGE
    except (BackupError, EngineError, KnowledgeError, SurfaceError, UserError) as error:
        output.tell(sentence(error, own_words(config)))
        return FAILED
    except asyncio.CancelledError:
        if task is not None and task.cancelling():
            raise KeyboardInterrupt from None
        raise
