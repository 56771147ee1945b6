"""Metrics by OpenTelemetry: silent until the process configures an exporter. They hold no text of callers.

`gen_ai.client.token.usage` is that of the semantic conventions for generative AI; the others are ours.
"""

from __future__ import annotations

from opentelemetry import metrics

from uniner_mcp.engines.base import Answer, Cost

_meter = metrics.get_meter("uniner_mcp")
_questions = _meter.create_counter(
    "uniner.questions", "{question}", "Questions, by the engine that was asked last, and by what became of them."
)
_tokens = _meter.create_histogram("gen_ai.client.token.usage", "{token}", "Tokens of one call of the teacher.")
_usd = _meter.create_counter("uniner.teacher.cost", "USD", "What the teacher cost, by the prices of the policy.")


def count_answer(answer: Answer) -> None:
    """Count a question: `cached`, `answered`, or the kind of its failure."""
    by = answer.provenance
    outcome = type(answer.failure).__name__ if answer.failure is not None else "cached" if by.cached else "answered"
    _questions.add(1, {"engine": by.engine, "model": by.model, "outcome": outcome})


def count_tokens(model: str, cost: Cost) -> None:
    """Record what one call of the teacher used."""
    common = {"gen_ai.operation.name": "chat", "gen_ai.request.model": model}
    _tokens.record(cost.input_tokens, {**common, "gen_ai.token.type": "input"})
    _tokens.record(cost.output_tokens, {**common, "gen_ai.token.type": "output"})
    _usd.add(cost.usd, {"gen_ai.request.model": model})
