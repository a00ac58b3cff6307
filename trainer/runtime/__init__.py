"""What a training process runs on: TensorFlow's global switches, memory, its environment, its life."""
