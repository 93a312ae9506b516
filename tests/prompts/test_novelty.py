"""The filter decides as rouge-score does, and as the integers do where rouge-score's floats waver."""
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer, _score_lcs
from rouge_score.tokenize import tokenize

from engine.prompts.novelty import Novelty, Verdict, words_of

SCORER = RougeScorer(["rougeL"], use_stemmer=False)
LIMIT = Fraction(4, 5)


def holding(*texts):
    novelty = Novelty()
    for text in texts:
        novelty.accept(text)
    return novelty


def text_of(length, common, other):
    """`length` words, the first `common` of which are shared by every text made here."""
    return " ".join([f"same{i}" for i in range(common)] + [f"{other}{i}" for i in range(length - common)])


def test_a_worked_example():
    novelty = holding("three red balls on the grass")
    verdict = novelty.verdict("two red balls on the grass")
    assert verdict.rouge_l == pytest.approx(2 * 5 / 12) and not verdict.new
    assert verdict.nearest == "three red balls on the grass"
    assert novelty.verdict("three blue balls in the sky") == Verdict(True, "three red balls on the grass", 6 / 12)


@pytest.mark.parametrize(("m", "n", "common"), [(5, 5, 4), (10, 10, 8), (15, 15, 12), (7, 8, 6), (8, 7, 6),
                                                (3, 2, 2), (13, 17, 12), (9, 11, 8), (20, 20, 16)])
def test_exactly_four_fifths_is_kept_and_one_word_more_is_not(m, n, common):
    first = text_of(m, common, "a")
    at, above = text_of(n, common, "b"), text_of(m, common, "a") + " b"
    verdict = holding(first).verdict(at)
    assert verdict.rouge_l == 0.8 and verdict.new
    assert not holding(first).verdict(above).new


def test_rouge_score_differs_only_at_exactly_four_fifths():
    """All triples up to 60 words: its floats are above in 30 ties, below in 96, and right everywhere else."""
    above = below = 0
    for m in range(1, 61):
        for n in range(1, 61):
            for common in range(min(m, n) + 1):
                precision, recall = common / m, common / n
                theirs = 2 * precision * recall / (precision + recall) if common else 0.0
                if 10 * common == 4 * (m + n):
                    above, below = above + (theirs > 0.8), below + (theirs < 0.8)
                else:
                    assert (theirs > 0.8) == (10 * common > 4 * (m + n))
    assert (above, below) == (30, 96)
    assert _score_lcs("abcde", "abcdx").fmeasure > 0.8 > _score_lcs("abcdefg", "abcdefxy").fmeasure


WORDS = st.lists(st.sampled_from("a b c d red BALL two's x-y café 3".split()), max_size=12).map(" ".join)


@given(st.lists(WORDS, min_size=1, max_size=8), WORDS)
@example(["a b c d red"], "a b c d 3")
@example([""], "")
def test_decides_as_rouge_score_does_off_the_boundary(held, candidate):
    novelty = holding(*held)
    scores = [SCORER.score(text, candidate)["rougeL"].fmeasure for text in held]
    verdict = novelty.verdict(candidate)
    assert verdict.rouge_l == pytest.approx(max(scores), abs=1e-12)
    if abs(max(scores) - 0.8) > 1e-9:
        assert verdict.new == (max(scores) <= 0.8)
    else:
        assert verdict.new


@given(WORDS)
def test_the_words_are_rouge_scores(text):
    assert words_of(text) == tokenize(text, None)


def test_a_greedy_pass_keeps_what_rouge_score_keeps():
    colours, things = "red blue green pink".split(), "ball star tree moon fish".split()
    names = [f"a {colour} {thing}" for colour in colours for thing in things]
    texts = [f"{first} above {second}" for first in names for second in names[:5]]
    novelty, ours, theirs = Novelty(), [], []
    for text in texts:
        if novelty.verdict(text).new:
            novelty.accept(text)
            ours.append(text)
        if all(SCORER.score(kept, text)["rougeL"].fmeasure <= 0.8 for kept in theirs):
            theirs.append(text)
    assert ours == theirs and 0 < len(ours) < len(texts) and len(novelty) == len(ours)


@pytest.mark.parametrize("text", ["三个红球和一棵树", "три красных шара", "ثلاث كرات حمراء"])
def test_texts_without_latin_letters_are_compared_too(text):
    assert tokenize(text, None) == []
    verdict = holding(text).verdict(text)
    assert not verdict.new and verdict.rouge_l == 1.0 and holding("three red balls").verdict(text).new


@pytest.mark.parametrize("text", ["", "  ", "!?", "🎈"])
def test_a_text_without_words_is_like_nothing(text):
    verdict = holding("a ball", text).verdict(text)
    assert verdict.new and (verdict.nearest, verdict.rouge_l) == ("", 0.0)


def test_more_words_than_two_bytes_hold():
    novelty = holding(" ".join(f"w{i}" for i in range(70_000)))
    assert novelty.verdict("w69999 w1").rouge_l == pytest.approx(2 / 70_002)


def test_another_threshold():
    strict = Novelty(threshold=(1, 2))
    strict.accept("a b c d")
    assert strict.verdict("a b x y").new and not strict.verdict("a b c y").new
