"""Written for Keras 2, in the style of its documentation: models, layers, optimizers."""
from __future__ import print_function
import numpy as np
from keras.models import Sequential
from keras.layers import Dense, Dropout, Activation
from keras.optimizers import SGD

np.random.seed(1337)

# Generate dummy data
x_train = np.random.random((1000, 20))
y_train = (x_train[:, :1] > 0.5).astype('float32')
x_test = np.random.random((100, 20))
y_test = (x_test[:, :1] > 0.5).astype('float32')

model = Sequential()
model.add(Dense(64, input_dim=20, init='uniform'))
model.add(Activation('tanh'))
model.add(Dropout(p=0.1))
model.add(Dense(output_dim=1, init='uniform'))
model.add(Activation('sigmoid'))

sgd = SGD(lr=0.1, decay=1e-6, momentum=0.9, nesterov=True)
model.compile(loss='binary_crossentropy', optimizer=sgd, metrics=['acc'])

history = model.fit(x_train, y_train, nb_epoch=15, batch_size=16, verbose=0, validation_split=0.1)
print(sorted(history.history.keys()))
score = model.evaluate(x_test, y_test, batch_size=16, verbose=0)
print('Test score:', score[0])
print('Test accuracy:', score[1])
print('Classes:', model.predict_classes(x_test)[:3].shape, 'Probabilities:', model.predict_proba(x_test)[:3].shape)
