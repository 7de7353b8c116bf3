"""The server: real requests over HTTP, compared with generation in this process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from secpi_trainers.serving.key import VARIABLE

from .support import Job, samples, start, wait_until

KEY = "a-key-that-nobody-else-knows"


@pytest.fixture(scope="module")
def server(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Job, subprocess.Popen[bytes]]]:
    job = Job(tmp_path_factory.mktemp("serve") / "work", None)
    # As a text, which it is after a placeholder was filled in.
    job.write(model=base, served_name="secpi-tiny", device="cpu", lifeline=True, port="0")
    process = start("serve", job, stdin=subprocess.PIPE, env={**os.environ, VARIABLE: KEY})
    wait_until((job.work / "ready.json").exists, process)
    yield job, process
    process.kill()
    process.wait()


def ask(job: Job, path: str, body: dict[str, Any] | None = None, key: str | None = KEY) -> tuple[int, Any]:
    address = json.loads((job.work / "ready.json").read_text())["base_url"].removesuffix("/v1")
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(address + path, data=data, headers={"content-type": "application/json"})  # noqa: S310
    if key is not None:
        request.add_header("Authorization", f"Bearer {key}")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, None


def question(prompt: str, **keys: Any) -> dict[str, Any]:  # noqa: ANN401
    body = {"model": "secpi-tiny", "messages": [{"role": "user", "content": prompt}], "temperature": 0}
    return body | {"max_tokens": 120} | keys


def expected(base: Path, prompts: list[str]) -> list[str]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(base))
    model = AutoModelForCausalLM.from_pretrained(str(base))
    texts: list[str] = []
    for prompt in prompts:
        ids = tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}], add_generation_prompt=True, return_tensors="pt"
        )
        answer = model.generate(**ids, max_new_tokens=120, do_sample=False)[0, ids["input_ids"].shape[1] :]
        texts.append(tokenizer.decode(answer, skip_special_tokens=True))
    return texts


def test_answers_are_those_of_greedy_generation(server: tuple[Job, subprocess.Popen[bytes]], base: Path) -> None:
    job, _ = server
    prompts = [row["prompt"] for row in samples("naive")]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda prompt: ask(job, "/v1/chat/completions", question(prompt)), prompts))
    for (status, answer), text, row in zip(answers, expected(base, prompts), samples("naive"), strict=True):
        assert status == 200
        message = answer["choices"][0]["message"]
        trace, code = text.split("</think>")
        assert message["reasoning_content"].strip() == trace.strip()
        assert message["content"].strip() == code.strip()
        assert row["completion"] == f"<think>\n{text}"
        assert answer["choices"][0]["finish_reason"] == "stop"


def test_answers_nobody_without_the_key(server: tuple[Job, subprocess.Popen[bytes]]) -> None:
    job, _ = server
    for key in (None, "", KEY[:-1], f"{KEY}x", KEY.upper()):
        assert ask(job, "/v1/models", key=key)[0] == 401
        assert ask(job, "/v1/chat/completions", question("Say it.", max_tokens=2), key=key)[0] == 401
        assert ask(job, "/load_model", {"model": "other"}, key=key)[0] == 401
    assert ask(job, "/health", key=None)[0] == 200
    assert all(KEY.encode() not in path.read_bytes() for path in job.work.rglob("*") if path.is_file())


def test_health_models_and_names(server: tuple[Job, subprocess.Popen[bytes]], base: Path) -> None:
    job, process = server
    assert ask(job, "/health") == (200, {"status": "ok"})
    assert ask(job, "/v1/models") == (200, {"object": "list", "data": []})
    assert json.loads((job.work / "ready.json").read_text())["pid"] == process.pid
    status, answer = ask(job, "/v1/chat/completions", question("Say it.", max_tokens=2))
    assert status == 200
    assert str(base) not in json.dumps(answer)
    assert answer["choices"][0]["finish_reason"] == "length"
    assert ask(job, "/v1/chat/completions", question("Say it.", model="other"))[0] == 400


def test_a_signal_ends_it_even_in_the_middle_of_an_answer(
    server: tuple[Job, subprocess.Popen[bytes]],
) -> None:
    job, process = server
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(ask, job, "/v1/chat/completions", question("Say it.", max_tokens=100_000))
        wait_until(pending.running, process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 75
        assert pending.exception(timeout=20) is not None or pending.result()[0] != 0
    assert job.result["outcome"] == "stopped"
    assert not (job.work / "ready.json").exists()


def test_a_taken_port_is_named(server: tuple[Job, subprocess.Popen[bytes]], base: Path, tmp_path: Path) -> None:
    import socket

    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        job = Job(tmp_path / "work", None)
        job.write(model=base, served_name="secpi-tiny", device="cpu", port=holder.getsockname()[1])
        assert start("serve", job).wait() == 1
    assert job.result["code"] == "trainer/no-port"
