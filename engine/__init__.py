"""prompts -> images -> experts -> merge -> evaluate -> votes."""
import os

# The Hugging Face libraries read it when they are first imported.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
