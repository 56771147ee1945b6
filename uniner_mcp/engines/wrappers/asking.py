"""Asking an engine so that every question comes back: answered, or with the reason why not, and in time."""

from __future__ import annotations

import asyncio
import logging
import math
import traceback
from collections.abc import Sequence
from dataclasses import replace

from uniner_mcp.engines.base import Answer, Call, Engine, Passage
from uniner_mcp.errors import EngineError, EngineTimeout, UninerError
from uniner_mcp.schema import EntityType

logger = logging.getLogger(__name__)


async def ask(engine: Engine, passage: Passage, types: Sequence[EntityType], call: Call) -> list[Answer]:
    """One answer per type, in their order, not later than the call's deadline. Raises nothing but cancellation.

    What the engine told early is kept when time is up or the engine breaks; the other questions fail.
    """
    told: dict[EntityType, Answer] = {}

    def early(answer: Answer) -> None:
        told[answer.type] = answer
        call.early(answer)

    info = engine.info()
    try:
        async with asyncio.timeout(None if math.isinf(call.deadline) else call.time_left()):
            return await engine.answer(passage, types, replace(call, early=early))
    except TimeoutError:
        failure = EngineTimeout(f"the request timed out before {info.name} answered")
    except EngineError as error:
        failure = error
    except UninerError as error:
        failure = EngineError(str(error))
    except Exception as error:
        # The message of an unforeseen error may hold the caller's text: neither passed on nor logged.
        where = traceback.extract_tb(error.__traceback__)[-1]
        logger.error("Engine %s: %s at %s:%s", info.name, type(error).__name__, where.filename, where.lineno)
        failure = EngineError(f"the engine {info.name} failed unexpectedly ({type(error).__name__})")
    nobody = info.provenance()
    return [told.get(kind) or Answer(kind, (), nobody, failure=failure) for kind in types]
