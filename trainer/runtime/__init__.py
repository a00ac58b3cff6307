"""The running of training processes: TensorFlow's global switches, environment, memory, start and end."""
