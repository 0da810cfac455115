import numpy as np
import tensorflow as tf

print(tf.__version__)
tf.random.set_seed(42)

W_TRUE, B_TRUE = 3.0, 2.0
x = tf.random.normal(shape=[201])
noise = tf.random.normal(shape=[201], stddev=0.1)
y = x * W_TRUE + B_TRUE + noise


class MyModel(tf.Module):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.w = tf.Variable(5.0)
        self.b = tf.Variable(0.0)

    def __call__(self, x):
        return self.w * x + self.b


model = MyModel()
print("Variables:", model.variables)


def loss(target_y, predicted_y):
    return tf.reduce_mean(tf.square(target_y - predicted_y))


def train(model, x, y, learning_rate):
    with tf.GradientTape() as t:
        current_loss = loss(y, model(x))
    dw, db = t.gradient(current_loss, [model.w, model.b])
    model.w.assign_sub(learning_rate * dw)
    model.b.assign_sub(learning_rate * db)


weights = []
for epoch in range(40):
    train(model, x, y, learning_rate=0.1)
    weights.append(model.w.numpy())
    current_loss = loss(y, model(x))
    if epoch % 10 == 9:
        print(f"Epoch {epoch + 1:2d}: W={model.w.numpy():1.2f} b={model.b.numpy():1.2f}, loss={current_loss:2.5f}")

assert abs(model.w.numpy() - W_TRUE) < 0.05
assert abs(float(model.b) - B_TRUE) < 0.05
assert current_loss < 0.02
assert isinstance(weights[0], np.float32)
print("done")
