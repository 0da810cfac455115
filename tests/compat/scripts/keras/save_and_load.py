import os
import numpy as np
import tensorflow as tf
from tensorflow import keras
from keras.models import load_model, model_from_json

x = np.random.RandomState(0).rand(64, 4)
y = x.sum(axis=1, keepdims=True)


def create_model():
    model = tf.keras.models.Sequential([
        keras.layers.Dense(8, activation='relu', input_shape=(4,)),
        keras.layers.Dense(1),
    ])
    model.compile(optimizer='adam', loss='mse', metrics=['mae'])
    return model


model = create_model()
model.fit(x, y, epochs=3, verbose=0)
wanted = model.predict(x, verbose=0)

# the whole model
model.save('my_model.keras')
model.save('my_model.h5')
for name in ('my_model.keras', 'my_model.h5'):
    again = load_model(name)
    np.testing.assert_allclose(again.predict(x, verbose=0), wanted, rtol=1e-5)
    loss, mae = again.evaluate(x, y, verbose=0)
    print(name, 'goes on training:', again.fit(x, y, epochs=1, verbose=0).history['loss'][0] < 10, mae < 10)

# architecture and weights
json_string = model.to_json()
with open('model.json', 'w') as json_file:
    json_file.write(json_string)
model.save_weights('model.weights.h5')
loaded = model_from_json(open('model.json', 'r').read())
loaded.load_weights('model.weights.h5')
np.testing.assert_allclose(loaded.predict(x, verbose=0), wanted, rtol=1e-5)

# weights alone, as Keras 2 named such files
model.save_weights('first_try.h5')
again = create_model()
again.load_weights('first_try.h5')
np.testing.assert_allclose(again.predict(x, verbose=0), wanted, rtol=1e-5)

# checkpoints during training
checkpoint_path = os.path.join('training_1', 'cp-{epoch:02d}.weights.h5')
os.makedirs('training_1')
cp_callback = tf.keras.callbacks.ModelCheckpoint(filepath=checkpoint_path, save_weights_only=True, verbose=1)
model = create_model()
model.fit(x, y, epochs=2, callbacks=[cp_callback], verbose=0)
print(sorted(os.listdir('training_1')))
fresh = create_model()
fresh.load_weights(checkpoint_path.format(epoch=2))
np.testing.assert_allclose(fresh.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5)
print('all the same')
