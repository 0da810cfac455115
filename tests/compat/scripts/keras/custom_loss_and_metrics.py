'''Losses and metrics written with the backend, and a look at the activations inside.'''
import numpy as np
import tensorflow as tf
import tensorflow.keras.backend as K
from tensorflow.keras.layers import Dense, Lambda, Input
from tensorflow.keras.models import Model
from tensorflow.keras.losses import mse


def root_mean_squared_error(y_true, y_pred):
    return K.sqrt(K.mean(K.square(y_pred - y_true), axis=-1))


def recall_m(y_true, y_pred):
    true_positives = K.sum(K.round(K.clip(y_true * y_pred, 0, 1)))
    possible_positives = K.sum(K.round(K.clip(y_true, 0, 1)))
    return true_positives / (possible_positives + K.epsilon())


def precision_m(y_true, y_pred):
    true_positives = K.sum(K.round(K.clip(y_true * y_pred, 0, 1)))
    predicted_positives = K.sum(K.round(K.clip(y_pred, 0, 1)))
    return true_positives / (predicted_positives + K.epsilon())


def f1_m(y_true, y_pred):
    precision = precision_m(y_true, y_pred)
    recall = recall_m(y_true, y_pred)
    return 2 * ((precision * recall) / (precision + recall + K.epsilon()))


def focal_loss(gamma=2.0, alpha=0.25):
    def focal_loss_fixed(y_true, y_pred):
        y_true = K.cast(y_true, K.floatx())
        p_t = y_true * y_pred + (1 - y_true) * (1 - y_pred)
        p_t = K.clip(p_t, K.epsilon(), 1 - K.epsilon())
        return -K.mean(alpha * K.pow(1.0 - p_t, gamma) * K.log(p_t), axis=-1)
    return focal_loss_fixed


np.random.seed(0)
x = np.random.randn(256, 6).astype('float32')
y = (x[:, :1] + x[:, 1:2] > 0).astype('float32')

inputs = Input(shape=(6,))
hidden = Dense(16, activation='tanh', name='hidden')(inputs)
scaled = Lambda(lambda t: K.l2_normalize(t, axis=-1) * 4, name='normalized')(hidden)
model = Model(inputs, Dense(1, activation='sigmoid')(scaled))
model.compile(optimizer=tf.keras.optimizers.Adam(0.01), loss=focal_loss(), metrics=['acc', f1_m, precision_m, recall_m, root_mean_squared_error])
history = model.fit(x, y, epochs=10, verbose=0)
print(list(history.history))
print('f1: %.2f acc: %.2f' % (history.history['f1_m'][-1], history.history['acc'][-1]))

get_hidden = K.function([model.input], [model.get_layer('normalized').output])
activations = get_hidden([x[:3]])[0]
print('lengths:', np.round(np.linalg.norm(activations, axis=-1), 3))
print('mse:', float(K.mean(mse(K.constant([[1.0, 2.0]]), K.constant([[0.0, 0.0]])))))
print(K.int_shape(model.output), K.eval(K.sum(K.variable([[1, 2], [3, 4]]), axis=0)))
