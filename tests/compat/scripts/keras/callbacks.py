import numpy as np
import keras
from keras import backend as K
from keras.callbacks import (Callback, CSVLogger, EarlyStopping, LambdaCallback, LearningRateScheduler,
                             ModelCheckpoint, ReduceLROnPlateau)
from keras.layers import Dense
from keras.models import Sequential

np.random.seed(0)
X = np.random.rand(200, 5)
Y = X.dot(np.arange(5)).reshape(-1, 1)


class LossHistory(Callback):
    def on_train_begin(self, logs={}):
        self.losses = []
        self.rates = []

    def on_batch_end(self, batch, logs={}):
        self.losses.append(logs.get('loss'))

    def on_epoch_end(self, epoch, logs=None):
        self.rates.append(float(K.get_value(self.model.optimizer.lr)))
        if logs.get('loss') < 1e-4:
            print('\nReached the goal so cancelling training!')
            self.model.stop_training = True


def step_decay(epoch, lr):
    return lr * 0.5 if epoch and epoch % 5 == 0 else lr


model = Sequential()
model.add(Dense(8, activation='relu', input_shape=(5,)))
model.add(Dense(1))
model.compile(loss='mse', optimizer=keras.optimizers.Adam(0.05))

history = LossHistory()
stops = []
fitted = model.fit(X, Y, epochs=40, batch_size=20, verbose=0, validation_split=0.2, callbacks=[
    history,
    EarlyStopping(monitor='val_loss', patience=15, restore_best_weights=True),
    ModelCheckpoint('best.h5', monitor='val_loss', save_best_only=True, mode='min'),
    ReduceLROnPlateau(monitor='val_loss', factor=0.9, patience=10, min_lr=1e-5),
    CSVLogger('log.csv'),
    LearningRateScheduler(step_decay),
    LambdaCallback(on_train_end=lambda logs: stops.append('end')),
])
epochs = len(fitted.history['loss'])
print('batches:', len(history.losses) == 8 * epochs, 'rates:', len(history.rates) == epochs, history.rates[0])
print('rates fall:', history.rates[0] > history.rates[-1])
print('log lines:', len(open('log.csv').read().splitlines()) == epochs + 1, stops)

K.set_value(model.optimizer.learning_rate, 0.001)
print('set: %.4f' % K.get_value(model.optimizer.lr))
best = keras.models.load_model('best.h5')
print('best: ', best.evaluate(X[160:], Y[160:], verbose=0) <= min(fitted.history['val_loss']) * 1.01)
