"""A training that is watched while it runs, and a planner of trainings; each with its static twin."""

import os

import ipywidgets as w
from IPython.display import display

from spectrum import widgets
from spectrum.lessons.qlora_on_a_gpu import pictures, plans
from spectrum.memory import peak_memory

LENGTHS = (256, 512, 1024, 2048, 4096)


class Watch:
    """Draws a training while it runs: give it to `train` as `watch`. `most` is how many steps may pass undrawn."""

    def __init__(self, title, device="cpu", most=4, stop=None):
        self.title, self.device, self.most, self.stop = title, str(device), most, stop
        self.memory, self.shown, self.place = [], None, None

    def __call__(self, records):
        """Notes the memory, draws where it is time, and returns whether the training ends, as `stop(records)` says."""
        self.memory.append(used_memory(self.device) / 1e9)
        if self.shown is None or len(records) - self.shown >= self.most or "validation" in records[-1]:
            self.draw(records)
        return bool(self.stop and self.stop(records))

    def draw(self, records):
        """Shows the training as it stands, in the place of the picture before."""
        picture = training_html(records, self.memory, self.title)
        if self.place is None:
            self.place = display(picture, display_id=True)
        else:
            self.place.update(picture)
        self.shown = len(records)


def used_memory(device):
    """Returns the most bytes in use so far: of a GPU by torch, elsewhere of this process."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.max_memory_allocated(device)
    return peak_memory(os.getpid())


def training_html(records, memory, title):
    """Returns a training's picture with its words, to be displayed."""
    from IPython.display import HTML

    figure = pictures.training_figure(records, memory, title)
    return HTML(widgets.fitting(figure, pictures.training_words(records)))


# ---- the planner ----


def show_plan(configs, name, card, tokens=1_000_000, length=2048, rank=16):
    """Prints what of a model fits a card, by which settings, and about how long so many tokens take: all predicted."""
    table = plans.plan(configs[name], card, tokens, length, rank)
    print(f"{name} on a card {card}, rows of {length} tokens, rank {rank}, predicted:")
    if table.empty:
        print("nothing fits: take shorter rows, a smaller model or a larger card")
    for method, row in table.iterrows():
        again = "with" if row["checkpointing"] else "without"
        print(
            f"  {method}: {row['rows at once']} at once {again} checkpointing, AdamW in {row['AdamW bits']} bits: "
            f"{row['GB']:.1f} GB, {row['tokens a second']:,.0f} tokens/s, {row['minutes']:,.1f} minutes"
        )


def planner(configs, name=None, card=None):
    """Returns a planner over {name: config}: choose model, card, length, rank and tokens, read what fits how fast."""
    inputs = {
        "name": w.Dropdown(options=list(configs), value=name or next(iter(configs)), description="Model",
                           **widgets.wide()),
        "card": w.Dropdown(options=list(plans.CARDS), value=card or next(iter(plans.CARDS)), description="Card",
                           **widgets.wide()),
        "length": w.SelectionSlider(options=LENGTHS, value=2048, description="Row length", continuous_update=False,
                                    **widgets.wide()),
        "rank": w.SelectionSlider(options=[2**n for n in range(9)], value=16, description="Rank",
                                  continuous_update=False, **widgets.wide()),
        "tokens": w.BoundedIntText(value=1_000_000, min=1, max=10**10, description="Tokens", **widgets.wide()),
    }  # fmt: skip
    out = w.Output()

    def draw(_=None):
        with out:
            out.clear_output(wait=True)
            show_plan(configs, **{key: control.value for key, control in inputs.items()})

    for control in inputs.values():
        control.observe(draw, names="value")
    draw()
    return widgets.columns(list(inputs.values()), [out])
