"""The one place where engines are put together: `limited( fallback( cached( local ), cached( teacher ) ) )`."""

from __future__ import annotations

import hashlib
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
from uniner_mcp.engines.wrappers.breaking import Breaking
from uniner_mcp.engines.wrappers.cached import Cached
from uniner_mcp.engines.wrappers.fallback import Fallback
from uniner_mcp.engines.wrappers.limited import Limited
from uniner_mcp.errors import EngineError, EngineUnavailable
from uniner_mcp.schema import DomainList
from uniner_mcp.settings import Settings

_DIALECTS: dict[str, Dialect] = {"vllm": "vllm", "llama-cpp": "llama-cpp"}


def open_engine(settings: Settings) -> Engine:
    """The engine that the settings ask for, with limiter, cache and fallback. The model loads in the background.

    A server is asked for its models if none is named. Raises EngineError where the engine cannot be opened,
    SettingsError where the settings contradict each other.
    """
    policy = load_policy(settings.fallback)
    cache = _cache(settings)

    def guarded(engine: Engine) -> Cached:
        return Cached(Breaking(engine, settings.breaker_failures, settings.breaker_pause_s), cache)

    if not policy.may_send():
        return Limited(guarded(_local(settings)), settings.concurrency)
    from uniner_mcp.engines.teacher.engine import Teacher

    teacher = Teacher(policy, Ledger(settings.ledger_path))
    local = None if policy.asks_only_teacher() else guarded(_local(settings))
    model = local.info().model if local is not None else ""
    catalogue = (
        expected_accuracy(settings, model) if policy.triggers.accuracy_below is not None else DomainList(domains=[])
    )
    engine = Fallback(local, guarded(teacher), policy, partial(accuracy_of, catalogue))
    return Limited(engine, settings.concurrency)


def expected_accuracy(settings: Settings, model: str | None = None) -> DomainList:
    """The catalogue with the accuracy to expect from the chosen engine: measured for nano, published for others.

    `model` is the name that the opened engine goes by; it is found out where none is given.
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
    """One line for an operator: which engine answers, with what model, why, how it is asked, under what licence."""
    policy = load_policy(settings.fallback)
    if policy.asks_only_teacher():
        return f"the teacher {policy.who()} answers, since the fallback policy {policy.name} says so"
    choice = choose_engine(settings)
    line = f"{choice.engine} answers with {model}, since {choice.why}"
    if choice.engine == "nano":
        return line
    profile = choice.profile_of(model)
    return f"{line}; profile {profile.name}; licence of the model: {profile.licence}"


def describe_fallback(settings: Settings) -> str:
    """One line for an operator: which policy may ask which teacher, and what was spent today."""
    policy = load_policy(settings.fallback)
    line = f"{policy.name}: {policy.description}"
    if not policy.may_send():
        return f"{line}; nothing is sent"
    spent, day = Ledger(settings.ledger_path).spent(today()), policy.budget.day
    of = "" if day.usd is None else f" of {day.usd:.2f}"
    return (
        f"{line}; consent: {policy.consent}; texts may go to {policy.who()}; today {spent.questions} questions for "
        f"{spent.usd:.2f}{of} US dollars"
    )


def served_model(settings: Settings, choice: Choice) -> str:
    """The model that was named, or else the only one that the first server has. Raises EngineError."""
    if choice.model is not None:
        return choice.model
    from uniner_mcp.engines.generative.openai_compatible import served_models

    names = served_models(settings.base_url[0], server_key(settings), settings.timeout_s)
    if len(names) != 1:
        raise EngineError(f"The server has {len(names)} models: set `model` to one of {', '.join(sorted(names))}.")
    return names[0]


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
        # Said at once: importing vLLM takes half a minute, and is left to the thread that loads the model.
        if find_spec("vllm") is None:
            raise EngineUnavailable("vLLM is not installed: pip install 'uniner-mcp[vllm]'.")
        from uniner_mcp.engines.generative.vllm import VllmModel

        model = VllmModel(name, settings.vllm_options)
    else:
        from uniner_mcp.engines.generative.llama_cpp import LlamaCppModel

        model = LlamaCppModel(name, settings.llama_options)
    model.warm_up()
    return model


def _fingerprint(settings: Settings, choice: Choice, name: str, profile: Profile) -> str:
    """Of everything that answers depend on, as far as it can be seen from here: a server's model goes by its name."""
    options = "" if choice.served else repr((settings.vllm_options, settings.llama_options))
    parts = (choice.engine, name, *_files(Path(name).expanduser()), profile.fingerprint(), options)
    return f"{choice.engine}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:24]}"


def _files(path: Path) -> list[tuple[str, int, int]]:
    """Names, sizes and dates of the files of a local model: gigabytes are not read for a fingerprint."""
    files = sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else [path]
    return [(file.name, (stat := file.stat()).st_size, stat.st_mtime_ns) for file in files if file.exists()]


def server_key(settings: Settings) -> str | None:
    """The key of the servers, for those who speak to them."""
    return settings.api_key.get_secret_value() if settings.api_key is not None else None
