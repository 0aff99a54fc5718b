"""Makes the TensorFlow.js models that the tests of packages/core-tensor/src/tensorflow-models and of
packages/hidiff/src/external load, and what they should give.

Keras makes a small segmentation network, TensorFlow.js's converter turns it into a Graph model and a Layers model, each
with its weights in several shards. The expected maps are TensorFlow's own.

    python scripts/tensorflow/make_tfjs_fixtures.py

needs tensorflow 2.18, tf_keras, tensorflowjs 4.22 and safetensors. (The converter imports tensorflow_decision_forests
without need; where it cannot be installed, an empty module of that name will do.)
"""

import os
import shutil
import tempfile
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"  # the converter reads the files of Keras 2

import numpy as np
import tensorflow as tf
import tensorflowjs
from safetensors.numpy import save_file

FOLDER = Path(__file__).parents[2] / "packages/core-tensor/src/tensorflow-models/fixtures"
SHARD_BYTES = 1024


def make_network() -> tf.keras.Model:
    """Three classes of colour photographs of any size: two convolutions at half the resolution, one at the full one."""
    keras = tf.keras
    return keras.Sequential(
        [
            keras.layers.Conv2D(8, 3, strides=2, padding="same", activation="relu", input_shape=(None, None, 3)),
            keras.layers.DepthwiseConv2D(3, padding="same"),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
            keras.layers.UpSampling2D(),  # nearest: the bilinear one has other pixel centres in Keras than in TensorFlow.js
            keras.layers.Conv2D(3, 3, padding="same", activation="softmax"),
        ]
    )


def main() -> None:
    tf.keras.utils.set_random_seed(1)
    network = make_network()
    random = np.random.default_rng(2)
    # Statistics and scales that are not the identity.
    for weight in network.weights:
        noise = random.uniform(0.2, 0.8, weight.shape).astype(np.float32)
        weight.assign(noise if "batch_normalization" in weight.name else weight + 0.5 * noise - 0.25)
    image = random.uniform(-1, 1, (2, 16, 24, 3)).astype(np.float32)
    shutil.rmtree(FOLDER, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(network, folder)
        tensorflowjs.converters.convert_tf_saved_model(folder, str(FOLDER / "graph-model"), weight_shard_size_bytes=SHARD_BYTES)
    tensorflowjs.converters.save_keras_model(network, str(FOLDER / "layers-model"), weight_shard_size_bytes=SHARD_BYTES)
    save_file({"image": image, "probability": network(image, training=False).numpy()}, FOLDER / "expected.safetensors")


if __name__ == "__main__":
    main()
