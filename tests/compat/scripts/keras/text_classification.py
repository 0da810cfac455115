import numpy as np
import tensorflow as tf
from tensorflow.keras.preprocessing.text import Tokenizer
from tensorflow.keras.preprocessing.sequence import pad_sequences
from tensorflow.keras.models import Sequential
from tensorflow.keras.layers import Embedding, LSTM, Dense, SpatialDropout1D

good = ["I loved this movie", "what a great film", "wonderful acting and a lovely story", "the best film of the year",
        "great story, great actors!", "I would watch this lovely movie again"]
bad = ["I hated this movie", "what a terrible film", "awful acting and a boring story", "the worst film of the year",
       "boring story, terrible actors!", "I would never watch this awful movie again"]
sentences = (good + bad) * 8
labels = np.array(([1] * len(good) + [0] * len(bad)) * 8)

vocab_size = 60
embedding_dim = 8
max_length = 8

tokenizer = Tokenizer(num_words=vocab_size, oov_token="<OOV>")
tokenizer.fit_on_texts(sentences)
word_index = tokenizer.word_index
print(len(word_index), "words;", word_index["<OOV>"], "stands for unknown ones")

sequences = tokenizer.texts_to_sequences(sentences)
padded = pad_sequences(sequences, maxlen=max_length, padding="post", truncating="post")
print(padded[0])

tf.keras.utils.set_random_seed(1)
model = Sequential()
model.add(Embedding(vocab_size, embedding_dim, input_length=max_length, mask_zero=True))
model.add(SpatialDropout1D(0.1))
model.add(LSTM(8, dropout=0.1))
model.add(Dense(1, activation="sigmoid"))
model.compile(loss="binary_crossentropy", optimizer=tf.keras.optimizers.Adam(learning_rate=0.02), metrics=["accuracy"])
model.summary()

history = model.fit(padded, labels, epochs=15, batch_size=16, verbose=0)
print("accuracy: %.3f" % history.history["accuracy"][-1])

new = ["a lovely film with wonderful actors", "a boring movie with terrible zombies"]
rated = model.predict(pad_sequences(tokenizer.texts_to_sequences(new), maxlen=max_length, padding="post", truncating="post"), verbose=0)
print("first is better:", bool(rated[0, 0] > rated[1, 0]))
