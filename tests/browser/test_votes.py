"""Votes from real pages that are slow to open, and from strangers who post what no page would."""
import base64
import io
import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from engine.core.store import METADATA, Store, read_records
from engine.core.types import Picture
from engine.votes.admission import AT_ONCE, PER_MINUTE
from engine.votes.ballots import LEAST_LOOK_SECONDS
from engine.votes.ledger import Ledger, Vote
from tests.browser.conftest import serving
from tests.browser.stranger import FORWARDED, Stranger, page_of

LOOK_MS = 1000 * LEAST_LOOK_SECONDS + 300


def votes(runs: Path) -> list[Vote]:
    return Ledger(f"sqlite:///{runs}/example-votes.db").votes()


def others(runs: Path) -> list[str]:
    """What lies in the runs folder besides the votes."""
    return sorted(path.name for path in runs.iterdir() if not path.name.startswith("example-votes"))


def open_votes(page: Page) -> None:
    page.get_by_role("tab", name="Vote", exact=True).click()
    expect(page.locator("#vote-pair .sides img")).to_have_count(2)


@pytest.fixture(scope="module")
def slow_url(tmp_path_factory: pytest.TempPathFactory,
             small_world: dict[str, str]) -> Iterator[tuple[str, Path]]:
    runs = tmp_path_factory.mktemp("slow-runs")
    log = tmp_path_factory.mktemp("slow-server") / "log.txt"
    with serving("tests/browser/slow_app.py", runs, log, small_world) as url:
        yield url, runs


@pytest.mark.parametrize("openings", [3, pytest.param(40, marks=pytest.mark.slow)])
def test_a_vote_is_for_the_pair_shown_however_slowly_the_page_opened(
        browser: Browser, slow_url: tuple[str, Path], small_world: dict[str, str], openings: int):
    url, runs = slow_url
    example, before, shown = Store(Path(small_world["SELMA_EXAMPLE"])), len(votes(runs)), []
    for _ in range(openings):
        context = browser.new_context(extra_http_headers={FORWARDED: f"10.0.1.{openings}"})
        page = context.new_page()
        page.goto(url)
        open_votes(page)
        page.wait_for_timeout(LOOK_MS)
        expect(page.locator("#vote-left")).to_be_enabled()
        shown.append(page.evaluate("""() => [
            document.querySelector("#vote-pair .prompt-text").innerText,
            ...[...document.querySelectorAll("#vote-pair .sides img")].map(side => side.src)]"""))
        page.locator("#vote-left").click()
        expect(page.locator("#vote-pair .progress")).to_contain_text("Pair 2")
        context.close()
    counted = votes(runs)[before:]
    assert len(counted) == len({vote.voter for vote in counted}) == openings
    for vote, (prompt, left, right) in zip(counted, shown, strict=True):
        assert vote.prompt == prompt
        assert is_picture_of(example, vote.left_model, vote, left)
        assert is_picture_of(example, vote.right_model, vote, right)


def is_picture_of(example: Store, model: str, vote: Vote, address: str) -> bool:
    folder = example.pictures(model)
    name, = [picture.file_name for picture in read_records(folder / METADATA, Picture)
             if (picture.prompt_id, picture.seed) == (vote.prompt_id, vote.left_seed)]
    ours = Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))
    return bool((np.asarray(ours) == np.asarray(Image.open(folder / name).convert("RGB"))).all())


def test_a_browser_is_one_voter_over_reloads_and_a_page_is_one_too(page: Page, runs: Path):
    before = len(votes(runs))
    for _ in range(2):
        open_votes(page)
        page.wait_for_timeout(LOOK_MS)
        number = page.locator("#vote-pair .progress").inner_text()
        page.locator("#vote-tie").click()
        expect(page.locator("#vote-pair .progress")).not_to_have_text(number)
        page.reload()
        page.wait_for_selector("#header h1")
    counted = votes(runs)[before:]
    assert len(counted) == 2 and len({vote.voter for vote in counted}) == 1


def test_a_key_pressed_before_the_pictures_are_in_sight_shows_them(page: Page, runs: Path):
    page.set_viewport_size({"width": 390, "height": 480})
    before = len(votes(runs))
    open_votes(page)
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(LOOK_MS)
    page.keyboard.press("ArrowDown")
    expect(page.locator("#vote-note")).to_contain_text("Look, and then vote")
    assert len(votes(runs)) == before
    expect(page.locator("#vote-pair .sides img").first).to_be_in_viewport()
    page.wait_for_timeout(LOOK_MS)
    page.keyboard.press("ArrowDown")
    expect(page.locator("#vote-note")).not_to_contain_text("Look, and then vote")
    assert [vote.choice for vote in votes(runs)[before:]] == ["both bad"]


def test_on_a_phone_each_button_stands_under_what_it_means(page: Page):
    page.set_viewport_size({"width": 390, "height": 844})
    open_votes(page)
    left, right = (side.bounding_box() for side in page.locator("#vote-pair .sides img").all())
    button = {name: page.locator(f"#vote-{name}").bounding_box()
              for name in ("left", "right", "tie", "both-bad")}
    for name, side in (("left", left), ("right", right)):
        middle = button[name]["x"] + button[name]["width"] / 2
        assert side["x"] < middle < side["x"] + side["width"] and button[name]["height"] >= 44
        assert button[name]["y"] > side["y"] + side["height"]
    assert button["left"]["x"] + button["left"]["width"] < 195 < button["right"]["x"]
    assert button["left"]["y"] == button["right"]["y"]
    assert button["right"]["y"] < button["tie"]["y"] < button["both-bad"]["y"]
    for name in ("tie", "both-bad"):
        assert button[name]["x"] < 60, "it spans both"
        assert button[name]["x"] + button[name]["width"] > 330
    arrows = """() => ["left", "tie", "both-bad"].map(
        name => getComputedStyle(document.getElementById(`vote-${name}`), "::before").content)"""
    assert page.evaluate(arrows) == ["none"] * 3, "there are no arrow keys on a phone"
    page.set_viewport_size({"width": 1280, "height": 900})
    assert all(arrow in told for arrow, told in zip("←↑↓", page.evaluate(arrows), strict=True))
    assert page.locator("#vote-left").inner_text() == "Left"


def test_sixty_invented_voters_are_as_many_as_their_address_may_bring(app_url: str, runs: Path):
    before, since = len(votes(runs)), time.monotonic()
    stranger, pages = Stranger(app_url, "10.0.2.1", ""), []
    for number in range(60):
        stranger.session = f"invented-{number}"
        sight, token = stranger.opens(f"voter-{number}")
        if sight["ballot"]:
            pages.append((stranger.session, sight, token))
    allowed = AT_ONCE + 1 + (time.monotonic() - since) * PER_MINUTE / 60
    time.sleep(LEAST_LOOK_SECONDS)
    for session, sight, token in pages:
        stranger.session = session
        stranger.votes({**sight, "look_seconds": 9}, token)
    counted = votes(runs)[before:]
    assert AT_ONCE <= len(pages) <= allowed and len(counted) == len(pages)
    assert all(len(vote.voter) == 22 and "voter-" not in vote.voter for vote in counted)


def test_one_page_under_sixty_invented_names_is_one_voter(app_url: str, runs: Path):
    stranger, before = Stranger(app_url, "10.0.3.1", "one-page"), len(votes(runs))
    for number in range(60):
        sight, token = stranger.opens(f"invented-{number}")
        stranger.votes({**sight, "look_seconds": 9}, f"invented-{number}")
    time.sleep(LEAST_LOOK_SECONDS)
    stranger.votes({**sight, "look_seconds": 9}, token)
    counted = votes(runs)[before:]
    assert len({vote.voter for vote in counted}) == 1
    assert len({vote.pair for vote in counted}) == len(counted)


@pytest.mark.parametrize("voter", ["v" * 200_000, 7, {"id": "v"}, ["v"], None])
def test_what_a_client_calls_itself_is_not_stored(app_url: str, runs: Path, voter: object):
    stranger, before = Stranger(app_url, "10.0.4.1", f"named-{str(voter)[:9]}"), len(votes(runs))
    sight, token = stranger.opens(voter)
    assert re.fullmatch(r"[\w-]{22}\.[\w-]{43}", token)
    time.sleep(LEAST_LOOK_SECONDS)
    stranger.votes({**sight, "look_seconds": 9}, voter)
    assert [len(vote.voter) for vote in votes(runs)[before:]] == [22]
    assert b"v" * 100 not in b"".join(file.read_bytes() for file in runs.glob("example-votes.db*"))


def test_a_post_that_no_page_makes_counts_nothing_and_makes_no_file(
        app_url: str, runs: Path, server_log: Path):
    stranger, before = Stranger(app_url, "10.0.5.1", "posting"), votes(runs)
    sight, token = stranger.opens("")
    files = others(runs)
    time.sleep(LEAST_LOOK_SECONDS)
    long = "x" * 200_000
    for said in (sight, {**sight, "look_seconds": 0.1}, {**sight, "look_seconds": "9"},
                 {**sight, "ballot": long, "look_seconds": 9}, {**sight, "run": "nowhere", "look_seconds": 9},
                 {**sight, "run": long, "look_seconds": 9}, {**sight, "run": "../up", "look_seconds": 9},
                 {**sight, "ballot": "\ud800", "look_seconds": 9},
                 {**sight, "run": "\ud800", "look_seconds": 9},
                 None, [], long, {"ballot": {"$ne": 1}, "run": "example"}):
        stranger.votes(said, token)
        stranger.votes(said, long)
    for run in ("nowhere", long, "../up", 5, None, ["example"]):
        stranger.votes({**sight, "look_seconds": 0}, token, run)
        stranger.post("vote-duel", "input", page_of(token, run, long))
    assert votes(runs) == before
    assert others(runs) == files
    ended = re.findall(r"^([\w.]+(?:Error|Exception)\b.*)", server_log.read_text(), re.M)
    assert not [line for line in ended if not line.startswith("gradio.exceptions.Error: ")]
    stranger.votes({**sight, "look_seconds": 9}, token)
    assert len(votes(runs)) == len(before) + 1, "and the page's own vote counts"


def test_a_vote_sooner_than_anybody_can_look_counts_nothing(app_url: str, runs: Path):
    stranger, before = Stranger(app_url, "10.0.6.1", "hurried"), len(votes(runs))
    sight, token = stranger.opens("")
    since = time.monotonic()
    stranger.votes({**sight, "look_seconds": 10 ** 6}, token)
    in_time = time.monotonic() - since < LEAST_LOOK_SECONDS
    assert len(votes(runs)) == before or not in_time
    time.sleep(LEAST_LOOK_SECONDS)
    stranger.votes({**sight, "look_seconds": 10 ** 6}, token)
    assert len(votes(runs)) == before + 1
