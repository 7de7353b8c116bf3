"""What every trainer of ours does: nothing is saved that makes no sense, and a finished run is not run on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerState
from transformers.trainer import TRAINER_STATE_NAME

from ..models.checkpoints import Checkpoint
from ..models.soundness import check_end, check_weights
from .evaluation import is_over


class CarefulTrainer(Trainer):
    """Trains, and looks at what it keeps before it keeps it. To be mixed with the trainer of a backend."""

    probe: tuple[list[int], list[int]] = ([], [])
    """Ids and labels of the row that weights are tried on."""

    def train_on(self, found: Checkpoint | None, patience: int | None) -> TrainerState:
        """Trains to the end, until a signal stops it, or until evaluations lose patience."""
        if found is None:
            self.train()
            return self.state
        state = TrainerState.load_from_json(str(found.folder / TRAINER_STATE_NAME))
        if not is_over(state, patience):
            self.train(resume_from_checkpoint=str(found.folder))
            return self.state
        # Nothing is left to do. The Trainer would take one more step, unless the last one was the end of an epoch.
        self.load_weights(found.folder)
        return state

    def load_weights(self, folder: Path) -> None:
        """Takes the trained weights from a folder that holds them as a checkpoint does."""
        self._load_from_checkpoint(str(folder))

    def last_step(self) -> int:
        """The step that the training ends with, unless it ends early."""
        batches = DataLoader(self.train_dataset, batch_size=self.args.train_batch_size)
        *_, last = self.set_initial_training_values(self.args, batches)
        return int(last)

    def saves_to_come(self, found: Checkpoint | None) -> int:
        """How many checkpoints are written between the one that is continued and the end, which is one itself."""
        done, last = found.step if found else 0, self.last_step()
        every = int(self.args.save_steps)
        return last // every - done // every + (last % every > 0) if done < last else 0

    def bytes_to_save(self, stored: int) -> tuple[int, int]:
        """Bytes of a checkpoint, and of the result. `stored` is how many bytes one of the result's numbers takes.

        A checkpoint holds weights as they are trained, and twice as many float32 numbers that the optimiser remembers.
        """
        trained = [item for _, item in self._trained()]
        numbers = sum(item.numel() for item in trained)
        weights = sum(item.numel() * item.element_size() for item in trained)
        return weights + 8 * numbers, numbers * stored

    def check_end(self, state: TrainerState) -> None:
        """Throws `trainer/diverged` if what was trained is no better than a guess.

        That the weights are finite was seen when the last step was saved.
        """
        losses = [entry["loss"] for entry in state.log_history if "loss" in entry]
        check_end(losses, self._probe_loss(), self.model.get_input_embeddings().weight.shape[0])

    def check_weights(self, step: int) -> None:
        """Throws `trainer/weights-not-finite` if what is trained is not finite, or what it gives."""
        check_weights(step, self._trained(), self._probe_loss())

    def _save_checkpoint(self, model: Any, trial: Any) -> None:  # noqa: ANN401
        check_weights(self.state.global_step, [*self._trained(), *self._moments()], self._probe_loss())
        super()._save_checkpoint(model, trial)

    def _trained(self) -> Iterator[tuple[str, torch.Tensor]]:
        return ((name, item) for name, item in self.model.named_parameters() if item.requires_grad)

    def _moments(self) -> Iterator[tuple[str, torch.Tensor]]:
        """What the optimiser remembers."""
        for state in self.optimizer.state.values():
            for name, item in state.items():
                if isinstance(item, torch.Tensor):
                    yield f"the optimiser's {name}", item

    @torch.no_grad()
    def _probe_loss(self) -> float:
        ids, labels = (torch.tensor([part], device=self.args.device) for part in self.probe)
        self.model.eval()
        with self.compute_loss_context_manager():
            loss: float = self.model(input_ids=ids, labels=labels, use_cache=False).loss.item()
        self.model.train()
        return loss
