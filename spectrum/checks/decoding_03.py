"""What lab 03, tasks 3 and 4, are checked with: small grammars, pretended models, and rarer cases of decoding."""

import torch

from spectrum import masks
from spectrum.checks.machinery import expect, short

TEXTS = r"""||{|}|"|:|,| |a|b|{"|"}|":|": "|", "|"a|a"}|}b|b:|\|{{""".split("|")
END = 1  # and not 0, which is what argmax says where nothing is allowed
LONG = "state " + "x" * 80
MASKED = ("A mask is −∞, put on the logits: any other number is larger than some logit, and the probabilities of all "
          "that may follow can be 0.")  # fmt: skip


def stop_at_none(state):
    """Raises CheckFailed for a state that is none."""
    expect(state is not None, "follow was given the state None", "None means that the form is broken: stop there.")


def follow_json(state, character):
    """Returns the state of flat JSON after a character, or None: the lesson's ten states."""
    stop_at_none(state)
    return masks.flat_json().step(state, character)


def follow_letters(state, character):
    """Returns the number of letters after a character, or None: three letters a or b, and no more."""
    stop_at_none(state)
    return state + 1 if character in "ab" and state < 3 else None


def follow_down(state, character):
    """Returns how many letters are left after a character, or None: the state 0 is one like others."""
    stop_at_none(state)
    return state - 1 if character in "ab" and state else None


def follow_names(state, character):
    """Returns the next state after a character, or None: letters ä and b in turn, long names of states."""
    stop_at_none(state)
    turns = {f"{LONG}é": ("ä", f"{LONG}e"), f"{LONG}e": ("b", f"{LONG}é")}
    wanted, after = turns[state]
    return after if character == wanted else None


def pretend(favourites, seen, shift=0.0, apart=1.0):
    """Returns a model: at step k the favourites' logits are -1, -2, … in order, all others -60, and all are shifted.

    They are `apart` times as far from one another.
    """

    def logits(written):
        seen.append(list(written))
        values = torch.full((len(TEXTS),), -60.0)
        for place, text in enumerate(favourites[min(len(written), len(favourites) - 1)]):
            values[END if text == "END" else TEXTS.index(text)] = -1.0 - place
        values = apart * values + shift
        given.append((values, values.clone()))
        return given[-1][0]

    logits.given = given = []
    return logits


def expect_untouched(logits):
    """Raises CheckFailed where a pretended model's logits were written into after it gave them."""
    same = all(torch.equal(now, was) for now, was in logits.given)
    expect(same, "the logits that the model gave have changed", "Write into a new tensor: they may be the model's own.")


def check_choices(function, polite, rest):
    """Raises CheckFailed unless an end is one choice among others, the mask is −∞, and a dead end ends the text."""
    seen = []
    free = pretend([["a", "END"], ["b", "END"], ["END", "a"]], seen)
    text = "".join(TEXTS[n] for n in function(free, list(TEXTS), follow_letters, 0, lambda state: state > 0, END, 9))
    expect(text == "ab", f"one to three letters, and the model wants two, 'ab', before the end: got {text!r}",
           "Where a text may end it need not: `end` is one token among those that may follow.")  # fmt: skip
    expect(len(seen) == 3, f"for two tokens and the end the model was asked {len(seen)} times",
           "The end token ends the text: ask no more after it, and once for each token before.")  # fmt: skip
    text = "".join(TEXTS[n] for n in function(pretend(polite, [], -1e6), *rest, 9))
    expect(text == '{"a": "b"}', f"the same model with all logits lower by a million wrote {text!r}",
           MASKED)  # fmt: skip
    far = pretend([["a"], ["b", "}"], ["END"]], [], -3000.0)  # in 32 bits exp(-3000) is 0: no share is left to mask
    text = "".join(TEXTS[n] for n in function(far, list(TEXTS), follow_letters, 0, lambda state: state > 1, END, 9))
    expect(text == "ab", f"a model whose likeliest tokens may follow, all logits near -3000, wrote {text!r}",
           MASKED)  # fmt: skip
    sure = pretend([["}", "a"], ["{", "b"], ["END"]], [], apart=1000.0)  # exp(-1000) is 0 in 64 bits too
    text = "".join(TEXTS[n] for n in function(sure, list(TEXTS), follow_letters, 0, lambda state: state > 1, END, 9))
    expect(text == "ab", f"a model that likes a forbidden token best by 1000, then 'a', later 'b', wrote {text!r}",
           MASKED)  # fmt: skip
    dead = function(pretend([["a"]], []), list(TEXTS), follow_letters, 0, lambda state: False, END, 9)
    expect(dead == [TEXTS.index("a")] * 3, f"three letters and no end: expected three tokens, got {short(dead)}",
           "No token may follow, and the text may not end: stop, for there is nothing to choose.")  # fmt: skip
