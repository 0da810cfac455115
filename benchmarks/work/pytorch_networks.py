"""The networks as people write them in PyTorch, logits out; batch normalisation with Keras's momentum and epsilon."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from benchmarks.work.synthetic import VOCABULARY, WIDTH

__all__ = [
    "Embedding",
    "Lstm",
    "Transformer",
    "b2_model",
    "cifar_model",
    "cnn_model",
    "digits_model",
    "mobile_model",
]


def digits_model() -> nn.Module:
    """784-128-10."""
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def b2_model() -> nn.Module:
    """784-256-128-10 with batch normalisation and dropout."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 256),
        nn.ReLU(),
        nn.BatchNorm1d(256, eps=1e-3, momentum=0.01),
        nn.Dropout(0.5),
        nn.Linear(256, 128),
        nn.ReLU(),
        nn.BatchNorm1d(128, eps=1e-3, momentum=0.01),
        nn.Dropout(0.3),
        nn.Linear(128, 10),
    )


def cnn_model() -> nn.Module:
    """Two convolutions with pooling, dropout, ten outputs."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(1600, 10),
    )


def cifar_model() -> nn.Module:
    """Convolutions 32, 32 with stride 2, 64, 64 with stride 2, each normalised and leaky; dense 128; ten outputs."""
    parts: list[nn.Module] = []
    before = 3
    for filters, strides in ((32, 1), (32, 2), (64, 1), (64, 2)):
        parts += [
            nn.Conv2d(before, filters, 3, stride=strides, padding=1),
            nn.BatchNorm2d(filters, eps=1e-3, momentum=0.01),
            nn.LeakyReLU(0.3),
        ]
        before = filters
    return nn.Sequential(
        *parts,
        nn.Flatten(),
        nn.Linear(8 * 8 * 64, 128),
        nn.BatchNorm1d(128, eps=1e-3, momentum=0.01),
        nn.LeakyReLU(0.3),
        nn.Linear(128, 10),
    )


def mobile_model() -> nn.Module:
    """A convolution and five depthwise-separable ones on 64×64; average; ten outputs."""

    def normalised(filters: int) -> list[nn.Module]:
        return [nn.BatchNorm2d(filters, eps=1e-3, momentum=0.01), nn.ReLU()]

    parts: list[nn.Module] = [nn.Conv2d(3, 32, 3, stride=2, padding=1, bias=False), *normalised(32)]
    before = 32
    for filters, strides in ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1)):
        parts += [
            nn.Conv2d(before, before, 3, stride=strides, padding=1, groups=before, bias=False),
            *normalised(before),
            nn.Conv2d(before, filters, 1, bias=False),
            *normalised(filters),
        ]
        before = filters
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 10))


class Lstm(nn.Module):
    """An LSTM of 64 units over the 28 rows of an image, ten outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(28, 64, batch_first=True)
        self.out = nn.Linear(64, 10)

    def forward(self, x: Any) -> Any:
        """(n, 28, 28) → (n, 10)."""
        return self.out(self.lstm(x)[0][:, -1])


class Transformer(nn.Module):
    """One encoder block with 4 heads; average; ten outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(WIDTH, 3 * WIDTH)
        self.mix = nn.Linear(WIDTH, WIDTH)
        self.first, self.second = nn.LayerNorm(WIDTH, eps=1e-3), nn.LayerNorm(WIDTH, eps=1e-3)
        self.wide, self.narrow = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.out = nn.Linear(WIDTH, 10)

    def forward(self, x: Any) -> Any:
        """(n, length, width) → (n, 10)."""
        n, length, width = x.shape
        parts = self.project(x).view(n, length, 3, 4, width // 4).permute(2, 0, 3, 1, 4)
        seen = nn.functional.scaled_dot_product_attention(parts[0], parts[1], parts[2])
        x = self.first(x + self.mix(seen.transpose(1, 2).reshape(n, length, width)))
        x = self.second(x + self.narrow(torch.relu(self.wide(x))))
        return self.out(x.mean(1))


class Embedding(nn.Module):
    """20,000 words as vectors of 32, averaged over a text (`EmbeddingBag` does both at once); two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.EmbeddingBag(VOCABULARY, 32, mode="mean")
        nn.init.uniform_(self.words.weight, -0.05, 0.05)  # Keras's: PyTorch's is so wide that learning takes longer
        self.out = nn.Linear(32, 2)

    def forward(self, x: Any) -> Any:
        """(n, length) → (n, 2)."""
        return self.out(self.words(x))
