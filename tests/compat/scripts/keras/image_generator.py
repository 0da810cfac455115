'''Building powerful image classification models using very little data.'''
import os
import numpy as np
from PIL import Image
from keras.preprocessing.image import ImageDataGenerator, load_img, img_to_array
from keras.models import Sequential
from keras.layers import Conv2D, MaxPooling2D
from keras.layers import Activation, Dropout, Flatten, Dense
from keras import backend as K

# dimensions of our images.
img_width, img_height = 16, 16

train_data_dir = 'data/train'
validation_data_dir = 'data/validation'
rng = np.random.RandomState(0)
for folder, count in ((train_data_dir, 32), (validation_data_dir, 16)):
    for k, name in enumerate(['dark', 'light']):
        os.makedirs(os.path.join(folder, name))
        for i in range(count):
            pixels = rng.randint(0, 120, size=(20, 18, 3)) + 120 * k
            Image.fromarray(pixels.astype('uint8')).save(os.path.join(folder, name, '%d.png' % i))

nb_train_samples = 64
nb_validation_samples = 32
epochs = 12
batch_size = 8

if K.image_data_format() == 'channels_first':
    input_shape = (3, img_width, img_height)
else:
    input_shape = (img_width, img_height, 3)

model = Sequential()
model.add(Conv2D(8, (3, 3), input_shape=input_shape))
model.add(Activation('relu'))
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Flatten())
model.add(Dense(16))
model.add(Activation('relu'))
model.add(Dropout(0.1))
model.add(Dense(1))
model.add(Activation('sigmoid'))

model.compile(loss='binary_crossentropy', optimizer='rmsprop', metrics=['accuracy'])

# this is the augmentation configuration we will use for training
train_datagen = ImageDataGenerator(rescale=1. / 255, shear_range=0.2, zoom_range=0.2, horizontal_flip=True)

# this is the augmentation configuration we will use for testing: only rescaling
test_datagen = ImageDataGenerator(rescale=1. / 255)

train_generator = train_datagen.flow_from_directory(
    train_data_dir, target_size=(img_width, img_height), batch_size=batch_size, class_mode='binary')
validation_generator = test_datagen.flow_from_directory(
    validation_data_dir, target_size=(img_width, img_height), batch_size=batch_size, class_mode='binary')

history = model.fit_generator(
    train_generator,
    steps_per_epoch=nb_train_samples // batch_size,
    epochs=epochs,
    verbose=0,
    validation_data=validation_generator,
    validation_steps=nb_validation_samples // batch_size)

print('val_accuracy: %.3f' % history.history['val_accuracy'][-1])
print(train_generator.class_indices)

x = img_to_array(load_img('data/train/light/0.png', target_size=(img_width, img_height)))
i = 0
for batch in train_datagen.flow(x.reshape((1,) + x.shape), batch_size=1, save_to_dir='data', save_prefix='light', save_format='jpeg'):
    i += 1
    if i >= 3:
        break  # otherwise the generator would loop indefinitely
print('previews:', len([f for f in os.listdir('data') if f.endswith('jpeg')]))
