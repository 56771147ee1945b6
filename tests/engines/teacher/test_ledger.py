from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from uniner_mcp.engines.base import Cost
from uniner_mcp.engines.teacher.ledger import Ledger, over, today
from uniner_mcp.engines.teacher.policy import Limit
from uniner_mcp.errors import EngineError

pytestmark = pytest.mark.anyio
ONE = Cost(questions=1, input_tokens=100, output_tokens=50, usd=0.01)
SPEND = """
import asyncio, sys
from pathlib import Path
from uniner_mcp.engines.base import Cost
from uniner_mcp.engines.teacher import ledger
from uniner_mcp.engines.teacher.ledger import Ledger
from uniner_mcp.engines.teacher.policy import Limit
ledger._BUSY_SECONDS = 300  # However slow the machine is, no process gives up on the others.
async def main():
    ledger = Ledger(Path(sys.argv[1]))
    print(sum([(await ledger.reserve(Cost(1, 100, 50, 0.01), Limit(questions=25)))[1] is None for _ in range(20)]))
asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        (Limit(), None), (Limit(questions=1), None), (Limit(tokens=150), None), (Limit(usd=0.01), None),
        (Limit(questions=0), "0 questions"), (Limit(tokens=149), "149 tokens"), (Limit(usd=0.009), "0.009 US dollars"),
    ],
)  # fmt: skip
def test_a_limit_is_reached_when_it_is_exceeded(limit: Limit, said: str | None) -> None:
    assert over(ONE, limit) == said


async def test_what_is_reserved_counts_until_it_is_settled(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "deep" / "ledger.sqlite")
    assert ledger.spent(today()) == Cost()
    assert await ledger.reserve(ONE, Limit(questions=1)) == (today(), None)
    assert await ledger.reserve(ONE, Limit(questions=1)) == (today(), "1 questions")
    assert ledger.spent(today()) == ONE
    await ledger.settle(today(), ONE, Cost(1, 10, 5, 0.001))
    spent = Ledger(ledger.path).spent(today())
    assert (spent.questions, spent.input_tokens, spent.output_tokens) == (1, 10, 5)
    assert spent.usd == pytest.approx(0.001)
    assert oct(ledger.path.parent.stat().st_mode & 0o777) == "0o700"


async def test_several_processes_share_the_limit_of_a_day(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    processes = [
        subprocess.Popen([sys.executable, "-c", SPEND, str(path)], stdout=subprocess.PIPE, text=True, env=os.environ)
        for _ in range(3)
    ]
    through = [int(process.communicate()[0]) for process in processes]
    assert sum(through) == 25 and Ledger(path).spent(today()).questions == 25


async def test_of_calls_at_the_same_time_only_so_many_get_through_as_fit(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    answers = await asyncio.gather(*(ledger.reserve(ONE, Limit(usd=0.1)) for _ in range(50)))
    assert sum(against is None for _, against in answers) == 10


async def test_a_ledger_that_cannot_be_written_lets_nothing_be_spent(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(EngineError, match="UNINER_LEDGER_PATH"):
        await Ledger(tmp_path / "ledger.sqlite").reserve(ONE, Limit())
