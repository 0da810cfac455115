import numpy as np
import tensorflow as tf
from tensorflow import keras

keras.utils.set_random_seed(0)
model = keras.Sequential(
    [
        keras.layers.Input((16, 16, 3)),
        keras.layers.Conv2D(4, 3, activation="relu", padding="same"),
        keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(8, 3, activation="relu", padding="same", name="last_conv"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(5, name="predictions"),
    ]
)


def make_gradcam_heatmap(img_array, model, last_conv_layer_name, pred_index=None):
    grad_model = keras.models.Model(model.inputs, [model.get_layer(last_conv_layer_name).output, model.output])
    with tf.GradientTape() as tape:
        last_conv_layer_output, preds = grad_model(img_array)
        if pred_index is None:
            pred_index = tf.argmax(preds[0])
        class_channel = preds[:, pred_index]
    grads = tape.gradient(class_channel, last_conv_layer_output)
    pooled_grads = tf.reduce_mean(grads, axis=(0, 1, 2))
    last_conv_layer_output = last_conv_layer_output[0]
    heatmap = last_conv_layer_output @ pooled_grads[..., tf.newaxis]
    heatmap = tf.squeeze(heatmap)
    heatmap = tf.maximum(heatmap, 0) / tf.math.reduce_max(heatmap)
    return heatmap.numpy(), grads


img = np.random.default_rng(1).uniform(0, 1, (1, 16, 16, 3)).astype("float32")
heatmap, grads = make_gradcam_heatmap(img, model, "last_conv", pred_index=2)
print(heatmap.shape)
# the mean over 8 x 8 places, times the weights of the class
expected = model.get_layer("predictions").kernel.numpy()[:, 2] / 64
np.testing.assert_allclose(grads.numpy()[0, 3, 4], expected, rtol=1e-5)


# an image that is trained itself (saliency, style transfer, adversarial examples)
image = tf.Variable(img)
opt = tf.keras.optimizers.Adam(learning_rate=0.02, beta_1=0.99, epsilon=1e-1)
label = tf.one_hot(3, 5)
label = tf.reshape(label, (1, 5))
loss_object = tf.keras.losses.CategoricalCrossentropy(from_logits=True)


def create_adversarial_pattern(input_image, input_label):
    with tf.GradientTape() as tape:
        tape.watch(input_image)
        loss = loss_object(input_label, model(input_image))
    gradient = tape.gradient(loss, input_image)
    return tf.sign(gradient)


pattern = create_adversarial_pattern(tf.convert_to_tensor(img), label)
assert set(np.unique(pattern)) <= {-1.0, 0.0, 1.0}


@tf.function()
def train_step(image):
    with tf.GradientTape() as tape:
        loss = loss_object(label, model(image))
        loss += 1e-6 * tf.image.total_variation(image)[0]
    grad = tape.gradient(loss, image)
    opt.apply_gradients([(grad, image)])
    image.assign(tf.clip_by_value(image, clip_value_min=0.0, clip_value_max=1.0))
    return loss


losses = [float(train_step(image)) for _ in range(30)]
print(losses[0], losses[-1])
assert losses[-1] < losses[0]
assert image.numpy().min() >= 0.0 and image.numpy().max() <= 1.0
print("done")
