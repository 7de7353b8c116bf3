"""Fine-tuning with Axolotl, in an environment of its own: it pins other versions than the trainers."""

import os

# Before anything of Axolotl is imported: it reports each run to its makers unless told not to.
os.environ["AXOLOTL_DO_NOT_TRACK"] = "1"
