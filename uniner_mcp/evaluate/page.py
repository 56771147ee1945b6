"""The report of a run as one HTML page that needs no network: bars against published figures, and the errors (pure)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib.resources import files
from itertools import pairwise
from string import Template

from uniner_mcp.evaluate.benchmark import load_benchmark
from uniner_mcp.evaluate.mistakes import Judged, Judgement, Mention
from uniner_mcp.evaluate.report import (
    WHOLE_DOMAINS,
    Table,
    compared,
    domain_table,
    mistake_table,
    percent,
    set_table,
    summary,
    title,
    type_table,
)
from uniner_mcp.evaluate.scores import Scores, by_domain, macro, published_mean

MOST_ERRORS = 300
"""Passages with errors that are shown of a set, the first ones; how many there are is said."""
_WIDTH, _LEFT, _BAR = 760, 170, 14


def page(run: Mapping[str, object], scores: Sequence[Scores]) -> str:
    """The page."""
    text = files("uniner_mcp.evaluate").joinpath("page.html").read_text(encoding="utf-8")
    domains = by_domain(scores)
    groups = [(each.name, [each]) for each in scores]
    return Template(text).substitute(
        title=escape(title(run)),
        summary="".join(f"<p>{escape(line)}</p>" for line in summary(run, scores) if line),
        sets=_table(set_table(scores)),
        set_bars=_bars(groups, compared(scores), "F1 per set"),
        sources="".join(
            f"<li>{escape(name)}: {escape(load_benchmark().sources[name])}</li>" for name in compared(scores)
        ),
        domains=_domains(scores, domains) if domains else "",
        mistakes=_table(mistake_table(scores)),
        types="".join(
            f"<details><summary>{escape(each.name)}</summary>{_table(type_table(each))}</details>" for each in scores
        ),
        errors="".join(_errors(each) for each in scores),
    )


def _domains(scores: Sequence[Scores], domains: Mapping[str, Sequence[Scores]]) -> str:
    bars = _bars(list(domains.items()), compared(scores), "mean F1 per domain")
    return f"<h2>Domains</h2>{bars}{_table(domain_table(scores))}<p>{escape(WHOLE_DOMAINS)}</p>"


def _table(table: Table) -> str:
    head, rows = table
    cells = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{_bold(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table></div>'


def _bold(cell: str) -> str:
    inner = escape(cell.removeprefix("**").removesuffix("**"))
    return f"<strong>{inner}</strong>" if cell.startswith("**") else inner


def _bars(groups: Sequence[tuple[str, Sequence[Scores]]], others: Sequence[str], label: str) -> str:
    """Horizontal bars: ours, with its interval where the group is one set, and beneath it those of other models."""
    rows: list[str] = []
    top = 0.0
    for name, sets in groups:
        known = [("this run", 100 * macro(sets)), *((other, published_mean(sets, other)) for other in others)]
        shown = [(other, figure) for other, figure in known if figure is not None]
        middle = top + len(shown) * _BAR / 2 + 4
        rows.append(f'<text class="name" x="{_LEFT - 8}" y="{middle:.1f}">{escape(name)}</text>')
        for place, (other, figure) in enumerate(shown):
            y = top + place * _BAR
            kind = "ours" if place == 0 else f"other o{others.index(other)}"
            end = _x(figure)
            rows.append(
                f'<rect class="{kind}" x="{_LEFT}" y="{y:.1f}" width="{end - _LEFT:.1f}" height="{_BAR - 2}">'
                f"<title>{escape(name)}, {escape(other)}: {figure:.1f}</title></rect>"
                f'<text class="figure" x="{end + 4:.1f}" y="{y + _BAR - 4:.1f}">{figure:.1f} {escape(other)}</text>'
            )
        if len(sets) == 1:
            low, high = (_x(100 * share) for share in sets[0].interval)
            y = top + (_BAR - 2) / 2
            rows.append(f'<line class="interval" x1="{low:.1f}" x2="{high:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>')
        top += len(shown) * _BAR + 12
    return f'<svg role="img" aria-label="{escape(label)}" viewBox="0 0 {_WIDTH + 140} {top:.0f}">{"".join(rows)}</svg>'


def _x(figure: float) -> float:
    """Where a figure in percent lies."""
    return _LEFT + figure / 100 * (_WIDTH - _LEFT)


def _errors(scores: Scores) -> str:
    wrong = [passage for passage in scores.judged if any(one.kind != "right" for one in passage.judgements)]
    shown = wrong[:MOST_ERRORS]
    count = f"{len(wrong):,} of {scores.passages:,} passages have errors"
    if len(shown) < len(wrong):
        count += f"; the first {len(shown)} are here, all are in predictions/{scores.name}.jsonl"
    body = "".join(map(_passage, shown))
    return (
        f"<details><summary>{escape(scores.name)}: F1 {percent(scores.paper.f1)}; {escape(count)}</summary>"
        f"{body}</details>"
    )


def _passage(passage: Judged) -> str:
    wrong = [one for one in passage.judgements if one.kind != "right"]
    kinds = escape(json.dumps(sorted({one.kind for one in wrong})), quote=True)
    items = "".join(f"<li>{_sentence(passage.text, one)}</li>" for one in wrong)
    return f'<article data-kinds="{kinds}"><p dir="auto">{"".join(_marked(passage))}</p><ul>{items}</ul></article>'


def _marked(passage: Judged) -> Iterator[str]:
    """The text, cut wherever a mention begins or ends; a part is marked by the mentions that it lies in."""
    gold = [one.gold for one in passage.judgements if one.gold is not None]
    said = [one.predicted for one in passage.judgements if one.predicted is not None]
    cuts = sorted({0, len(passage.text), *(place for one in (*gold, *said) for place in (one.start, one.end))})
    for start, end in pairwise(cuts):
        inside = [[one.type for one in side if one.start <= start and end <= one.end] for side in (gold, said)]
        part = escape(passage.text[start:end])
        classes = [name for name, found in zip(("gold", "said"), inside, strict=True) if found]
        if not classes:
            yield part
            continue
        told = "; ".join(
            f"{name}: {', '.join(sorted(found))}"
            for name, found in zip(("annotated", "found"), inside, strict=True)
            if found
        )
        yield f'<mark class="{" ".join(classes)}" title="{escape(told, quote=True)}">{part}</mark>'


def _sentence(text: str, one: Judgement) -> str:
    def said(mention: Mention) -> str:
        return f"<q>{escape(text[mention.start : mention.end])}</q> {escape(mention.type)}"

    parts = [said(mention) for mention in (one.gold, one.predicted) if mention is not None]
    return f'<b class="{one.kind.replace(" ", "-")}">{one.kind}</b> {" → ".join(parts)}'
