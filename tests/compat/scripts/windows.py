import numpy as np
import tensorflow as tf

tf.keras.backend.clear_session()
tf.random.set_seed(51)
np.random.seed(51)


def trend(time, slope=0):
    return slope * time


time = np.arange(4 * 60, dtype="float32")
series = 10 + trend(time, 0.05) + 5 * np.sin(time / 12 * 2 * np.pi) + np.random.randn(len(time)) * 0.2
split_time = 180
x_train, x_valid = series[:split_time], series[split_time:]
window_size, batch_size, shuffle_buffer_size = 20, 32, 1000


def windowed_dataset(series, window_size, batch_size, shuffle_buffer):
    series = tf.expand_dims(series, axis=-1)
    ds = tf.data.Dataset.from_tensor_slices(series)
    ds = ds.window(window_size + 1, shift=1, drop_remainder=True)
    ds = ds.flat_map(lambda w: w.batch(window_size + 1))
    ds = ds.shuffle(shuffle_buffer)
    ds = ds.map(lambda w: (w[:-1], w[1:]))
    return ds.batch(batch_size).prefetch(1)


def model_forecast(model, series, window_size):
    ds = tf.data.Dataset.from_tensor_slices(series)
    ds = ds.window(window_size, shift=1, drop_remainder=True)
    ds = ds.flat_map(lambda w: w.batch(window_size))
    ds = ds.batch(32).prefetch(1)
    return model.predict(ds, verbose=0)


train_set = windowed_dataset(x_train, window_size, batch_size, shuffle_buffer_size)
for x, y in train_set.take(1):
    print(x.shape, y.shape, x.numpy().dtype)
model = tf.keras.models.Sequential(
    [
        tf.keras.layers.Conv1D(
            filters=16, kernel_size=5, strides=1, padding="causal", activation="relu", input_shape=[None, 1]
        ),
        tf.keras.layers.LSTM(8, return_sequences=True),
        tf.keras.layers.Dense(1),
        tf.keras.layers.Lambda(lambda x: x * 20.0),
    ]
)
model.compile(
    loss=tf.keras.losses.Huber(), optimizer=tf.keras.optimizers.SGD(learning_rate=1e-4, momentum=0.9), metrics=["mae"]
)
history = model.fit(train_set, epochs=3, verbose=0)
forecast = model_forecast(model, series[..., np.newaxis], window_size)[:, -1, 0]
print(forecast.shape, tf.keras.metrics.mean_absolute_error(x_valid, forecast[-len(x_valid) :]).numpy() > 0)
assert forecast.shape == (len(series) - window_size + 1,)

for window in tf.data.Dataset.range(10).window(5, shift=1, drop_remainder=True):
    for value in window:
        print(value.numpy(), end=" ")
    print()
print("done")
