"""Start the app: `python app.py`."""

from app.serving import serve
from app.shell import build

demo = build()

if __name__ == "__main__":
    serve(demo)
