"""The Gradio interface. Imports engine; engine never imports app. Nothing leaves the machine by
itself.
"""

import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
# Gradio imports the Hub's library before the engine does.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
