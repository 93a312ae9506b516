"""Somebody who posts what no page would."""
import json
import urllib.error
import urllib.request
from typing import Any

FORWARDED = "X-Forwarded-For"
"""The server believes a proxy of its own machine: so each test comes from an address of its own."""


class Stranger:
    """Somebody without a page, who posts to the page's listeners by the ids of their elements."""

    def __init__(self, url: str, address: str, session: str) -> None:
        self.url, self.address, self.session = url, address, session
        config = json.load(urllib.request.urlopen(f"{url}config", timeout=60))
        names = {part["id"]: part["props"].get("elem_id") or part["type"] for part in config["components"]}
        self.listeners = {(names.get(part), event): one for one in config["dependencies"]
                          for part, event in one["targets"]}
        self.names = names

    def post(self, element: str, event: str, given: dict[str, Any]) -> dict[str, Any]:
        """What the listener answers, by element; nothing where it refuses."""
        listener = self.listeners[element, event]
        data = [given[self.names[part]] for part in listener["inputs"]]
        body = json.dumps({"data": data, "session_hash": self.session, "fn_index": listener["id"]})
        request = urllib.request.Request(f"{self.url}gradio_api/run/predict", body.encode(), {
            "Content-Type": "application/json", FORWARDED: self.address})
        try:
            answers = json.load(urllib.request.urlopen(request, timeout=60))["data"]
        except urllib.error.HTTPError as refusal:
            assert "Traceback" not in refusal.read().decode()
            return {}
        return dict(zip((self.names[part] for part in listener["outputs"]), answers, strict=True))

    def opens(self, voter: object) -> tuple[dict, str]:
        """The sight and the voter's token of a pair among all."""
        shown = self.post("vote-duel", "input", page_of(voter))
        return shown["vote-sight"], shown["browserstate"]

    def votes(self, sight: object, voter: object, run: object = "example") -> dict[str, Any]:
        return self.post("vote-left", "click", {**page_of(voter, run), "vote-sight": sight})


def page_of(voter: object, run: object = "example", duel: object = None) -> dict[str, Any]:
    """What a page sends to see another pair."""
    return {"run": run, "vote-duel": duel, "browserstate": voter}
