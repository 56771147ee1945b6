"""A guard around every method of the protocol: errors give advice and never repeat what the caller sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp import MCPError
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.types import INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND, Prompt
from pydantic import ValidationError

from uniner_mcp.arguments import faults
from uniner_mcp.server.logs import log_failure

FAILED = "The server failed unexpectedly ({kind}): its log says where."
"""Said of an error that nobody foresaw, by the name of its type."""


async def guard(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Pass a message on, and replace errors that may contain a caller's words (middleware of the SDK)."""
    try:
        return await call_next(ctx)
    except MCPError as error:
        if error.code == METHOD_NOT_FOUND:
            raise MCPError(METHOD_NOT_FOUND, "This server has no such method.") from None
        raise
    except ValidationError as error:
        raise invalid(f"The parameters are not valid: {faults(error)}.") from None
    except Exception as error:
        log_failure("A request", error)
        raise MCPError(INTERNAL_ERROR, FAILED.format(kind=type(error).__name__)) from None


def invalid(message: str) -> MCPError:
    """Return the protocol error for parameters that are not valid."""
    return MCPError(INVALID_PARAMS, message)


def no_resource(message: str, uri: str) -> MCPError:
    """Return the protocol error for a resource that does not exist, with its URI as data (SEP-2164)."""
    return MCPError(INVALID_PARAMS, message, {"uri": uri})


def check_prompt(prompts: list[Prompt], name: str, arguments: Mapping[str, str] | None) -> None:
    """Raise MCPError (-32602) unless there is such a prompt, with these arguments and no required one missing."""
    prompt = next((one for one in prompts if one.name == name), None)
    if prompt is None:
        raise invalid(f"There is no such prompt. The prompts are: {', '.join(one.name for one in prompts)}.")
    takes = {argument.name: bool(argument.required) for argument in prompt.arguments or []}
    given = arguments or {}
    missing = [one for one, required in takes.items() if required and one not in given]
    if missing:
        raise invalid(f"The prompt {prompt.name} needs the argument `{missing[0]}`.")
    if given.keys() - takes.keys():
        raise invalid(f"The prompt {prompt.name} takes only the arguments {', '.join(takes)}.")
