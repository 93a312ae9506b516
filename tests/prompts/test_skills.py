"""Skills are files; what is wrong in one is said with its name."""
import pytest

from engine import worlds
from engine.core.errors import EngineError
from engine.prompts import skills
from engine.prompts.checks import checker, clean

GOOD = """
title = "Counting"
instruction = "Count."
most_words = 6
most_count = 3
examples = ["three red balls", "two trees", "one star"]
"""


@pytest.fixture
def write(tmp_path):
    def write(text, name="mine"):
        (tmp_path / f"{name}.toml").write_text(text)
        return skills.load(name, tmp_path)
    return write


@pytest.mark.parametrize("name", skills.of_world(worlds.load("storybook")))
def test_a_shipped_skill_passes_its_own_checks(name):
    skill = skills.load(name)
    check = checker(skill, "storybook")
    assert skill.name == name and skill.title and skill.instruction.endswith(".")
    assert [check(example) for example in skill.examples] == [None] * len(skill.examples)


def test_a_skill_is_read(write):
    skill = write(GOOD)
    assert (skill.name, skill.least_words, skill.most_count, skill.rules) == ("mine", 1, 3, {})
    assert skill.examples == ("three red balls", "two trees", "one star")


@pytest.mark.parametrize(("old", "new", "remedy"), [
    ('title = "Counting"', "title = ", "not valid TOML.*line 2"), ("most_words = 6", "", "'most_words' is missing"),
    ("most_words = 6", 'most_words = "6"', "must be of type int"), ("most_count", "count_most", "no option called"),
    (', "one star"', "", "2 different examples"), ('"one star"', '"two trees"', "2 different examples"),
    ('"one star"', "1", "examples is 1; it must be of type str"), ('"one star"', '" "', "an example is empty"),
    ("most_words = 6", "most_words = 2", "3 words, not 1 to 2"),
    ("most_words = 6", "most_words = 6\nleast_words = 9", "leave no room")])
def test_a_wrong_file_is_one_clear_sentence(write, old, new, remedy):
    with pytest.raises(EngineError, match=remedy):
        write(GOOD.replace(old, new))


def test_an_unknown_skill_names_the_known_ones(write, tmp_path):
    write(GOOD)
    for name in ("juggling", "../mine", ""):
        with pytest.raises(EngineError, match="Choose from mine"):
            skills.load(name, tmp_path)


def test_a_name_of_two_skills_is_refused(write, tmp_path):
    write(GOOD)
    (tmp_path / "world").mkdir()
    (tmp_path / "world/mine.toml").write_text(GOOD)
    with pytest.raises(EngineError, match="Rename one"):
        skills.load("mine", tmp_path)


def test_a_file_beside_the_worlds_is_everybodys(write, tmp_path, monkeypatch):
    write(GOOD)
    monkeypatch.setattr(skills, "FOLDER", tmp_path)
    monkeypatch.setattr(skills.files, "__defaults__", (tmp_path,))
    assert [skills.of_world(worlds.load(name)) for name in worlds.names()] == [["mine"]] * len(worlds.names())


def test_rules_that_make_no_sense_name_the_skill(write):
    with pytest.raises(EngineError, match="rules of skill 'mine'.*'juggle'"):
        checker(write(GOOD + "\n[rules]\njuggle = true"), "storybook")


@pytest.mark.parametrize(("text", "reason"), [
    ("", "empty"), ("a " * 201, "too long"), ("one two three four five six seven", "word limit: 7 words"),
    ("5 red balls", "count limit: 5"), ("a dozen balls", "count limit: 12"), ("twelve balls", "count limit: 12"),
    ("\u0665 balls", "count limit: 5"), ("three balls", None), ("balls 3", None)])
def test_limits_of_free_texts(write, text, reason):
    refusal = checker(write(GOOD), "free")(clean(text))
    assert (refusal is None) if reason is None else refusal.reason.startswith(reason)


def test_storybook_texts_are_held_to_rules_and_kept_clear_of_the_evaluation():
    from engine.storybook import evaluation
    check = checker(skills.load("counting"), "storybook")
    assert check("three red balls") is None
    assert check("a dog on a skateboard").reason.startswith("unreadable: ")
    assert parse_again(check("a dog on a skateboard").nearest)
    assert check("a red ball").reason.startswith("off skill: ")
    taken = evaluation.load("test", "counting")[0].text
    assert check(taken).reason.startswith("evaluation: ")
    free = checker(skills.load("counting"), "free")
    assert free(taken).reason.startswith("evaluation: ") and free("three photographs of an old bridge") is None


def parse_again(text):
    from engine.storybook.language import parse
    return parse(text)


@pytest.mark.parametrize(("line", "cleaned"), [
    ("  two\tballs \n on grass ", "two balls on grass"), ("a \u202ered\u202c ball\u200b", "a red ball"),
    ("\uff54wo ba\ufb02ls", "two baflls"), ("a\x00b\x1b[31m", "ab[31m"), ("\u00a0", "")])
def test_lines_are_cleaned(line, cleaned):
    assert clean(line) == cleaned and clean(cleaned) == cleaned
