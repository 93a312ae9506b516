"""The panes of the merge tab in a real browser: a grid that is taken over, a way back, presets, files, a search."""
import re
from pathlib import Path

from playwright.sync_api import Page, expect
from safetensors import safe_open

from tests.browser.buttons import PATIENCE_MS
from tests.browser.places import expect_weights, open_pane


def expect_done(page: Page) -> None:
    expect(page.locator(".job.done").first).to_be_visible(timeout=PATIENCE_MS)


def test_a_click_on_a_grids_picture_takes_its_weights_and_undo_gives_them_back(merge: Page):
    open_pane(merge, "Grid")
    expect(merge.locator("#grid")).to_contain_text("No grid yet")
    merge.locator("#grid-y input").click()
    merge.get_by_role("option", name="guidance scale").click()
    for axis, values in (("x", "0, 0.5"), ("y", "2, 6")):
        merge.locator(f"#grid-{axis}-values input, #grid-{axis}-values textarea").first.fill(values)
    merge.locator("#paint-grid").click()
    expect(merge.locator("#grid [data-cell] img")).to_have_count(4, timeout=PATIENCE_MS)
    expect_done(merge)
    expect_weights(merge, 1, 1, 1)
    guidance = merge.locator("#merge-guidance input[type=number]")
    before = guidance.input_value()
    merge.locator("#grid [data-cell]").nth(3).click()
    expect_weights(merge, 0.5)
    expect(guidance).to_have_value("6")
    expect(merge.locator("#merge-pair .pair")).to_be_visible(timeout=PATIENCE_MS)
    expect(merge.locator("#merge").get_by_label("Method", exact=True)).to_have_value("weighted")
    merge.locator("#undo-weights").click()
    expect_weights(merge, 1, 1, 1)
    expect(guidance).to_have_value(before)
    expect(merge.locator("#merge").get_by_label("Method", exact=True)).to_have_value("average")


def test_a_preset_moves_the_sliders_and_says_what_it_is(merge: Page):
    merge.locator("#preset input").click()
    merge.get_by_role("option", name=re.compile("as released")).click()
    expect(merge.locator("#preset")).to_contain_text("letters")
    expect(merge.locator("#weight-0 input[type=number]")).not_to_have_value("1")
    merge.locator("#undo-weights").click()
    expect_weights(merge, 1, 1, 1)


def test_interference_is_seen_without_painting(merge: Page):
    open_pane(merge, "Interference")
    expect(merge.locator("#interference-plot .js-plotly-plot .heatmaplayer")).to_have_count(1, timeout=PATIENCE_MS)
    expect(merge.locator("#interference table")).to_have_count(2)
    expect(merge.locator("#leave-one-out")).to_be_visible()


def test_every_expert_alone_stands_beside_base_and_merge(merge: Page):
    merge.locator("#each-expert input").check()
    expect(merge.locator("#merge-pair img")).to_have_count(2 + 3, timeout=PATIENCE_MS)


def test_an_expert_leaves_as_a_file_and_comes_back_as_another(merge: Page, tmp_path: Path):
    open_pane(merge, "Files")
    expect(merge.locator("#for-comfy")).to_be_enabled(timeout=PATIENCE_MS)
    with merge.expect_download() as started:
        merge.locator("#for-comfy").click()
    file = tmp_path / "counting.safetensors"
    started.value.save_as(file)
    with safe_open(file, "pt") as opened:
        assert all(key.startswith("lora_unet_") for key in opened.keys())
    merge.locator("#adopt").get_by_role("button", name=re.compile("Take in a LoRA")).click()
    merge.locator("#adopt-file input[type=file]").set_input_files(file)
    expect(merge.locator("#adopt-file")).to_contain_text("counting", timeout=PATIENCE_MS)
    merge.locator("#adopt-name input, #adopt-name textarea").first.fill("theirs")
    merge.locator("#adopt-button").click()
    expect(merge.locator("#weight-3")).to_contain_text("theirs", timeout=PATIENCE_MS)


def test_a_search_tells_what_it_tried_and_the_test(merge: Page):
    open_pane(merge, "Search")
    merge.locator("#merge-views").get_by_role("button", name="Settings").click()
    for label, value in (("number input for Generations", "1"), ("number input for Population", "2"),
                         ("Prompts per skill", "2"), ("Test prompts per skill", "2")):
        field = merge.locator("#merge-views").get_by_label(label, exact=True).locator("visible=true").first
        field.fill(value)
        field.blur()
    merge.locator("#search-weights").click()
    expect(merge.locator("#search-result")).to_contain_text("On test: searched", timeout=PATIENCE_MS)
    expect(merge.locator("#search-plot .js-plotly-plot")).to_be_visible()
