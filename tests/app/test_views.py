"""Records become HTML that says what they say and nothing else."""
import base64
import io
import re

import pytest
from PIL import Image, PngImagePlugin

from app import figures, pictures, units, views
from app.figures import Point
from engine.core.errors import EngineError
from engine.core.types import Prompt, Rejected, Score

NASTY = '<script>alert("x")</script> {{value}} ${1+1}'


def decoded(shown):
    return Image.open(io.BytesIO(base64.b64decode(shown.address.partition(",")[2])))


def test_what_people_and_models_wrote_is_escaped():
    shown = [
        views.verdicts(NASTY, [Prompt("a", "s", NASTY)], [Rejected("s", NASTY, NASTY, NASTY, 0.9)]),
        views.gallery([views.Tile(None, NASTY, NASTY)], NASTY), views.film(NASTY, [NASTY], [(NASTY, [None])]),
        views.table([NASTY], [[NASTY, NASTY]]), views.empty(NASTY, NASTY), views.failure(NASTY),
        views.unreadable(NASTY, [NASTY]), views.named(NASTY, {NASTY: NASTY}), views.escaped(NASTY),
        views.reading(Score("p", 1, "j", None, {"unscored": NASTY})), views.counted({NASTY: 1}), views.waiting(NASTY)]
    for html in shown:
        assert "<script" not in html and "&lt;script" in html


def test_a_refused_line_says_why():
    html = views.verdicts("counting", [Prompt("a", "counting", "two balls", novelty=0.4)],
                          [Rejected("counting", "two red balls", "too similar", "two balls", 0.8333)])
    assert "40% new" in html and "too similar (“two balls”, ROUGE-L 0.83)" in html
    assert html.count('class="kept"') == html.count('class="refused"') == 1


def test_a_reading_lists_every_answer():
    evidence = {"questions": [{"text": "Is there a ball?", "yes": True}, {"text": "Is the ball red?", "yes": False}],
                "seen": {"things": [{"kind": "ball", "colour": ""}], "background": "night"}}
    html = views.reading(Score("p", 1, "storybook", 0.5, evidence))
    assert "50%" in html and "1 of 2 questions" in html and "oddly coloured ball, night" in html
    assert html.index("Is there a ball?") < html.index('class="no"') < html.index("Is the ball red?")


def test_an_unscored_reading_says_so_and_is_no_zero():
    html = views.reading(Score("p", 1, "storybook", None, {"unscored": "“dog” is not one of its words"}))
    assert "Unscored: “dog”" in html and "0%" not in html
    assert views.marked(Score("p", 1, "j", None)) == "unscored" and views.is_good(Score("p", 1, "j", None)) is None


def test_numbers():
    assert [views.percent(v) for v in (None, 0.0, 0.4567)] == ["–", "0.0", "45.7"]
    assert views.span(0.1, 0.95) == "10 to 95"
    assert '<tr class="best"><th scope="row">b</th>' in views.table(("", "n"), [("a", "1"), ("b", "2")], best=1)


def test_a_picture_keeps_its_pixels_and_loses_the_rest(tmp_path):
    tell_tale = PngImagePlugin.PngInfo()
    tell_tale.add_text("parameters", "model: merged")
    original = Image.effect_noise((64, 64), 80).convert("RGB")
    original.save(tmp_path / "merged.png", pnginfo=tell_tale, dpi=(300, 300))
    shown = pictures.whole(pictures.bare(tmp_path / "merged.png"))
    assert shown.small and list(decoded(shown).getdata()) == list(original.getdata()) and decoded(shown).info == {}
    assert b"merged" not in base64.b64decode(shown.address.partition(",")[2])


def test_thumbnails_are_small_and_follow_their_file(tmp_path):
    file = tmp_path / "big.png"
    Image.new("RGB", (1024, 512), "red").save(file)
    first = pictures.thumbnail(file)
    assert decoded(first).size == (256, 128) and not first.small
    Image.new("RGB", (64, 64), "blue").save(file)
    assert pictures.thumbnail(file) != first and pictures.thumbnail(file).small
    file.write_bytes(file.read_bytes()[:40])
    assert pictures.thumbnail(file) is None and pictures.thumbnail(tmp_path / "gone.png") is None
    with pytest.raises(EngineError, match="big.png is damaged.*Delete it"):
        pictures.bare(file)
    assert "img" not in pictures.img(None, "x")


def test_a_score_outside_0_to_1_is_its_own_number():
    clip = Score("p", 1, "clipscore", 20.3, {"seen": None})
    assert views.marked(clip) == "20.3" and views.is_good(clip) is None
    assert '<b class="mark">20.3</b>' in views.reading(clip)
    assert "questions" not in views.reading(clip)
    assert views.marked(Score("p", 1, "reward", -1.7)) == "−1.7"
    of_rewards = views.marked(Score("p", 1, "reward", 0.25), units.OWN)
    assert of_rewards == "0.2", "as the table it stands in"


def test_a_figure_of_other_scores_has_an_axis_of_its_own():
    shown = figures.bars({"base": {"photos": Point(20.3, 19.1, 21.0)}}, units.OWN)
    assert list(shown.data[0].y) == [20.3] and shown.layout.yaxis.range is None
    assert shown.data[0].error_y.array == pytest.approx((0.7,))
    assert shown.layout.yaxis.title.text == "score"
    share = figures.bars({"base": {"photos": Point(0.2)}})
    assert share.layout.yaxis.range == (0, 100) and share.layout.yaxis.title.text == "score, %"
    found = figures.progress({"candidates": [(0, -1.7), (1, -1.2)]}, -1.5, units.OWN)
    assert list(found.data[0].y) == [-1.7, -1.2] and found.layout.shapes[0].y0 == -1.5


def test_bars_carry_their_intervals():
    figure = figures.bars({"base": {"counting": Point(0.5, 0.4, 0.7), "places": Point(0.2)}, "merged": {}})
    bar = figure.data[0]
    assert list(bar.y) == [50, 20] and bar.error_y.array == pytest.approx((20, 0))
    assert bar.error_y.arrayminus == pytest.approx((10, 0)) and figure.data[1].name == "merged"


def test_losses_are_smoothed_and_held_out_ones_are_not():
    figure = figures.losses({"a": [(1, 1.0), (2, 3.0)]}, {"a": [(0, 9.0), (2, 5.0)]})
    assert list(figure.data[0].y) == [1.0, 2.0] and list(figure.data[1].y) == [9.0, 5.0]
    assert figures.running_mean([1, 2, 3, 4], span=2) == [1, 1.5, 2.5, 3.5]


def test_a_figure_is_drawn_by_what_gradio_ships():
    """No template, no map, no image from anywhere."""
    figure = figures.preferences({"merged over base": Point(0.6, 0.5, 0.7)})
    assert not re.search("https?://", figure.to_json()) and figure.data[0].x[0] == 60
