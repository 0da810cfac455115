'''A model with two inputs and two outputs, as in the guide to the functional API.'''
import numpy as np
import keras
from keras.layers import Input, Embedding, LSTM, Dense, concatenate, Dropout
from keras.models import Model
from keras.utils import plot_model

num_tags = 5
num_words = 50
num_departments = 3

title_input = Input(shape=(None,), dtype='int32', name='title')
tags_input = Input(shape=(num_tags,), name='tags')

title_features = Embedding(input_dim=num_words, output_dim=8)(title_input)
title_features = LSTM(8)(title_features)
x = concatenate([title_features, tags_input])
x = Dense(16, activation='relu')(x)
x = Dropout(0.1)(x)
priority_pred = Dense(1, name='priority')(x)
department_pred = Dense(num_departments, name='department', activation='softmax')(x)

model = Model(inputs=[title_input, tags_input], outputs=[priority_pred, department_pred])
model.summary()

model.compile(
    optimizer=keras.optimizers.RMSprop(1e-2),
    loss={
        'priority': keras.losses.BinaryCrossentropy(from_logits=True),
        'department': 'categorical_crossentropy',
    },
    loss_weights={'priority': 1.0, 'department': 0.2},
    metrics={'department': ['acc']},
)

rng = np.random.RandomState(0)
title_data = rng.randint(num_words, size=(320, 10))
tags_data = rng.randint(2, size=(320, num_tags)).astype('float32')
priority_targets = tags_data[:, :1]
dept_targets = keras.utils.to_categorical(tags_data[:, 1:3].sum(axis=1), num_departments)

history = model.fit(
    {'title': title_data, 'tags': tags_data},
    {'priority': priority_targets, 'department': dept_targets},
    epochs=8,
    batch_size=32,
    verbose=0,
)
print(sorted(history.history))
print('department_acc: %.2f' % history.history['department_acc'][-1])
priority, department = model.predict([title_data, tags_data], verbose=0)
print(priority.shape, department.shape)

# the features inside, as a model of their own
features = Model(inputs=model.input, outputs=[layer.output for layer in model.layers if layer.name.startswith('dense')])
print(np.shape(features.predict([title_data, tags_data], verbose=0)))
