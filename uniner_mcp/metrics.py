"""OpenTelemetry metrics. Nothing is recorded until the process configures an exporter, and no text of callers ever is.

`gen_ai.client.token.usage` follows the semantic conventions for generative AI; the other instruments are our own.
"""

from __future__ import annotations

from opentelemetry import metrics

_meter = metrics.get_meter("uniner_mcp")
_questions = _meter.create_counter(
    "uniner.questions", "{question}", "Questions by the engine that was asked last, its model and the outcome."
)
_tokens = _meter.create_histogram("gen_ai.client.token.usage", "{token}", "Tokens used by one call to the teacher.")
_usd = _meter.create_counter("uniner.teacher.cost", "USD", "Cost of the teacher at the prices of the policy.")


def count_question(engine: str, model: str, outcome: str) -> None:
    """Count one question. `outcome` is `cached`, `answered`, or the class name of the error."""
    _questions.add(1, {"engine": engine, "model": model, "outcome": outcome})


def count_tokens(model: str, input_tokens: int, output_tokens: int, usd: float) -> None:
    """Record the tokens and the cost, in US dollars, of one call to the teacher."""
    common = {"gen_ai.operation.name": "chat", "gen_ai.request.model": model}
    _tokens.record(input_tokens, {**common, "gen_ai.token.type": "input"})
    _tokens.record(output_tokens, {**common, "gen_ai.token.type": "output"})
    _usd.add(usd, {"gen_ai.request.model": model})
