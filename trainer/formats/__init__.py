"""The file formats of an exported model: their catalogue, and the processes that write and load them."""
