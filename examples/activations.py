"""B6: activation functions and their derivatives, as a table and as a picture (``activations.png``)."""

import argparse

import numpy as np

from ranvier import plot
from ranvier.inspect.plot_functions import function_and_derivative

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--output", default="activations.png", help="where the picture goes")
arguments = parser.parse_args()

points = np.array([-3.0, -1.0, 0.0, 1.0, 3.0])
names = ["sigmoid", "tanh", "relu", "leaky_relu", "elu", "swish", "gelu", "selu", "softplus", "softsign", "mish"]
print("each entry: f(x), f'(x)")
print(f"{'x':>12}" + "".join(f"{x:>18.1f}" for x in points))
for name in names:
    values, slopes = function_and_derivative(name, points)
    print(f"{name:>12}" + "".join(f"{f'{v:.4f}, {s:.4f}':>18}" for v, s in zip(values, slopes, strict=True)))

plot.activation_functions().savefig(arguments.output, dpi=120)
print(f"the curves of all of them: {arguments.output}")
