"""Checks of the installation, of the engine in use, its files and its cache, each with a remedy."""

from __future__ import annotations

import platform
import sqlite3
from contextlib import closing
from importlib import metadata
from pathlib import Path

import uniner_mcp
from uniner_mcp.caches.sqlite import cache_stats, default_cache_path
from uniner_mcp.doctor.check import Check
from uniner_mcp.doctor.generative import examine_generative
from uniner_mcp.engines.choice import choose_engine
from uniner_mcp.engines.nano.manifest import SHIPPED, damaged_files, read_manifest
from uniner_mcp.engines.opening import describe_choice, describe_fallback
from uniner_mcp.engines.teacher.policy import load_policy
from uniner_mcp.errors import SettingsError, UninerError
from uniner_mcp.settings import FILE, Settings, set_variables, settings_file


def examine(settings: Settings) -> list[Check]:
    """Run all checks, cheapest first; nano's files are read in full, servers are asked for their models."""
    folder = settings.nano_path or SHIPPED
    return [
        _installation(),
        _settings(settings),
        *_engine(settings),
        _fallback(settings),
        _model(folder),
        _cache(settings),
    ]


def _installation() -> Check:
    versions = " ".join(f"{name} {metadata.version(name)}" for name in ("mcp", "onnxruntime", "tokenizers"))
    return Check(
        "installation", True, f"uniner-mcp {uniner_mcp.__version__}, Python {platform.python_version()}, {versions}"
    )


def _settings(settings: Settings) -> Check:
    """Where settings come from. Values are not shown: they may be secret."""
    path = settings.config or settings_file()
    said = [f"read {path}" if path.is_file() else f"{path} does not exist"]
    stray = Path.cwd() / FILE
    if stray.is_file() and not (path.is_file() and stray.samefile(path)):
        said.append(f"{stray} is ignored, because the working folder is not trusted (--config {FILE} reads it)")
    said.append(f"environment: {', '.join(set_variables()) or 'no UNINER_* variables'}")
    return Check("settings", True, "; ".join(said))


def _engine(settings: Settings) -> list[Check]:
    try:
        if load_policy(settings.fallback).asks_only_teacher():
            return [Check("engine", True, describe_choice(settings, ""))]
        choice = choose_engine(settings)
    except SettingsError as error:
        return [Check("engine", False, "cannot be chosen", str(error))]
    if choice.engine == "nano":
        return [Check("engine", True, f"nano ({choice.why})")]
    return examine_generative(settings, choice)


def _fallback(settings: Settings) -> Check:
    try:
        policy = load_policy(settings.fallback)
        if policy.may_send():
            policy.key()
        return Check("fallback", True, describe_fallback(settings))
    except UninerError as error:
        return Check("fallback", False, settings.fallback, str(error))


def _model(folder: Path) -> Check:
    try:
        damaged = damaged_files(folder, read_manifest(folder))
    except UninerError as error:
        return Check("model files", False, "not verified", str(error))
    if damaged:
        return Check("model files", False, f"missing or changed: {', '.join(damaged)}", "Reinstall uniner-mcp.")
    return Check("model files", True, f"verified by SHA-256 in {folder}")


def _cache(settings: Settings) -> Check:
    path = settings.cache_path or default_cache_path()
    if not settings.cache:
        return Check("cache", True, "turned off")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        held = cache_stats(path)
        if path.exists():
            with closing(sqlite3.connect(path, timeout=1)) as db:
                db.execute("BEGIN IMMEDIATE")
                db.rollback()
    except (UninerError, OSError, sqlite3.Error) as error:
        return Check(
            "cache",
            False,
            f"cannot use {path} ({type(error).__name__}); requests are answered without a cache",
            "Delete the file if it is a damaged cache, set `cache_path` (UNINER_CACHE_PATH) to a writable file, or "
            "turn off the cache with UNINER_CACHE=false.",
        )
    return Check("cache", True, f"{path}: {held.entries} answers, {held.bytes} bytes")
