"""What layers compute, as named operations: each is one node of a captured graph, as a reader would draw one box.

They are functions of arrays, without state and without classes, for layers to call; those that Keras has are in `ranvier.ops`.
"""
