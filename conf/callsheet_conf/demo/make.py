"""Write the bundled demo task: `python make.py [folder]` gives the same bytes every time.

The task: spell a word backwards. Training words are made up from syllables; the held-out words are real English.
"""

import json
import random
import sys
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

SEED, TRAIN_ROWS, SHORTEST, LONGEST = 20, 7000, 4, 9
ONSETS = "- - - b bl br c ch cl cr d dr f fl fr g gl gr h j k l m n p pl pr qu r s sh sk sp st t th tr v w x y z"
VOWELS = "a a a e e e e i i i o o o u ai ea ee ia io oa oo ou y"
CODAS = "- - - - b ck ct d ff g ge l ll lt m mp n nd ng nt p pt r rd rt ry s ss st t tch tt w x z"
PAD, BOS, EOS, UNK = "<pad>", "<bos>", "<eos>", "<unk>"
TEST_WORDS = """
agent album anthem apple apron arena arrow artist autumn baker balcony ballad bamboo banana basket battery beach beacon
bicycle biscuit blanket blossom bottle bouquet branch bread breeze bridge brush bucket butter butterfly button cabin
cactus camera candle canvas canyon captain caravan carbon carpet carrot castle cedar chalk chapter cheese cherry cinema
circus clarinet cliff clock cloud clover coffee comet compass copper coral cotton crayon cricket crocodile crystal
curtain daisy dancer desert diamond dinner dolphin donkey dragon drama dream drummer eagle earth eclipse elbow elephant
falcon feather ferry festival fiddle flame flute forest fossil fountain galaxy garden garlic ginger giraffe glacier
glove granite grape guitar hammer harbor harvest helmet honey horizon horse island ivory jacket jasmine jigsaw journey
jungle kettle kingdom kitchen kitten ladder lagoon lantern leather lemon letter library lizard lobster mango maple
meadow melody mirror monkey monsoon morning mountain museum mushroom nebula needle notebook novel ocean olive onion
orange orbit orchard oyster paddle painter palace parrot pebble pencil pepper piano picnic pigeon pillow pilot planet
pocket potato puppet pyramid queen rabbit radio rainbow ribbon river robin rocket saddle sailor salmon saturn seagull
shadow silver sketch snowflake spider spoon squirrel storm summer sunset teapot telescope temple theater thunder tiger
tomato torch trumpet tulip tunnel turtle umbrella valley vanilla velvet village violin volcano voyage waffle wagon
walnut walrus whale willow window winter wizard yogurt zebra zipper
"""


def made_up(rng: random.Random) -> str:
    """A word of one to three random syllables ("-" stands for no letter)."""
    syllables = [ONSETS.split(), VOWELS.split(), CODAS.split()] * rng.choice((1, 2, 2, 3))
    return "".join(rng.choice(part) for part in syllables).replace("-", "")


def rows(words: list[str]) -> str:
    """One JSON object a line: the word is the prompt, its letters backwards are the completion."""
    return "".join(json.dumps({"prompt": f"{word} -> ", "completion": word[::-1]}) + "\n" for word in words)


def model() -> dict[str, str]:
    """A Llama of 0.14 M parameters (its configuration, no weights) and a tokenizer with one token a character."""
    vocab = {token: i for i, token in enumerate([PAD, BOS, EOS, UNK, *" ->abcdefghijklmnopqrstuvwxyz"])}
    tokenizer = Tokenizer(models.WordLevel(vocab, unk_token=UNK))
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in (PAD, BOS, EOS, UNK)])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    names = {"pad_token": PAD, "bos_token": BOS, "eos_token": EOS, "unk_token": UNK, "padding_side": "left"}
    ids = {"pad_token_id": vocab[PAD], "bos_token_id": vocab[BOS], "eos_token_id": vocab[EOS]}
    size = {"hidden_size": 64, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4}
    llama = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "float32", **size, **ids}
    files: dict[str, dict[str, object]] = {
        "config": {**llama, "vocab_size": len(vocab), "max_position_embeddings": 64, "tie_word_embeddings": False},
        "generation_config": {"max_new_tokens": 16, "do_sample": False, **ids},
        "tokenizer_config": {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 64, **names},
        "tokenizer": json.loads(tokenizer.to_str()),
    }
    return {f"model/{name}.json": json.dumps(value, indent=2) + "\n" for name, value in files.items()}


def main(folder: Path) -> None:
    rng, test, train = random.Random(SEED), TEST_WORDS.split(), dict[str, None]()  # a dict: in order, each word once
    rng.shuffle(test)
    while len(train) < TRAIN_ROWS:
        if SHORTEST <= len(word := made_up(rng)) <= LONGEST and word not in test:
            train[word] = None
    (folder / "model").mkdir(parents=True, exist_ok=True)
    for name, text in {**model(), "train.jsonl": rows(list(train)), "test.jsonl": rows(test)}.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
