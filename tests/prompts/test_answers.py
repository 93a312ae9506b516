"""The prompts in an answer are told by its shape, and no thought and no chatter is ever one of
them.
"""
import pytest

from engine.prompts.answers import lines_of

BOTH = ["a ball", "two stars"]
LIST = '["a ball", "two stars"]'
PLAN = "Okay, five balls.\n1. a draft ball\n2. a draft star\n"

WHOLE = {
    "a list": LIST,
    "in a fence": f"```json\n{LIST}\n```",
    "fence and chatter": f"Sure! Here are 2:\n\n```json\n{LIST}\n```\n\nLet me know!",
    "fence in its line": f"Here you go: ```json {LIST}```",
    "cut in a text": '["a ball", "two stars", "three tre',
    "cut after a comma": '["a ball", "two stars",',
    "cut in a fence": '```json\n[\n  "a ball",\n  "two stars",\n  "thr',
    "a comma too many": '["a ball", "two stars",]',
    "a comma forgotten": '[\n  "a ball"\n  "two stars"\n]',
    "single quotes": "['a ball', 'two stars']",
    "curly quotes": "[\u201ca ball\u201d, \u201ctwo stars\u201d]",
    "python": f"prompts = {LIST}",
    "comments": '[\n  "a ball", // the first\n  "two stars" # the second\n]',
    "goes on in dots": '["a ball", "two stars", ...]',
    "objects": '[{"prompt": "a ball"}, {"prompt": "two stars"}]',
    "objects with reasons": '[{"prompt": "a ball", "rationale": "It is round."},'
    ' {"prompt": "two stars", "rationale": "They shine at night."}]',
    "reasons first": '[{"rationale": "It is round.", "text": "a ball"},'
    ' {"rationale": "They shine.", "text": "two stars"}]',
    "objects with ids": '[{"id": 1, "caption": "a ball"}, {"id": 2, "caption": "two stars"}]',
    "objects of one text": '[{"idea": "a ball", "words": 2}, {"idea": "two stars", "words": 2}]',
    "objects cut": '[{"prompt": "a ball"}, {"prompt": "two stars", "rationale": "They sh',
    "in an object": '{"prompts": ["a ball", "two stars"]}',
    "under any name": '{"counting_set": ["a ball", "two stars"]}',
    "beside rules": '{"rules": ["short", "visible"], "prompts": ["a ball", "two stars"], "notes": '
    '["none"]}',
    "objects in an object": '{"data": {"items": [{"text": "a ball"}, {"text": "two stars"}]}}',
    "an object in a list": '[{"prompts": ["a ball", "two stars"]}]',
    "numbered keys": '{"1": "a ball", "2": "two stars"}',
    "keys with numbers": '{"prompt_1": "a ball", "prompt_2": "two stars"}',
    "one key again and again": '{"prompt": "a ball", "prompt": "two stars"}',
    "an object a line": '{"prompt": "a ball"}\n{"prompt": "two stars"}',
    "numbered objects": '1. {"prompt": "a ball"}\n2. {"prompt": "two stars"}',
    "a list a line": '["a ball"]\n["two stars"]',
    "pairs": '[[1, "a ball"], [2, "two stars"]]',
    "numbered texts": '["1. a ball", "2. two stars"]',
    "bold texts": '["**a ball**", "**two stars**"]',
    "a text with its list": '["1. a ball\\n2. two stars"]',
    "last of two": f'["a draft", "another"]\n\nThat is too short. Better:\n\n{LIST}',
    "brackets around it": f'[As asked, 2 prompts:]\n{LIST}\nI avoided ["text"] as told [1].',
    "numbered": "1. a ball\n2. two stars",
    "numbered otherwise": "4) a ball\n5) two stars",
    "all ones": "1. a ball\n1. two stars",
    "in parentheses": "(1) a ball\n(2) two stars",
    "numbers in bold": "**1.** a ball\n**2.** two stars",
    "headings": "### 1. a ball\n\n### 2. two stars",
    "named lines": "Prompt 1: a ball\nPrompt 2: two stars",
    "named headings": "**Prompt 1:**\na ball\n\n**Prompt 2:**\ntwo stars",
    "titles": "1. **Ball**: a ball\n2. **Stars:** two stars",
    "quoted, with remarks": '1. "a ball" (round)\n2. "two stars" \u2013 they shine',
    "numbered as in JSON": '1. "a ball",\n2. "two stars",',
    "bullets": '- "a ball"\n- "two stars"',
    "round bullets": "\u2022 a ball\n\u2022 two stars",
    "with bullets below": "1. a ball\n   - Why: it is round\n2. two stars\n   - Why: they shine",
    "chatter around numbers": "Of course. 2 prompts:\n\n1. a ball\n2. two stars\n\nShall I go on?",
    "notes behind": "- a ball\n- two stars\n\nNotes:\n- No text was used.\n- Each is short.",
    "numbered notes": "1. a ball\n2. two stars\n\n**Note:**\n1. No text.\n2. Each is short.",
    "a plan before": "Plan:\n1. Count.\n2. Vary.\n3. Write.\n\nPrompts:\n1. a ball\n2. two stars",
    "windows": "1. a ball\r\n2. two stars\r\n",
    "quotes inside": '["a ball", "two stars"]\n',
}

THOUGHTS = {
    "a tag": f"<think>{PLAN}</think>\n\n{LIST}",
    "a tag of which the template wrote the first half": f"{PLAN}</think>\n\n{LIST}",
    "a list inside": f'<think>\n["no", "nor this"]\n</think>\n{LIST}',
    "an example inside": f'[THINK]Like ["three red balls", "a sun"].\n{PLAN}[/THINK]{LIST}',
    "twice": f"<think>{PLAN}</think> Hm. <think>{PLAN}</think>{LIST}",
    "a tag in a tag": f"<think>I need <think> tags.\n{PLAN}</think>{LIST}",
    "the end named inside": f"<think>I close with </think>, then write.\n{PLAN}</think>{LIST}",
    "numbers behind": f"<thinking>\n{PLAN}</thinking>\n1. a ball\n2. two stars",
    "another after it": f"<think>{PLAN}</think>{LIST}\n<think>Was that right?\n{PLAN}",
    "reasoning": f"<reasoning>{PLAN}</reasoning>\n<answer>\n{LIST}\n</answer>",
    "long marks": f"<|begin_of_thought|>{PLAN}<|end_of_thought|>\n<|begin_of_solution|>{LIST}",
    "kimi": f"\u25c1think\u25b7{PLAN}\u25c1/think\u25b7{LIST}",
    "seed": f"<seed:think>{PLAN}</seed:think>{LIST}",
    "escaped": f"&lt;think&gt;{PLAN}&lt;/think&gt;{LIST}",
    "channels": f"<|channel|>analysis<|message|>{PLAN}<|end|><|start|>assistant"
    f"<|channel|>final<|message|>{LIST}<|return|>",
    "channels without marks": f"analysisWe write.\n{PLAN}assistantfinal{LIST}",
    "granite": f"Here is my thought process:\n{PLAN}\nHere is my response:\n{LIST}",
    "ollama": f"Thinking...\n{PLAN}\n...done thinking.\n\n{LIST}",
}


@pytest.mark.parametrize("answer", [*WHOLE.values(), *THOUGHTS.values()], ids=[*WHOLE, *THOUGHTS])
def test_the_list_of_an_answer_is_read_in_any_shape(answer):
    assert lines_of(answer) == BOTH


NOTHING = {
    "nothing": "",
    "an empty list": "[]",
    "an empty fence": "```json\n```",
    "no thought": "<think>\n</think>",
    "thoughts cut": f"<think>{PLAN}3. a dra",
    "thoughts in brackets, cut": f'[THINK]{PLAN}["three red balls"',
    "thoughts of a template, cut by another": f"<thinking>{PLAN}<think>{LIST}",
    "an announcement": "Here's a JSON file containing 20 prompts.",
    "a number": "222",
    "numbers": "[1, 2, 3]",
    "an excuse": "I'm sorry, but I can't help with that [1].",
    "lines": "Here you are:\n\na ball\ntwo stars",
    "an error": '{"error": ["the model is", "too busy"]}',
    "a message": '{"message": "Sure, here you are!"}',
    "only reasons": '{"rationale": ["They are round.", "They shine."]}',
    "reasons, then cut": '{"rationale": ["They are round.", "They shine."], "prompts": ["a ba',
    "a thought in JSON, cut": '{"thoughts": "I could write [\u201cx y\u201d, \u201cz\u201d] or',
    "tags of a cut object": '{"prompt": a ball, "tags": ["round", "red"]}',
    "ambiguous": '[{"subject": "a ball", "place": "the grass"}]',
    "one bullet": "- Sure, I can do that",
    "rules again": "Rules:\n1. Each has at most 30 words.\n2. Vary them.",
    "years": "2024. A good year",
    "a deep nest": "[" * 100,
    "an object in 9 others": '{"a":' * 9 + LIST + "}" * 9,
}


@pytest.mark.parametrize("answer", NOTHING.values(), ids=NOTHING)
def test_anything_else_is_nothing(answer):
    assert lines_of(answer) == []


@pytest.mark.parametrize(
    ("answer", "lines"),
    [
        (
            '["a sign that says "open" on a door", "a ball"]',
            ['a sign that says "open" on a door', "a ball"],
        ),
        (
            '["a sign that says \\"open\\"", "the boy\\u2019s ball"]',
            ['a sign that says "open"', "the boy\u2019s ball"],
        ),
        ("['the boy's ball', 'a star']", ["the boy's ball", "a star"]),
        (
            '["a [red] ball", "a {blue} star", "1.5 m of rope"]',
            ["a [red] ball", "a {blue} star", "1.5 m of rope"],
        ),
        ('["2 balls", "3 stars"]', ["2 balls", "3 stars"]),
        ("1. 2 balls\n2. 3 stars", ["2 balls", "3 stars"]),
        ('["a ball"]', ["a ball"]),
        ("1. a ball", ["a ball"]),
        ('{"prompt": "a ball"}', ["a ball"]),
        ('["Here are some:", "a ball", "", "!"]', ["a ball"]),
        (
            '1. "Stop" on a sign and "go" on another\n2. a ball',
            ['"Stop" on a sign and "go" on another', "a ball"],
        ),
    ],
)
def test_what_a_prompt_holds_stays_as_it_is(answer, lines):
    assert lines_of(answer) == lines


def test_the_last_line_of_an_answer_that_was_cut_is_left_out():
    assert lines_of("1. a ball\n2. two stars\n3. three tre", cut=True) == BOTH
    assert lines_of("- a ball\n- two stars\n- thr", cut=True) == BOTH
    assert lines_of("1. a ball\n2. two stars\n\nShall I go o", cut=True) == BOTH
    assert lines_of('["a ball", "two stars", "thr', cut=True) == BOTH
