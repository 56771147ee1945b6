"""Putting engines together: `fallback( cached( limited( local ) ), cached( limited( teacher ) ) )`."""

from __future__ import annotations

import hashlib
import logging
from datetime import timedelta
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from uniner_mcp.caches.base import Cache, NoCache
from uniner_mcp.caches.sqlite import SqliteCache, default_cache_path
from uniner_mcp.domains import accuracy_of, domain_list
from uniner_mcp.engines.base import Engine, EngineInfo
from uniner_mcp.engines.choice import Choice, choose_engine
from uniner_mcp.engines.generative.addresses import leaves_machine
from uniner_mcp.engines.generative.dialects import Dialect
from uniner_mcp.engines.generative.engine import GenerativeEngine, Model, Sampling
from uniner_mcp.engines.generative.profiles import Profile
from uniner_mcp.engines.nano.engine import NanoEngine
from uniner_mcp.engines.nano.manifest import SHIPPED, read_manifest, read_scores
from uniner_mcp.engines.teacher.ledger import Ledger, today
from uniner_mcp.engines.teacher.policy import load_policy
from uniner_mcp.engines.teacher.rules import PolicyRules
from uniner_mcp.engines.wrappers.breaking import Breaking
from uniner_mcp.engines.wrappers.cached import Cached
from uniner_mcp.engines.wrappers.fallback import Fallback
from uniner_mcp.engines.wrappers.limited import Limited
from uniner_mcp.errors import EngineError, EngineUnavailable
from uniner_mcp.installation import install_command
from uniner_mcp.schema import DomainList
from uniner_mcp.settings import Settings

logger = logging.getLogger(__name__)

_DIALECTS: dict[str, Dialect] = {"vllm": "vllm", "llama-cpp": "llama-cpp"}


def open_engine(settings: Settings) -> Engine:
    """Return the engine that the settings ask for, with limiter, cache and fallback.

    The model loads in the background. If `model` is not set, a server is asked for its models. Raises EngineError if
    the engine cannot be opened, SettingsError if settings contradict each other.
    """
    policy = load_policy(settings.fallback)
    cache = _cache(settings)

    def guarded(engine: Engine) -> Cached:
        breaking = Breaking(engine, settings.breaker_failures, settings.breaker_pause_s)
        return Cached(Limited(breaking, _places(settings, engine.info())), cache)

    if not policy.may_send():
        return guarded(_local(settings))
    from uniner_mcp.engines.teacher.engine import Teacher

    teacher = Teacher(policy, Ledger(settings.ledger_path))
    local = None if policy.asks_only_teacher() else guarded(_local(settings))
    model = local.info().model if local is not None else ""
    catalogue = (
        expected_accuracy(settings, model) if policy.triggers.accuracy_below is not None else DomainList(domains=[])
    )
    return Fallback(local, guarded(teacher), PolicyRules(policy, partial(accuracy_of, catalogue)))


def expected_accuracy(settings: Settings, model: str | None = None) -> DomainList:
    """Return the domains with the expected accuracy of the chosen engine: measured for nano, published for others.

    `model` is the model name of the opened engine; if it is None, it is looked up.
    """
    if load_policy(settings.fallback).asks_only_teacher():
        return domain_list()
    choice = choose_engine(settings)
    if choice.engine == "nano":
        folder = settings.nano_path or SHIPPED
        scores = read_scores(folder)
        return domain_list(read_manifest(folder).model, scores.domains if scores else None)
    model = model or served_model(settings, choice)
    return domain_list(choice.profile_of(model).accuracy_of)


def describe_choice(settings: Settings, model: str) -> str:
    """Return a line for operators: engine, model and why they were chosen; prompt profile and licence of the model."""
    policy = load_policy(settings.fallback)
    if policy.asks_only_teacher():
        return f"teacher, model {policy.who()} (the fallback policy {policy.name} always asks the teacher)"
    choice = choose_engine(settings)
    line = f"{choice.engine}, model {model} ({choice.why})"
    if choice.engine == "nano":
        return line
    profile = choice.profile_of(model)
    return f"{line}; prompt profile {profile.name}; model licence: {profile.licence_of(model)}"


def describe_fallback(settings: Settings) -> str:
    """Return a line for operators: the policy, the teacher it may ask, and what was spent today."""
    policy = load_policy(settings.fallback)
    line = f"{policy.name}: {policy.description}"
    if not policy.may_send():
        return line
    spent, day = Ledger(settings.ledger_path).spent(today()), policy.budget.day
    of = "" if day.usd is None else f" of {day.usd:.2f}"
    return (
        f"{line}; consent: {policy.consent}; texts may be sent to {policy.who()}; today: {spent.questions} questions, "
        f"{spent.usd:.2f}{of} US dollars"
    )


def served_model(settings: Settings, choice: Choice) -> str:
    """Return the model that is set, or else the only one of the first server. Raises EngineError."""
    if choice.model is not None:
        return choice.model
    from uniner_mcp.engines.generative.openai_compatible import served_models

    names = served_models(settings.base_url[0], server_key(settings), settings.timeout_s)
    if len(names) != 1:
        raise EngineError(f"The server has {len(names)} models: set `model` to one of {', '.join(sorted(names))}.")
    return names[0]


def _places(settings: Settings, info: EngineInfo) -> int:
    """Return how many passages an engine gets at a time: what it processes, and one that is ready when one is done."""
    return settings.concurrency if info.concurrency is None else min(settings.concurrency, info.concurrency + 1)


def _cache(settings: Settings) -> Cache:
    if not settings.cache:
        return NoCache()
    age = settings.cache_max_age_days
    return SqliteCache(
        settings.cache_path or default_cache_path(),
        max_bytes=settings.cache_max_mb * 1024 * 1024,
        max_age=timedelta(days=age) if age is not None else None,
    )


def _local(settings: Settings) -> Engine:
    choice = choose_engine(settings)
    if choice.engine == "nano":
        if ignored := [name for name in ("model", "profile", "base_url") if getattr(settings, name)]:
            logger.warning("The engine nano ignores the settings %s", ", ".join(ignored))
        return NanoEngine(settings.nano_path)
    name = served_model(settings, choice)
    profile = choice.profile_of(name)
    sampling = Sampling(profile.max_answer_tokens, profile.stop)
    info = EngineInfo(
        choice.engine,
        Path(name).stem if Path(name).suffix.casefold() == ".gguf" else name,
        _fingerprint(settings, choice, name, profile),
        profile.context_budget,
        choice.served and any(map(leaves_machine, settings.base_url)),
    )
    model = _model(settings, choice, name)
    return GenerativeEngine(info, profile.conversation(), sampling, model, constrained=profile.constrained)


def _model(settings: Settings, choice: Choice, name: str) -> Model:
    if choice.served:
        from uniner_mcp.engines.generative.openai_compatible import ServerModel

        return ServerModel(
            base_urls=settings.base_url,
            model=name,
            api_key=server_key(settings),
            api=settings.api,
            dialect=_DIALECTS.get(choice.engine),
            timeout_s=settings.timeout_s,
            at_once=settings.requests_at_once,
        )
    if choice.engine == "vllm":
        # Fail early: importing vLLM takes half a minute, and is left to the thread that loads the model.
        if find_spec("vllm") is None:
            raise EngineUnavailable(f"vLLM is not installed: run {install_command('vllm')}.")
        from uniner_mcp.engines.generative.vllm import VllmModel

        model = VllmModel(name, settings.vllm_options)
    else:
        from uniner_mcp.engines.generative.llama_cpp import LlamaCppModel

        model = LlamaCppModel(name, settings.llama_options)
    model.warm_up()
    return model


def _fingerprint(settings: Settings, choice: Choice, name: str, profile: Profile) -> str:
    """Hash everything that answers depend on, as far as it is known: a model on a server only by its name."""
    options = "" if choice.served else repr((settings.vllm_options, settings.llama_options))
    parts = (choice.engine, name, *_files(Path(name).expanduser()), profile.fingerprint(), options)
    return f"{choice.engine}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:24]}"


def _files(path: Path) -> list[tuple[str, int, int]]:
    """Names, sizes and dates of the files of a local model: hashing gigabytes would take too long."""
    files = sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else [path]
    return [(file.name, (stat := file.stat()).st_size, stat.st_mtime_ns) for file in files if file.exists()]


def server_key(settings: Settings) -> str | None:
    """Return the API key of the servers, or None."""
    return settings.api_key.get_secret_value() if settings.api_key is not None else None
