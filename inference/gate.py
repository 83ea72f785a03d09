"""The input gate: is this a slice like those of the training, and is the network sure?"""
