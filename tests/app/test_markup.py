"""Records become HTML that says what they say and nothing else."""
import base64
import io
import re

import pytest
from PIL import Image, PngImagePlugin

from app.show import charts, judgement, markup, pictures, thumbnails
from app.show.charts import Point
from app.show.pictures import Frame, Moment, Row, Tile
from engine.core.errors import EngineError
from engine.core.evidence import Answer, Evidence, SeenScene, Thing
from engine.core.types import Prompt, RejectedPrompt, Score
from engine.evaluate.standings import units

NASTY = '<script>alert("x")</script> {{value}} ${1+1}'


def decoded(shown):
    return Image.open(io.BytesIO(base64.b64decode(shown.address.partition(",")[2])))


def test_what_people_and_models_wrote_is_escaped():
    shown = [
        judgement.verdicts(NASTY, [Prompt("a", "s", NASTY)], [RejectedPrompt("s", NASTY, NASTY, NASTY, 0.9)]),
        pictures.gallery([Tile(None, NASTY, NASTY)], NASTY), pictures.film(NASTY, [NASTY], [Moment(NASTY, [None])]),
        pictures.grid(NASTY, NASTY, [NASTY], [Row(NASTY, [Frame(1, None, NASTY, NASTY), None])]),
        pictures.large(NASTY, thumbnails.InlinePicture("", True), ""), pictures.side_by_side(NASTY, []),
        markup.table([NASTY], [[NASTY, NASTY]]), markup.empty(NASTY, NASTY), markup.failure(NASTY),
        judgement.unreadable(NASTY, NASTY, [NASTY]), markup.definitions(NASTY, {NASTY: NASTY}), markup.notice(NASTY),
        judgement.reading(Score("p", 1, "j", None, Evidence(unscored=NASTY))), markup.counts({NASTY: 1}),
        markup.patience(NASTY), markup.aside(NASTY), markup.scroll(NASTY, "")]
    for html in shown:
        assert "<script" not in html and "&lt;script" in html


def test_a_refused_line_says_why():
    html = judgement.verdicts("counting", [Prompt("a", "counting", "two balls", novelty=0.4)],
                          [RejectedPrompt("counting", "two red balls", "too similar", "two balls", 0.8333)])
    assert "40% new" in html and "too similar (“two balls”, ROUGE-L 0.83)" in html
    assert html.count('class="kept"') == html.count('class="refused"') == 1


def test_a_reading_lists_every_answer():
    is_ball = Answer(1, "entity", "Is there a ball?", (), True)
    is_red = Answer(2, "attribute", "Is the ball red?", (1,), False)
    evidence = Evidence((is_ball, is_red), seen=SeenScene((Thing("ball", ""),), "night", None, ()))
    html = judgement.reading(Score("p", 1, "storybook", 0.5, evidence))
    assert "50%" in html and "1 of 2 questions" in html and "oddly coloured ball, night" in html
    assert html.index("Is there a ball?") < html.index('class="no"') < html.index("Is the ball red?")


def test_an_unscored_reading_says_so_and_is_no_zero():
    html = judgement.reading(Score("p", 1, "storybook", None, Evidence(unscored="“dog” is not one of its words")))
    assert "Unscored: “dog”" in html and "0%" not in html
    unscored = Score("p", 1, "j", None)
    assert judgement.score_text(unscored) == "unscored" and judgement.is_good(unscored) is None


def test_numbers():
    assert [markup.percent(v) for v in (None, 0.0, 0.4567)] == ["–", "0.0", "45.7"]
    assert markup.span(0.1, 0.95) == "10 to 95"
    assert '<tr class="best"><th scope="row">b</th>' in markup.table(("", "n"), [("a", "1"), ("b", "2")], best=1)


def test_a_picture_keeps_its_pixels_and_loses_the_rest(tmp_path):
    tell_tale = PngImagePlugin.PngInfo()
    tell_tale.add_text("parameters", "model: merged")
    original = Image.effect_noise((64, 64), 80).convert("RGB")
    original.save(tmp_path / "merged.png", pnginfo=tell_tale, dpi=(300, 300))
    shown = thumbnails.whole(thumbnails.bare(tmp_path / "merged.png"))
    assert shown.small and list(decoded(shown).getdata()) == list(original.getdata()) and decoded(shown).info == {}
    assert b"merged" not in base64.b64decode(shown.address.partition(",")[2])


def test_thumbnails_are_small_and_follow_their_file(tmp_path):
    file = tmp_path / "big.png"
    Image.new("RGB", (1024, 512), "red").save(file)
    first = thumbnails.thumbnail(file)
    assert decoded(first).size == (256, 128) and not first.small
    Image.new("RGB", (64, 64), "blue").save(file)
    assert thumbnails.thumbnail(file) != first and thumbnails.thumbnail(file).small
    file.write_bytes(file.read_bytes()[:40])
    assert thumbnails.thumbnail(file) is None and thumbnails.thumbnail(tmp_path / "gone.png") is None
    with pytest.raises(EngineError, match="big.png is damaged.*Delete it"):
        thumbnails.bare(file)
    assert "img" not in thumbnails.img(None, "x")


def test_a_score_outside_0_to_1_is_its_own_number():
    clip = Score("p", 1, "clipscore", 20.3, Evidence())
    assert judgement.score_text(clip) == "20.3" and judgement.is_good(clip) is None
    assert '<b class="mark">20.3</b>' in judgement.reading(clip)
    assert "questions" not in judgement.reading(clip)
    assert judgement.score_text(Score("p", 1, "reward", -1.7)) == "−1.7"
    of_rewards = judgement.score_text(Score("p", 1, "reward", 0.25), units.PLAIN)
    assert of_rewards == "0.2", "as the table it stands in"


def test_a_figure_of_other_scores_has_an_axis_of_its_own():
    shown = charts.bars({"base": {"photos": Point(20.3, 19.1, 21.0)}}, units.PLAIN)
    assert list(shown.data[0].y) == [20.3] and shown.layout.yaxis.range is None
    assert shown.data[0].error_y.array == pytest.approx((0.7,))
    assert shown.layout.yaxis.title.text == "score"
    share = charts.bars({"base": {"photos": Point(0.2)}})
    assert share.layout.yaxis.range == (0, 100) and share.layout.yaxis.title.text == "score, %"
    found = charts.progress([(0, -1.7), (1, -1.2)], -1.5, units.PLAIN)
    assert list(found.data[0].y) == [-1.7, -1.2] and found.layout.shapes[0].y0 == -1.5


def test_bars_carry_their_intervals():
    figure = charts.bars({"base": {"counting": Point(0.5, 0.4, 0.7), "places": Point(0.2)}, "merged": {}})
    bar = figure.data[0]
    assert list(bar.y) == [50, 20] and bar.error_y.array == pytest.approx((20, 0))
    assert bar.error_y.arrayminus == pytest.approx((10, 0)) and figure.data[1].name == "merged"


def test_losses_are_smoothed_and_held_out_ones_are_not():
    figure = charts.losses({"a": [(1, 1.0), (2, 3.0)]}, {"a": [(0, 9.0), (2, 5.0)]})
    assert list(figure.data[0].y) == [1.0, 2.0] and list(figure.data[1].y) == [9.0, 5.0]
    assert charts.running_mean([1, 2, 3, 4], span=2) == [1, 1.5, 2.5, 3.5]


def test_a_figure_is_drawn_by_what_gradio_ships():
    """No template, no map, no image from anywhere."""
    figure = charts.preferences({"merged over base": Point(0.6, 0.5, 0.7)})
    assert not re.search("https?://", figure.to_json()) and figure.data[0].x[0] == 60
