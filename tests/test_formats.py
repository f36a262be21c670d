"""Answers that a program reads: strict readers, and the score of fields."""

import pytest

from spectrum import formats

FIELDS = {"name": "Ana", "city": "Oslo"}


@pytest.mark.parametrize("form", formats.FORMS)
def test_what_is_written_is_read_back(form):
    assert formats.read_fields(formats.write_fields(FIELDS, form), form) == FIELDS
    assert formats.read_fields(f"\n {formats.write_fields({'k': 'two words'}, form)} \n", form) == {"k": "two words"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Ana from Oslo",
        'Sure! {"name": "Ana"}',
        '{"name": "Ana"} Done.',
        '{"name": "Ana"',
        "{'name': 'Ana'}",
        '["name"]',
        "3",
        '{"name": "Ana", "name": "Leo"}',
        '{"name": {"first": "Ana"}}',
        '{"name": NaN}',
        "[" * 100_000,
    ],
)
def test_what_is_no_flat_json_as_a_whole_is_refused(text):
    assert formats.read_fields(text, "json") is None


def test_numbers_in_json_become_their_digits():
    assert formats.read_fields('{"order": 4821, "late": true}', "json") == {"order": "4821", "late": "true"}


@pytest.mark.parametrize(
    "text",
    ["Ana", "<name>Ana", "<name>Ana</city>", "So: <name>Ana</name>", "<name>Ana</name> Done.",
     "<name>Ana</name><name>Leo</name>", "<a><b><c>deep</c></b><d>e</d></a>",
     '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'],
)  # fmt: skip
def test_what_is_no_flat_xml_is_refused(text):
    assert formats.read_fields(text, "xml") is None


def test_xml_may_stand_in_one_element_around_all():
    assert formats.read_fields("<answer><name>Ana</name><city>Oslo</city></answer>", "xml") == FIELDS


@pytest.mark.parametrize("text", ["name: Ana", "- name Ana", "- name: Ana\nDone.", "- name: Ana\n- name: Leo", "- : x"])
def test_what_is_no_list_of_fields_is_refused(text):
    assert formats.read_fields(text, "markdown") is None


def test_bullets_and_bold_keys_are_the_same():
    assert formats.read_fields("* **name:** Ana\n+ city: Oslo", "markdown") == FIELDS


def test_fields_count_only_where_the_answer_parses_and_stand_under_their_key():
    answers = ['{"name": "Ana", "city": "Rome"}', 'Yes: {"name": "Ana", "city": "Oslo"}', '{"city": "Oslo"}',
               '{"name": "Oslo", "city": "Ana"}', '{"name": "Ana", "city": "Oslo", "order": "1"}']  # fmt: skip
    found = formats.score_fields(answers, [FIELDS] * 5, "json")
    assert found.parsed == (True, False, True, True, True)
    assert found.keys == (True, False, False, True, False)
    assert found.fields == (0.5, 0, 0.5, 0, 1)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="form is 'yaml'; it must be one of json, xml, markdown"):
        formats.write_fields(FIELDS, "yaml")
    with pytest.raises(ValueError, match="2 answers and 1 golds"):
        formats.score_fields(["", ""], [FIELDS], "json")
    with pytest.raises(ValueError, match="give each answer its wanted fields"):
        formats.score_fields([""], [{}], "json")
