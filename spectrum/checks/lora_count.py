"""Configurations whose LoRA is counted on paper, the counts that mistakes lead to, and two published models."""

# A block that can be counted on paper: rank 2 makes 460 numbers of it, and every mistake below another count.
SMALL = {"hidden_size": 14, "intermediate_size": 32, "num_hidden_layers": 1, "vocab_size": 97}
SMALL |= {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 6}
HEADS = "The queries are num_attention_heads · head_dim wide, which need not be hidden_size."
COUNTED = {
    682: "That counts the head, which LoRA leaves alone.",
    576: "That counts biases. A and B have none.",
    484: "Keys and values have num_key_value_heads heads, here fewer than the queries.",
    **dict.fromkeys((468, 472, 500), HEADS),
    **dict.fromkeys((228, 232), "That is A alone or B alone. One has rank · d_in numbers, the other rank · d_out."),
    3696: "That is rank times all weights. A and B together have rank · (d_in + d_out).",
    1848: "Those are the weights themselves. A and B together have rank · (d_in + d_out).",
    184: "That counts the attention only; the MLP has three layers more.",
    276: "That counts the MLP only; the attention has four layers more.",
    230: "That is the count at rank 1.",
}
SEVEN = {"hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32}  # Llama-2-7B
SEVEN |= {"num_attention_heads": 32, "num_key_value_heads": 32, "head_dim": 128}
SEVENTY = {"hidden_size": 8192, "intermediate_size": 28672, "num_hidden_layers": 80}  # Llama-3-70B
SEVENTY |= {"num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 128}
COUNTS = (  # fields that differ, rank, wanted, what is asked, hint
    ({"num_hidden_layers": 3}, 2, 1380, "three blocks: expected 3 · 460 = 1380", "Multiply by num_hidden_layers."),
    ({"head_dim": 10}, 2, 508, "the same with heads of width 10: expected 508", HEADS),
    ({}, 1, 230, "rank 1: expected 230", "Every rank counts d_in + d_out numbers."),
    ({}, 70, 16_100, "rank 70: expected 70 · 230 = 16100", "However high the rank is, it is multiplied."),
    (SEVEN, 64, 159_907_840, "Llama-2-7B at rank 64: expected 159907840", "The 160 million of the QLoRA paper."),
    (SEVENTY, 8, 103_546_880, "Llama-3-70B at rank 8: expected 103546880", COUNTED[484]),
)


class Fields:
    """The numbers of a configuration and nothing else: what would build a model from it is refused."""

    def __init__(self, **changes):
        vars(self).update({**SMALL, **changes})

    def __repr__(self):
        return "config"  # alike for all: who looks a count up by what a config looks like is found out

    def __getattr__(self, name):
        raise AttributeError(f"config.{name} is not one of the six fields that the task names")
