"""Which encoder comes with the project? A small CLIP that has only ever seen the drawn world of `data.synthetic.scenes`."""

from pathlib import Path

FOLDER = Path(__file__).parent
MODEL = "builtin-scenes"
"""Name under which open_clip knows the model."""
CONFIG_FILE = FOLDER / "builtin-scenes.json"
WEIGHTS_FILE = FOLDER / "weights.safetensors"
CARD_FILE = FOLDER / "MODEL_CARD.md"
