"""Floor 4: helpers around data, files and the terminal; `ranvier.utils` is their public face."""
