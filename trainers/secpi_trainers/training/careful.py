"""What every trainer of ours does: nothing is saved that makes no sense, and a finished run is not run on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any

import torch
from accelerate import DistributedDataParallelKwargs
from torch.utils.data import DataLoader, RandomSampler
from transformers import Trainer, TrainerState
from transformers.trainer import TRAINER_STATE_NAME

from ..base.errors import TrainerError
from ..models.checkpoints import Checkpoint
from ..models.loading import vocabulary_of
from ..models.soundness import UnsoundError, check_end, check_weights
from .ranks.rank_batches import RankBatches
from .ranks.split import here, numbers_in, whole
from .ranks.together import Together
from .watched.callbacks import Keeper, Reporter
from .watched.evaluation import NothingLeftError, is_over
from .watched.liger import loss_alone


class CarefulTrainer(Trainer):
    """Trains, and looks at what it keeps before it keeps it. To be mixed with the trainer of a backend."""

    probe: tuple[list[int], list[int]] = ([], [])
    """Ids and labels of the row that weights are tried on."""
    together: Together
    rows: int
    """How many are to be learnt from; with several processes one more follows, for who gets nothing."""
    reporter: Reporter
    keeper: Keeper
    model: Any

    def train_on(self, found: Checkpoint | None, patience: int | None) -> TrainerState:
        """Trains to the end, until a signal stops it, or until evaluations lose patience; all is marked then."""
        self.reporter.saved = found.step if found else None
        state = self._train_on(found, patience)
        self.keeper.finish()
        return state

    def _train_on(self, found: Checkpoint | None, patience: int | None) -> TrainerState:
        if found is None:
            self.train()
            return self.state
        state = TrainerState.load_from_json(str(found.folder / TRAINER_STATE_NAME))
        if not is_over(state, patience):
            with suppress(NothingLeftError):
                self.train(resume_from_checkpoint=str(found.folder))
            return self.state
        # Nothing is left to do. The Trainer would take one more step, unless the last one was the end of an epoch.
        if self.is_fsdp_enabled or self.is_deepspeed_enabled:
            # Only what is split among processes can be loaded in parts.
            self._prepare_for_training(state.max_steps, self.get_train_dataloader(), str(found.folder))
            return state
        self.load_weights(found.folder)
        return state

    def get_train_dataloader(self) -> DataLoader:
        """The batches of this process."""
        if self.together.rank.is_alone:
            return super().get_train_dataloader()
        rows = self._remove_unused_columns(self.train_dataset, "training")
        size, processes = self.args.train_batch_size, self.together.rank.world
        batches = RankBatches(RandomSampler(range(self.rows)), size, processes, blank=self.rows)
        # They come even already; of batches without a size accelerate 1.13 wants to be told.
        self.accelerator.even_batches = False
        return self.accelerator.prepare(DataLoader(rows, batch_sampler=batches, collate_fn=self.data_collator))

    def load_weights(self, folder: Path) -> None:
        """Takes the trained weights from a folder that holds them as a checkpoint does."""
        self._load_from_checkpoint(str(folder))

    def computing(self) -> AbstractContextManager[Any]:
        """In what a forward pass is computed as in training, also by a model that is loaded and not prepared for it.

        One that is split among processes is always prepared.
        """
        is_split = self.is_fsdp_enabled or self.is_deepspeed_enabled
        return nullcontext() if is_split else self.accelerator.autocast()

    def last_step(self) -> int:
        """The step that the training ends with, unless it ends early."""
        size = self.args.train_batch_size * self.together.rank.world
        *_, last = self.set_initial_training_values(self.args, DataLoader(range(self.rows), batch_size=size))
        return int(last)

    def saves_to_come(self, found: Checkpoint | None) -> list[int]:
        """The steps that are saved between the one that is continued and the end, which is one itself."""
        done, last = found.step if found else 0, self.last_step()
        every = int(self.args.save_steps)
        return sorted({*range(done // every * every + every, last + 1, every), last}) if done < last else []

    def bytes_to_save(self, stored: int) -> tuple[int, int]:
        """Bytes of a checkpoint, and of the result. `stored` is how many bytes one of the result's numbers takes.

        A checkpoint holds weights as they are trained, and twice as many float32 numbers that the optimiser remembers.
        """
        trained = [item for item in self.model.parameters() if item.requires_grad]
        numbers = sum(map(numbers_in, trained))
        weights = sum(numbers_in(item) * item.element_size() for item in trained)
        # What is trained with DeepSpeed is a float32 copy.
        return (4 * numbers if self.is_deepspeed_enabled else weights) + 8 * numbers, numbers * stored

    def check_end(self, state: TrainerState) -> None:
        """Throws `trainer/diverged` if what was trained is no better than a guess.

        That the weights are finite was seen when the last step was saved.
        """
        losses = [entry["loss"] for entry in state.log_history if "loss" in entry]
        check_end(losses, self._probe_loss(), vocabulary_of(self.model))

    def gathered(self, dtype: torch.dtype) -> dict[str, torch.Tensor] | None:
        """Of weights that are split among processes all that was trained, whole and in that dtype, in the memory of the
        first process's host; None where each process has all of them. To be called by all.
        """
        if not self.is_fsdp_enabled and not self.is_deepspeed_enabled:
            return None
        trained = {name for name, item in self.model.named_parameters() if item.requires_grad}
        found: dict[str, torch.Tensor] = {}
        stored = dict(self.model.named_parameters()) if self.is_deepspeed_enabled else self.model.state_dict()
        if not trained <= stored.keys():
            raise TrainerError("incomplete-weights", f"{min(trained - stored.keys())} was trained and cannot be stored")
        for name, item in stored.items():
            if name not in trained:
                continue
            # One after the other: all of a model would not fit beside what is there.
            full = whole(item)
            if self.together.rank.is_first:
                found[name] = full.to(dtype).cpu()
        return found

    def check_weights(self, step: int) -> None:
        """Throws `trainer/weights-not-finite` if what is trained is not finite, or what it gives."""
        check_weights(step, self._trained(), self._probe_loss())

    def _build_accelerator_args(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        """With `ddp` gradients lie where they are sent from, and not a second time beside it."""
        told: dict[str, Any] = super()._build_accelerator_args(**kwargs)
        for handler in told["kwargs_handlers"]:
            if isinstance(handler, DistributedDataParallelKwargs):
                handler.gradient_as_bucket_view = True
        return told

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Of a checkpoint of DeepSpeed's the weights are a part: whole, they would be put together for nothing."""
        if not self.is_deepspeed_enabled:
            super().save_model(output_dir, _internal_call)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:  # noqa: ANN401
        self._check_weights()
        self.keeper.finish()
        # Whoever saves alone waits for the others in a collective: better here, where nobody's patience runs out.
        self.together.meet()
        super()._save_checkpoint(model, trial)

    def _check_weights(self) -> None:
        """Throws what one of the processes finds in its part of the weights, in all of them."""
        loss = self._probe_loss()
        found: tuple[str, str, int] | None = None
        try:
            check_weights(self.state.global_step, [*self._trained(), *self._moments()], loss)
        except UnsoundError as error:
            # As plain values: what is sent to another process has to be put together there.
            found = (error.code.removeprefix("trainer/"), error.message, error.since)
        first = next(filter(None, self.together.all(found)), None)
        if first is not None:
            raise UnsoundError(*first)

    def _trained(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Of weights that are split among processes the part that is here."""
        return ((name, here(item)) for name, item in self.model.named_parameters() if item.requires_grad)

    def _moments(self) -> Iterator[tuple[str, torch.Tensor]]:
        """What the optimiser remembers."""
        for state in self.optimizer.state.values():
            for name, item in state.items():
                if isinstance(item, torch.Tensor):
                    yield f"the optimiser's {name}", here(item)

    @torch.no_grad()
    def _probe_loss(self) -> float:
        ids, labels = (torch.tensor([part], device=self.args.device) for part in self.probe)
        self.model.eval()
        with self.compute_loss_context_manager():
            found = self.model(input_ids=ids, labels=labels, use_cache=False, **loss_alone(self.model))
            loss: float = found.loss.item()
        self.model.train()
        return loss
