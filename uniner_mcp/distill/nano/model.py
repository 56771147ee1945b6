"""The span student in torch: a fine-tuned text encoder and a frozen type encoder.

Words are scored against types as *start*, *end* and *inside* of a mention (token-level GLiNER, NuNER Zero): each score
is `scale * cos(W word, V type) + bias`. Pairs of words are scored, for all types at once, as the first and last word of
one mention: `scale * cos(P word, Q word) + bias`.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from uniner_mcp.distill.nano.start import read_int8

WIDTH = 384
HEADS = 12
SHAPES = 5
"""Number of letter shapes of a word, see `uniner_mcp.words`."""
GAPS = 7
"""Number of kinds of white space before a word, see `uniner_mcp.words`."""
ROLES = 3
"""Number of roles of a word in a mention: start, end, inside."""
LINK = 64
"""Width of the vectors that pair the first and the last word of a mention."""


class SharedDropout(nn.Module):
    """Dropout with one mask for all positions of a passage (Gal & Ghahramani 2016); it takes a fifth less time."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, hidden: Tensor) -> Tensor:
        """hidden: (batch, tokens, width)."""
        if not self.training or self.rate == 0:
            return hidden
        kept = hidden.new_empty(hidden.shape[0], 1, hidden.shape[2]).bernoulli_(1 - self.rate)
        return hidden * (kept / (1 - self.rate))


class Layer(nn.Module):
    """One post-norm transformer layer with BERT's parameter shapes."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.norm1 = nn.LayerNorm(WIDTH, eps=1e-12)
        self.up = nn.Linear(WIDTH, 4 * WIDTH)
        self.down = nn.Linear(4 * WIDTH, WIDTH)
        self.norm2 = nn.LayerNorm(WIDTH, eps=1e-12)
        self.dropout = SharedDropout(dropout)

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        """hidden: (batch, tokens, 384). mask: (batch, 1, 1, tokens), added to the attention scores, if any."""
        batch, tokens, _ = hidden.shape
        query, key, value = (
            self.qkv(hidden).reshape(batch, tokens, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4).unbind(0)
        )
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        attended = attended.transpose(1, 2).reshape(batch, tokens, WIDTH)
        hidden = self.norm1(hidden + self.dropout(self.out(attended)))
        return self.norm2(hidden + self.dropout(self.down(functional.gelu(self.up(hidden)))))


class Encoder(nn.Module):
    """A BERT-class encoder over given word-piece embeddings, with additional embeddings of letter shape and gap."""

    def __init__(self, depth: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.position = nn.Parameter(torch.zeros(512, WIDTH))
        self.shape = nn.Embedding(SHAPES, WIDTH)
        self.gap = nn.Embedding(GAPS, WIDTH)
        nn.init.zeros_(self.shape.weight)
        nn.init.zeros_(self.gap.weight)
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.layers = nn.ModuleList(Layer(dropout) for _ in range(depth))

    def forward(self, pieces: Tensor, shapes: Tensor, gaps: Tensor, mask: Tensor | None) -> Tensor:
        """pieces: (batch, tokens, 384) embeddings; shapes, gaps, mask: (batch, tokens). Returns (batch, tokens, 384).

        mask: 1 for tokens, 0 for padding; None if there is no padding.
        """
        hidden = self.norm(pieces + self.position[: pieces.shape[1]] + self.shape(shapes) + self.gap(gaps))
        added = None if mask is None else (1.0 - mask[:, None, None, :].to(hidden.dtype)) * -1e9
        for layer in self.layers:
            hidden = layer(hidden, added)
        return hidden


DEPTH = 6
"""Number of layers that are used, from the first: of deeper encoders, the later ones serve whole sentences."""


def load_bert(folder: Path, dropout: float = 0.0) -> tuple[Tensor, Encoder]:
    """Read the first layers of a BERT of width 384; return its embedding table and an `Encoder`.

    folder: with `model.safetensors`, or `model.onnx` in dynamic int8, as onnxruntime writes it.
    """
    if (folder / "model.safetensors").exists():
        weights = {name.removeprefix("bert."): value for name, value in load_file(folder / "model.safetensors").items()}
    else:
        weights = read_int8(folder / "model.onnx")
    depth = min(DEPTH, 1 + max(int(name.split(".")[2]) for name in weights if name.startswith("encoder.layer.")))
    encoder = Encoder(depth, dropout)
    state = {
        # Every passage is one segment, so the first token-type vector is added to every position.
        "position": weights["embeddings.position_embeddings.weight"]
        + weights["embeddings.token_type_embeddings.weight"][0],
        "shape.weight": encoder.shape.weight.detach(),
        "gap.weight": encoder.gap.weight.detach(),
        "norm.weight": weights["embeddings.LayerNorm.weight"],
        "norm.bias": weights["embeddings.LayerNorm.bias"],
    }
    for number in range(depth):
        theirs, ours = f"encoder.layer.{number}", f"layers.{number}"
        for kind in ("weight", "bias"):
            parts = [weights[f"{theirs}.attention.self.{name}.{kind}"] for name in ("query", "key", "value")]
            state[f"{ours}.qkv.{kind}"] = torch.cat(parts)
            state[f"{ours}.out.{kind}"] = weights[f"{theirs}.attention.output.dense.{kind}"]
            state[f"{ours}.norm1.{kind}"] = weights[f"{theirs}.attention.output.LayerNorm.{kind}"]
            state[f"{ours}.up.{kind}"] = weights[f"{theirs}.intermediate.dense.{kind}"]
            state[f"{ours}.down.{kind}"] = weights[f"{theirs}.output.dense.{kind}"]
            state[f"{ours}.norm2.{kind}"] = weights[f"{theirs}.output.LayerNorm.{kind}"]
    encoder.load_state_dict(state)
    return weights["embeddings.word_embeddings.weight"], encoder


class TextTower(nn.Module):
    """Maps word pieces of a passage to vectors per role, and to two vectors that pair words (not of unit length)."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = nn.Linear(WIDTH, ROLES * WIDTH + 2 * LINK, bias=False)

    def forward(self, pieces: Tensor, shapes: Tensor, gaps: Tensor, mask: Tensor | None) -> Tensor:
        """Returns (batch, tokens, 3 * 384 + 2 * 64)."""
        return self.heads(self.encoder(pieces, shapes, gaps, mask))


class TypeTower(nn.Module):
    """Maps the frozen encoder's mean-pooled, normalised sentence vector of a type to one vector per role."""

    def __init__(self) -> None:
        super().__init__()
        self.roles = nn.Parameter(torch.eye(WIDTH).repeat(ROLES, 1, 1))

    def forward(self, sentences: Tensor) -> Tensor:
        """sentences: (..., 384). Returns (..., 3, 384), unit length."""
        return functional.normalize(torch.einsum("...d,rde->...re", sentences, self.roles), dim=-1)


def sentence_vectors(encoder: Encoder, pieces: Tensor, mask: Tensor) -> Tensor:
    """Return mean-pooled unit vectors (batch, 384) of short texts, as sentence-transformers computes them."""
    none = torch.zeros(mask.shape, dtype=torch.long)
    hidden = encoder(pieces, none, none, mask)
    weights = mask[:, :, None].to(hidden.dtype)
    return functional.normalize((hidden * weights).sum(1) / weights.sum(1), dim=-1)


class NanoModel(nn.Module):
    """The trained parts: the text tower, the type projections, and the scales and biases of the cosine scores."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.text = TextTower(encoder)
        self.types = TypeTower()
        self.scale = nn.Parameter(torch.full((ROLES,), 10.0))
        self.bias = nn.Parameter(torch.full((ROLES,), -5.0))
        self.link_scale = nn.Parameter(torch.tensor(10.0))
        self.link_bias = nn.Parameter(torch.tensor(-5.0))

    def forward(
        self, pieces: Tensor, shapes: Tensor, gaps: Tensor, mask: Tensor, pool: Tensor, sentences: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Logits of words (batch, words, types, 3), and of first and last words of mentions (batch, words, words).

        pool: (batch, words, tokens), each row averages the pieces of a word. sentences: (batch, types, 384).
        """
        words = torch.bmm(pool, self.text(pieces, shapes, gaps, mask))
        roles = functional.normalize(words[..., : ROLES * WIDTH].unflatten(2, (ROLES, WIDTH)), dim=-1)
        cosine = torch.einsum("bwrd,bkrd->bwkr", roles, self.types(sentences))
        first, last = functional.normalize(words[..., ROLES * WIDTH :].unflatten(2, (2, LINK)), dim=-1).unbind(2)
        return cosine * self.scale + self.bias, first @ last.transpose(1, 2) * self.link_scale + self.link_bias
