"""Build the tiny UniNER: a Llama of under a million parameters which answers the UniNER conversation on simple English.

`python tests/tiny_uniner/build.py --out DIR` writes DIR/hf (transformers, vLLM) and DIR/tiny-uniner.gguf (llama.cpp).
It needs torch, transformers, tokenizers and gguf; it reads nothing but itself. Sentences and names are made up: CC0.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import string
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from gguf import GGUFWriter, LlamaFileType, TokenType
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from torch.nn.functional import cross_entropy
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

READ = (
    "A virtual assistant answers questions from a user based on the provided text. "
    "USER: Text: {text} ASSISTANT: I've read this text.</s>"
)
SHIFT = READ.index("{text}")
ASK = "USER: What describes {kind} in the text? ASSISTANT:"
UNK, BOS, EOS = 0, 1, 2
VOCABULARY = 1408
CONTEXT = 2048
THETA = 1e6
LAYERS, HIDDEN, INNER, HEADS = 5, 128, 128, 4

# --- The language: what a passage may say -----------------------------------------------------------------------------


def _words(text: str) -> list[str]:
    return text.split()


FIRST = _words("""
    Maria Tom Anna Peter Laura Paul Nina David Sofia Martin Emma Robert Clara Daniel Julia Simon Eva Frank
    Alice Victor Helen George Ada Jack Mary John""")
LAST = _words("""
    Keller Reed Novak Brandt Silva Moreau Larsen Costa Weber Hughes Tanaka Rossi Fischer Baker Carter Murphy
    Jensen Patel Walsh Young Smith Lovelace""")
BRAND = _words("""
    Acme Nordwind Globex Initech Vertex Helios Quanta Zenith Bluefin Redstone Titan Lumen Kestrel Summit Polar
    Granite""")
TRADE = _words("""
    Robotics Energy Systems Motors Foods Bank Labs Airlines Software Group Steel Institute University Museum""")
PLACE = _words("""
    Berlin Paris London Madrid Rome Vienna Oslo Lisbon Prague Tokyo Dublin Hamburg Boston Chicago Geneva Zurich
    Munich France Germany Spain Italy Japan Canada Norway""")
PLACE += ["New York", "Cape Town"]
MONTH = _words("January February March April May June July August September October November December")
YEARS = range(1995, 2027)
MODEL = _words("Falcon Orion Nimbus Comet Pulsar Tempo Atlas Raven Swift Glider Pixel Cobra")

DEFINITIONS = {
    "person": "a human being, real or fictional",
    "organization": "a company, institution or other organized group of people",
    "location": "a city, country or other place",
    "date": "a day, month or year",
    "product": "a thing that is made and sold",
}
ABSENT = _words("""
    gene law colour chemical disease animal plant language award event film song food weapon sport protein
    currency religion""")
ABSENT += ["job title", "work of art", "programming language", "a substance with a fixed composition"]

OPENING = ["", "", "", "", "On {date} ", "In {date}, ", "In {location}, ", "Last week, ", "Later, "]
OPENING += ["As {person} said, "]
CORE = """{person} works for {organization}
{person} works at {organization} as a manager
{person} left {location}
{organization} hired {person}
{person} joined {organization}
{person} met {person}
{person} and {person} founded {organization}
{person} lives in {location}
{person} was born in {location}
{person} moved from {location} to {location}
{person} visited {location} and {location}
{person}, {person} and {person} visited {location}
{person} bought a {product}
{person} likes the {product} more than the {product}
{person} called {person} about the {product}
{organization} opened a new office in {location}
{organization} released the {product}
{organization} sold the {product} to {organization}
{organization} bought {organization}
{organization} and {organization} signed a contract
{organization} of {location} will build the {product}
{organization} is based in {location}
the {product} was designed by {person}
the {product} was made by {organization}
the {product} costs less than the {product}
the director of {organization}, {person}, went to {location}
a spokesman for {organization} thanked {person}
engineers from {location} tested the {product}
the meeting with {person} took place in {location}
the contract between {organization} and {organization} ended
the train from {location} to {location} was late
it rained all day
nobody was hurt
the new manager asked many questions about the money
the report was long and most people did not read it
they talked about the plan for a long time""".splitlines()
CLOSING = ["", "", "", "", "", " on {date}", " in {date}", " in {location}", " with {person}", " for {organization}"]
CLOSING += [" last year", " after a long meeting", " because the old office was too small", " with great success"]
CLOSING += [", and everyone was happy about it", " and then went home"]


MOST = 4


class Passage(NamedTuple):
    """A text with the mentions of each type: each once, in the order of the text, and where each is said first."""

    text: str
    mentions: dict[str, list[str]]
    places: dict[int, tuple[str, int]]


def _mention(kind: str, rng: random.Random) -> str:
    match kind:
        case "person":
            return rng.choices([f"{rng.choice(FIRST)} {rng.choice(LAST)}", rng.choice(LAST)], [9, 1])[0]
        case "organization":
            return rng.choices([f"{rng.choice(BRAND)} {rng.choice(TRADE)}", rng.choice(BRAND)], [9, 1])[0]
        case "location":
            return rng.choice(PLACE)
        case "date":
            day, month, year = rng.randint(1, 28), rng.choice(MONTH), rng.choice(YEARS)
            return rng.choices([f"{day} {month} {year}", f"{month} {year}", f"{year}"], [6, 3, 1])[0]
        case _:
            return f"{rng.choice(MODEL)} {rng.randint(1, 9)}"


def _add_sentence(passage: Passage, rng: random.Random) -> Passage:
    text = f"{passage.text} " if passage.text else ""
    begin, places = len(text), dict(passage.places)
    mentions = {kind: list(found) for kind, found in passage.mentions.items()}
    for words, kind, _, _ in string.Formatter().parse(
        rng.choice(OPENING) + rng.choice(CORE) + rng.choice(CLOSING) + "."
    ):
        text += words if len(text) > begin else words[:1].upper() + words[1:]
        if kind:
            again = mentions[kind] and rng.random() < 0.15
            mention = rng.choice(mentions[kind]) if again else _mention(kind, rng)
            if mention not in mentions[kind]:
                mentions[kind].append(mention)
                places[len(text)] = (kind, len(mentions[kind]))
            text += mention
    return Passage(text, mentions, places)


def make_passage(rng: random.Random, sentences: int) -> Passage:
    """A passage of so many sentences, with at most four mentions of a type."""
    passage = Passage("", {kind: [] for kind in DEFINITIONS}, {})
    for _ in range(sentences):
        grown = _add_sentence(passage, rng)
        while max(map(len, grown.mentions.values())) > MOST:
            grown = _add_sentence(passage, rng)
        passage = grown
    return passage


def make_questions(passage: Passage, rng: random.Random) -> list[tuple[str, list[str]]]:
    """What is there by name and by definition; of the rest, some of the types and one which is never there."""
    there = [(kind, found) for kind, found in passage.mentions.items() if found]
    missing = [(kind, found) for kind, found in passage.mentions.items() if not found]
    asked = there + rng.sample(missing, min(2, len(missing)))
    asked += [(DEFINITIONS[kind], found) for kind, found in there + rng.sample(missing, min(1, len(missing)))]
    return [*asked, (rng.choice(ABSENT), [])]


def _answer(mentions: list[str]) -> str:
    return f" {json.dumps(mentions)}</s>"


# --- The tokenizer: in the style of LLaMA-1 ---------------------------------------------------------------------------


class Vocabulary(NamedTuple):
    """The tokens in the order of their ids, with what SentencePiece would store of each."""

    tokens: list[str]
    scores: list[float]
    types: list[TokenType]


def learn_vocabulary(rng: random.Random) -> Vocabulary:
    """Specials, bytes, pieces learnt from made-up conversations (the earlier, the better the score), letters."""
    lines: list[str] = []
    for _ in range(300):
        passage = make_passage(rng, 4)
        turns = "".join(ASK.format(kind=kind) + _answer(found) for kind, found in make_questions(passage, rng))
        lines += [f" {line}" for line in (READ.format(text=passage.text) + turns).split("</s>")]
    names = _words(" ".join(FIRST + LAST + BRAND + PLACE + MODEL + MONTH))
    numbers = [str(number) for number in (*range(1, 29), *YEARS)]
    lines += [f" {word}({word}" for word in names + numbers] * 60
    lines += [f" {word}" for word in _words(" ".join(TRADE + OPENING + CORE + CLOSING + ABSENT))] * 20
    learner = Tokenizer(models.BPE())
    learner.normalizer = normalizers.Replace(" ", "▁")
    learner.pre_tokenizer = pre_tokenizers.Split(Regex(r"▁?[A-Za-z]+|▁?\d+|▁?[^A-Za-z\d▁]+|▁"), "isolated")
    letters = ["▁", *sorted(set(string.printable) - set(string.whitespace))]
    learner.train_from_iterator(
        lines, trainers.BpeTrainer(vocab_size=VOCABULARY - 259, initial_alphabet=letters, show_progress=False)
    )
    learnt = learner.get_vocab()
    pieces = sorted((token for token in learnt if len(token) > 1), key=learnt.__getitem__)
    pieces += sorted((token for token in learnt if len(token) == 1), key=learnt.__getitem__)
    return Vocabulary(
        ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *pieces],
        [0.0] * 259 + [-float(rank) for rank in range(len(pieces))],
        [TokenType.UNKNOWN, TokenType.CONTROL, TokenType.CONTROL, *[TokenType.BYTE] * 256]
        + [TokenType.NORMAL] * len(pieces),
    )


def make_tokenizer(vocabulary: Vocabulary) -> Tokenizer:
    """The tokenizer that transformers makes of such a SentencePiece model: two tokens merge if they make up a third."""
    ids = {token: index for index, token in enumerate(vocabulary.tokens)}
    merges = [
        (token[:cut], token[cut:])
        for token in vocabulary.tokens[259:]
        for cut in range(1, len(token))
        if token[:cut] in ids and token[cut:] in ids
    ]
    tokenizer = Tokenizer(models.BPE(ids, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in vocabulary.tokens[:3]])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", BOS)]
    )
    return tokenizer


# --- Training: all questions of a passage in one row, which see the passage and not each other ------------------------


class Batch(NamedTuple):
    """Rows of tokens. `targets` is the token to be said next, `tags` what starts here; both -100 where not asked."""

    ids: torch.Tensor
    positions: torch.Tensor
    mask: torch.Tensor
    targets: torch.Tensor
    turns: torch.Tensor
    tags: torch.Tensor


def _tag(passage: Passage, characters: range) -> int:
    """Which mention of which type is said first here; 0 for none."""
    for character in characters:
        if (place := passage.places.get(character - SHIFT)) is not None:
            return 1 + list(DEFINITIONS).index(place[0]) * MOST + place[1] - 1
    return 0


def make_batch(tokenizer: Tokenizer, rng: random.Random, rows: int, sentences: int) -> Batch:
    """Fresh passages with their questions. `turns` is 0 in the passage, and counts the questions from 1."""
    made: list[np.ndarray] = []
    for _ in range(rows):
        passage = make_passage(rng, sentences)
        encoding = tokenizer.encode(READ.format(text=passage.text))
        read = encoding.ids
        columns = [
            (token, place, 0, -100, _tag(passage, range(*encoding.offsets[place]))) for place, token in enumerate(read)
        ]
        for turn, (kind, found) in enumerate(make_questions(passage, rng), start=1):
            ask = tokenizer.encode(ASK.format(kind=kind), add_special_tokens=False).ids
            both = tokenizer.encode(ASK.format(kind=kind) + _answer(found), add_special_tokens=False).ids
            said = [token if place >= len(ask) else -100 for place, token in enumerate(both)][1:]
            columns += [(both[i], len(read) + i, turn, said[i], -100) for i in range(len(both) - 1)]
        made.append(np.array(columns))
    width = max(map(len, made))
    padded = np.full((rows, width, 5), (0, 0, -1, -100, -100))
    for row, columns in zip(padded, made, strict=True):
        row[: len(columns)] = columns
    ids, positions, turns, targets, tags = torch.from_numpy(padded).unbind(-1)
    same = (turns[:, None, :] == 0) | (turns[:, None, :] == turns[:, :, None])
    return Batch(ids, positions, (same & torch.ones(width, width).tril().bool())[:, None], targets, turns, tags)


def _logits(model: LlamaForCausalLM, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Of the tokens to be said, and what the third layer knows of the text."""
    states = model.model(
        input_ids=batch.ids,
        position_ids=batch.positions,
        attention_mask=batch.mask,
        use_cache=False,
        output_hidden_states=True,
    )
    return model.lm_head(states.last_hidden_state[batch.targets >= 0]), states.hidden_states[3][batch.tags >= 0]


def make_model(vocabulary: Vocabulary) -> LlamaForCausalLM:
    """The untrained model, which can copy from the start."""
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=HIDDEN,
        intermediate_size=INNER,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        head_dim=HIDDEN // HEADS,
        max_position_embeddings=CONTEXT,
        rms_norm_eps=1e-6,
        rope_parameters={"rope_type": "default", "rope_theta": THETA},
        tie_word_embeddings=True,
        bos_token_id=BOS,
        eos_token_id=EOS,
        pad_token_id=UNK,
        initializer_range=0.05,
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        _start_embedding(model, vocabulary)
        _start_induction(model)
    return model


def _start_embedding(model: LlamaForCausalLM, vocabulary: Vocabulary) -> None:
    """A word means much the same at the start of a string in JSON, where no space is before it, as in the text."""
    embedding = model.model.embed_tokens.weight
    embedding *= 2
    ids = {token: index for index, token in enumerate(vocabulary.tokens)}
    for token, index in ids.items():
        if token.startswith("▁") and token[1:] in ids:
            embedding[index] = embedding[ids[token[1:]]] + embedding[index] / 2


def _start_induction(model: LlamaForCausalLM) -> None:
    """Two induction heads by hand, since to find them takes most of the training of so small a model.

    In layer 0 two heads look at the token before and note it down; in layer 1 two heads look for the places whose note
    is the present token, and say what is there. A direction that all embeddings share serves as the constant of the
    first; it adds the same to all logits, so it does no harm. Matching uses only the slow pairs of the rotation.
    """
    size, pairs, fast = HIDDEN // HEADS, HIDDEN // HEADS // 2, 6
    embedding = model.model.embed_tokens.weight
    always = torch.nn.functional.normalize(torch.randn(HIDDEN), dim=0)
    embedding -= torch.outer(embedding @ always, always)
    embedding += always * embedding.norm(dim=1).mean()
    token, note, copy = (torch.linalg.qr(torch.randn(HIDDEN, HIDDEN))[0] for _ in range(3))
    for layer in model.model.layers:
        layer.mlp.down_proj.weight *= 0.3
        layer.self_attn.o_proj.weight *= 0.5
    before, same = (model.model.layers[depth].self_attn for depth in (0, 1))
    angles = THETA ** (-torch.arange(pairs) / pairs)
    for head in (0, 1):
        rows = slice(head * size, (head + 1) * size)
        for pair in range(fast):
            first, second = head * size + pair, head * size + pair + pairs
            before.q_proj.weight[first] = always * torch.cos(angles[pair])
            before.q_proj.weight[second] = -always * torch.sin(angles[pair])
            before.k_proj.weight[first] = always
            before.k_proj.weight[second] = 0
        before.v_proj.weight[rows] = token[rows]
        before.o_proj.weight[:, rows] = 0.2 * note[rows].T
        slow = [head * size + half + pair for half in (0, pairs) for pair in range(fast, pairs)]
        same.q_proj.weight[slow] = 2.5 * token[slow]
        same.k_proj.weight[slow] = 2.5 * note[slow]
        same.v_proj.weight[rows] = copy[rows]
        same.o_proj.weight[:, rows] = 0.5 * copy[rows].T


def train(model: LlamaForCausalLM, tokenizer: Tokenizer, rng: random.Random, steps: int, rate: float) -> None:
    """AdamW, warm-up and cosine; passages grow from one sentence to eight."""
    tagger = torch.nn.Sequential(torch.nn.RMSNorm(HIDDEN), torch.nn.Linear(HIDDEN, 1 + len(DEFINITIONS) * MOST))
    optimizer = torch.optim.AdamW(
        [*model.parameters(), *tagger.parameters()], lr=rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True
    )
    start = time.monotonic()
    for step in range(steps):
        done = step / steps
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, (step + 1) / 50) * (0.03 + 0.97 * (0.5 + 0.5 * math.cos(math.pi * done)))
        sentences = rng.randint(1, max(2, min(8, int(1 + 14 * (done - 0.25)))))
        batch = make_batch(tokenizer, rng, max(2, round(8 / (sentences + 1))), sentences)
        said, known = _logits(model, batch)
        loss = cross_entropy(said, batch.targets[batch.targets >= 0])
        tagging = cross_entropy(tagger(known), batch.tags[batch.tags >= 0])
        optimizer.zero_grad()
        (loss + 3 * tagging).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 250 == 0 or step == steps - 1:
            losses = f"loss {loss.item():.4f} + {tagging.item():.4f}"
            print(f"step {step} ({sentences} sentences): {losses}, {time.monotonic() - start:.0f} s", flush=True)


@torch.no_grad()
def measure(model: LlamaForCausalLM, tokenizer: Tokenizer, rng: random.Random) -> dict[int, float]:
    """The share of exact answers, by the number of sentences.

    An answer whose every token is the most probable one after the tokens before it is what greedy decoding says.
    """
    shares: dict[int, float] = {}
    for sentences in range(1, 9):
        right = total = 0
        for _ in range(10):
            batch = make_batch(tokenizer, rng, 6, sentences)
            asked = batch.targets >= 0
            wrong = _logits(model, batch)[0].argmax(-1) != batch.targets[asked]
            rows = torch.arange(len(batch.ids))[:, None].expand_as(batch.ids)
            questions = (rows * 100 + batch.turns)[asked]
            total += len(questions.unique())
            right += len(questions.unique()) - len(questions[wrong].unique())
        shares[sentences] = right / total
    return shares


# --- Writing ----------------------------------------------------------------------------------------------------------


def write_hf(model: LlamaForCausalLM, tokenizer: Tokenizer, folder: Path) -> None:
    """What transformers and vLLM read."""
    model.generation_config.update(bos_token_id=BOS, eos_token_id=EOS, pad_token_id=UNK)
    model.half().save_pretrained(folder)
    # Not as LlamaTokenizer: transformers 5 would make a tokenizer of its own of it, with no space after `</s>`.
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<unk>",
        clean_up_tokenization_spaces=False,
        model_max_length=CONTEXT,
    ).save_pretrained(folder)


def _interleaved(weight: np.ndarray) -> np.ndarray:
    """Query and key rows as llama.cpp turns them: neighbours, where transformers turns halves."""
    return weight.reshape(HEADS, 2, HIDDEN // HEADS // 2, HIDDEN).swapaxes(1, 2).reshape(weight.shape)


def write_gguf(model: LlamaForCausalLM, vocabulary: Vocabulary, path: Path) -> None:
    """What llama.cpp reads. The output matrix is left out: it is the embedding."""
    config = model.config
    writer = GGUFWriter(path, "llama")
    writer.add_name("tiny-uniner")
    writer.add_license("CC0-1.0")
    writer.add_file_type(LlamaFileType.MOSTLY_F16)
    writer.add_vocab_size(VOCABULARY)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(HIDDEN // HEADS)
    writer.add_rope_freq_base(THETA)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_scores(vocabulary.scores)
    writer.add_token_types(vocabulary.types)
    writer.add_unk_token_id(UNK)
    writer.add_bos_token_id(BOS)
    writer.add_eos_token_id(EOS)
    writer.add_pad_token_id(UNK)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(True)
    parts = {
        "input_layernorm": "attn_norm",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "post_attention_layernorm": "ffn_norm",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
    }
    names = {"model.embed_tokens": "token_embd", "model.norm": "output_norm"}
    names |= {f"model.layers.{i}.{ours}": f"blk.{i}.{theirs}" for i in range(LAYERS) for ours, theirs in parts.items()}
    weights = model.state_dict()
    for ours, theirs in names.items():
        weight = weights[f"{ours}.weight"].float().numpy()
        if theirs.endswith(("attn_q", "attn_k")):
            weight = _interleaved(weight)
        writer.add_tensor(f"{theirs}.weight", weight.astype(np.float16) if weight.ndim == 2 else weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    """Learn the vocabulary, train, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=3)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    rng = random.Random(options.seed)
    vocabulary = learn_vocabulary(rng)
    tokenizer = make_tokenizer(vocabulary)
    model = make_model(vocabulary)
    print(f"{len(vocabulary.tokens)} tokens, {model.num_parameters()} parameters")
    train(model, tokenizer, rng, options.steps, options.rate)
    shares = measure(model.eval(), tokenizer, random.Random(options.seed + 1))
    print("exact answers by number of sentences:", {count: f"{share:.1%}" for count, share in shares.items()})
    print(f"exact answers on fresh passages: {sum(shares.values()) / len(shares):.2%}")
    (options.out / "hf").mkdir(parents=True, exist_ok=True)
    write_hf(model, tokenizer, options.out / "hf")
    write_gguf(model, vocabulary, options.out / "tiny-uniner.gguf")


if __name__ == "__main__":
    main()
