"""Every button of every tab and pane, once as one should and once as one should not, as a person would see it.

A button that is added later needs a case here: the first test names those that have none.
"""
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from app.tabs.vote import CHOICES, LEAST_LOOK_SECONDS
from tests.browser.buttons import BAD, GOOD, PATIENCE_MS, Desk, bad, furnish, good, on_the_page

CANNOT_GO_WRONG = {
    "cancel", "resume",  # out of sight unless there is something to cancel or to go on with
    "leave-name", "keep-run", "undo-weights", "another-prompt", "other-noise", "suggestion",
    "for-diffusers", "for-comfy", "card",  # off until there is a file
    *(f"vote-{choice.replace(' ', '-')}" for choice in CHOICES)}
"""Those without an input that could be bad."""


@pytest.fixture(scope="module")
def desk(browser: Browser, app_url: str, runs: Path, small_world: dict[str, str], server_log: Path) -> Iterator[Desk]:
    furnish(runs, Path(small_world["SELMA_EXAMPLE"]))
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    yield Desk(page, app_url, runs)
    page.close()
    assert "Traceback" not in server_log.read_text(errors="replace")


@pytest.fixture(autouse=True)
def nobody_works(desk: Desk) -> None:
    """A case that failed leaves no job in the way of the next."""
    desk.end_jobs()


@good("whole-line", "cancel", "resume")
def the_line_is_started_cancelled_and_goes_on(desk: Desk) -> None:
    desk.open("prompts").press("whole-line")
    expect(desk.page.locator("#run input")).to_have_value(re.compile(r"miniature-\d+"))
    desk.press("cancel")
    expect(desk.page.locator(".job.stopped")).to_contain_text("Stopped", timeout=PATIENCE_MS)
    desk.press("resume")
    desk.expect_started("pipeline", r"miniature-\d+")


@bad("whole-line")
def the_line_is_refused_while_a_job_works(desk: Desk) -> None:
    desk.open("prompts").press("whole-line")
    expect(desk.at("cancel")).to_be_visible()
    desk.press("whole-line")
    desk.expect_refused("is still working, and only one job can at a time")
    desk.end_jobs()


@good("rename", "rename-it", "leave-name")
def a_run_gets_another_name(desk: Desk) -> None:
    desk.open("prompts", "old").press("rename")
    desk.press("leave-name")
    expect(desk.at("rename-it")).to_be_hidden()
    desk.press("rename")
    desk.fill("new-name", "older")
    desk.press("rename-it")
    expect(desk.page.locator("#run input")).to_have_value("older")
    expect(desk.at("rename-it")).to_be_hidden()
    assert not (desk.runs / "old").exists()
    (desk.runs / "older").rename(desk.runs / "old")


@bad("rename", "rename-it")
def a_name_must_do(desk: Desk) -> None:
    desk.open("prompts").press("rename")
    desk.expect_refused("The example belongs to the app")
    desk.open("prompts", "old").press("rename")
    desk.fill("new-name", "../x")
    desk.press("rename-it")
    desk.expect_refused("cannot name a run")


@good("delete", "delete-it", "keep-run")
def a_run_goes_for_good(desk: Desk) -> None:
    (desk.runs / "doomed" / "prompts").mkdir(parents=True)
    desk.open("prompts", "doomed").press("delete")
    expect(desk.at("upkeep-question")).to_contain_text("Delete doomed for good?")
    desk.press("keep-run")
    expect(desk.at("delete-it")).to_be_hidden()
    desk.press("delete")
    desk.press("delete-it")
    expect(desk.page.locator("#run input")).not_to_have_value("doomed")
    assert not (desk.runs / "doomed").exists()


@bad("delete", "delete-it")
def what_is_not_ones_own_stays(desk: Desk) -> None:
    desk.open("prompts").press("delete")
    desk.expect_refused("The example belongs to the app")
    desk.runs.joinpath("fleeting", "prompts").mkdir(parents=True)
    desk.open("prompts", "fleeting").press("delete")
    expect(desk.at("delete-it")).to_be_visible()
    desk.runs.joinpath("fleeting").rename(desk.runs / ".gone")
    desk.press("delete-it")
    desk.expect_refused("There is no run 'fleeting' any more")


@good("write-prompts")
def prompts_are_written(desk: Desk) -> None:
    desk.open("prompts", "new run").press("write-prompts")
    desk.expect_started("prompts", r"run-\d+")


@bad("write-prompts")
def prompts_of_no_skill_are_refused(desk: Desk) -> None:
    desk.open("prompts", "new run").empty("Skills")
    desk.press("write-prompts")
    desk.expect_refused("Name at least one skill")


@good("paint-pictures")
def pictures_are_painted(desk: Desk) -> None:
    desk.open("images").press("paint-pictures")
    desk.expect_started("images", r"example-\d+")


@bad("paint-pictures")
def a_new_run_has_nothing_to_paint(desk: Desk) -> None:
    desk.open("images", "new run").press("paint-pictures")
    desk.expect_refused("A new run is still empty, and begins with prompts")


@good("train-experts")
def experts_learn_to_the_end(desk: Desk) -> None:
    rank = desk.open("experts", "learner").page.get_by_label("Rank", exact=True)
    expect(rank).to_have_value("2")  # the form follows the run's recipe
    desk.press("train-experts")
    desk.expect_done()
    expect(desk.page.locator(".stations li").nth(2)).to_contain_text("2")


@bad("train-experts")
def a_new_run_has_nothing_to_learn_from(desk: Desk) -> None:
    desk.open("experts", "new run").press("train-experts")
    desk.expect_refused("A new run is still empty, and begins with prompts")


@good("merge-prompt submit", "another-prompt", "other-noise", "suggestion", "undo-weights")
def the_scene_follows_its_buttons(desk: Desk) -> None:
    pair, prompt = desk.open("merge").page.locator("#merge-pair .pair"), desk.page.locator("#merge-prompt textarea")
    before = prompt.input_value()
    desk.press("another-prompt")
    expect(prompt).not_to_have_value(before)
    expect(pair).to_be_visible(timeout=PATIENCE_MS)
    noise = desk.page.get_by_label("Noise", exact=True)
    desk.press("other-noise")
    expect(noise).not_to_have_value("1")
    prompt.fill("a red dog on a skateboard")
    desk.at("merge-prompt").get_by_role("button", name="Paint").click()
    expect(desk.at("merge-note")).to_contain_text("It knows red", timeout=PATIENCE_MS)
    sentence = desk.at("suggestion").inner_text()
    desk.press("suggestion")
    expect(prompt).to_have_value(sentence)
    desk.page.locator("#preset input").click()
    desk.page.get_by_role("option", name=re.compile("as released")).click()
    weight = desk.page.locator("#weight-0 input[type=number]")
    expect(weight).not_to_have_value("1")
    desk.press("undo-weights")
    expect(weight).to_have_value("1")


@bad("merge-prompt submit")
def nine_prompts_are_too_many_to_look_at(desk: Desk) -> None:
    desk.open("merge").page.locator("#merge-prompt textarea").fill("\n".join(f"{n} red balls" for n in range(9)))
    desk.at("merge-prompt").get_by_role("button", name="Paint").click()
    desk.expect_refused("9 prompts are too many to look at")


@good("save-merge")
def a_merge_is_saved(desk: Desk) -> None:
    desk.open("merge")
    expect(desk.page.locator("#weight-0 input[type=number]")).to_be_visible()
    desk.press("save-merge")
    desk.expect_started("merge", r"example-\d+")


@bad("save-merge")
def a_merge_needs_a_name_that_will_do(desk: Desk) -> None:
    desk.open("merge").fill("merge-name", "../<b>x</b>")
    desk.press("save-merge")
    desk.expect_refused("'../<b>x</b>' cannot be the name of a merge")


@good("paint-grid")
def a_grid_is_painted(desk: Desk) -> None:
    desk.open("merge", pane="Grid").press("paint-grid")
    desk.expect_started("grid", r"example-\d+")


@bad("paint-grid")
def letters_are_no_values(desk: Desk) -> None:
    desk.open("merge", pane="Grid").fill("grid-x-values", "a, b")
    desk.press("paint-grid")
    desk.expect_refused("'a, b' are no numbers. Write them with commas between")


@good("leave-one-out")
def experts_are_left_out(desk: Desk) -> None:
    desk.open("merge", pane="Interference").press("leave-one-out")
    desk.expect_started("leave_one_out", r"example-\d+")


@good("search-weights")
def weights_are_searched_for(desk: Desk) -> None:
    desk.open("merge", pane="Search").press("search-weights")
    desk.expect_started("search", r"example-\d+")


@bad("leave-one-out", "search-weights")
def no_judge_that_ships_reads_photographs(desk: Desk) -> None:
    desk.open("merge", "foreign", pane="Interference").press("leave-one-out")
    desk.expect_refused("Leaving experts out needs a judge, and the one that ships reads Storybook's pictures alone")
    desk.open("merge", "foreign", pane="Search").press("search-weights")
    desk.expect_refused("A search needs a judge, and the one that ships reads Storybook's pictures alone")


@good("for-diffusers", "for-comfy", "card", "adopt-button")
def a_file_leaves_and_comes_back(desk: Desk) -> None:
    desk.open("merge", pane="Files")
    expect(desk.at("for-comfy")).to_be_enabled(timeout=PATIENCE_MS)
    for button in ("for-diffusers", "for-comfy", "card"):
        if button == "card" and not desk.at(button).is_enabled():
            continue  # of an expert that has none
        with desk.page.expect_download() as started:
            desk.press(button)
        file = desk.runs / ".downloads" / started.value.suggested_filename
        started.value.save_as(file)
        assert file.stat().st_size
    desk.at("adopt").get_by_role("button", name=re.compile("Take in a LoRA")).click()
    taken = next(path for path in (desk.runs / ".downloads").glob("*.safetensors") if "pytorch" not in path.name)
    desk.page.locator("#adopt-file input[type=file]").set_input_files(taken)
    expect(desk.at("adopt-file")).to_contain_text(taken.stem, timeout=PATIENCE_MS)
    desk.press("adopt-button")
    desk.expect_started("adopt", r"example-\d+")


@bad("adopt-button")
def without_a_file_nothing_is_taken_in(desk: Desk) -> None:
    desk.open("merge", pane="Files").at("adopt").get_by_role("button", name=re.compile("Take in a LoRA")).click()
    desk.press("adopt-button")
    desk.expect_refused("Choose a .safetensors file first")


@good("evaluate")
def models_are_evaluated(desk: Desk) -> None:
    desk.open("evaluate").press("evaluate")
    desk.expect_started("evaluate", r"example-\d+")


@bad("evaluate")
def without_a_model_there_is_nothing_to_evaluate(desk: Desk) -> None:
    desk.open("evaluate").empty("Models")
    desk.press("evaluate")
    desk.expect_refused("model")


@good(*(f"vote-{choice.replace(' ', '-')}" for choice in CHOICES))
def each_way_to_vote_shows_the_next_pair(desk: Desk) -> None:
    asked = desk.open("vote", "old").page.locator("#vote-pair .progress")
    for number, choice in enumerate(CHOICES):
        expect(asked).to_contain_text(f"Pair {number + 1} of")
        desk.page.wait_for_timeout(1000 * LEAST_LOOK_SECONDS + 200)
        desk.press(f"vote-{choice.replace(' ', '-')}")
    expect(asked).to_contain_text(f"Pair {len(CHOICES) + 1} of")


def test_every_button_has_its_cases(small_world: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SELMA_RUNS", os.devnull)
    there = list(on_the_page())
    assert len(there) == len(set(there)) and set(GOOD) == set(there)
    assert set(BAD) == set(there) - CANNOT_GO_WRONG and not set(BAD) & CANNOT_GO_WRONG


@pytest.mark.parametrize("case", dict.fromkeys([*GOOD.values(), *BAD.values()]), ids=lambda case: case.__name__)
def test_a_person_sees_what_a_button_did(desk: Desk, case):
    case(desk)
