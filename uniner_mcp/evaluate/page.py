"""The report of a run as one HTML page that needs no network: bars beside published figures, and the errors (pure)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from itertools import pairwise
from string import Template

from uniner_mcp.domains import load_catalogue
from uniner_mcp.evaluate.benchmark import load_benchmark
from uniner_mcp.evaluate.mistakes import Judged, Judgement, Mention
from uniner_mcp.evaluate.report import (
    WHOLE_DOMAINS,
    Table,
    compared,
    domain_table,
    marked,
    mistake_table,
    notes,
    percent,
    set_table,
    summary,
    title,
    type_table,
)
from uniner_mcp.evaluate.scores import Scores, by_domain, macro, published_mean

MOST_ERRORS = 300
"""Maximum number of passages with errors shown per set: the first ones. The page states how many there are."""
_WIDTH, _LEFT, _BAR = 760, 170, 14


def page(run: Mapping[str, object], scores: Sequence[Scores]) -> str:
    """Return the page."""
    text = files("uniner_mcp.evaluate").joinpath("page.html").read_text(encoding="utf-8")
    return Template(text).substitute(
        title=escape(title(run)),
        summary="".join(f"<p>{escape(line)}</p>" for line in summary(run, scores) if line),
        sets=_table(set_table(scores)),
        set_bars=_bars(_set_groups(scores), "F1 per set"),
        sources="".join(
            f"<li>{escape(name)}: {escape(load_benchmark().sources[name])}</li>" for name in compared(scores)
        ),
        domains=_domains(scores) if by_domain(scores) else "",
        mistakes=_table(mistake_table(scores)),
        types="".join(
            f"<details><summary>{escape(marked(each))}</summary>{_notes(each)}{_table(type_table(each))}</details>"
            for each in scores
        ),
        errors="".join(_errors(each) for each in scores),
    )


def _domains(scores: Sequence[Scores]) -> str:
    bars = _bars(_domain_groups(scores), "mean F1 per domain")
    return f"<h2>Domains</h2>{bars}{_table(domain_table(scores))}<p>{escape(WHOLE_DOMAINS)}</p>"


def _notes(scores: Scores) -> str:
    return "".join(f"<p>{escape(note)}</p>" for note in notes(scores))


def _table(table: Table) -> str:
    head, rows = table
    cells = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{_bold(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table></div>'


def _bold(cell: str) -> str:
    inner = escape(cell.removeprefix("**").removesuffix("**"))
    return f"<strong>{inner}</strong>" if cell.startswith("**") else inner


@dataclass(frozen=True, slots=True)
class _Group:
    """Bars that belong together: names and figures in percent, this run first; interval: that of this run."""

    name: str
    figures: Sequence[tuple[str, float]]
    interval: tuple[float, float] | None


def _set_groups(scores: Sequence[Scores]) -> list[_Group]:
    groups: list[_Group] = []
    for each in scores:
        known = ((model, published_mean([each], model)) for model in compared(scores))
        figures = [(model, figure) for model, figure in known if figure is not None]
        groups.append(_Group(marked(each), [("this run", 100 * each.paper.f1), *figures], each.interval))
    return groups


def _domain_groups(scores: Sequence[Scores]) -> list[_Group]:
    """Group this run with figures published on the same sets, or else on all sets of the domain."""
    groups: list[_Group] = []
    for name, sets in by_domain(scores).items():
        figures = [("this run", 100 * macro(sets))]
        for model in load_benchmark().sources:
            if (figure := published_mean(sets, model)) is not None:
                figures.append((model, figure))
            elif (whole := load_catalogue()[name].f1.get(model)) is not None:
                figures.append((f"{model}, all sets of the domain", whole))
        groups.append(_Group(name, figures, sets[0].interval if len(sets) == 1 else None))
    return groups


def _bars(groups: Sequence[_Group], label: str) -> str:
    """Draw horizontal bars, one below the other."""
    rows: list[str] = []
    top = 0.0
    for group in groups:
        name = escape(group.name)
        middle = top + len(group.figures) * _BAR / 2 + 4
        rows.append(f'<text class="name" x="{_LEFT - 8}" y="{middle:.1f}">{name}</text>')
        for place, (who, figure) in enumerate(group.figures):
            y, end = top + place * _BAR, _x(figure)
            rows.append(
                f'<rect class="{"other" if place else "ours"}" x="{_LEFT}" y="{y:.1f}" width="{end - _LEFT:.1f}" '
                f'height="{_BAR - 2}"><title>{name}, {escape(who)}: {figure:.1f}</title></rect>'
            )
            if place == 0 and group.interval is not None:
                low, end = (_x(100 * share) for share in group.interval)
                across = f'y1="{y + _BAR / 2 - 1:.1f}" y2="{y + _BAR / 2 - 1:.1f}"'
                rows.append(f'<line class="interval" x1="{low:.1f}" x2="{end:.1f}" {across}/>')
            rows.append(
                f'<text class="figure" x="{end + 4:.1f}" y="{y + _BAR - 4:.1f}">{figure:.1f} {escape(who)}</text>'
            )
        top += len(group.figures) * _BAR + 12
    return f'<svg role="img" aria-label="{escape(label)}" viewBox="0 0 {_WIDTH + 200} {top:.0f}">{"".join(rows)}</svg>'


def _x(figure: float) -> float:
    """Return the x coordinate of a figure in percent."""
    return _LEFT + figure / 100 * (_WIDTH - _LEFT)


def _errors(scores: Scores) -> str:
    wrong = [passage for passage in scores.judged if any(one.kind != "right" for one in passage.judgements)]
    shown = wrong[:MOST_ERRORS]
    count = f"{len(wrong):,} of {scores.passages:,} passages have errors"
    if len(shown) < len(wrong):
        count += f"; the first {len(shown)} are shown here, all are in predictions/{scores.name}.jsonl"
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
    """Yield the text, cut wherever a mention begins or ends; each part is marked with the mentions that contain it."""
    gold = [one.gold for one in passage.judgements if one.gold is not None]
    predicted = [one.predicted for one in passage.judgements if one.predicted is not None]
    cuts = sorted({0, len(passage.text), *(place for one in (*gold, *predicted) for place in (one.start, one.end))})
    for start, end in pairwise(cuts):
        inside = [[one.type for one in side if one.start <= start and end <= one.end] for side in (gold, predicted)]
        part = escape(passage.text[start:end])
        classes = [name for name, found in zip(("gold", "said"), inside, strict=True) if found]
        if not classes:
            yield part
            continue
        label = "; ".join(
            f"{name}: {', '.join(sorted(found))}"
            for name, found in zip(("annotated", "found"), inside, strict=True)
            if found
        )
        yield f'<mark class="{" ".join(classes)}" title="{escape(label, quote=True)}">{part}</mark>'


def _sentence(text: str, one: Judgement) -> str:
    def quoted(mention: Mention) -> str:
        return f"<q>{escape(text[mention.start : mention.end])}</q> {escape(mention.type)}"

    parts = [quoted(mention) for mention in (one.gold, one.predicted) if mention is not None]
    return f'<b class="{one.kind.replace(" ", "-")}">{one.kind}</b> {" → ".join(parts)}'
