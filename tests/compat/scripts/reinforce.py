import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

tf.keras.backend.set_floatx("float32")
np.random.seed(1)
tf.random.set_seed(1)
eps = np.finfo(np.float32).eps.item()


class Env:
    """Ten steps; action 1 is right where the state is positive."""

    def reset(self):
        self.t, self.state = 0, np.random.randn(4).astype("float32")
        return self.state, {}

    def step(self, action):
        reward = np.float32(action == int(self.state[0] > 0))
        self.t += 1
        self.state = np.random.randn(4).astype("float32")
        return self.state, reward, self.t >= 10, False, {}


class ActorCritic(tf.keras.Model):
    def __init__(self, num_actions, num_hidden_units):
        super().__init__()
        self.common = layers.Dense(num_hidden_units, activation="relu")
        self.actor = layers.Dense(num_actions)
        self.critic = layers.Dense(1)

    def call(self, inputs):
        x = self.common(inputs)
        return self.actor(x), self.critic(x)


env, model = Env(), ActorCritic(2, 16)
huber_loss = tf.keras.losses.Huber(reduction="sum")
optimizer = tf.keras.optimizers.Adam(learning_rate=0.02)


def get_expected_return(rewards, gamma=0.5, standardize=True):
    n = tf.shape(rewards)[0]
    returns = tf.TensorArray(dtype=tf.float32, size=n)
    rewards = tf.cast(rewards[::-1], dtype=tf.float32)
    discounted_sum = tf.constant(0.0)
    discounted_sum_shape = discounted_sum.shape
    for i in tf.range(n):
        reward = rewards[i]
        discounted_sum = reward + gamma * discounted_sum
        discounted_sum.set_shape(discounted_sum_shape)
        returns = returns.write(i, discounted_sum)
    returns = returns.stack()[::-1]
    if standardize:
        returns = (returns - tf.math.reduce_mean(returns)) / (tf.math.reduce_std(returns) + eps)
    return returns


def train_step():
    state, _ = env.reset()
    action_probs, values, rewards, done = [], [], [], False
    with tf.GradientTape() as tape:
        while not done:
            state = tf.expand_dims(tf.constant(state, dtype=tf.float32), 0)
            action_logits_t, value = model(state)
            action = tf.random.categorical(action_logits_t, 1)[0, 0]
            probs_t = tf.nn.softmax(action_logits_t)
            values.append(tf.squeeze(value))
            action_probs.append(probs_t[0, action])
            state, reward, done, _, _ = env.step(action.numpy())
            rewards.append(reward)
        returns = get_expected_return(rewards)
        probs, vals = tf.stack(action_probs), tf.stack(values)
        advantage = returns - vals
        action_log_probs = tf.math.log(probs)
        actor_loss = -tf.math.reduce_sum(action_log_probs * tf.stop_gradient(advantage))
        loss = actor_loss + huber_loss(vals, returns)
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))
    return sum(rewards)


totals = [train_step() for _ in range(60)]
print(np.mean(totals[:10]), np.mean(totals[-10:]))
assert np.mean(totals[-10:]) > np.mean(totals[:10]) + 1
print("done")
