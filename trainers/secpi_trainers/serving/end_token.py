"""The end token of an answer is not a part of it, whatever family the model is of."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

from transformers.cli.serving.model_manager import ModelManager
from transformers.cli.serving.utils import get_response_template


def leave_out_end_token(manager: ModelManager) -> None:
    """Lets answers of its models end before the tokenizer's own end token.

    transformers 5.18 takes answers apart by the tokens that are usual with an architecture. DeepSeek-R1's distilled
    models have Qwen's architecture and another end token, which it leaves in the text.
    """
    load = manager.load_model_and_processor

    def loaded(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        model, processor = load(*arguments, **named)
        template, end = get_response_template(processor, model), getattr(processor, "eos_token", None)
        closes = (template or {}).get("fields", {}).get("content", {}).get("close_pattern")
        if end is not None and closes is not None and re.search(closes, end) is None:
            template = deepcopy(template)
            template["fields"]["content"]["close_pattern"] = rf"{closes}|\s*{re.escape(end)}"
            processor.response_template = template
        return model, processor

    manager.load_model_and_processor = loaded
