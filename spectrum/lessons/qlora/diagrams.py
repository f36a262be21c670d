"""The drawn diagrams of lesson 15: what becomes of a block of weights, and when a QLoRA layer restores them."""

from spectrum import plots

GREY, FOUR, LORA = plots.COLOURS["other"], plots.COLOURS["base"], plots.COLOURS["lora"]


def draw(title, boxes, arrows, notes, size, words):
    """Displays a diagram of boxes (x, y, text, colour, width), arrows (start, end) and notes (x, y, text)."""
    figure, axes = plots.new_figure(title, height=0.3 + 0.55 * size[1])
    for x, y, text, colour, width in boxes:
        plots.box(axes, x, y, text, colour, width=width)
    for start, end in arrows:
        plots.arrow(axes, start, end)
    for x, y, text in notes:
        axes.text(x, y, text, ha="center", va="center", fontsize=8)
    axes.set(xlim=(-0.1, size[0]), ylim=(0, size[1]))
    axes.axis("off")
    plots.show(figure, alt=words)


def show_block():
    """Displays how a block of weights becomes one constant and a code for each weight, and is restored."""
    boxes = [
        (1.5, 2.2, "block of weights\n0.3  −0.8  0.1  0.5", GREY, 2.6),
        (5.0, 3.3, "constant 0.8\n32 bits for the block", FOUR, 2.7),
        (5.0, 1.1, "codes 10 0 8 12\n4 bits for each weight", FOUR, 2.7),
        (8.5, 2.2, "level of the code\n× constant", GREY, 2.4),
    ]
    arrows = [
        ((2.85, 2.4), (3.6, 3.2)),
        ((2.85, 2.0), (3.6, 1.2)),
        ((6.4, 3.2), (7.25, 2.45)),
        ((6.4, 1.2), (7.25, 1.95)),
    ]
    notes = [(2.3, 3.3, "largest\nabsolute value"), (2.3, 1.0, "nearest level of\nweight / constant"),
             (5.0, 2.2, "what is kept"), (8.5, 1.3, "the restored weights")]  # fmt: skip
    words = (
        "Diagram: a block of weights, 0.3, -0.8, 0.1 and 0.5, is kept as two things: its constant 0.8, the largest "
        "absolute value, in 32 bits, and a code for each weight, in 4 bits. Level times constant restores the weights."
    )
    draw("A block is kept as one constant and a code for each weight", boxes, arrows, notes, (10, 4), words)


def show_passes():
    """Displays a QLoRA layer in both passes: the weight is restored on the way out and again on the way back."""
    boxes = [
        (4.6, 4.4, "restore Ŵ, multiply, forget it", GREY, 4.2),
        (4.6, 2.5, "codes and constants: kept, frozen", FOUR, 4.2),
        (4.6, 0.6, "restore Ŵ again, multiply, forget it", GREY, 4.2),
        (8.6, 2.5, "A and B: kept,\ntrained", LORA, 2.2),
    ]
    arrows = [((4.6, 2.95), (4.6, 3.95)), ((4.6, 2.05), (4.6, 1.05)),
              ((1.2, 4.4), (2.4, 4.4)), ((6.8, 4.4), (7.35, 4.4)), ((8.6, 2.95), (8.6, 4.1)),
              ((7.3, 0.6), (6.8, 0.6)), ((2.4, 0.6), (1.5, 0.6)), ((8.6, 0.95), (8.6, 2.05))]  # fmt: skip
    notes = [(0.75, 4.4, "input"), (8.6, 4.4, "+ LoRA = output"), (8.6, 0.6, "gradient of the output"),
             (0.75, 0.6, "gradient\nof the input"), (0.9, 3.5, "forward"), (0.9, 1.5, "backward")]  # fmt: skip
    words = (
        "Diagram of two passes around codes and constants, which are kept and frozen. Forward, above: the weight is "
        "restored, multiplies the input and is forgotten; the bypass through A and B is added. Backward, below: the "
        "weight is restored again and turns the gradient of the output into that of the input; A and B get gradients."
    )
    draw("The weight exists only while it is used, once in each pass", boxes, arrows, notes, (10, 5), words)
