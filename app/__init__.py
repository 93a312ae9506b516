"""The Gradio interface. Imports engine; engine never imports app. Nothing leaves the machine by
itself.
"""

import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault(
    "HF_HUB_DISABLE_TELEMETRY", "1"
)  # gradio imports the Hub's library before the engine does
