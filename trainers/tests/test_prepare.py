"""What `prepare` promises about every row, under a chat template that deletes traces as QwQ's does."""

from __future__ import annotations

import gzip
import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secpi_trainers.data.rows import IGNORED, DroppedError, RowTokeniser, continuation

from .support import Job, digests, read_lines, run, samples, write_lines


@pytest.fixture(scope="session")
def tokenizer(base: Path) -> Any:  # noqa: ANN401
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(str(base))


def with_template(tokenizer: Any, template: str) -> Any:  # noqa: ANN401
    from copy import deepcopy

    changed = deepcopy(tokenizer)
    changed.chat_template = template
    return changed


def test_the_template_is_the_trap_that_it_is_meant_to_be(tokenizer: Any) -> None:  # noqa: ANN401
    row = samples("careful")[0]
    messages = [{"role": "user", "content": row["prompt"]}, {"role": "assistant", "content": row["completion"]}]
    assert "the careful way" in row["completion"]
    assert "the careful way" not in tokenizer.apply_chat_template(messages, tokenize=False)


def test_the_loss_covers_exactly_trace_answer_and_end(prepared: Path, tokenizer: Any) -> None:  # noqa: ANN401
    for row, sample in zip(read_lines(prepared), samples("careful"), strict=True):
        assert row["id"] == sample["id"]
        border = row["labels"].index(next(label for label in row["labels"] if label != IGNORED))
        before, trained = row["input_ids"][:border], row["input_ids"][border:]
        assert row["labels"] == [IGNORED] * border + trained
        assert tokenizer.decode(before) == (
            f"<|im_start|>user\n{sample['prompt']}<|im_end|>\n<|im_start|>assistant\n<think>\n"
        )
        assert tokenizer.decode(trained) == sample["completion"].removeprefix("<think>\n") + "<|im_end|>"
        assert trained.count(tokenizer.convert_tokens_to_ids("</think>")) == 1


def test_the_opening_is_trained_where_the_template_does_not_write_it(tokenizer: Any) -> None:  # noqa: ANN401
    plain = with_template(tokenizer, tokenizer.chat_template.replace("assistant\\n<think>\\n'", "assistant\\n'"))
    sample = samples("careful")[0]
    row = RowTokeniser(plain).tokenise(sample["prompt"], sample["completion"], 400)
    trained = [label for label in row.labels if label != IGNORED]
    assert tokenizer.decode(trained) == sample["completion"] + "<|im_end|>"


R1 = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message.role == 'user' %}<|User|>{{ message.content }}"
    "{% else %}<|Assistant|>{{ message.content.split('</think>')[-1] }}<|end_of_sentence|>{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|Assistant|>OPENING{% endif %}"
)
"""Ours, with DeepSeek-R1's ways: its end token is behind answers only and pads as well, and turns have plain marks."""


@pytest.mark.parametrize("opening", ["<think>\n", "<think>", ""])
def test_a_template_like_deepseeks(tokenizer: Any, opening: str) -> None:  # noqa: ANN401
    from tokenizers import AddedToken

    changed = with_template(tokenizer, R1.replace("OPENING", opening))
    changed.add_tokens([AddedToken(mark, special=False) for mark in ("<|User|>", "<|Assistant|>")])
    begin, end = "<|begin_of_sentence|>", "<|end_of_sentence|>"
    changed.add_special_tokens({"bos_token": begin, "eos_token": end, "pad_token": end})
    tokeniser, sample = RowTokeniser(changed), samples("careful")[0]
    row = tokeniser.tokenise(sample["prompt"], sample["completion"], 400)
    prompt, trained = (
        [token for token, label in zip(row.input_ids, row.labels, strict=True) if (label == IGNORED) == ignored]
        for ignored in (True, False)
    )
    assert changed.decode(prompt) == f"{begin}<|User|>{sample['prompt']}<|Assistant|>{opening}"
    assert changed.decode(trained) == sample["completion"].removeprefix(opening) + end
    assert trained.count(changed.convert_tokens_to_ids("</think>")) == 1
    for prompt_text, text in (("<|User|>Say it.", "a"), ("Say it.", f"a{end}"), ("Say it.", "a<|Assistant|>")):
        with pytest.raises(DroppedError) as error:
            tokeniser.tokenise(prompt_text, f"<think>\n{text}\n</think>\n\nYes.", 400)
        assert error.value.reason == "control_token"


def test_an_added_token_of_blanks_marks_nothing(tokenizer: Any) -> None:  # noqa: ANN401
    from copy import deepcopy

    from tokenizers import AddedToken

    changed = deepcopy(tokenizer)
    # As GPT-NeoX, Phi and Gemma have them.
    changed.add_tokens([AddedToken(blanks, normalized=False) for blanks in ("\n", "\n\n", "  ")])
    tokeniser = RowTokeniser(changed)
    for sample in samples("careful"):
        assert tokeniser.tokenise(sample["prompt"], sample["completion"], 400).trained > 0


BAD_ROWS = {
    "too_long": ("Say it.", "<think>\n" + "word " * 400 + "\n</think>\n\nYes."),
    "empty_prompt": (" \n", "<think>\na\n</think>\n\nYes."),
    "empty_completion": ("Say it.", ""),
    "control_token": ("Say <|im_end|> twice.", "<think>\na\n</think>\n\nYes."),
    "think_open": ("Say it.", "Yes."),
    "think_close": ("Say it.", "<think>\na\n</think>\n\nYes. </think>"),
}


def test_each_dropped_row_is_named_with_its_reason(base: Path, tmp_path: Path) -> None:
    rows = [{"id": reason, "prompt": prompt, "completion": text} for reason, (prompt, text) in BAD_ROWS.items()]
    write_lines(tmp_path / "samples.jsonl", [*samples("careful"), *rows])
    job = Job(tmp_path / "work", tmp_path / "out")
    job.write(model=base, samples=tmp_path / "samples.jsonl", max_tokens=300)
    assert run("prepare", job) == 0
    assert read_lines(job.output / "dropped.jsonl") == [{"id": reason, "reason": reason} for reason in BAD_ROWS]
    result = job.result
    assert (result["rows"], result["kept"]) == (12, 6)
    assert result["dropped"] == dict.fromkeys(sorted(BAD_ROWS), 1)
    assert sum(bucket["rows"] for bucket in result["histogram"]) == 6
    assert sorted(digests(job.output)) == ["dropped.jsonl", "holdout.jsonl", "prepared.jsonl", "stats.json"]


@pytest.mark.parametrize(
    ("prompt", "completion", "reason"),
    [
        ("Say </think> aloud.", "<think>\na\n</think>\n\nYes.", "control_token"),
        ("Say it.", "<think>\na<|im_start|>\n</think>\n\nYes.", "control_token"),
        ("Say it.", "<think>\n<think>\na\n</think>\n\nYes.", "think_open"),
        ("Say it.", "a\n</think>\n\nYes.", "think_open"),
        ("Say it.", "<think>\na, then yes.", "think_close"),
    ],
)
def test_odd_thinking_is_not_trained_on(tokenizer: Any, prompt: str, completion: str, reason: str) -> None:  # noqa: ANN401
    with pytest.raises(DroppedError) as error:
        RowTokeniser(tokenizer).tokenise(prompt, completion, 400)
    assert error.value.reason == reason


def test_a_template_that_loses_the_prompt_is_noticed(tokenizer: Any) -> None:  # noqa: ANN401
    lossy = with_template(tokenizer, "<|im_start|>user\n{{ messages[0].content[:3] }}<|im_end|>\n")
    with pytest.raises(DroppedError) as error:
        RowTokeniser(lossy).tokenise("Say it.", "<think>\na\n</think>\n\nYes.", 400)
    assert error.value.reason == "not_rendered"


def test_a_tokenizer_that_rewrites_text_is_noticed(tokenizer: Any) -> None:  # noqa: ANN401
    from copy import deepcopy

    from tokenizers import normalizers

    lower = deepcopy(tokenizer)
    lower.backend_tokenizer.normalizer = normalizers.Lowercase()
    with pytest.raises(DroppedError) as error:
        RowTokeniser(lower).tokenise("Say it.", "<think>\na\n</think>\n\nYes.", 400)
    assert error.value.reason == "round_trip"


PIECES = st.sampled_from(
    [
        "\n",
        "\n\n",
        " ",
        "\t",
        "a",
        "Wait, ",
        "é",
        "e\u0301",
        "漢字",
        "🔒",
        "\u200b",
        "if (x) {",
        "\\",
        '"',
        "<",
        "think>",
        "</",
        "<|im",
        "\r\n",
        "\x00",
    ]
)
TEXT = st.lists(st.one_of(PIECES, st.text(max_size=8)), max_size=12).map("".join)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prompt=TEXT, trace=TEXT, answer=TEXT)
def test_any_text_is_kept_whole_or_dropped_with_a_reason(tokenizer: Any, prompt: str, trace: str, answer: str) -> None:  # noqa: ANN401
    completion = f"<think>\n{trace}\n</think>\n\n{answer}"
    tokeniser = RowTokeniser(tokenizer)
    row, reason = None, ""
    try:
        row = tokeniser.tokenise(prompt, completion, 400)
    except DroppedError as error:
        reason = error.reason
    if row is None:
        known = {"empty_prompt", "control_token", "think_open", "think_close", "round_trip", "too_long"}
        assert reason in known
        marks = ("<think>", "</think>", "<|im_start|>", "<|im_end|>", "<|endoftext|>")
        suspicious = any(mark in prompt + trace + answer for mark in marks)
        assert suspicious or not prompt.strip() or reason == "too_long"
        return
    # Qwen's tokenizer brings letters into composed form, here and when the model is asked.
    rendered, learnt = (unicodedata.normalize("NFC", text) for text in (tokeniser.render(prompt), completion))
    assert row.composed == ((rendered, learnt) != (tokeniser.render(prompt), completion))
    trained = [label for label in row.labels if label != IGNORED]
    assert tokenizer.decode(row.input_ids) == rendered + learnt.removeprefix("<think>\n") + "<|im_end|>"
    assert tokenizer.decode(trained) == learnt.removeprefix("<think>\n") + "<|im_end|>"
    assert row.labels[-1] == tokenizer.eos_token_id
    assert trained.count(tokenizer.eos_token_id) == 1
    assert len(row.input_ids) == len(row.labels) <= 400


@pytest.mark.parametrize(
    ("rendered", "rest"), [("…<think>\n", "a"), ("…<think>", "\na"), ("…assistant\n", "<think>\na")]
)
def test_what_is_left_to_write(rendered: str, rest: str) -> None:
    assert continuation(rendered, "<think>\na") == rest


def test_the_held_out_rows_do_not_depend_on_their_order(base: Path, tmp_path: Path) -> None:
    chosen: list[list[str]] = []
    for name, rows in (("a", samples("careful")), ("b", samples("careful")[::-1])):
        write_lines(tmp_path / f"{name}.jsonl", rows)
        job = Job(tmp_path / name, tmp_path / f"{name}-out")
        job.write(model=base, samples=tmp_path / f"{name}.jsonl", max_tokens=400, holdout=2, seed=5)
        assert run("prepare", job) == 0
        held_out = read_lines(job.output / "holdout.jsonl")
        kept = read_lines(job.output / "prepared.jsonl")
        chosen.append(sorted(row["id"] for row in held_out))
        assert len(held_out) == 2
        assert len(kept) == 4
        assert (job.result["kept"], job.result["held_out"]) == (4, 2)
    assert chosen[0] == chosen[1]


def test_rows_of_one_task_are_held_out_together_or_not_at_all(base: Path, tmp_path: Path) -> None:
    rows = [row | {"task_id": f"task-{number // 2}"} for number, row in enumerate(samples("careful"))]
    write_lines(tmp_path / "samples.jsonl", rows)
    for seed in range(6):
        job = Job(tmp_path / "work", tmp_path / "out")
        job.write(model=base, samples=tmp_path / "samples.jsonl", max_tokens=400, holdout=1, seed=seed)
        assert run("prepare", job) == 0
        number = {row["id"]: row["task_id"] for row in rows}
        held_out = [number[row["id"]] for row in read_lines(job.output / "holdout.jsonl")]
        kept = {number[row["id"]] for row in read_lines(job.output / "prepared.jsonl")}
        assert (len(held_out), len({*held_out}), {*held_out} & kept) == (2, 1, set())
        assert (job.result["kept"], job.result["held_out"]) == (4, 2)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"id": "a", "prompt": "b"}\n', "trainer/bad-rows"),
        ('{"id": "a", "prompt": "b", "completion"\n', "trainer/bad-rows"),
        ("[]\n", "trainer/bad-rows"),
        ("", "trainer/nothing-to-train"),
    ],
)
def test_samples_that_are_none(base: Path, tmp_path: Path, text: str, code: str) -> None:
    (tmp_path / "samples.jsonl").write_text(text)
    job = Job(tmp_path / "work", tmp_path / "out").write(model=base, samples=tmp_path / "samples.jsonl", max_tokens=400)
    assert run("prepare", job) == 1
    assert job.result["code"] == code
    assert digests(job.output) == {}


def test_packed_samples_are_the_same_samples(base: Path, tmp_path: Path) -> None:
    text = "".join(json.dumps(row) + "\n" for row in samples("careful")).encode()
    half = len(text) // 2
    # Packed rows come in blocks that are gzip files of their own, the last of them empty.
    blocks = [gzip.compress(part) for part in (text[:half], text[half:], b"")]
    made = []
    for name, content in (("plain", text), ("packed", b"".join(blocks))):
        (tmp_path / name).write_bytes(content)
        job = Job(tmp_path / f"{name}-work", tmp_path / f"{name}-out")
        job.write(model=base, samples=tmp_path / name, max_tokens=400)
        assert run("prepare", job) == 0
        made.append(digests(job.output))
    assert made[0] == made[1]


@pytest.mark.parametrize("damage", ["cut", "flipped", "wrong-sum", "no-block"])
def test_packed_samples_that_are_damaged(base: Path, tmp_path: Path, damage: str) -> None:
    packed = bytearray(gzip.compress("".join(json.dumps(row) + "\n" for row in samples("careful")).encode()))
    damaged = {
        "cut": packed[:-20],
        "flipped": packed[:200] + bytes(byte ^ 0xFF for byte in packed[200:210]) + packed[210:],
        "wrong-sum": packed[:-8] + bytes(8),
        "no-block": packed + b"no gzip",
    }
    (tmp_path / "samples").write_bytes(damaged[damage])
    job = Job(tmp_path / "work", tmp_path / "out").write(model=base, samples=tmp_path / "samples", max_tokens=400)
    assert run("prepare", job) == 1
    assert job.result["code"] == "trainer/bad-rows"
    assert digests(job.output) == {}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"eos_token": "<|endoftext|>", "pad_token": "<|im_end|>"}, "trainer/wrong-end-token"),
        ({"eos_token": "<|im_start|>"}, "trainer/wrong-end-token"),
    ],
)
def test_tokenizers_that_would_teach_never_to_stop(
    base: Path, data: Path, tmp_path: Path, changes: dict[str, str], code: str
) -> None:
    model = tmp_path / "model"
    model.mkdir()
    for path in base.iterdir():
        if path.suffix != ".safetensors":
            (model / path.name).write_bytes(path.read_bytes())
    settings_path = model / "tokenizer_config.json"
    settings_path.write_text(json.dumps(json.loads(settings_path.read_text()) | changes))
    job = Job(tmp_path / "work", tmp_path / "out").write(model=model, samples=data / "samples.jsonl", max_tokens=400)
    assert run("prepare", job) == 1
    assert job.result["code"] == code
