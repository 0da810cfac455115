"""The parts of `inspect.explain`: what happened in each layer, as data, text and HTML."""
