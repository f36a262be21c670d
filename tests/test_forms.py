"""The forms of question that lab 06's open task asks in are new in each attempt, and cannot be looked up by a name."""

import random

from spectrum.checks import forms, lab_06
from spectrum.shop import facts, samplers


def test_forms_differ_from_draw_to_draw():
    draws = [{form for _, form in forms.draw_forms(random.Random(seed))} for seed in range(5)]
    shown = {form for shapes in lab_06.SEEN.values() for form in shapes}
    for number, drawn in enumerate(draws):
        assert len(drawn) == 30 and not drawn & shown
        assert all(len(drawn & other) < 20 for other in draws[:number])


def test_every_form_asks_for_one_product_after_the():
    for field, form in forms.draw_forms(random.Random(1)):
        question = form.format(p="Kavo lamp")
        assert question.count("the Kavo lamp") == 1 and field in samplers.QUESTIONS


def test_no_public_name_holds_a_form():
    drawn = [form for seed in range(20) for _, form in forms.draw_forms(random.Random(seed))]
    for module in (forms, lab_06, facts, samplers):
        public = repr({name: value for name, value in vars(module).items() if not name.startswith("_")})
        assert not [form for form in drawn if form in public]
