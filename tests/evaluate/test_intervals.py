"""Bootstrap intervals against scipy, against theory, and by how often they hold the truth."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from engine.evaluate import intervals

SKILLS = ("counting", "styles", "places")
PROMPTS = 25
ZERO = {skill: {f"{skill}-{i}": 0.0 for i in range(PROMPTS)} for skill in SKILLS}


def per_prompt(arrays):
    return {skill: {f"{skill}-{i}": float(value) for i, value in enumerate(values)}
            for skill, values in arrays.items()}


def nothing(arrays):
    return per_prompt({skill: np.zeros_like(values) for skill, values in arrays.items()})


def test_the_estimate_is_the_mean_over_skills_of_paired_differences():
    ours = {"counting": {"a": 1.0, "b": 0.5, "only ours": 0.0}, "styles": {"c": 0.2, "d": 0.4}}
    theirs = {"counting": {"a": 0.5, "b": 0.5, "only theirs": 1.0}, "styles": {"c": 0.4, "d": 0.2},
              "only theirs": {"e": 1.0}}
    found = intervals.paired_difference(ours, theirs)
    assert found.difference == pytest.approx((0.25 + 0.0) / 2)
    assert found.low <= found.difference <= found.high


def test_it_agrees_with_scipy_on_stratified_data():
    rng = np.random.default_rng(1)
    sizes = {"counting": 300, "styles": 200, "places": 400}
    differences = {skill: rng.normal(0.01 * len(skill), 0.3, size) for skill, size in sizes.items()}
    ours = intervals.paired_difference(per_prompt(differences), nothing(differences), resamples=10_000)
    oracle = stats.bootstrap(tuple(differences.values()), macro_mean, n_resamples=10_000, batch=1000,
                             method="percentile", rng=2).confidence_interval
    assert ours.low == pytest.approx(oracle.low, abs=1e-3)
    assert ours.high == pytest.approx(oracle.high, abs=1e-3)


def macro_mean(*skills, axis):
    return np.mean([values.mean(axis) for values in skills], axis=0)


def test_its_width_is_the_standard_error_even_for_few_prompts():
    rng = np.random.default_rng(3)
    differences = {skill: rng.normal(0, 0.3, 4) for skill in SKILLS}
    variances = [values.var(ddof=1) / len(values) for values in differences.values()]
    found = intervals.paired_difference(per_prompt(differences), nothing(differences), resamples=200_000, level=0.6827)
    assert (found.high - found.low) / 2 == pytest.approx(np.sqrt(sum(variances)) / 3, rel=0.05)


def test_the_same_seed_gives_the_same_interval_and_pairing_makes_it_narrow():
    rng = np.random.default_rng(4)
    hard = rng.random(100)
    ours, theirs = ({"s": {str(i): float(h + d) for i, h in enumerate(hard)}} for d in (0.1, 0.0))
    assert intervals.paired_difference(ours, theirs) == intervals.paired_difference(ours, theirs)
    assert intervals.paired_difference(ours, theirs, seed=1).low == pytest.approx(0.1)
    alone = intervals.mean(ours)
    assert alone.high - alone.low > 0.05 and alone.difference == pytest.approx(hard.mean() + 0.1)


@pytest.mark.parametrize("values", [{}, {"s": {"a": 1.0}}, {"s": {"a": 1.0, "b": 0.0}, "t": {"c": 1.0}}])
def test_too_few_prompts_give_no_interval(values):
    assert intervals.mean(values) is None and intervals.paired_difference(values, values) is None


def test_large_samples_are_drawn_in_parts(monkeypatch):
    values = per_prompt({"s": np.random.default_rng(0).random(50)})
    whole = intervals.mean(values, resamples=1000)
    monkeypatch.setattr(intervals, "DRAWS_AT_ONCE", 700)
    assert intervals.mean(values, resamples=1000) == pytest.approx(whole, abs=0.02)


def coverage(simulate, interval, truth=0.1, datasets=200):
    """How often `interval` of a simulated data set holds the truth; its standard error is 1.5 points at 95 %."""
    held = [interval(simulate(np.random.default_rng(n))) for n in range(datasets)]
    return np.mean([low <= truth <= high for _, low, high in held])


def test_a_paired_interval_holds_the_truth_as_often_as_it_says():
    def simulate(rng):
        return per_prompt({skill: rng.choice([-0.5, 0.0, 0.7], PROMPTS, p=[0.2, 0.514, 0.286]) for skill in SKILLS})
    share = coverage(simulate, lambda ours: intervals.paired_difference(ours, ZERO, resamples=400), truth=0.1002)
    assert 0.91 <= share <= 0.99


def replicates(rng, shifts):
    """Prompt effects that all replicates share, a shift of each replicate, and noise."""
    shared = {skill: rng.normal(0.1, 0.2, PROMPTS) for skill in SKILLS}
    return [per_prompt({k: v + shift + rng.normal(0, 0.2, PROMPTS) for k, v in shared.items()}) for shift in shifts]


@pytest.mark.parametrize("count", [3, 6])
def test_a_hierarchical_interval_holds_the_truth(count):
    share = coverage(lambda rng: replicates(rng, rng.normal(0, 0.01, count)),
                     lambda ours: intervals.hierarchical(ours, [ZERO] * count, resamples=400))
    assert 0.91 <= share <= 0.995


def test_replicates_that_disagree_widen_the_interval():
    agree, disagree = (replicates(np.random.default_rng(5), (-between, 0, between)) for between in (0.0, 0.2))
    narrow, wide, single = (intervals.hierarchical(r, [ZERO] * len(r)) for r in (agree, disagree, disagree[:1]))
    assert single == intervals.paired_difference(disagree[0], ZERO)
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)
    assert wide.high - wide.low > 2 * (single.high - single.low)


@pytest.mark.parametrize("found, said", [
    ((0.05, 0.02, 0.08), "better"),
    ((-0.05, -0.08, -0.02), "worse"),
    ((0.05, -0.02, 0.12), "undecided"),
    ((0.0, -0.01, 0.01), "no difference within the margin"),
    ((0.006, 0.003, 0.009), "no difference within the margin"),
    ((0.006, 0.001, 0.011), "better"),
    ((0.0, -0.011, 0.0), "undecided"),
])
def test_verdicts(found, said):
    assert intervals.verdict(*found) == said


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.1))
def test_a_verdict_mirrors_when_the_arms_change_places(difference, below, above, margin):
    mirrored = {"better": "worse", "worse": "better"}
    said = intervals.verdict(difference, difference - below, difference + above, margin)
    other = intervals.verdict(-difference, -difference - above, -difference + below, margin)
    assert other == mirrored.get(said, said)
