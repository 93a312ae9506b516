"""The merge tab's buttons, pane by pane, pressed well and badly."""
import re

from playwright.sync_api import expect

from tests.browser.buttons import PATIENCE_MS, Desk, bad, good


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
