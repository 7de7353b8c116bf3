"""What is trained on is what the served model reads and writes: ids of `prepare` against those of the server.

The templates are ours, with the ways of QwQ's, Qwen3's, DeepSeek-R1's, and of a plain chat. The server runs in this
process, so that the ids it gives to the model are seen as they are, whatever it says of them.
"""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import AddedToken, processors
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationMixin

from secpi_trainers.base.errors import StoppedError
from secpi_trainers.base.session import Session, StopFlag
from secpi_trainers.data.rows import IGNORED, RowTokeniser
from secpi_trainers.jobs import ServeJob, check_job, read_job
from secpi_trainers.serving.serve import run_serve

from .support import PATIENCE_SECONDS, Job, read_lines, run, samples

TEMPLATES = Path(__file__).parent / "templates"
BAR = "\uff5c"
"""Around DeepSeek's control tokens: a wide one."""
OPENED = {"qwq": "<think>\n", "qwen3": "", "deepseek-r1": "<think>\n", "plain": ""}
"""What of the trace the prompt holds already."""


def model_with(base: Path, name: str, folder: Path) -> Path:
    """The small model with another template, and with the tokens that it speaks of."""
    tokenizer = AutoTokenizer.from_pretrained(str(base))
    tokenizer.chat_template = (TEMPLATES / f"{name}.jinja").read_text()
    model = AutoModelForCausalLM.from_pretrained(str(base))
    if name == "deepseek-r1":
        begin, end, user, assistant = (
            f"<{BAR}{word}{BAR}>" for word in ("begin▁of▁sentence", "end▁of▁sentence", "User", "Assistant")
        )
        tokenizer.add_tokens([AddedToken(mark, special=False) for mark in (user, assistant)])
        tokenizer.add_special_tokens({"bos_token": begin, "eos_token": end, "pad_token": end})
        # As in Llama's tokenizer: it puts the first token before any text by itself.
        first = (begin, tokenizer.convert_tokens_to_ids(begin))
        tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{begin} $A", pair=f"{begin} $A {begin} $B", special_tokens=[first]
        )
        model.resize_token_embeddings(len(tokenizer))
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@dataclass
class Served:
    """A model behind our server, and what it was asked to go on from."""

    name: str
    model: Path
    address: str
    read: list[list[int]] = field(default_factory=list)
    stops: list[int] = field(default_factory=list)
    write: list[int] | None = None
    """What it writes instead of what it would."""

    def ask(self, path: str, **body: Any) -> Any:  # noqa: ANN401
        data = json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data, {"content-type": "application/json"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.load(answer)

    def ids(self, messages: list[dict[str, str]], **more: Any) -> list[int]:  # noqa: ANN401
        """The ids that a chat is generated from: the server and the model have to agree about them."""
        said = self.ask("/tokenize", messages=messages, **more)
        usage = self.ask("/v1/chat/completions", messages=messages, max_tokens=2, **more)["usage"]
        assert said["tokens"] == self.read[-1]
        assert said["count"] == usage["prompt_tokens"] == len(said["tokens"])
        return self.read[-1]


@pytest.fixture(scope="module", params=OPENED)
def served(base: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp(request.param)
    model = model_with(base, request.param, folder / "model")
    job = Job(folder / "work", None).write(model=model, served_name="it", device="cpu", threads=1)
    known = check_job("serve", read_job(job.path))
    assert isinstance(known, ServeJob)
    stop, ended = StopFlag(), []
    found = Served(request.param, model, "")

    def serve() -> None:
        with Session(job.work, "serve", stop) as session:
            try:
                run_serve(known, session)
            except StoppedError:
                ended.append("as it should")

    generate = GenerationMixin.generate

    def watched(self: Any, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        found.read.append(named["input_ids"][0].tolist())
        stops = named["generation_config"].eos_token_id
        found.stops[:] = stops if isinstance(stops, list) else [stops]
        if found.write is not None:
            return torch.tensor([found.read[-1] + found.write])
        return generate(self, *arguments, **named)

    # A test that fails must not wait for a server that hangs, and nor must the end of all tests.
    thread = threading.Thread(target=serve, daemon=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("HF_HUB_CACHE", str(folder))
        patch.setattr(GenerationMixin, "generate", watched)
        thread.start()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (job.work / "ready.json").exists():
            assert thread.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        found.address = json.loads((job.work / "ready.json").read_text())["base_url"].removesuffix("/v1")
        yield found
        stop.is_set = True
        thread.join(PATIENCE_SECONDS)
    assert ended == ["as it should"]


def asked(prompt: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt}]


def differences(served: Served, row: dict[str, Any], prompt: str) -> list[str]:
    """What of a row is not as the served model has it."""
    border = next((place for place, label in enumerate(row["labels"]) if label != IGNORED), len(row["labels"]))
    found: list[str] = []
    if row["input_ids"][:border] != served.ids(asked(prompt)):
        found.append("the prompt")
    if row["labels"][-1] not in served.stops:
        found.append("the end")
    if row["labels"][border:] != row["input_ids"][border:] or sum(i in served.stops for i in row["labels"]) != 1:
        found.append("the loss")
    return found


@pytest.fixture(scope="module")
def rows(served: Served, data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("rows")
    job = Job(folder / "work", folder / "out")
    job.write(model=served.model, samples=data / "samples.jsonl", max_tokens=400)
    assert run("prepare", job) == 0
    prepared = read_lines(job.output / "prepared.jsonl")
    assert len(prepared) == len(samples("careful"))
    return prepared


def test_the_rows_are_what_the_served_model_reads_and_stops_at(served: Served, rows: list[dict[str, Any]]) -> None:
    for row, sample in zip(rows, samples("careful"), strict=True):
        assert differences(served, row, sample["prompt"]) == []
        trained = [label for label in row["labels"] if label != IGNORED]
        text = AutoTokenizer.from_pretrained(str(served.model)).decode(trained[:-1])
        assert OPENED[served.name] + text == sample["completion"]


def test_what_a_row_teaches_is_read_back_as_trace_and_answer(served: Served, rows: list[dict[str, Any]]) -> None:
    for row, sample in zip(rows[:2], samples("careful"), strict=False):
        served.write = [label for label in row["labels"] if label != IGNORED]
        try:
            answer = served.ask("/v1/chat/completions", messages=asked(sample["prompt"]), max_tokens=400)
        finally:
            served.write = None
        message, finish = answer["choices"][0]["message"], answer["choices"][0]["finish_reason"]
        trace, code = sample["completion"].removeprefix("<think>").split("</think>")
        # Blank space at the edges goes.
        assert (message["reasoning_content"], message["content"]) == (trace.strip(), code.strip())
        assert finish == "stop"


def without_opening(tokeniser: RowTokeniser, patch: pytest.MonkeyPatch) -> None:
    render = tokeniser.render
    patch.setattr(tokeniser, "render", lambda prompt: render(prompt).removesuffix("<think>\n"))


def with_another_first_token(tokeniser: RowTokeniser, patch: pytest.MonkeyPatch) -> None:
    tokenise = tokeniser.tokenise

    def doubled(*arguments: Any) -> Any:  # noqa: ANN401
        row = tokenise(*arguments)
        first = tokeniser._tokenizer("")["input_ids"]
        row.input_ids[:0], row.labels[:0] = first, [IGNORED] * len(first)
        return row

    patch.setattr(tokeniser, "tokenise", doubled)


def with_the_end_outside(tokeniser: RowTokeniser, patch: pytest.MonkeyPatch) -> None:
    tokenise = tokeniser.tokenise

    def cut(*arguments: Any) -> Any:  # noqa: ANN401
        row = tokenise(*arguments)
        row.labels[-1] = IGNORED
        return row

    patch.setattr(tokeniser, "tokenise", cut)


Mutant = Callable[[RowTokeniser, pytest.MonkeyPatch], None]
MUTANTS: dict[str, tuple[Mutant, set[str], str]] = {
    "the opening is dropped": (without_opening, {"qwq", "deepseek-r1"}, "the prompt"),
    "the first token is doubled": (with_another_first_token, {"deepseek-r1"}, "the prompt"),
    "the end is outside the loss": (with_the_end_outside, {*OPENED}, "the end"),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_row_that_is_made_otherwise_is_noticed(served: Served, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    mutate, concerned, said = MUTANTS[name]
    tokeniser = RowTokeniser(AutoTokenizer.from_pretrained(str(served.model)))
    mutate(tokeniser, monkeypatch)
    sample = samples("careful")[0]
    row = tokeniser.tokenise(sample["prompt"], sample["completion"], 400)
    found = differences(served, {"input_ids": row.input_ids, "labels": row.labels}, sample["prompt"])
    assert (said in found) == (served.name in concerned)


def test_turns_and_switches_reach_the_template(served: Served) -> None:
    """The fixtures are the traps that they are meant to be."""
    tokenizer = AutoTokenizer.from_pretrained(str(served.model))
    answer = {"role": "assistant", "content": "<think>\nI ponder.\n</think>\n\nYes."}
    text = tokenizer.decode(served.ids([*asked("Is it?"), answer, *asked("Why?")]))
    assert ("I ponder." in text) == (served.name == "plain")
    assert "Yes." in text
    assert text.endswith(OPENED[served.name] or "assistant\n")
    plainly = tokenizer.decode(served.ids(asked("Is it?"), chat_template_kwargs={"enable_thinking": False}))
    assert plainly.endswith("</think>\n\n") == (served.name == "qwen3")


def test_tokenize_takes_what_it_can_answer(served: Served) -> None:
    tokenizer = AutoTokenizer.from_pretrained(str(served.model))
    said = served.ask("/tokenize", prompt="Say it.", model="it", add_special_tokens=True)
    assert said == {
        "count": len(said["tokens"]),
        "max_model_len": 512,
        "tokens": tokenizer("Say it.")["input_ids"],
        "token_strs": None,
    }
    before = len(served.read)
    assert served.ask("/tokenize", messages=asked("Say it."), add_generation_prompt=True, stream=True)["count"] > 4
    assert len(served.read) == before
    for wrong in (
        {},
        {"messages": asked("Say it."), "prompt": "Say it."},
        {"messages": asked("Say it."), "add_generation_prompt": False},
        {"messages": asked("Say it."), "add_special_tokens": True},
        {"messages": asked("Say it."), "nonsense": 1},
        {"prompt": "Say it.", "add_special_tokens": False},
    ):
        with pytest.raises(urllib.error.HTTPError, match="422"):
            served.ask("/tokenize", **wrong)
