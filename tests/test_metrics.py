from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from engines.policies import write_policy
from engines.teacher_server import teacher_server
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from uniner_mcp import Extractor, Settings

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def reader() -> Iterator[InMemoryMetricReader]:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    metrics.set_meter_provider(provider)
    yield reader
    provider.shutdown()


def read(reader: InMemoryMetricReader) -> dict[str, list[tuple[dict[str, object], float]]]:
    data = reader.get_metrics_data()
    assert data is not None
    return {
        metric.name: [
            (dict(point.attributes or {}), getattr(point, "sum", None) or getattr(point, "value", 0))
            for point in metric.data.data_points
        ]
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if scope.scope.name == "uniner_mcp"
    }


async def test_questions_tokens_and_money_are_counted_without_the_text(
    tmp_path: Path, reader: InMemoryMetricReader
) -> None:
    async with teacher_server().running() as teacher:
        settings = Settings(
            fallback=write_policy(tmp_path, "teacher-only", teacher), ledger_path=tmp_path / "ledger.sqlite"
        )
        async with Extractor.open(settings) as extractor:
            for _ in range(2):
                await extractor.extract("Maria Keller left Berlin.", ["person", "location"])
    found = read(reader)
    ours = [pair for pair in found["uniner.questions"] if pair[0]["engine"] == "teacher"]
    assert sorted((str(by["outcome"]), number) for by, number in ours) == [("answered", 2), ("cached", 2)]
    tokens = {by["gen_ai.token.type"]: number for by, number in found["gen_ai.client.token.usage"]}
    assert tokens == {"input": 100, "output": 20}
    ((by, usd),) = found["uniner.teacher.cost"]
    assert by == {"gen_ai.request.model": "gpt-test"} and usd == pytest.approx(0.0003)
    assert "Keller" not in str(found)
