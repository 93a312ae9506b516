"""Start the app: `python app.py`."""
from app.shell import build, launch_options

demo = build()

if __name__ == "__main__":
    demo.launch(**launch_options())
