"""Vocabularies of strangers: what a token writes is what its tokenizer decodes, and text is spelled as the tokenizer spells it."""

import random

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from kubestill.ground.errors import UserError
from kubestill.tools.grammar.api import Grammar, Step
from kubestill.tools.grammar.compile import Compiler
from kubestill.tools.grammar.pieces import Pieces
from kubestill.tools.modeling.tokenizer import train_tokenizer

TEXTS = ["apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web-1\n", "a  b: ⟨3⟩ \t é語 x\n", "", " ", "\n", "x"]


MARKS = "<0x41> ▁x"  # what SentencePiece takes for its own marks, and loses


def ours() -> Tokenizer:
    return train_tokenizer(TEXTS * 20, 700, "slots")


def byte_level() -> Tokenizer:
    """As GPT-2 and Qwen split, with an added token that is text and a gap in the ids."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(TEXTS * 20, trainer)
    tokenizer.add_special_tokens([AddedToken("<|end|>", special=True), AddedToken("<|answer|>", special=True)])
    tokenizer.add_tokens([AddedToken("⟨3⟩", normalized=False)])
    return tokenizer


def sentence_piece(prepend: bool) -> Tokenizer:
    """As Llama 2: `▁` for a space, one before the first word, and bytes for what has no token."""
    letters = sorted(set("".join(TEXTS)) - set("語é⟨\t") | {"▁"})
    tokens = ["<unk>", "<|end|>", "<|answer|>", *(f"<0x{byte:02X}>" for byte in range(256)), *(c.replace(" ", "▁") for c in letters)]
    vocabulary = {token: place for place, token in enumerate(dict.fromkeys([*tokens, "ap", "▁a", "▁▁"]))}
    merges = [("a", "p"), ("▁", "a"), ("▁", "▁")]
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    steps = [normalizers.Prepend("▁")] if prepend else []
    tokenizer.normalizer = normalizers.Sequence([*steps, normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in tokens[:3]])
    return tokenizer


def unigram() -> Tokenizer:
    """As T5 and Gemma: Metaspace, scores instead of merges."""
    pieces = [("<unk>", 0.0), ("<|end|>", 0.0), *((f"<0x{byte:02X}>", -20.0) for byte in range(256))]
    pieces += [(c, -8.0) for c in sorted(set("".join(TEXTS)) - set("語é⟨\t \n") | {"▁"})] + [("▁name", -5.0), ("ap", -6.0)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first")
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    tokenizer.add_special_tokens([AddedToken("<|end|>", special=True)])
    return tokenizer


MAKERS = {
    "ours": ours,
    "byte level": byte_level,
    "sentence piece": lambda: sentence_piece(False),
    "sentence piece with a first space": lambda: sentence_piece(True),
    "unigram": unigram,
}


@pytest.fixture(scope="module", params=MAKERS)
def pieces(request):
    tokenizer = MAKERS[request.param]()
    return Pieces.of_tokenizer(tokenizer, tokenizer.token_to_id("<|end|>"))


def test_a_text_comes_back_from_its_canonical_tokens(pieces):
    for text in TEXTS:
        assert pieces.join(pieces.encode(text)) == text.encode(), text


def test_a_text_after_another_is_spelled_as_it_would_be_in_one(pieces):
    rng = random.Random(6)
    whole = "".join(TEXTS) * 4
    for _ in range(30):
        tokens = pieces.encode(whole)
        cut = rng.randrange(len(tokens))
        rest = pieces.join(tokens[cut:])
        try:
            text = rest.decode()
        except UnicodeDecodeError:
            continue  # the cut goes through a character
        assert pieces.join(pieces.spell(text, tokens[:cut])) == rest
        assert pieces.spell(text, tokens[:cut]) == tokens[cut:]


def test_the_canonical_spelling_is_allowed_and_written_as_text(pieces):
    grammar = Grammar(r'start: "kind: " NAME "\n" WORDS' + "\nNAME: /[A-Z][a-z]+/\nWORDS: /[a-z⟨⟩0-9 é語]{1,40}/")
    session = Compiler(pieces).session(Step(grammar))
    text = "kind: Job\na b ⟨3⟩ 語é"
    for token in pieces.encode(text):
        assert session.allowed()[token]
        session.take(token)
    assert session.text == text and session.allowed()[pieces.end]


def test_special_tokens_stand_by_name_and_added_ones_by_text(pieces):
    assert pieces.special["<|end|>"] == pieces.end and pieces.tokens[pieces.end] == b"<|end|>"
    assert pieces.text([pieces.end]) == ""
    if "<|answer|>" in pieces.special:
        assert pieces.text([pieces.special["<|answer|>"]]) == "<|answer|>" and pieces.encode("<|answer|>") == [pieces.special["<|answer|>"]]


def test_tokens_write_what_the_tokenizer_decodes():
    for maker in (ours, byte_level):
        tokenizer = maker()
        pieces = Pieces.of_tokenizer(tokenizer, tokenizer.token_to_id("<|end|>"))
        assert pieces.join(pieces.encode(MARKS)) == MARKS.encode()
        for token in range(pieces.size):
            assert pieces.tokens[token].decode("utf-8", "replace") == tokenizer.decode([token], skip_special_tokens=False)


def test_the_digest_tells_vocabularies_apart():
    def made(*tokens: bytes, special=None, end: int = 0) -> str:
        return Pieces.of_tokens(tokens, special or {"<|end|>": 0}, end, lambda text: []).digest

    different = [
        made(b"", b"a"),
        made(b"", b"b"),
        made(b"", b"a", b""),
        made(b"", b"", b"a"),
        made(b"", b"a", special={"<|end|>": 0, "x": 1}),
    ]
    assert len(set(different)) == 5 and made(b"", b"a") == different[0]


def test_tokenizers_that_lose_text_and_tokens_that_are_not_there_are_refused():
    words = Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1, "##b": 2}, unk_token="[UNK]"))
    words.decoder = decoders.WordPiece()
    with pytest.raises(UserError, match="WordPiece"):
        Pieces.of_tokenizer(words, 0)
    with pytest.raises(UserError, match="WordLevel"):
        Pieces.of_tokenizer(Tokenizer(models.WordLevel({"a": 0}, unk_token="a")), 0)
    with pytest.raises(UserError, match="beyond the 2 tokens"):
        Pieces.of_tokens([b"a", b"b"], {"<|end|>": 2}, 2, lambda text: [])
