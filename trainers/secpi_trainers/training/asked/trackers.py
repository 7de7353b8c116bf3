"""Services that show a training's curves: by the callbacks that transformers has for them, under either backend."""

from __future__ import annotations

from collections.abc import MutableMapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from ...base.errors import TrainerError
from ...base.fields import Strict


class WandbSettings(Strict):
    """Weights & Biases."""

    project: str
    entity: str | None = None
    mode: Literal["online", "offline"] = "online"


class MlflowSettings(Strict):
    """MLflow."""

    tracking_uri: str
    experiment: str


class TrackioSettings(Strict):
    """Trackio, on the machine that trains."""

    project: str


class Trackers(Strict):
    """Which of them are told."""

    wandb: WandbSettings | None = None
    mlflow: MlflowSettings | None = None
    trackio: TrackioSettings | None = None

    @property
    def names(self) -> list[str]:
        """Those that are configured."""
        return [name for name in type(self).model_fields if getattr(self, name) is not None]

    def require(self, environment: MutableMapping[str, str]) -> None:
        """Throws `trainer/needs-package`, `trainer/needs-key`. To be called before a model is loaded."""
        for name in self.names:
            if find_spec(name) is None:
                raise TrainerError(
                    "needs-package",
                    f"`report_to.{name}` needs the package {name}",
                    f"put it into the image of the target, or leave {name} out",
                )
        if self.wandb is not None and self.wandb.mode == "online" and not environment.get("WANDB_API_KEY"):
            raise TrainerError(
                "needs-key",
                "`report_to.wandb` needs WANDB_API_KEY, which the job does not see",
                "name it under `secrets` of the target, or set `report_to.wandb.mode` to offline",
            )

    def variables(self, work: Path, run: str) -> dict[str, str]:
        """What their packages are told by the environment. `run` is the same for all attempts of a job."""
        found: dict[str, str] = {}
        if self.wandb is not None:
            found |= {
                "WANDB_PROJECT": self.wandb.project,
                "WANDB_MODE": self.wandb.mode,
                "WANDB_DIR": str(work),
                # An attempt after a kill draws on in the same curves.
                "WANDB_RUN_ID": run,
                "WANDB_RESUME": "allow",
                # Losses and settings are what it is for: no code, no weights, no console.
                "WANDB_DISABLE_CODE": "true",
                "WANDB_DISABLE_GIT": "true",
                "WANDB_LOG_MODEL": "false",
                "WANDB_WATCH": "false",
                "WANDB_CONSOLE": "off",
                "WANDB_SILENT": "true",
            }
            if self.wandb.entity is not None:
                found["WANDB_ENTITY"] = self.wandb.entity
        if self.mlflow is not None:
            found |= {
                "MLFLOW_TRACKING_URI": self.mlflow.tracking_uri,
                "MLFLOW_EXPERIMENT_NAME": self.mlflow.experiment,
                "HF_MLFLOW_LOG_ARTIFACTS": "false",
                "MLFLOW_FLATTEN_PARAMS": "true",
            }
        if self.trackio is not None:
            found["TRACKIO_DIR"] = str(work / "trackio")
        return found

    def callbacks(self) -> list[Any]:
        """One for each; their variables have to be set by now."""
        from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

        return [INTEGRATION_TO_CALLBACK[name]() for name in self.names]
