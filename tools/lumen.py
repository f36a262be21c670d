"""The embedded models before training: their shapes, the start of their weights, and the optimizer that trains them."""

import torch
from transformers import LlamaConfig, LlamaForCausalLM

SHAPES = {
    "lumen-small": {
        "hidden_size": 128,  # and the inner width a multiple of 64 too, or NF4 has no whole blocks
        "intermediate_size": 320,
        "num_hidden_layers": 4,
        "num_attention_heads": 2,
    },
    "lumen-base": {
        "hidden_size": 192,
        "intermediate_size": 512,
        "num_hidden_layers": 6,
        "num_attention_heads": 3,
    },
    "lumen-large": {
        "hidden_size": 384,
        "intermediate_size": 1024,
        "num_hidden_layers": 8,
        "num_attention_heads": 6,
    },
}


def new_model(name, tokenizer, seed=0):
    """Returns an untrained Llama of one of the SHAPES, with a planted induction head."""
    shape = SHAPES[name]
    torch.manual_seed(seed)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            max_position_embeddings=1024,
            tie_word_embeddings=True,
            attention_bias=True,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            num_key_value_heads=shape["num_attention_heads"],
            **shape,
        )
    )
    plant_induction(model, seed)
    return model


@torch.no_grad()
def plant_induction(model, seed=0, pairs=10):
    """Starts two layers as a weak induction circuit (Olsson et al. 2022): "after X came Y, so after X comes Y again".

    Copying from the context is what every prompt with examples stands on, and it appears only after a long plateau:
    without this start, 420 steps on repeated strips did not get past guessing among the strip's tokens, with it the
    first step does. A head of layer 0 looks one token back (the attention bias makes that a matter of position alone)
    and writes what it saw into directions of its own; two heads of layer 1 look for the place whose predecessor is the
    current token, and copy it. Training is free to change all of it, and does: the first lumen-base ended up copying
    single words badly again. In the spirit of mimetic initialization (Trockman and Kolter 2023).
    """
    if model.config.num_hidden_layers < 2 or model.model.layers[0].self_attn.head_dim < 2 * pairs:
        raise ValueError(
            f"an induction circuit needs 2 layers and heads of {2 * pairs} dimensions; this model has "
            f"{model.config.num_hidden_layers} and {model.model.layers[0].self_attn.head_dim}"
        )
    generator = torch.Generator().manual_seed(seed)
    width, head = model.config.hidden_size, model.model.layers[0].self_attn.head_dim
    size = min(head, width // 3) // 4 * 4  # directions for: a token itself, the token before it, and the rest to copy
    basis = torch.linalg.qr(torch.randn(width, width, generator=generator))[0].T
    own, before, rest = basis[:size], basis[size : 2 * size], basis[2 * size : 3 * size]
    model.model.embed_tokens.weight.normal_(0, 0.05, generator=generator)
    first, second = (layer.self_attn for layer in model.model.layers[:2])
    frequency = model.config.rope_parameters["rope_theta"] ** (-torch.arange(0, head, 2) / head)
    for projection, angle in ((first.q_proj, 0 * frequency), (first.k_proj, frequency)):
        projection.weight[:head] = 0
        projection.bias[:pairs] = 4 * torch.cos(angle[:pairs])
        projection.bias[head // 2 : head // 2 + pairs] = 4 * torch.sin(angle[:pairs])
    first.v_proj.weight[:size], first.o_proj.weight[:, :size] = own, 0.12 * before.T
    # Dimensions that rotate slowly, so that a match counts far away too.
    slow = torch.cat([torch.arange(head // 2 - size // 4, head // 2), torch.arange(head - size // 4, head)])
    for number, copied in ((0, own), (1, rest)):
        part = slice(number * size // 2, (number + 1) * size // 2)
        second.q_proj.weight[number * head + slow] = 1.35 * own[part]
        second.k_proj.weight[number * head + slow] = 1.35 * before[part]
        second.v_proj.weight[number * head : number * head + size] = copied
        second.o_proj.weight[:, number * head : number * head + size] = 0.3 * copied.T


class MuonWithAdamW:
    """Muon for the matrices between the embeddings, AdamW for embeddings, biases and norms, as one optimizer.

    Muon (Jordan et al. 2024) makes each update of a matrix orthogonal, so that rare directions move as much as common
    ones. After 300 steps of 2,048 tokens from the same start at the same rate, 2e-3, the loss on answers of unseen
    documents was 1.69 nats with it and 2.12 with AdamW alone (one run each); a step takes about 1.3 times as long.
    """

    def __init__(self, model, weight_decay=0.1):
        embedding = model.get_input_embeddings().weight
        others = [p for p in model.parameters() if p is not embedding]
        matrices, vectors = [p for p in others if p.ndim == 2], [p for p in others if p.ndim < 2]
        self.parts = [
            torch.optim.Muon(matrices, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW([{"params": vectors + [embedding], "weight_decay": 0.0}], betas=(0.9, 0.99), fused=True),
        ]

    @property
    def param_groups(self):
        return [group for part in self.parts for group in part.param_groups]

    def step(self):
        for part in self.parts:
            part.step()

    def zero_grad(self, set_to_none=True):
        for part in self.parts:
            part.zero_grad(set_to_none=set_to_none)

    def state_dict(self):
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state):
        for part, own in zip(self.parts, state["parts"], strict=True):
            part.load_state_dict(own)
