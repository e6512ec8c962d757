"""Amounts, and tables of text, in Markdown."""

from collections.abc import Iterable, Sequence

NOTHING = "-"


def text_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of text."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def dollars(amount: float) -> str:
    """An amount with three digits that tell something, or two decimals; nothing is a dash."""
    if amount == 0:
        return NOTHING
    if amount < 1:
        return f"{amount:.3f}"
    return f"{amount:,.2f}" if amount < 1000 else f"{amount:,.0f}"


def bold(text: str) -> str:
    """The text, to stand out."""
    return f"**{text}**"


def count(amount: float) -> str:
    """A number of units; none is a dash."""
    return f"{amount:g}" if amount else NOTHING
