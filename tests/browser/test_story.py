"""From the first page to a vote, in a real browser, on a tiny base."""
import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from engine.votes.ballots import LEAST_LOOK_SECONDS
from engine.votes.ledger import Ledger
from tests.browser import ears
from tests.browser.buttons import PATIENCE_MS
from tests.browser.places import open_tab


def pictures_of(place: Locator) -> list[str]:
    return [image.get_attribute("src") or "" for image in place.locator("img").all()]


def test_a_newcomer_finds_a_finished_run_in_every_tab(page: Page):
    expect(page.locator("#run input")).to_have_value("example")
    expect(page.locator(".stations .done")).to_have_count(5)
    expect(page.locator("#prompts-list .kept")).to_have_count(9)
    expect(page.locator("#prompts-list .refused").filter(has_text="too similar")).to_have_count(3)
    open_tab(page, "Images")
    expect(page.locator("#gallery img")).to_have_count(9)
    open_tab(page, "Experts")
    expect(page.locator("#samples img")).to_have_count(3 * 4 * 2)
    expect(page.locator("#loss-plot .js-plotly-plot .scatterlayer .trace")).to_have_count(6, timeout=PATIENCE_MS)
    open_tab(page, "Evaluate")
    expect(page.locator("#ranking .best")).to_contain_text("merged@2")
    expect(page.locator("#score-plot .js-plotly-plot .bars .errorbar")).to_have_count(9, timeout=PATIENCE_MS)


def test_the_merged_picture_follows_its_sliders(page: Page):
    open_tab(page, "Merge")
    pair = page.locator("#merge-pair .pair")
    expect(pair).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("#merge input[type=range]:visible")).to_have_count(3 + 2)  # strength and guidance beside them
    base, merged = pictures_of(pair)
    assert base != merged and pair.get_by_text("Are there exactly two balls?").count() == 2
    page.locator("#weight-0 input[type=number]").fill("0")
    page.locator("#weight-0 input[type=number]").blur()
    expect(pair.locator("img").nth(1)).not_to_have_attribute("src", merged, timeout=PATIENCE_MS)
    assert pictures_of(pair)[0] == base


def test_a_prompt_it_cannot_read_gets_the_nearest_one_it_can(page: Page):
    open_tab(page, "Merge")
    prompt, suggestion = page.locator("#merge-prompt textarea"), page.locator("#suggestion")
    expect(page.locator("#merge-pair .pair")).to_be_visible(timeout=PATIENCE_MS)
    prompt.fill("a red dog on a skateboard ${1+1} {{x}} <b>")
    prompt.press("Enter")
    expect(page.locator("#merge-note")).to_contain_text("It knows red", timeout=PATIENCE_MS)
    expect(page.locator("#merge-pair .unscored")).to_have_count(2)
    sentence = suggestion.inner_text()
    suggestion.click()
    expect(prompt).to_have_value(sentence)
    expect(suggestion).to_be_hidden(timeout=PATIENCE_MS)
    expect(page.locator("#merge-pair .reading")).to_have_count(2)


def test_a_blind_vote_by_mouse_and_by_key(page: Page, runs: Path):
    open_tab(page, "Vote")
    expect(page).to_have_url(re.compile("tab=vote"))  # or the page would open anew on its first tab
    ears.listen(page)
    asked, sides = page.locator("#vote-pair .progress"), page.locator("#vote-pair .sides img")
    expect(asked).to_have_text(re.compile(r"Pair 1 of \d+. Which picture shows it better\?"))
    expect(page.locator("#vote-note")).to_contain_text("of 12 pairs look alike")
    left, right = (side.bounding_box() for side in sides.all())
    assert left and right and all(left[measure] == right[measure] for measure in ("width", "height", "y"))
    page.wait_for_timeout(1000 * LEAST_LOOK_SECONDS)
    page.locator("#vote-left").dblclick()
    expect(asked).to_contain_text("Pair 2 of")
    page.wait_for_timeout(1000 * LEAST_LOOK_SECONDS + 300)
    page.keyboard.press("ArrowDown")
    expect(asked).to_contain_text("Pair 3 of")
    votes = Ledger(f"sqlite:///{runs}/example-votes.db").votes()
    assert [vote.choice for vote in votes] == ["left", "both bad"]
    assert {votes[0].left_model, votes[0].right_model} == {"base@3.5", "merged@2"}
    told = "".join(ears.heard(page))
    named = re.sub(r"[\w@.]+ and base@3.5|base64,[^\"\\]+", "", told)  # besides the choice of what to compare
    assert told.count("process_completed") > 2 and "merged" not in named and "base@" not in named
    page.get_by_role("button", name="What people prefer so far").click()
    expect(page.locator("#vote-results .numbers")).to_contain_text("merged@2 over base@3.5")
    page.reload()
    open_tab(page, "Vote")
    expect(asked).to_contain_text("Pair 3 of")


def test_keys_are_left_alone_outside_the_vote(page: Page, runs: Path):
    before = len(Ledger(f"sqlite:///{runs}/example-votes.db").votes())
    open_tab(page, "Vote")
    expect(page.locator("#vote-left")).to_be_enabled()
    open_tab(page, "Prompts")
    expect(page.locator("#vote-left")).to_be_hidden()
    page.wait_for_timeout(1000 * LEAST_LOOK_SECONDS)
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(500)
    assert len(Ledger(f"sqlite:///{runs}/example-votes.db").votes()) == before


def test_the_whole_line_on_one_button_survives_a_reload(page: Page):
    page.locator("#whole-line").click()
    expect(page.locator("#run input")).to_have_value("miniature-1")
    expect(page.locator(".stations .working")).to_be_visible(timeout=PATIENCE_MS)
    page.reload()
    expect(page.locator("#run input")).to_have_value("miniature-1")
    expect(page.locator("#cancel")).to_be_visible()
    expect(page.locator(".job.done")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator(".stations .done")).to_have_count(5)
    expect(page.locator("#cancel")).to_be_hidden()
    expect(page.locator("#prompts-list .kept")).to_have_count(8)
    open_tab(page, "Evaluate")
    page.get_by_label("every guidance", exact=True).check()
    expect(page.locator("#ranking")).to_contain_text("merged@2")
    expect(page.locator("#ranking")).not_to_contain_text("@3.5")
    page.locator("#evaluate").click()  # goes on with the run's own settings, at another guidance scale
    expect(page.locator("#ranking")).to_contain_text("merged@3.5", timeout=PATIENCE_MS)
    expect(page.locator(".job.done")).to_be_visible(timeout=PATIENCE_MS)
    open_tab(page, "Vote")
    # Four steps of training change no picture that a person could tell from the base's.
    expect(page.locator("#vote-pair")).to_contain_text("look alike")


def test_a_job_is_cancelled_and_goes_on(page: Page):
    page.locator("#whole-line").click()
    expect(page.locator("#run input")).to_have_value(re.compile(r"miniature-\d"))
    page.locator("#cancel").click(timeout=PATIENCE_MS)
    expect(page.locator(".job.stopped")).to_contain_text("Stopped", timeout=PATIENCE_MS)
    expect(page.locator("#cancel")).to_be_hidden()
    page.locator("#resume").click()
    expect(page.locator(".job.done")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator(".job.stopped")).to_have_count(0)
