"""How much of a cell's output is kept? What a reader can read: a page of 95 MB opens on no phone.

Also what an error quotes is made harmless here: an exception may name whom it is about.
"""

from __future__ import annotations

from typing import Any

from crm_utils.people.contact_forms import hidden

__all__ = ["kept"]

#: Characters of text (printed, or a result's) that a cell may leave.
TEXT_CHARACTERS = 1_000_000
#: Characters of one picture or table, as they stand in the notebook.
RICH_CHARACTERS = 8_000_000
#: Outputs of a cell.
MOST_OUTPUTS = 1_000


def kept(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    r"""A cell's outputs, cut where they are too long, with a sentence that says so; errors without contacts.

    Examples
    --------
    >>> [o["text"] for o in kept([{"output_type": "stream", "name": "stdout", "text": "x" * 1_000_003}])][1]
    '[Cut: 3 more characters. A cell may print 1,000,000.]\n'
    """
    shown, left, cut = [], TEXT_CHARACTERS, 0
    for output in outputs[:MOST_OUTPUTS]:
        output, used, over = _fitting(_harmless(output), left)
        shown.append(output)
        left, cut = left - used, cut + over
    if cut:
        shown.append(_note(f"[Cut: {cut:,} more characters. A cell may print {TEXT_CHARACTERS:,}.]"))
    if len(outputs) > MOST_OUTPUTS:
        more = len(outputs) - MOST_OUTPUTS
        shown.append(_note(f"[Cut: {more:,} more outputs. A cell may have {MOST_OUTPUTS:,}.]"))
    return shown


def _fitting(output: dict[str, Any], left: int) -> tuple[dict[str, Any], int, int]:
    """An output within what is left; how much it uses of that, and how much had to go."""
    if "text" in output:
        text = _text(output["text"])
        return output | {"text": text[:left]}, min(len(text), left), max(0, len(text) - left)
    if "data" not in output:
        return output, 0, 0
    data, used, over = {}, 0, 0
    for kind, content in output["data"].items():
        text = _text(content) if isinstance(content, str | list) else ""
        if kind == "text/plain":
            data[kind] = text[: left - used]
            used, over = used + len(data[kind]), over + len(text) - len(data[kind])
        elif len(text) <= RICH_CHARACTERS:
            data[kind] = content
        else:
            over += len(text)
    return output | {"data": data or {"text/plain": ""}}, used, over


def _harmless(output: dict[str, Any]) -> dict[str, Any]:
    if output["output_type"] == "error":
        trace = [hidden(line) for line in output["traceback"]]
        return output | {"evalue": hidden(str(output["evalue"])), "traceback": trace}
    if output["output_type"] == "stream" and output["name"] == "stderr":
        return output | {"text": hidden(_text(output["text"])[:TEXT_CHARACTERS])}
    return output


def _text(content: str | list[str]) -> str:
    return content if isinstance(content, str) else "".join(content)


def _note(sentence: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": f"{sentence}\n"}
