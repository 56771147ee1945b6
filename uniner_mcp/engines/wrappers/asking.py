"""Asking an engine so that every question comes back in time, answered or with the reason why not."""

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
    """Return one answer per type, in the order of `types`, by the call's deadline. Raises nothing but cancellation.

    If the time is up or the engine breaks, early answers are kept and the other questions fail.
    """
    received: dict[EntityType, Answer] = {}

    def early(answer: Answer) -> None:
        received[answer.type] = answer
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
        # The message of an unexpected error may contain the caller's text: neither return nor log it.
        where = traceback.extract_tb(error.__traceback__)[-1]
        logger.error("Engine %s: %s at %s:%s", info.name, type(error).__name__, where.filename, where.lineno)
        failure = EngineError(f"the engine {info.name} failed unexpectedly ({type(error).__name__})")
    provenance = info.provenance()
    return [received.get(kind) or Answer(kind, (), provenance, failure=failure) for kind in types]
