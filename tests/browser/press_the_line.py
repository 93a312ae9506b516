"""The bar's buttons and those of the stages' tabs, pressed well and badly."""
import re
from shutil import rmtree

from playwright.sync_api import expect

from app.tabs.vote.ballot_view import CHOICES
from engine.votes.ballots import LEAST_LOOK_SECONDS
from tests.browser.buttons import PATIENCE_MS, Desk, bad, good


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
    press_for_a_gone_run(desk, "rename")
    desk.expect_refused("There is no run 'fleeting' any more")
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
    desk.open("prompts")
    expect(desk.at("delete")).to_be_hidden()
    press_for_a_gone_run(desk, "delete")
    desk.expect_refused("There is no run 'fleeting' any more")
    desk.runs.joinpath(".gone").rename(desk.runs / "fleeting")
    desk.press("delete")
    expect(desk.at("delete-it")).to_be_visible()
    desk.runs.joinpath("fleeting").rename(desk.runs / ".gone")
    desk.press("delete-it")
    desk.expect_refused("There is no run 'fleeting' any more")


def press_for_a_gone_run(desk: Desk, button: str) -> None:
    """Press a button for a run that has gone meanwhile."""
    rmtree(desk.runs / ".gone", ignore_errors=True)
    desk.runs.joinpath("fleeting", "prompts").mkdir(parents=True)
    desk.open("prompts", "fleeting")
    expect(desk.at(button)).to_be_visible()
    desk.runs.joinpath("fleeting").rename(desk.runs / ".gone")
    desk.press(button)


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
    expect(desk.open("images", "learner").at("images-skills")).to_contain_text("counting")
    desk.page.get_by_role("tabpanel").get_by_role("button", name="Settings").locator("visible=true").click()
    steps = desk.page.get_by_label("number input for Steps", exact=True).locator("visible=true")
    expect(steps).to_have_value("2")  # the form follows the run's recipe
    desk.press("paint-pictures")
    desk.expect_done("pictures for")
    rank = desk.open("experts", "learner").page.get_by_role("spinbutton", name=re.compile("^Rank"))
    expect(rank).to_have_value("2")
    desk.press("train-experts")
    desk.expect_done("slide their weights, in Merge")
    expect(desk.page.locator(".stations li").nth(2)).to_contain_text("1")


@bad("train-experts")
def a_new_run_has_nothing_to_learn_from(desk: Desk) -> None:
    desk.open("experts", "new run").press("train-experts")
    desk.expect_refused("A new run is still empty, and begins with prompts")


@good("evaluate")
def models_are_evaluated(desk: Desk) -> None:
    desk.open("evaluate").press("evaluate")
    desk.expect_started("evaluate", r"example-\d+")


@bad("evaluate")
def without_a_model_there_is_nothing_to_evaluate(desk: Desk) -> None:
    expect(desk.open("evaluate").at("evaluate-models")).to_contain_text("merged")  # which the first drawing chooses
    desk.empty("Models")
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
