"""prompts -> images -> experts -> merge -> evaluate -> votes."""

import os

# The Hugging Face libraries read it when they are first imported.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
# Their warnings are for programmers; ours name the remedy.
for _library in ("TRANSFORMERS", "DIFFUSERS"):
    os.environ.setdefault(f"{_library}_VERBOSITY", "error")
