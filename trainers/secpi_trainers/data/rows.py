"""One sample → token ids and labels, with every promise about them checked."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..base.errors import TrainerError

IGNORED = -100
"""The label that keeps a position out of the loss."""
OPEN, CLOSE = "<think>", "</think>"
_ANSWER = "answer"


class DroppedError(Exception):
    """A row that cannot be trained on; `reason` is one of the codes in README.md."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class TokenisedRow:
    """What a trainer needs of a row."""

    input_ids: list[int]
    labels: list[int]
    border_merges: bool
    """Whether prompt and completion, tokenised in one go, would merge over the border."""
    composed: bool
    """Whether the tokenizer has put letters and marks together (Unicode's NFC), which says the same otherwise."""

    @property
    def trained(self) -> int:
        """Tokens in the loss."""
        return sum(label != IGNORED for label in self.labels)


class RowTokeniser:
    """Renders and tokenises rows for one model.

    The chat template renders the prompt only; the completion follows as it is. Templates of reasoning models (QwQ)
    delete the trace from an assistant's turn, so a rendered answer would train a model that does not think.
    """

    def __init__(self, tokenizer: Any) -> None:  # noqa: ANN401 - a transformers tokenizer
        self._tokenizer = tokenizer
        end = tokenizer.eos_token
        if tokenizer.chat_template is None:
            raise TrainerError("no-chat-template", "the model's tokenizer has no chat template")
        if end is None:
            raise TrainerError("no-end-token", "the model's tokenizer has no end token")
        turns = self._render_turns()
        # Behind the answer: a template need not end the user's turn with it.
        if end not in turns.rpartition(_ANSWER)[2]:
            raise TrainerError(
                "wrong-end-token",
                f"the end token {end} does not occur in the chat template, so generation would not stop after a turn",
                "set eos_token to the token that ends a turn in the template",
            )
        self._end = end
        self._end_id: int = tokenizer.convert_tokens_to_ids(end)
        added = tokenizer.added_tokens_decoder.values()
        # Some models do not call the marks of their turns special, and some add tokens of blanks, which mark nothing.
        marks = {
            token.content for token in added if token.content.strip() and (token.special or token.content in turns)
        }
        self._control = marks | {OPEN, CLOSE}
        self._control_in_answer = self._control - {OPEN, CLOSE}

    def render(self, prompt: str) -> str:
        """The prompt as the model reads it, up to where its answer begins."""
        messages = [{"role": "user", "content": prompt}]
        text: str = self._tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        return text

    def _render_turns(self) -> str:
        messages = [{"role": "user", "content": "question"}, {"role": "assistant", "content": _ANSWER}]
        text: str = self._tokenizer.apply_chat_template(messages, add_generation_prompt=False, tokenize=False)
        return text

    def tokenise(self, prompt: str, completion: str, max_tokens: int) -> TokenisedRow:
        """The row, or `DroppedError` with the first reason that holds."""
        if not prompt.strip():
            raise DroppedError("empty_prompt")
        if not completion.strip():
            raise DroppedError("empty_completion")
        if any(token in text for token in self._control for text in (prompt, _composed(prompt))):
            raise DroppedError("control_token")
        if any(token in text for token in self._control_in_answer for text in (completion, _composed(completion))):
            raise DroppedError("control_token")
        if not completion.startswith(f"{OPEN}\n") or completion.count(OPEN) != 1:
            raise DroppedError("think_open")
        if completion.count(CLOSE) != 1:
            raise DroppedError("think_close")

        rendered = self.render(prompt)
        if prompt.strip() not in rendered:
            raise DroppedError("not_rendered")
        answer = continuation(rendered, completion)
        if (rendered + answer).count(OPEN) != 1:
            raise DroppedError("think_open")
        if (rendered + answer).count(CLOSE) != 1:
            raise DroppedError("think_close")

        # Apart, as at inference, where the model sees the prompt's tokens and adds its own.
        prompt_ids, answer_ids = self._encode(rendered), self._encode(answer)
        said = (self._decode(prompt_ids), self._decode(answer_ids))
        composed = said != (rendered, answer)
        if composed and said != (_composed(rendered), _composed(answer)):
            raise DroppedError("round_trip")
        answer = said[1]
        row = TokenisedRow(
            input_ids=[*prompt_ids, *answer_ids, self._end_id],
            labels=[IGNORED] * len(prompt_ids) + [*answer_ids, self._end_id],
            composed=composed,
            border_merges=self._encode(rendered + answer) != prompt_ids + answer_ids,
        )
        self._check(row, len(prompt_ids), answer)
        if len(row.input_ids) > max_tokens:
            raise DroppedError("too_long")
        return row

    def _check(self, row: TokenisedRow, border: int, answer: str) -> None:
        in_loss = [label for label in row.labels if label != IGNORED]
        if row.input_ids[-1] != self._end_id or in_loss.count(self._end_id) != 1 or row.labels[-1] != self._end_id:
            raise DroppedError("end_token")
        if any(label != IGNORED for label in row.labels[:border]) or row.labels[border:] != row.input_ids[border:]:
            raise DroppedError("mask")
        if self._decode(in_loss) != answer + self._end:
            raise DroppedError("mask")

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _decode(self, ids: list[int]) -> str:
        text: str = self._tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return text


def _composed(text: str) -> str:
    """Letters and their marks as one character where there is one: what Qwen's tokenizer makes of any text."""
    return unicodedata.normalize("NFC", text)


def continuation(rendered: str, completion: str) -> str:
    """What of the completion the model still has to write: a generation prompt may already open the trace."""
    for opening in (f"{OPEN}\n", OPEN):
        if rendered.endswith(opening):
            return completion.removeprefix(opening)
    return completion


def read_samples(rows: Iterator[tuple[int, dict[str, Any]]], keys: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The named text fields of each row; a row without them ends it with `trainer/bad-rows`."""
    for number, row in rows:
        yield texts_of(number, row, keys)


def texts_of(number: int, row: dict[str, Any], keys: tuple[str, ...]) -> tuple[str, ...]:
    """The named text fields of a row; one without them is `trainer/bad-rows`."""
    values = tuple(row.get(key) for key in keys)
    for key, value in zip(keys, values, strict=True):
        if not isinstance(value, str):
            raise TrainerError("bad-rows", f"line {number}: `{key}` is missing or not a text")
    return tuple(str(value) for value in values)
