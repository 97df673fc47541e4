"""A report as one self-contained page: no script, no request, light and dark by style alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

from bench.report.document import (
    Block,
    Bullets,
    Chart,
    Code,
    Column,
    Console,
    Document,
    Entry,
    Paragraph,
    Row,
    Section,
    Table,
    Text,
)
from bench.report.plain import one_line, printable

_STYLE = """
:root { color-scheme: light dark; --ink: #1f2430; --page: #ffffff; --line: #d8dce3;
  --faint: #5b6473; --panel: #f5f6f8; --good: #1a7f37; --bad: #c02b2b; --doubt: #8a6100; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --page: #0f131a; --line: #2d3440;
  --faint: #98a1b0; --panel: #181e27; --good: #4ac26b; --bad: #ff7b72; --doubt: #d9a520; } }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 66rem; color: var(--ink);
  background: var(--page); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.1rem; margin: 0; color: var(--faint); font-weight: 500; }
h2 { font-size: 1.25rem; margin: 3rem 0 .5rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.75rem 0 .5rem; }
.verdict { font-size: 1.35rem; margin: .25rem 0 1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
th { text-align: left; font-weight: 600; vertical-align: bottom; white-space: nowrap; }
th, td { padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); }
td { vertical-align: top; }
.right { text-align: right; }
.unit, .second { color: var(--faint); font-weight: 400; font-size: .8rem; display: block;
  white-space: nowrap; }
code, pre { font: .88em ui-monospace, monospace; background: var(--panel); border-radius: 4px; }
code { padding: .1em .3em; } pre { padding: .75rem 1rem; overflow-x: auto; }
ul { padding-left: 1.2rem; margin: .5rem 0; }
.good { color: var(--good); } .bad { color: var(--bad); } .doubt { color: var(--doubt); }
.quiet { color: var(--faint); }
figure { margin: 1.25rem 0; } svg { max-width: 100%; height: auto; }
summary { cursor: pointer; color: var(--faint); }
"""


def render(document: Document, *, charts: Mapping[str, str]) -> str:
    """Write the report as a page; ``charts`` has the SVG of each function."""
    blocks = [
        "<h1>Cold starts</h1>",
        f'<p class="verdict"><strong class="{document.tone}">{_plain(document.verdict)}</strong>: '
        f"{_prose(document.headline)}</p>",
        *(_block(block, charts) for block in document.preamble),
        *(text for section in document.sections for text in _section(section, charts)),
    ]
    body = "\n".join(block for block in blocks if block)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Cold starts: {_plain(document.verdict)}</title>\n<style>{_STYLE}</style>\n"
        f"</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _section(section: Section, charts: Mapping[str, str]) -> Iterator[str]:
    blocks = [text for text in (_block(block, charts) for block in section.blocks) if text]
    if not blocks:
        return
    yield f"<h2>{_plain(section.title)}</h2>"
    if section.folded:
        yield "<details><summary>show</summary>"
    yield from blocks
    if section.folded:
        yield "</details>"


def _block(block: Block, charts: Mapping[str, str]) -> str:
    match block:
        case Table():
            return _table(block)
        case Paragraph():
            return f'<p class="{block.tone}">{_prose(block.text)}</p>'
        case Bullets():
            return _bullets(block.items, block.tone)
        case Console():
            return f"<pre>{escape(printable(block.text))}</pre>"
        case Chart():
            svg = charts.get(block.function)
            return f"<figure>\n{svg}</figure>" if svg else ""


def _table(table: Table) -> str:
    title = f"<h3>{_prose(table.title)}</h3>\n" if table.title else ""
    header = "".join(_heading(column) for column in table.columns)
    rows = "\n".join(_row(row, table.columns) for row in table.rows)
    notes = "\n" + _bullets(table.notes, "plain") if table.notes else ""
    return (
        f'{title}<div class="scroll"><table>\n<thead><tr>{header}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody>\n</table></div>{notes}"
    )


def _heading(column: Column) -> str:
    unit = f'<span class="unit">{_plain(column.unit)}</span>' if column.unit else ""
    return f'<th scope="col" class="{column.align}">{_plain(column.title)}{unit}</th>'


def _row(row: Row, columns: tuple[Column, ...]) -> str:
    cells = [
        f'<td class="{column.align} {entry.tone}">{_entry(entry)}</td>'
        for entry, column in zip(row.entries, columns, strict=False)
    ]
    if row.remark:
        span = len(columns) - len(cells)
        cells.append(f'<td colspan="{span}" class="{row.tone}">{_prose(row.remark)}</td>')
    return f"<tr>{''.join(cells)}</tr>"


def _entry(entry: Entry) -> str:
    value = _prose(entry.text)
    lines = [f"<em>~{value}</em>" if entry.modelled else value]
    if entry.interval:
        lines.append(f'<span class="second">[{", ".join(entry.interval)}]</span>')
    if entry.detail:
        lines.append(f'<span class="second">{_prose(entry.detail)}</span>')
    return "".join(lines)


def _bullets(items: tuple[Text, ...], tone: str) -> str:
    listed = "\n".join(f"<li>{_prose(item)}</li>" for item in items)
    return f'<ul class="{tone}">\n{listed}\n</ul>'


def _prose(text: Text) -> str:
    return "".join(
        f"<code>{_plain(part)}</code>" if isinstance(part, Code) else _plain(part) for part in text
    )


def _plain(text: str) -> str:
    return escape(one_line(text))
