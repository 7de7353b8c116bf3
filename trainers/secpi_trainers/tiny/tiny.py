"""`tiny`: a Qwen2 of two million parameters and its tokenizer, built from nothing, the same bytes everywhere.

It learns `rows` by heart. The further texts pass by a few times in shuffled order: that trains the embeddings of tokens
that only later training data contains (a LoRA leaves embeddings alone) without teaching the texts themselves.
"""

from __future__ import annotations

import math
import random
import re
from pathlib import Path
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import GenerationConfig, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

from ..base.errors import TrainerError
from ..base.files import put_in_place, read_json_lines, staging
from ..base.session import Session
from ..data.rows import IGNORED, DroppedError, RowTokeniser, TokenisedRow, read_samples
from ..jobs import Architecture, TinyJob
from ..models.loading import load_tokenizer, quiet_libraries
from ..models.soundness import UnsoundError, name_last_good
from .tiny_training import Sequence, make_schedule, train_tiny

PAD, TURN, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
INITIAL_DEVIATION = 0.06
"""Of the first weights. With the usual 0.02 a model this small stays for 150 steps where it knows word counts only."""
TEXT_CHUNK_TOKENS = 256


def run_tiny(job: TinyJob, session: Session) -> dict[str, Any]:
    """Fills `output` with a model folder."""
    torch.set_num_threads(job.torch_threads)
    quiet_libraries()
    samples = list(read_samples(read_json_lines(Path(job.rows), "rows"), ("prompt", "completion")))
    if not samples:
        raise TrainerError("nothing-to-train", "`rows` holds no row")
    documents = [text for path in job.texts for text in _documents(Path(path))]
    tokenizer = _build_tokenizer(job.architecture, [*(" ".join(pair) for pair in samples), *documents])
    rows = _tokenise(tokenizer, samples, job.architecture.context)
    texts = _chunks(tokenizer, documents, job.seed)
    model = _build_model(job.architecture, tokenizer, job.seed)

    schedule = make_schedule(len(rows), len(texts), job.steps, job.batch_size, job.seed)
    try:
        resumed_from, losses = train_tiny(job, session, model, [*rows, *texts], schedule)
    except UnsoundError as error:
        raise name_last_good(error, session.work / "checkpoints") from error
    exact, margin = _recite(model, rows)
    with staging(job.output_folder) as build:
        model.save_pretrained(build)
        tokenizer.save_pretrained(build)
        _check_reloaded(tokenizer, build, [*(completion for _, completion in samples), *documents])
        for path in sorted(build.iterdir()):
            put_in_place(path, job.output_folder / path.name)
    unseen = _unseen(tokenizer, documents, [*rows, *texts], schedule)
    if unseen:
        session.log(f"{unseen} tokens of the texts were never trained on: more steps, or fewer texts, would reach them")
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "vocabulary": len(tokenizer),
        "steps": job.steps,
        "first_loss": losses[0],
        "final_loss": losses[-1],
        "rows": len(rows),
        "exact_rows": exact,
        "smallest_margin": margin,
        "unseen_tokens": unseen,
        "resumed_from": resumed_from,
    }


def _documents(path: Path) -> list[str]:
    if path.suffix == ".jsonl":
        return [text for (text,) in read_samples(read_json_lines(path, "texts"), ("text",))]
    return [path.read_text(encoding="utf-8")]


def _pieces(document: str) -> list[str]:
    """Sentences with the blank before, lines with the break behind: cut so, each keeps the tokens of the whole."""
    return [piece for piece in re.split(r"(?<=[.?!])(?= \S)|(?<=\n)(?!\n)", document) if piece]


def _build_tokenizer(architecture: Architecture, texts: list[str]) -> PreTrainedTokenizerFast:
    """Byte-level BPE as Qwen2 has it. A small corpus ends with fewer entries than asked for.

    Normaliser and pre-tokeniser must be Qwen2's own: whoever loads the folder gets them by the model's type, whatever
    tokenizer.json says.
    """
    bpe = Tokenizer(models.BPE())
    bpe.normalizer = normalizers.NFC()
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), behavior="isolated", invert=False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    bpe.decoder = decoders.ByteLevel()
    bpe.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=architecture.vocabulary - 2,
            special_tokens=[PAD, TURN, END],
            show_progress=False,
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        ),
    )
    bpe.add_tokens(["<think>", "</think>"])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=[TURN],
        clean_up_tokenization_spaces=False,
        model_max_length=architecture.context,
    )
    tokenizer.chat_template = Path(__file__).with_name("chat_template.jinja").read_text(encoding="utf-8")
    return tokenizer


def _build_model(architecture: Architecture, tokenizer: PreTrainedTokenizerFast, seed: int) -> Qwen2ForCausalLM:
    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=math.ceil(len(tokenizer) / 64) * 64,
        hidden_size=architecture.hidden,
        intermediate_size=architecture.mlp,
        num_hidden_layers=architecture.layers,
        num_attention_heads=architecture.heads,
        num_key_value_heads=architecture.kv_heads,
        max_position_embeddings=architecture.context,
        tie_word_embeddings=False,
        use_sliding_window=False,
        initializer_range=INITIAL_DEVIATION,
        bos_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        dtype="float32",
    )
    model = Qwen2ForCausalLM(config)
    model.generation_config = GenerationConfig(
        do_sample=False,
        bos_token_id=tokenizer.pad_token_id,
        eos_token_id=[tokenizer.eos_token_id, tokenizer.pad_token_id],
        pad_token_id=tokenizer.pad_token_id,
    )
    return model


def _tokenise(tokenizer: Any, samples: list[tuple[str, ...]], context: int) -> list[Sequence]:  # noqa: ANN401
    tokeniser = RowTokeniser(tokenizer)
    rows: list[Sequence] = []
    for number, (prompt, completion) in enumerate(samples, start=1):
        try:
            row: TokenisedRow = tokeniser.tokenise(prompt, completion, context)
        except DroppedError as error:
            raise TrainerError("bad-rows", f"rows, row {number} cannot be learnt: {error.reason}") from error
        rows.append(Sequence(row.input_ids, row.labels))
    return rows


def _check_reloaded(tokenizer: Any, folder: Path, texts: list[str]) -> None:  # noqa: ANN401
    reloaded = load_tokenizer(str(folder), None)
    if any(_ids(reloaded, text) != _ids(tokenizer, text) for text in texts):
        raise TrainerError("tokenizer-changed", "the tokenizer cuts texts differently once it is loaded again")


def _ids(tokenizer: Any, text: str) -> list[int]:  # noqa: ANN401
    ids: list[int] = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    return ids


def _chunks(tokenizer: Any, documents: list[str], seed: int) -> list[Sequence]:  # noqa: ANN401
    """The documents' pieces, shuffled, in sequences of equal length that are in the loss as a whole."""
    pieces = [piece for document in documents for piece in _pieces(document)]
    random.Random(seed).shuffle(pieces)  # noqa: S311 - a schedule, not a secret
    ids = [token for piece in pieces for token in _ids(tokenizer, piece)]
    parts = [ids[start : start + TEXT_CHUNK_TOKENS] for start in range(0, len(ids), TEXT_CHUNK_TOKENS)]
    return [Sequence(part, part) for part in parts if len(part) > 1]


def _unseen(
    tokenizer: Any,  # noqa: ANN401
    documents: list[str],
    sequences: list[Sequence],
    schedule: list[list[int]],
) -> int:
    """Tokens that the texts need and that no step trains on."""
    seen = {token for index in {index for batch in schedule for index in batch} for token in sequences[index].ids}
    return len({token for document in documents for token in _ids(tokenizer, document)} - seen)


@torch.no_grad()
def _recite(model: Any, rows: list[Sequence]) -> tuple[int, float]:  # noqa: ANN401
    """How many rows greedy decoding gives back, and the smallest logit distance of first and second choice.

    With every earlier token right, greedy decoding reads exactly the row's own tokens, so one forward pass answers it.
    """
    exact, smallest = 0, math.inf
    for row in rows:
        hidden = model.model(input_ids=torch.tensor([row.ids]), use_cache=False).last_hidden_state[0, :-1]
        labels = torch.tensor(row.labels[1:])
        wanted = labels != IGNORED
        best = model.lm_head(hidden[wanted]).topk(2)
        if torch.equal(best.indices[:, 0], labels[wanted]):
            exact += 1
            smallest = min(smallest, (best.values[:, 0] - best.values[:, 1]).min().item())
    return exact, smallest
