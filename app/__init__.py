"""The Gradio interface. Imports engine; engine never imports app. Nothing leaves the machine by itself."""
import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
