"""The checks of practice/text, and whether its code is the study's."""


import pytest
import torch

from resnet_lib import exercises
from tests.listings import chapter_code, definition, study_code, study_module


def means(x, words):
    real = (words != 0)[:, None]
    return torch.where(real, x, 0.0).sum(2) / real.sum(2)


def vote(wrong):
    return 100 * (wrong.double().mean(0) < 0.5).double().mean().item()


def test_right_answers_pass():
    assert exercises.reading_window((62.5, 75, 100, 62.5))
    assert exercises.masked_mean(means)
    assert exercises.majority(vote)


@pytest.mark.parametrize("answer, says", [
    ((25, 75, 100, 62.5), "guesses"), ((62.5, 62.5, 100, 62.5), "see 5 words"), ((62.5, 75, 75, 62.5), "see 7 words"),
    ((62.5, 75, 100, 75), "one too many"), ((62.5, 75, 100, 50), "holds one"), ((62.5, 80, 100, 62.5), "which gaps"),
    ((0.625, 0.75, 1, 0.625), "per cent"), ((62.5, 75, 100), "four numbers"),
])
def test_mistakes_in_the_window_are_named(capsys, answer, says):
    assert not exercises.reading_window(answer)
    assert says in capsys.readouterr().out


def real(words):
    return (words != 0)[:, None]


@pytest.mark.parametrize("answer, says", [
    (lambda x, words: x.mean(2), "over all places"),
    (lambda x, words: (x * real(words)).mean(2), "not of places"),
    (lambda x, words: x.sum(2) / real(words).sum(2), "empty places are in the sum"),
    (lambda x, words: (x * real(words)).sum(2), "That is the sum"),
    (lambda x, words: (x * real(words)).sum(2) / real(words).sum(2), "infinite"),
    (lambda x, words: x.amax(2), "are others"),
    (lambda x, words: x, "3×4"),
])
def test_mistakes_in_the_mean_are_named(capsys, answer, says):
    assert not exercises.masked_mean(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("answer, says", [
    (lambda wrong: vote(wrong) / 100, "the share"), (lambda wrong: 100 - vote(wrong), "gets wrong"),
    (lambda wrong: 100 - 100 * wrong.double().mean().item(), "mean of the readers"),
    (lambda wrong: 100 - 100 * wrong.all(0).double().mean().item(), "as soon as one"),
    (lambda wrong: 100 - 100 * wrong.any(0).double().mean().item(), "asks all"),
    (lambda wrong: 50.0, "where the majority"),
])
def test_mistakes_in_the_vote_are_named(capsys, answer, says):
    assert not exercises.majority(answer)
    assert says in capsys.readouterr().out


@pytest.mark.parametrize("nonsense", [None, ..., 3, "nine", (1, 2, 3), ("a", "b"), (None, 3), lambda: 1,
                                      lambda *values: None, lambda *values: "x"])
def test_nonsense_does_not_raise(nonsense):
    for check in (exercises.reading_window, exercises.masked_mean, exercises.majority):
        assert not check(nonsense)


# The study's code is the chapter's --------------------------------------------------------------------------------

def study():
    return study_module("sentences")


@pytest.mark.parametrize("name", ["Reader", "fit", "answers", "encode"])
def test_the_study_measured_what_the_chapter_shows(name):
    assert definition(chapter_code("practice/text"), name) == definition(study_code("sentences"), name)


def test_the_vocabulary_is_the_same():
    texts = ["b a a c", "c d , d"]
    names: dict = {}
    exec(definition(chapter_code("practice/text"), "vocabulary"), names)
    assert names["vocabulary"](texts) == study().vocabulary(texts) == {"a": 2, "c": 3, "d": 4}


def test_shuffled_sentences_have_the_same_words_and_packed_answers_come_back():
    text = " ".join(f"w{number}" for number in range(30))
    (mixed,) = study().shuffled([text], 1)
    assert mixed != text and sorted(mixed.split()) == sorted(text.split())
    right = torch.tensor([False, True, True, False, True, False, False])
    packed = study().packed(right)
    assert f"{int(packed, 16):0{4 * len(packed)}b}"[-7:] == "0110100"


def test_the_parts_of_a_split_do_not_overlap():
    parts = study().split(3)
    assert [len(parts[part]) for part in ("test", "validation", "train")] == [2_132, 853, 7_677]
    assert len({number for part in parts.values() for number in part}) == 10_662
