"""Find a Chromium that starts, or get one: `python tests/browser/chromium.py` prints its path."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

INSTALLED = [
    "chromium", "google-chrome", "google-chrome-stable", "chromium-browser",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
]
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"]
REMEDY = ("The browser tests need Chromium and found none. Install Chrome or Chromium (on Debian, as root: "
          "apt-get install chromium), or run: python -m playwright install chromium")


def find() -> str | None:
    """The path of an installed Chrome or Chromium, else of Playwright's own."""
    for name in INSTALLED:
        if (path := shutil.which(name)) and _starts(path):
            return path
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() and _starts(path) else None


def get() -> None:
    """Install one: Debian's package when this is root, else Playwright's."""
    if _is_root() and shutil.which("apt-get"):
        subprocess.run("apt-get update && apt-get install -y chromium", shell=True, check=False)
        if find():
            return
    with_libraries = ["--with-deps"] if _is_root() and sys.platform == "linux" else []
    subprocess.run([sys.executable, "-m", "playwright", "install", *with_libraries, "chromium"], check=False)


def _starts(path: str) -> bool:
    """Ubuntu's `chromium-browser` may be a stub that only says to install a snap."""
    if sys.platform == "win32":
        return True
    return subprocess.run([path, "--version"], capture_output=True, check=False).returncode == 0


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


if __name__ == "__main__":
    if not find():
        get()
    print(find() or sys.exit(REMEDY))
