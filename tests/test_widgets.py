"""The playground without a browser: what it asks the model, when, and what it says of a prompt it cannot run."""

import ipywidgets as w
import nbformat
import pytest
from shells import control, every

from spectrum import plots, widgets
from spectrum.generate import complete
from tools import run_notebooks


@pytest.fixture
def asked(monkeypatch):
    """The views that a playground showed, as (view, name)."""
    shown = []
    monkeypatch.setattr(widgets, "show_playground", lambda view, name: shown.append((view, name)))
    return shown


@pytest.fixture
def models(tiny):
    return {"base": tiny, "instruct": tiny}


def test_a_base_model_gets_plain_text_and_others_a_chat():
    assert widgets.playground_prompt("Hello", "lumen-base") == "Hello"
    assert widgets.playground_prompt("Hello", "instruct") == [{"role": "user", "content": "Hello"}]


def test_the_view_is_what_the_library_says(tiny):
    view = widgets.playground_view(*tiny, "Mira ordered", name="base", max_new_tokens=6)
    assert view["answer"] == complete(*tiny, ["Mira ordered"], max_new_tokens=6)[0]
    assert len(view["next"]) == 8 and view["next"].probability.is_monotonic_decreasing
    assert view["tokens"].is_answer.any() and not view["tokens"].is_answer[0]


@pytest.mark.parametrize("name", ["base", "instruct"])
@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_prompt_is_refused_in_words(tiny, name, text):
    with pytest.raises(ValueError, match="^the prompt is empty. Write at least one word.$"):
        widgets.playground_view(*tiny, text, name=name)


def test_an_answer_is_shown_as_text_and_not_as_markup(tiny, monkeypatch):
    shown = []
    monkeypatch.setattr(widgets, "display", shown.append)
    monkeypatch.setattr(plots, "display", shown.append)
    view = widgets.playground_view(*tiny, "Mira", name="base", max_new_tokens=3)
    widgets.show_playground({**view, "answer": "<script>"}, "base")
    assert "&lt;script&gt;" in shown[0].data and "<script>" not in shown[0].data
    assert shown[1].alt.startswith("Bars: ") and "%" in shown[1].alt
    widgets.show_playground({**view, "answer": ""}, "base")
    assert "the end token came first" in shown[3].data


def test_it_asks_at_once_on_run_and_on_every_change(models, asked, monkeypatch):
    shell = widgets.playground(models, "Mira ordered")
    assert [name for _, name in asked] == ["base"]
    control(shell, "Run").click()
    assert len(asked) == 2 and asked[1][0]["answer"] == asked[0][0]["answer"]
    monkeypatch.setattr(widgets, "playground_view", lambda *arguments: arguments[2:])
    control(shell, "Model").value = "instruct"
    control(shell, "Temperature").value = 0.7
    control(shell, "Top-p").value = 0.5
    control(shell, "Seed").value = 3
    assert [view for view, _ in asked[2:]] == [
        ("Mira ordered", "instruct", 0.0, 1.0, 0),
        ("Mira ordered", "instruct", 0.7, 1.0, 0),
        ("Mira ordered", "instruct", 0.7, 0.5, 0),
        ("Mira ordered", "instruct", 0.7, 0.5, 3),
    ]
    control(shell, "Prompt").value = "Another"  # typing asks nothing: Run does
    assert len(asked) == 6


def test_an_empty_prompt_prints_one_clear_line(models, asked, capsys):
    shell = widgets.playground(models, "Mira ordered")
    control(shell, "Prompt").value = " "
    capsys.readouterr()
    control(shell, "Run").click()
    printed = capsys.readouterr().out.replace("\033[2K", "").replace("\r", "")
    assert printed == "Cannot run this: the prompt is empty. Write at least one word.\n"
    assert len(asked) == 1


def test_every_control_has_a_label_and_can_be_reached_by_keyboard(models, asked):
    shell = widgets.playground(models, "Mira ordered")
    controls = [x for x in every(shell) if not isinstance(x, w.Box | w.Output)]
    assert [x.description for x in controls] == ["Prompt", "Model", "Temperature", "Top-p", "Seed", "Run"]
    assert all(not x.disabled and x.tabbable is not False for x in controls)


def test_controls_keep_their_height_beside_a_long_answer(models, asked):
    shell = widgets.playground(models, "Mira ordered")
    assert shell.children[0].layout.flex == "0 0 auto" and isinstance(shell.children[1], w.Output)


def test_sliders_ask_when_they_are_let_go(models, asked):
    # While a slider is dragged, every value on its way would be a call of the model, one after the other.
    shell = widgets.playground(models, "Mira ordered")
    assert not control(shell, "Temperature").continuous_update and not control(shell, "Top-p").continuous_update


@pytest.mark.slow
def test_run_fills_the_output_in_a_kernel(tiny_folder, tmp_path):
    """In a real kernel the answer, the bars and the coloured text stand in the Output, or the one line of an error."""
    lines = [
        "from spectrum import widgets",
        "from spectrum.models import load_model",
        f"tiny = load_model({str(tiny_folder)!r})",
        "good, empty = (widgets.playground({'base': tiny}, 'Mira ordered') for _ in range(2))",
        "empty.children[0].children[0].value = ' '",
        "for shell in (good, empty):",
        "    shell.children[0].children[3].children[1].click()",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("\n".join(lines))])
    run_notebooks.execute(notebook, tmp_path, timeout=200)
    states = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"].values()
    good, empty = (s["state"]["outputs"] for s in states if s["model_name"] == "OutputModel")
    kinds = [next(k for k in ("image/png", "text/html") if k in o["data"]) for o in good]
    assert kinds == ["text/html", "image/png", "text/html"]
    assert "base answers" in good[0]["data"]["text/html"]
    assert [o["text"] for o in empty] == ["Cannot run this: the prompt is empty. Write at least one word.\n"]
    assert notebook.cells[0].outputs == []
