"""The explorer of votes of lesson 04 in a real browser, by keyboard."""

import pytest
from browser.lone import alone

EXPLORER = """from spectrum.lessons.reasoning import steps, voting, widget

items = steps.sums(2, 3)
golds = [voting.last_number(item.gold) for item in items]
pools = {("no steps", 0.5): [["Total 1."] * 9] * 2, ("no steps", 1.5): [["Total 1."] * 9] * 2}
pools["steps", 0.5] = [[f"Total {gold}."] * 9 for gold in golds]
pools["steps", 1.5] = [["Total 2."] * 2 + [f"Total {gold}."] * 7 for gold in golds]
widget.vote_explorer(pools, items, lambda text, way, temperature, n: ["Total 11."] * n)
"""


@pytest.mark.browser
def test_the_explorer_answers_to_the_keyboard(lab, tmp_path):
    """With steps most samples are right, two of them are not, a colder pool is, and an own sum can be typed."""
    with lab.open(alone(tmp_path, "# Who wins?", EXPLORER)) as notebook:
        notebook.run_all()
        number = notebook.find_cell("playground")
        keyboard, output = notebook.page.keyboard, notebook.output(number)
        notebook.wait_for_text(number, r"no steps, temperature 1\.5, 9 samples\..*the vote 0 %")
        notebook.tab_to(number, output.get_by_role("button", name="steps", exact=True))
        keyboard.press("Enter")
        notebook.wait_for_text(number, r"single samples 78 % right, the vote 100 %")
        notebook.tab_to(number, output.get_by_role("slider").nth(1))
        keyboard.press("Home")
        notebook.wait_for_text(number, r"1 samples\..*the vote 0 %")
        notebook.tab_to(number, output.get_by_role("slider").first)
        keyboard.press("ArrowLeft")
        notebook.wait_for_text(number, r"temperature 0\.5, 1 samples\..*the vote 100 %")
        notebook.tab_to(number, output.get_by_role("textbox").last)
        keyboard.press("Control+a")
        keyboard.type("4 + 7")
        notebook.tab_to(number, output.get_by_role("button", name="Run"))
        keyboard.press("Enter")
        notebook.wait_for_text(number, r"4 \+ 7: 11 1 times; true: 11")
        notebook.screenshot(tmp_path / "votes.png", number)
    assert (tmp_path / "votes.png").stat().st_size > 1000
