"""Write the bundled demo task, byte for byte: `python make.py [folder]` (default: next to this file).

The task is to spell a word backwards. Training words are made up from syllables; the held-out words are real
English, so the model is tested on words that it has never seen.
"""

import json
import random
import sys
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

SEED, TRAIN_ROWS, ARROW = 20, 7000, " -> "
ONSETS = ["", "", "", *"b bl br c ch cl cr d dr f fl fr g gl gr h j k l m n p pl pr qu r s sh sk sp st t th tr v w x y z".split()]
VOWELS = "a a a e e e e i i i o o o u ai ea ee ia io oa oo ou y".split()
CODAS = ["", "", "", "", *"b ck ct d ff g ge l ll lt m mp n nd ng nt p pt r rd rt ry s ss st t tch tt w x z".split()]
PAD, BOS, EOS, UNK = SPECIAL = ["<pad>", "<bos>", "<eos>", "<unk>"]
TEST_WORDS = """
actor agent album angle anthem apple apron arena arrow artist autumn badge baker balcony ballad bamboo banana
banner barley basket battery beach beacon bicycle biscuit blanket blossom boots bottle bouquet branch bread
breeze bridge bronze brush bucket butter button cabin cactus camera candle canvas canyon captain caravan carbon
carpet carrot castle cedar cellar chalk chapter cheese cherry cinema circus citrus clarinet cliff clock cloud
clover coast cobalt coffee comet compass copper coral cotton cradle crane crayon credits cricket crystal curtain
cymbal daisy dancer desert diamond diary dinner dolphin donkey dragon drama drawer dream drummer eagle earth
eclipse editor elbow elephant ember engine falcon farmer feather ferry festival fiddle film flame flute forest
fossil fountain galaxy garden garlic gesture ginger giraffe glacier glove goblet granite grape guitar hammer
harbor harvest hazel helmet hermit honey horizon horse island ivory jacket jasmine jersey jigsaw journey jungle
kettle kingdom kitchen kitten ladder lagoon lantern laurel leather lemon letter library lilac lizard lobster
magnet mango maple marble market meadow melody meteor mirror monkey monsoon morning mountain museum nebula
needle nickel notebook novel oasis ocean olive onion orange orbit orchard oyster paddle painter palace panda
paper parade parrot pasta pebble pencil pepper piano picnic pigeon pillow pilot planet plaza pocket poem potato
prism puppet pyramid quartz queen rabbit radio rainbow raven ribbon river robin rocket saddle sailor salmon
sandal saturn scarf scene script seagull shadow silver sketch slate snow sofa song spider spoon stage statue
stone storm studio stunt summer sunset tailor teapot temple theater thunder tiger timber tomato torch tower
trailer train trumpet tulip tunnel turtle umbrella valley vanilla velvet village violin volcano voyage waffle
wagon walnut walrus water whale wheat willow window winter wizard wool yacht yogurt zebra zipper
""".split()


def made_up(rng: random.Random) -> str:
    """Two or three random syllables."""
    return "".join(rng.choice(ONSETS) + rng.choice(VOWELS) + rng.choice(CODAS) for _ in range(rng.choice((1, 2, 2, 3))))


def write_rows(path: Path, words: list[str]) -> None:
    """One JSON object a line: the word as the prompt, its letters backwards as the completion."""
    rows = ({"prompt": word + ARROW, "completion": word[::-1]} for word in words)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8", newline="\n")


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8", newline="\n")


def write_model(folder: Path) -> None:
    """A Llama of 0.13 M parameters (configuration only, no weights) and a tokenizer of one token a character."""
    folder.mkdir(parents=True, exist_ok=True)
    vocab = {token: i for i, token in enumerate([*SPECIAL, *" ->", *"abcdefghijklmnopqrstuvwxyz"])}
    tokenizer = Tokenizer(models.WordLevel(vocab, unk_token=UNK))
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"pad_token": PAD, "bos_token": BOS, "eos_token": EOS, "unk_token": UNK}
    ids = {"bos_token_id": vocab[BOS], "eos_token_id": vocab[EOS], "pad_token_id": vocab[PAD]}
    kind = {"tokenizer_class": "PreTrainedTokenizerFast", "padding_side": "left", "clean_up_tokenization_spaces": False}
    write_json(folder / "tokenizer_config.json", kind | names | {"model_max_length": 64})
    write_json(folder / "generation_config.json", ids | {"max_new_tokens": 16, "do_sample": False})
    llama = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "float32", "vocab_size": len(vocab)}
    size = {"hidden_size": 64, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4}
    more = {"max_position_embeddings": 64, "tie_word_embeddings": False}
    write_json(folder / "config.json", llama | size | more | ids)


def main(folder: Path) -> None:
    write_model(folder / "model")
    rng, train = random.Random(SEED), dict[str, None]()  # a dict keeps the order, and each word once
    while len(train) < TRAIN_ROWS:
        word = made_up(rng)
        if 4 <= len(word) <= 9 and word not in TEST_WORDS:
            train[word] = None
    write_rows(folder / "train.jsonl", list(train))
    write_rows(folder / "test.jsonl", TEST_WORDS)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
