'''Transfer learning: train on digits 0..4, freeze the features, fine-tune the classifier on 5..9.'''
from tensorflow import keras
from tensorflow.keras.models import Sequential
from tensorflow.keras.layers import Dense, Dropout, Activation, Flatten, Conv2D, MaxPooling2D
from tensorflow.keras.datasets import mnist

(x_train, y_train), (x_test, y_test) = mnist.load_data()
x_train, y_train, x_test, y_test = x_train[:4000], y_train[:4000], x_test[:1000], y_test[:1000]

x_train_lt5, y_train_lt5 = x_train[y_train < 5], y_train[y_train < 5]
x_test_lt5, y_test_lt5 = x_test[y_test < 5], y_test[y_test < 5]
x_train_gte5, y_train_gte5 = x_train[y_train >= 5], y_train[y_train >= 5] - 5
x_test_gte5, y_test_gte5 = x_test[y_test >= 5], y_test[y_test >= 5] - 5


def train_model(model, train, test, num_classes):
    x_train = train[0].reshape((train[0].shape[0],) + (28, 28, 1)).astype('float32') / 255
    x_test = test[0].reshape((test[0].shape[0],) + (28, 28, 1)).astype('float32') / 255
    y_train = keras.utils.to_categorical(train[1], num_classes)
    y_test = keras.utils.to_categorical(test[1], num_classes)
    model.compile(loss='categorical_crossentropy', optimizer='adam', metrics=['accuracy'])
    model.fit(x_train, y_train, batch_size=64, epochs=2, verbose=0, validation_data=(x_test, y_test))
    score = model.evaluate(x_test, y_test, verbose=0)
    print('Test accuracy:', score[1])


feature_layers = [
    Conv2D(8, (3, 3), padding='valid', input_shape=(28, 28, 1)),
    Activation('relu'),
    MaxPooling2D(pool_size=(2, 2)),
    Flatten(),
]
classification_layers = [
    Dense(32),
    Activation('relu'),
    Dropout(0.25),
    Dense(5),
    Activation('softmax'),
]
model = Sequential(feature_layers + classification_layers)

# train model for 5-digit classification [0..4]
train_model(model, (x_train_lt5, y_train_lt5), (x_test_lt5, y_test_lt5), 5)
before = [w.copy() for w in feature_layers[0].get_weights()]

# freeze feature layers and rebuild model
for l in feature_layers:
    l.trainable = False

print('Trainable weights:', len(model.trainable_weights))
# transfer: train dense layers for new classification task [5..9]
train_model(model, (x_train_gte5, y_train_gte5), (x_test_gte5, y_test_gte5), 5)
print('Frozen:', all((a == b).all() for a, b in zip(before, feature_layers[0].get_weights())))

# the features as a model of their own, under a new head
base = keras.Model(inputs=model.input, outputs=model.get_layer(index=3).output)
base.trainable = False
inputs = keras.Input(shape=(28, 28, 1))
outputs = keras.layers.Dense(2, activation='softmax')(base(inputs, training=False))
head = keras.Model(inputs, outputs)
print('Weights to train in the new model:', len(head.trainable_weights))
