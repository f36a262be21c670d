"""The texts that lab 03, task 1, must refuse, with hints, and those whose values must come back as they stand."""

from spectrum.checks.machinery import expect, short

PLAIN = '{"name": "Ana", "city": "Oslo"}'
REFUSED = (
    (f"Sure! {PLAIN}", "The whole text must be JSON: a program does not search for it."),
    (f"{PLAIN} Anything else?", "The whole text must be JSON: a program does not search for it."),
    (f"```json\n{PLAIN}\n```", "The whole text must be JSON: a program does not search for it."),
    (PLAIN[:-1], "An object that is not closed is no object."),
    (PLAIN.replace('"', "'"), "JSON has double quotes: this is Python."),
    ('{"name": "Ana"}', "A key is missing: a program that wants the city gets none."),
    ('{"name": "Ana", "city": "Oslo", "order": "1"}', "A key came unasked: exactly these keys."),
    ('{"name": "Ana", "town": "Oslo"}', "Two keys are not enough: they must be *these* two."),
    ('{"Name": "Ana", "city": "Oslo"}', "'Name' is another key than 'name'."),
    ('{"name": "Ana", "city": null}', "Every value must be text, and null is none."),
    ('{"name": "Ana", "city": 7}', "Every value must be text, and a number is none."),
    ('{"name": 7.5, "city": "Oslo"}', "Every value must be text, and a number is none."),
    ('{"name": "Ana", "city": true}', "Every value must be text, and true is none."),
    ('{"name": "Ana", "city": ["Oslo"]}', "Every value must be text, and a list is none."),
    ('{"name": "Ana", "city": {"name": "Oslo"}}', "Every value must be text, and an object is none."),
    ('["name", "city"]', "A list is JSON, and no object."),
    ('"name city"', "A text in quotes is JSON, and no object."),
    ("", "An empty answer is no object, and no error."),
    ("Ahoy! Ana, matey.", "What cannot be parsed gives None, and no error."),
    (PLAIN.replace(",", ""), "A comma is missing: a JSON reader refuses that by itself."),
    (PLAIN.replace("Oslo", "Os\nlo"), "A line break inside quotes is no JSON: json.loads refuses it by itself."),
)


def check_values(function, keys):
    """Raises CheckFailed unless values come back as they stand, for the keys of each call."""
    cases = (
        ('{"name":"Ana","city":"Oslo"}', ("Ana", "Oslo"), "White space between the parts is free."),
        ('{"name": "A\\"na", "city": "Osl\\u006f"}', ('A"na', "Oslo"), "Escapes are JSON: let json.loads read them."),
        ('{"name": "", "city": " Oslo "}', ("", " Oslo "), "An empty text is text, and a value keeps its spaces."),
    )
    for text, values, hint in cases:
        found, wanted = function(text, keys), dict(zip(keys, values, strict=True))
        expect(found == wanted, f"{short(text)} should give {wanted}, got {short(found)}", hint)
    text, listed = cases[0][0], list(keys)
    expect(function(text, ("name",)) is None, f"{text} with the one key 'name' should give None",
           "The same text under other keys is another question.")  # fmt: skip
    function(text, listed)
    expect(listed == list(keys), f"the list of keys has changed to {listed}", "Leave `keys` as it is.")
    expect(function("{}", []) == {}, "'{}' with no keys should give {}", "Nothing is missing, and nothing too much.")
