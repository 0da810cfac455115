"""The networks in Keras's API, given the module as `keras`: literally the same code for ranvier and for Keras."""

from __future__ import annotations

from typing import Any

from benchmarks.work.synthetic import LENGTH, VOCABULARY, WIDTH

__all__ = [
    "b2_model",
    "cifar_model",
    "cnn_model",
    "digits_model",
    "embedding_model",
    "lstm_model",
    "mobile_model",
    "toy_model",
    "transformer_model",
]


def _classifier(model: Any) -> Any:
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def toy_model(keras: Any) -> Any:
    """y = wx + b."""
    model = keras.Sequential([keras.layers.Dense(1, input_shape=[1])])
    model.compile(optimizer="sgd", loss="mean_squared_error")
    return model


def digits_model(keras: Any, pixels: bool = False) -> Any:
    """784-128-10; with `pixels` for images in bytes, which it divides by 255 itself."""
    layers = keras.layers
    model = keras.Sequential()
    model.add(layers.Input(shape=(28, 28), dtype="uint8" if pixels else "float32"))
    if pixels:
        model.add(layers.Rescaling(1 / 255))
    model.add(layers.Flatten())
    model.add(layers.Dense(128, activation="relu"))
    model.add(layers.Dense(10, activation="softmax"))
    return _classifier(model)


def b2_model(keras: Any) -> Any:
    """784-256-128-10 with batch normalisation and dropout."""
    layers = keras.layers
    return _classifier(
        keras.Sequential(
            [
                layers.Input(shape=(28, 28)),
                layers.Flatten(),
                layers.Dense(256, activation="relu"),
                layers.BatchNormalization(),
                layers.Dropout(0.5),
                layers.Dense(128, activation="relu"),
                layers.BatchNormalization(),
                layers.Dropout(0.3),
                layers.Dense(10, activation="softmax"),
            ]
        )
    )


def cnn_model(keras: Any) -> Any:
    """Two convolutions with pooling, dropout, ten outputs: 34,826 parameters."""
    layers = keras.layers
    return _classifier(
        keras.Sequential(
            [
                layers.Input(shape=(28, 28, 1)),
                layers.Conv2D(32, kernel_size=(3, 3), activation="relu"),
                layers.MaxPooling2D(pool_size=(2, 2)),
                layers.Conv2D(64, kernel_size=(3, 3), activation="relu"),
                layers.MaxPooling2D(pool_size=(2, 2)),
                layers.Flatten(),
                layers.Dropout(0.5),
                layers.Dense(10, activation="softmax"),
            ]
        )
    )


def folder_model(keras: Any) -> Any:
    """Two convolutions with pooling on the bytes of 64×64 pictures, dense 64, ten outputs."""
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input(shape=(64, 64, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def cifar_model(keras: Any) -> Any:
    """Convolutions 32, 32 with stride 2, 64, 64 with stride 2, each normalised and leaky; dense 128; ten outputs."""
    layers = keras.layers
    model = keras.Sequential([layers.Input(shape=(32, 32, 3))])
    for filters, strides in ((32, 1), (32, 2), (64, 1), (64, 2)):
        model.add(layers.Conv2D(filters, 3, strides=strides, padding="same"))
        model.add(layers.BatchNormalization())
        model.add(layers.LeakyReLU())
    model.add(layers.Flatten())
    model.add(layers.Dense(128))
    model.add(layers.BatchNormalization())
    model.add(layers.LeakyReLU())
    model.add(layers.Dense(10, activation="softmax"))
    return _classifier(model)


def mobile_model(keras: Any) -> Any:
    """A convolution and five depthwise-separable ones on 64×64, as MobileNet stacks them; average; ten outputs."""
    layers = keras.layers
    model = keras.Sequential([layers.Input(shape=(64, 64, 3))])

    def normalised() -> None:
        model.add(layers.BatchNormalization())
        model.add(layers.ReLU())

    model.add(layers.Conv2D(32, 3, strides=2, padding="same", use_bias=False))
    normalised()
    for filters, strides in ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1)):
        model.add(layers.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False))
        normalised()
        model.add(layers.Conv2D(filters, 1, use_bias=False))
        normalised()
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(10, activation="softmax"))
    return _classifier(model)


def lstm_model(keras: Any) -> Any:
    """An LSTM of 64 units over the 28 rows of an image, ten outputs."""
    layers = keras.layers
    return _classifier(
        keras.Sequential([layers.Input(shape=(28, 28)), layers.LSTM(64), layers.Dense(10, activation="softmax")])
    )


def transformer_model(keras: Any) -> Any:
    """One encoder block: 4 heads, two dense layers (256, 64), residuals and layer normalisation; average; ten outputs."""
    layers = keras.layers
    inputs = layers.Input(shape=(LENGTH, WIDTH))
    x = layers.MultiHeadAttention(num_heads=4, key_dim=WIDTH // 4)(inputs, inputs)
    x = layers.LayerNormalization()(layers.Add()([inputs, x]))
    y = layers.Dense(4 * WIDTH, activation="relu")(x)
    y = layers.Dense(WIDTH)(y)
    x = layers.LayerNormalization()(layers.Add()([x, y]))
    x = layers.GlobalAveragePooling1D()(x)
    return _classifier(keras.Model(inputs, layers.Dense(10, activation="softmax")(x)))


def embedding_model(keras: Any) -> Any:
    """20,000 words as vectors of 32, averaged over a text; two outputs."""
    layers = keras.layers
    return _classifier(
        keras.Sequential(
            [
                layers.Input(shape=(None,), dtype="int32"),
                layers.Embedding(VOCABULARY, 32),
                layers.GlobalAveragePooling1D(),
                layers.Dense(2, activation="softmax"),
            ]
        )
    )
