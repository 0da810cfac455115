"""A language model that reads and writes one character after the other, on sentences that this script makes up.

The network learns to say which character comes next. Asked again and again, with its own answer appended, it writes.
A temperature below 1 makes it cautious, one above 1 adventurous.
"""

import argparse
import random

import numpy as np

import ranvier
from ranvier import layers

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--characters", type=int, default=200_000, help="length of the text to learn from")
parser.add_argument("--written", type=int, default=300, help="characters to write at each temperature")
args = parser.parse_args()
ranvier.utils.set_random_seed(0)

# The language: a few words, and sentences of the form "a cat hears the old bird, and every fox runs slowly."
ARTICLES = ["the", "a", "every", "no", "my"]
ADJECTIVES = ["old", "small", "clever", "quiet", "hungry", "white"]
NOUNS = ["cat", "bird", "fox", "river", "teacher", "child", "mountain"]
ACTIONS = ["sees", "hears", "follows", "remembers", "loves"]
DOINGS = ["sleeps", "runs", "sings", "waits"]
ADVERBS = ["slowly", "today", "again", "in the garden"]


def thing() -> str:
    adjective = [random.choice(ADJECTIVES)] if random.random() < 0.4 else []
    return " ".join([random.choice(ARTICLES), *adjective, random.choice(NOUNS)])


def clause() -> str:
    if random.random() < 0.6:
        return f"{thing()} {random.choice(ACTIONS)} {thing()}"
    return f"{thing()} {random.choice(DOINGS)} {random.choice(ADVERBS)}"


def sentences(length: int) -> str:
    parts: list[str] = []
    while sum(map(len, parts)) < length:
        more = f", {random.choice(['and', 'but', 'while'])} {clause()}" if random.random() < 0.3 else ""
        parts.append(f"{clause()}{more}. ")
    return "".join(parts)[:length]


LENGTH = 64  # characters in a training sequence
text, unseen = sentences(args.characters), sentences(20_000)
alphabet = sorted(set(text + unseen))
index = {character: i for i, character in enumerate(alphabet)}


def windows(text: str) -> tuple[np.ndarray, np.ndarray]:
    """Sequences of characters, and for each of their characters the one that follows it."""
    codes = np.array([index[character] for character in text], "int32")
    count = (len(codes) - 1) // LENGTH
    return codes[: count * LENGTH].reshape(count, LENGTH), codes[1 : count * LENGTH + 1].reshape(count, LENGTH)


def network(batch_size: int | None, time: int | None, stateful: bool) -> ranvier.Model:
    return ranvier.Sequential(
        [
            ranvier.Input((time,), batch_size=batch_size, dtype="int32"),
            layers.Embedding(len(alphabet), 16),
            layers.GRU(96, return_sequences=True, stateful=stateful),
            layers.Dense(len(alphabet)),  # a score (logit) for each character
        ]
    )


model = network(None, None, stateful=False)
loss = ranvier.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(ranvier.optimizers.Adam(0.01), loss, metrics=["accuracy"])
model.fit(*windows(text), batch_size=64, epochs=args.epochs, verbose=2)

nats, accuracy = model.evaluate(*windows(unseen), batch_size=64, verbose=0)
print(f"\nunseen text: {nats / np.log(2):.3f} bits a character ({np.log2(len(alphabet)):.2f} for a blind guess)")

# The same network once more, for one character at a time: a stateful layer remembers what it has read so far.
writer = network(1, 1, stateful=True)
writer.set_weights(model.get_weights())
rng = np.random.default_rng(0)


def write(length: int, temperature: float) -> str:
    """Text that begins after a full stop, each character drawn with probability softmax(scores / temperature)."""
    writer.layers[1].reset_state()
    written = ". "
    writer.predict(np.array([[index["."]]], "int32"), verbose=0)
    while len(written) < length + 2:
        scores = writer.predict(np.array([[index[written[-1]]]], "int32"), verbose=0)[0, -1] / temperature
        probabilities = np.exp(scores - scores.max())
        written += alphabet[rng.choice(len(alphabet), p=probabilities / probabilities.sum())]
    return written[2:]


words = set(text.replace(",", "").replace(".", "").split()[:-1])
for temperature in (0.5, 1.0, 1.5):
    written = write(args.written, temperature)
    found = written.replace(",", "").replace(".", "").split()[:-1]  # the last one may be cut off
    real = sum(word in words for word in found) / max(len(found), 1)
    print(f"\ntemperature {temperature}: {real:.0%} real words\n  {written}")
