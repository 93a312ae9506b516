"""What the report makes of measurements."""
import json
from pathlib import Path

import pytest

from engine.studies.replicates import packing, report
from engine.studies.replicates.packing import Arm, Measurement
from engine.studies.replicates.recipe import Claim, Config


def arm(name, scores, **facts):
    usual = {"guidance": 3.5, "validated": {"3.5": {"counting": {"a": 0.5}}}, "selma": None, "exact": {"counting": 0.0},
             "flagged": None, "pictures": 3, "floor": None, "diversity": None}
    return Arm(name=name, scores=scores, **(usual | facts))


def line(*arms):
    return Measurement({"seed": 1}, {}, "test", ["counting"], {}, list(arms))


def config(**claims):
    return Config(Path("mini.toml"), {}, claims, {})


def test_arms_are_compared_with_the_base_at_the_same_scale():
    def at_scales(name, at_1, at_5):
        validated = {scale: {"counting": dict(zip("abc", values, strict=True)), "twins": {"a": 0.9, "b": 0.9}}
                     for scale, values in (("1", at_1), ("5", at_5))}
        return arm(name, {"counting": {"a": 0.5, "b": 0.5}}, guidance=5.0, validated=validated)
    arms = [at_scales("base", (0.1, 0.2, 0.3), (0.5, 0.5, 0.5)), at_scales("merged", (0.4, 0.5, 0.6), (0.4, 0.5, 0.6))]
    at = report.results(config(), [[line(*arms)]])["arms"]["merged"]["validation"]
    assert at["1"]["dsg"] == pytest.approx(0.5) and at["1"]["against_base"] == pytest.approx([0.3, 0.3, 0.3])
    difference, low, high = at["5"]["against_base"]
    assert difference == pytest.approx(0) and low == pytest.approx(-0.1) and high == pytest.approx(0.1)


def test_an_arm_whose_scale_the_base_lacks_is_held_against_the_base_at_its_first():
    """As everywhere: `standings.base_of` says which base an arm is compared with."""
    scores = {"counting": {"a": 0.5, "b": 0.5}}
    base = arm("base", scores, guidance=2.0, validated={"2": {"counting": {"a": 0.1, "b": 0.3}}})
    merged = arm("merged", scores, guidance=5.0, validated={"5": {"counting": {"a": 0.5, "b": 0.7}}})
    found = report.results(config(), [[line(base, merged)]])["arms"]["merged"]["validation"]
    assert found["5"]["against_base"] == pytest.approx([0.4, 0.4, 0.4])


def test_an_arm_that_is_run_once_stands_beside_every_replicate_and_is_counted_once():
    base = arm("base", {"counting": {"a": 0.2, "b": 0.2}})
    rounds = [[line(base), line(arm("merged", {"counting": {"a": 0.4, "b": 0.6}}))],
              [line(arm("merged", {"counting": {"a": 0.6, "b": 0.8}}))]]
    found = report.results(config(), rounds)["arms"]
    assert found["base"]["by_replicate"] == pytest.approx([0.2, 0.2]) and found["base"]["pictures"] == 3
    assert found["merged"]["by_replicate"] == pytest.approx([0.5, 0.7]) and found["merged"]["pictures"] == 6


def test_a_claim_is_held_against_the_rival_that_validation_prefers():
    low, high = ({"3.5": {"counting": {"a": value}}} for value in (0.1, 0.9))
    scores = {"counting": {"a": 0.5, "b": 0.7}}
    arms = [arm("base", scores), arm("ours", scores), arm("weak", scores, validated=low),
            arm("strong", {"counting": {"a": 0.4, "b": 0.6}}, validated=high)]
    claims = report.results(config(It=Claim("ours", ["weak", "strong"])), [[line(*arms)]])["claims"]
    assert claims["It"]["rivals"] == ["strong"] and claims["It"]["difference"][0] == pytest.approx(0.1)


def test_what_is_packed_is_unpacked_the_same():
    """A prompt that one arm has no score of stays without."""
    before = line(arm("base", {"counting": {"a": 0.5}, "twins": {"c": 1.0}}), arm("merged", {"counting": {"b": 0.25}}))
    packed = json.loads(json.dumps(packing.pack(before)))
    assert packing.unpack(packed) == before and packed["asked"] == {"seed": 1}
    assert packed["prompts"] == {"counting": ["a", "b"], "twins": ["c"]}
